"""The pool hands out what is alive, and lists of texts arrive as they were."""

import time

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from payments.database import engine, plan_anew, text_with, transaction


@pytest.fixture
def one_connection(database: str) -> None:
    """A pool that holds none from earlier tests hands out the same again and again."""
    engine().dispose()


def _backend() -> int:
    with transaction() as session:
        return int(session.execute(text("select pg_backend_pid()")).scalar_one())


def test_a_connection_that_postgresql_has_ended_is_replaced_before_it_is_handed_out(
    one_connection: None, owner: Connection
):
    before = _backend()
    assert _backend() == before

    owner.execute(text("select pg_terminate_backend(:pid)"), {"pid": before})
    until = time.monotonic() + 5
    alive = text("select count(*) from pg_stat_activity where pid = :pid")
    while owner.scalar(alive, {"pid": before}) and time.monotonic() < until:
        time.sleep(0.01)

    assert _backend() != before


def test_one_that_was_closed_on_this_side_is_replaced_too(one_connection: None):
    with transaction() as session:
        driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.close()

    assert _backend()


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["don_1", "don_2"],
        ['"', "\\", '\\"', "\\\\"],
        ["{", "}", ",", "{a,b}", "NULL", " "],
        ["김지우", "a\nb"],
    ],
)
def test_a_list_of_texts_arrives_as_it_was(session: Session, texts: list[str]):
    asked = text_with(
        "select each from unnest(:texts) with ordinality as given (each, place) order by place", "texts"
    )

    assert session.scalars(asked, {"texts": texts}).all() == texts


def test_a_plan_is_made_anew_until_the_transaction_ends(database: str):
    mode = text("show plan_cache_mode")
    with transaction() as session:
        plan_anew(session)
        assert session.scalar(mode) == "force_custom_plan"

    with transaction() as session:
        assert session.scalar(mode) == "auto"

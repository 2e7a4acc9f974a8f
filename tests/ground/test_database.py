"""One transaction, whole or not at all, and what may be said only after it."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from payments.database import after_commit, engine, libpq_url, new_id, psycopg_url, taken_back, transaction
from payments.donations.models import Organisation
from payments.ledger.models import JournalEntry
from payments.supporters.donors import Donor, recognise
from tests.factories import NOON


class Refused(Exception):
    """Something went wrong half way."""


def number_of_donors() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Donor)) or 0


def a_donor(session: Session, email: str = "ada@example.com") -> str:
    return recognise(session, email=email, name="Ada Park", locale="en")


def fail_after(deed: Callable[[Session], object]) -> None:
    """Do the deed in a transaction that comes to nothing."""
    with transaction() as session:
        deed(session)
        raise Refused


def test_the_processes_work_under_the_application_role(session: Session) -> None:
    role, is_superuser = session.execute(text("select current_user, current_setting('is_superuser')")).one()

    assert (role, is_superuser) == ("almoner_app", "off")


@pytest.mark.parametrize(
    "deed",
    [
        "create table elsewhere (id int)",
        "alter table journal_moves disable trigger all",
        "drop trigger journal_moves_append_only on journal_moves",
        "set session_replication_role = replica",
        "update alembic_version set version_num = 'x'",
        "create or replace function almoner_refuse_rewrite() returns trigger language sql as 'select 1'",
    ],
)
def test_the_application_role_cannot_change_its_own_limits(deed: str, database: str) -> None:
    with pytest.raises(ProgrammingError), transaction() as session:
        session.execute(text(deed))


def test_sessions_wait_neither_for_a_lock_nor_for_a_query_without_end(session: Session) -> None:
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        assert session.scalar(text(f"select current_setting('{name}')")) not in {"0", ""}
    assert session.scalar(text("show timezone")) == "UTC"


def test_a_block_that_ends_is_committed(database: str) -> None:
    with transaction() as session:
        a_donor(session)

    assert number_of_donors() == 1


def test_a_block_that_raises_leaves_nothing(database: str) -> None:
    with pytest.raises(Refused):
        fail_after(a_donor)

    assert number_of_donors() == 0


def test_what_is_said_after_the_commit_is_said_when_others_can_see_the_deed(database: str) -> None:
    seen: list[int] = []

    with transaction() as session:
        a_donor(session)
        after_commit(session, lambda: seen.append(number_of_donors()))
        assert seen == []

    assert seen == [1]


def test_nothing_is_said_of_a_deed_that_was_rolled_back(database: str) -> None:
    said: list[str] = []

    with pytest.raises(Refused):
        fail_after(lambda session: after_commit(session, lambda: said.append("done")))

    assert said == []


def post_nothing(said: list[str]) -> None:
    with transaction() as session:
        session.add(
            JournalEntry(
                reference="bt:1",
                kind="gift",
                entity_id="us",
                effective_on=NOON.date(),
                occurred_at=NOON,
                description="",
            )
        )
        session.flush()
        after_commit(session, lambda: said.append("done"))


def test_nothing_is_said_of_a_commit_that_the_database_refuses(organisation: Organisation) -> None:
    said: list[str] = []

    with pytest.raises(IntegrityError, match="has no moves"):
        post_nothing(said)

    assert said == []


def test_a_savepoint_says_nothing_yet(database: str) -> None:
    said: list[str] = []

    with transaction() as session:
        with session.begin_nested():
            a_donor(session)
            after_commit(session, lambda: said.append("done"))
        assert said == []

    assert said == ["done"]


def test_a_savepoint_that_was_undone_leaves_the_rest_whole(database: str) -> None:
    with transaction() as session:
        a_donor(session)
        undone = session.begin_nested()
        a_donor(session, "eve@example.com")
        undone.rollback()

    assert number_of_donors() == 1


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_is_taken_back_is_undone_and_says_nothing(is_refused: bool, database: str) -> None:
    said: list[str] = []

    with transaction() as session:
        for email in ("ada@example.com", "eve@example.com"):
            with suppress(KeyError), taken_back(session):
                a_donor(session, email)
                after_commit(session, lambda: said.append("taken back"))
                if is_refused:
                    raise KeyError
            after_commit(session, lambda: said.append("kept"))
        a_donor(session)

    assert said == ["kept", "kept"]
    assert number_of_donors() == 1


def test_the_same_words_are_said_once_a_transaction_and_again_in_the_next(database: str) -> None:
    said: list[str] = []

    def say() -> None:
        said.append("done")

    for _ in range(2):
        with transaction() as session:
            after_commit(session, say)
            after_commit(session, say)

    assert said == ["done", "done"]


def test_rows_can_still_be_read_after_the_commit(database: str) -> None:
    with transaction() as session:
        donor = session.get_one(Donor, a_donor(session))

    assert donor.email == "ada@example.com"


def test_a_transaction_gives_its_connection_back(database: str) -> None:
    for _ in range(engine().pool.size() + 1):  # type: ignore[attr-defined]
        with transaction() as session:
            session.execute(text("select 1"))

    assert engine().pool.checkedout() == 0  # type: ignore[attr-defined]


def test_one_donor_is_known_by_address_however_it_is_capitalised(session: Session) -> None:
    assert a_donor(session, "Ada@Example.com") == a_donor(session, "ada@example.com")


def test_each_test_begins_with_empty_tables(organisation: Organisation, session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Organisation)) == 1
    assert session.scalar(select(func.count()).select_from(Donor)) == 0


def test_text_sorts_in_tests_as_in_production(session: Session) -> None:
    words = session.scalars(
        text("select word from (values ('b'), ('a'), ('B'), ('é'), ('가')) as words (word) order by word")
    )

    assert list(words) == ["B", "a", "b", "é", "가"]


def test_an_id_says_what_it_names_and_nothing_else() -> None:
    one, other = new_id("don"), new_id("don")

    assert one.startswith("don_")
    assert len(one) == len("don_") + 32
    assert one != other


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_both_spellings_of_the_address_are_understood(url: str) -> None:
    assert psycopg_url(url) == "postgresql+psycopg://u@h/d"
    assert libpq_url(url) == "postgresql://u@h/d"

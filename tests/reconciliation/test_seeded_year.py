"""A whole year in which nothing is wrong raises nothing; each thing that goes wrong in it is found, alone
or among all the others, and nothing else is."""

import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.organisation import load
from payments.reconciliation import findings, reconcile
from payments.reconciliation.models import Discrepancy
from tests.conftest import PROJECT, copy_of_head, making_databases
from tests.reconciliation.planted_errors import PLANTS
from tests.reconciliation.year import Year, live
from tests.reconciliation.year_copied import Copy, Named
from tests.verify.conftest import writing_into


@dataclass(frozen=True, slots=True)
class Lived:
    """The year, and where it is written down."""

    url: str
    year: Year

    @contextmanager
    def copied(self) -> Iterator[Copy]:
        """A copy to plant errors in, gone afterwards."""
        owner = create_engine(self.url, poolclass=NullPool)
        with owner.connect() as connection, Session(connection) as session:
            yield Copy(session, self.year)
            session.rollback()


@pytest.fixture(scope="module")
def lived(postgres: str, head_template: str) -> Iterator[Lived]:
    """Lived once for all tests."""
    name = f"test_year_{os.getpid()}"
    with making_databases(postgres) as server:
        copy_of_head(server, name, head_template)
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    with writing_into(url):
        with transaction() as session:
            load(session, tomllib.loads((PROJECT / "payments/local/organisation.toml").read_text()))
        year = live()
        yield Lived(url, year)
    with making_databases(postgres) as server:
        server.execute(text(f"drop database if exists {name} with (force)"))


def test_a_year_in_which_nothing_is_wrong_raises_nothing(lived: Lived) -> None:
    with lived.copied() as copy:
        done = reconcile.reconcile(copy.session)

        assert not told(done.open), told(done.open)
        assert copy.session.scalar(text("select count(*) from stripe_event_queue")) == 0
        assert copy.session.scalar(text("select count(*) from discrepancies")) == 0
        counts = {
            row.format: row.statements
            for row in copy.session.execute(
                text("select format, count(*) as statements from bank_statements group by format")
            )
        }
    assert set(counts) == {"camt053", "mt940", "ofx", "bai2", "csv"}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_one_error_is_found_and_nothing_else_is(plant: Callable[[Copy], list[Named]], lived: Lived) -> None:
    with lived.copied() as copy:
        expected = plant(copy)
        done = reconcile.reconcile(copy.session)

        assert told(done.open) == sorted(expected)
        assert all(each.sentence.endswith((".", "?")) and "{" not in each.sentence for each in done.open)


def test_all_errors_at_once_of_every_kind_are_found_and_none_is_invented(lived: Lived) -> None:
    with lived.copied() as copy:
        expected = [named for plant in PLANTS for named in plant(copy)]
        done = reconcile.reconcile(copy.session)

        assert told(done.open) == sorted(expected)
    assert {kind for kind, *_ in expected} == {rule.kind for rule in findings.RULES} | findings.COMPUTED


def told(open_: Sequence[Discrepancy]) -> list[Named]:
    """What is open, as a plant says it."""
    return sorted((each.kind, each.subject_id, each.amount, each.currency) for each in open_)

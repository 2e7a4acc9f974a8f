"""Between the receipts of a year and the book every cent has its cause, whatever happened to the gifts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.orm import Session

from payments.donations.models import IssuingEntity
from payments.reconciliation.receipts_and_book import Cause, YearOfReceipts, year_of_receipts
from tests.verify.conftest import Seeded

YEAR = 2026
Year = Callable[..., YearOfReceipts]


@pytest.fixture
def changed(seeded: Seeded) -> Year:
    """The year of the seeded book, after somebody changed something; nothing of it stays."""

    @contextmanager
    def session() -> Iterator[Session]:
        address = make_url(seeded.url).set(drivername="postgresql+psycopg")
        with create_engine(address, poolclass=NullPool).connect() as owner, Session(owner) as session:
            session.execute(text("set local session_replication_role = replica"))
            yield session
            session.rollback()

    def year(*statements: str, of: int = YEAR) -> YearOfReceipts:
        with session() as owner:
            for statement in statements:
                assert owner.execute(text(statement.replace("A_GIFT", A_GIFT))).rowcount
            return year_of_receipts(owner, owner.get_one(IssuingEntity, "us"), of)

    return year


def between(year: YearOfReceipts, currency: str = "usd") -> dict[Cause, tuple[int, int]]:
    return {step.cause: (step.gifts, step.amount) for step in year.steps if step.currency == currency}


A_GIFT = """
    (select r.donation_id from receipts r join donations d on d.id = r.donation_id
    where r.status = 'issued' and r.currency = 'usd' and d.amount = r.amount and d.benefit_amount = 0
        and d.payer_kind = 'person' and not exists (select from refunds x where x.donation_id = d.id)
    order by r.number limit 1)
"""


def test_of_a_book_with_every_kind_of_movement_all_is_explained(changed: Year) -> None:
    year = changed()

    assert year.is_explained
    assert {step.cause for step in year.steps} == {
        *(Cause.RECEIPTED, Cause.BENEFIT, Cause.FOR_OTHERS, Cause.SETTLED, Cause.NO_TAX_LANGUAGE)
    }
    assert year.to_look_at == ()
    assert {currency: year.comes_to(currency) for currency in year.booked} == year.booked


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ("update receipts set amount = amount + 100 where donation_id = A_GIFT", Cause.UNEXPLAINED),
        ("delete from receipts where donation_id = A_GIFT", Cause.UNEXPLAINED),
        (
            "update receipts set status = 'void', void_cause = 'by_hand', void_reason = 'asked', "
            "voided_at = now(), voided_by = (select id from staff_members limit 1) "
            "where donation_id = A_GIFT",
            Cause.WITHHELD,
        ),
        ("update receipts set tax_year = 2025 where donation_id = A_GIFT", Cause.OTHER_YEAR),
        (
            "update journal_entries set effective_on = '2027-01-04' where kind = 'gift' "
            "and donation_id = A_GIFT",
            Cause.BOOKED_ELSEWHERE,
        ),
        (
            "update journal_entries set donation_id = null where kind = 'gift' and donation_id = A_GIFT",
            Cause.NO_GIFT_NAMED,
        ),
    ],
)
def test_each_difference_is_told_by_its_cause(changed: Year, wrong: str, cause: Cause) -> None:
    before = between(changed())

    year = changed(wrong)

    found = between(year)
    assert set(found) - set(before) >= {cause}
    assert {currency: year.comes_to(currency) for currency in year.booked} == year.booked
    assert year.is_explained == (Cause.UNEXPLAINED not in found)


def test_a_receipt_that_is_still_to_come_is_named(changed: Year) -> None:
    year = changed(
        "insert into due_receipts (donation_id) values (A_GIFT)",
        "delete from receipts where donation_id = A_GIFT",
    )

    [waiting] = year.to_look_at
    assert waiting.cause is Cause.DUE
    assert between(year)[Cause.DUE] == (1, waiting.amount)
    assert year.is_explained


def test_a_year_with_nothing_in_it_is_explained(changed: Year) -> None:
    year = changed(of=2019)

    assert (year.steps, year.booked, year.is_explained) == ((), {}, True)

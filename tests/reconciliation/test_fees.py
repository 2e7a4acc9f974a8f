"""What Stripe kept of a month, and whether those who cover the fee cover it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import update

from payments.database import transaction
from payments.donations.models import GivingTerms
from payments.donations.organisation import receiving_entity
from payments.donations.wishes import fee_cover_for
from payments.ledger.accounts import Account
from payments.ledger.balances import balances
from payments.money import Money
from payments.reconciliation.fees import FeesOfMonth, estimates, fees_of_month, measured
from payments.reconciliation.months import month_named
from payments.reconciliation.reports import fees_page
from payments.reconciliation.reports.page import Tone
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner
from tests.factories import a_donation
from tests.money_moves.small_stripe import Thing
from tests.reconciliation.october import October
from tests.reconciliation.treasury import Bank


def stripes_fee(amount: int, basis_points: int = 290, fixed: int = 30) -> int:
    """As Stripe reckons it: to the nearest cent."""
    return (amount * basis_points + 5_000) // 10_000 + fixed


class MonthOfFees(October):
    """Forty gifts of which every fourth covers its fee, one in won, a refund, a dispute, and Radar."""

    def _happens(self) -> None:
        self.stripe.it_is(10, 5)
        for number in range(40):
            amount = 1000 + 137 * number
            cover = fee_cover_for(Money(amount, "usd"), self._terms).minor if number % 4 == 0 else 0
            self.charges[str(number)] = self.takes(amount + cover, cover, stripes_fee(amount + cover))
        self.takes(50000, 0, 1900, currency="krw", settled=3600, settled_in="usd")
        self.stripe.it_is(10, 20)
        self.stripe.refund(self.charges["0"], 500)
        self.stripe.dispute(self.charges["1"])
        self.stripe.moves("fee", -700, type="stripe_fee", description="Radar")
        self.hears()

    @property
    def _terms(self) -> GivingTerms:
        with transaction() as session:
            return session.get_one(GivingTerms, "usd")

    def takes(self, amount: int, cover: int, fee: int, currency: str = "usd", **settled: Any) -> Thing:
        """One gift, charged and settled."""
        with transaction() as session:
            gift = a_donation(session, amount=amount, fee_cover=cover, currency=currency)
        return self.stripe.charge(amount, fee, gift=gift, currency=currency, **settled)


@pytest.fixture
def october(finn: StaffMember) -> MonthOfFees:
    """The month."""
    return MonthOfFees(Bank(finn, "none"))


def fees() -> FeesOfMonth:
    with transaction() as session:
        return fees_of_month(session, month_named(session, "2026-10"))


def test_what_was_kept_is_what_stands_in_the_book(october: MonthOfFees):
    with transaction() as session:
        book = {line.account: line.balance.minor for line in balances(session)}

    found = {line.account: line.amount for line in fees().kept}

    assert found == {
        account: book[account]
        for account in (Account.PROCESSING_FEES, Account.DISPUTE_FEES, Account.STRIPE_SERVICE_FEES)
    }
    assert found[Account.STRIPE_SERVICE_FEES] == 700


def test_gifts_are_told_by_what_they_were_paid_with_in_the_money_they_were_settled_in(october: MonthOfFees):
    in_dollars, in_won = sorted(fees().by_method, key=lambda line: -line.gifts)

    assert (in_dollars.gifts, in_dollars.gift_currency, in_dollars.currency) == (40, "usd", "usd")
    assert (in_won.gifts, in_won.gift_currency, in_won.currency) == (1, "krw", "usd")
    assert (in_won.gross, in_won.fee, in_won.basis_points) == (3600, 1900, 5278)
    assert sum(line.fee for line in fees().by_method) == fees().booked["usd"]


def test_each_covered_fee_is_held_against_its_real_one_and_all_together(october: MonthOfFees):
    found = fees()

    [together] = found.covers
    assert len(found.covered) == together.gifts == 10
    # What the page asks for is always rounded up: to the cent it covers the fee.
    assert {line.difference for line in found.covered} <= {0, 1}
    assert together.difference == sum(line.cover for line in found.covered) - together.fee


def test_the_rate_is_read_out_of_what_gifts_really_cost(october: MonthOfFees):
    [usd] = fees().estimates

    assert usd.gifts == 40  # the one that was changed into dollars tells nothing of a rate
    assert usd.measured == (290, 30)
    assert abs(usd.per_thousand - 1000) <= 1
    assert usd.is_fair


def test_terms_that_ask_for_too_little_are_told_with_what_to_put_there(october: MonthOfFees):
    with transaction() as session:
        session.execute(update(GivingTerms).where(GivingTerms.currency == "usd").values(fee_basis_points=150))
        entity = receiving_entity(session)
    [usd] = fees().estimates

    page = fees_page.page_of(fees(), entity, "en")

    assert not usd.is_fair
    assert page.tone is Tone.OPEN
    assert "asks for 62.2 %" in page.sentence
    [row] = [table.rows[0] for table in page.tables if table.name == "Estimate"]
    assert row[3:5] == ["1.50 % + $0.30", "2.90 % + $0.30"]


@pytest.mark.parametrize("day", [datetime(2026, 10, 2, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC)])
def test_what_is_not_of_the_year_before_says_nothing(october: MonthOfFees, day: datetime):
    with transaction() as session:
        assert estimates(session, day) == ()


def test_too_few_gifts_and_gifts_all_alike_measure_nothing():
    def fit(amounts: list[int]) -> tuple[int, int] | None:
        costs = [stripes_fee(amount, 245, 17) for amount in amounts]
        products = sum(amount * cost for amount, cost in zip(amounts, costs, strict=True))
        return measured(len(amounts), sum(amounts), sum(costs), sum(a * a for a in amounts), products)

    assert fit([2500 + 10 * n for n in range(29)]) is None
    assert fit([2500] * 300) is None
    assert fit([2500 + 10 * n for n in range(300)]) == (245, 17)
    assert measured(0, 0, 0, 0, 0) is None


def test_finance_reads_it_at_the_terminal_and_takes_it_along(
    october: MonthOfFees, almoner: Almoner, tmp_path: Path
):
    out = tmp_path / "fees.xlsx"

    said = almoner("close", "fees", "2026-10")
    told = almoner("close", "fees", "2026-10", "--json").json
    almoner("close", "fees", "2026-10", "--out", str(out), "--lang", "ko")

    assert "Processing fees" in said.text
    assert "agrees" in said.text
    [usd] = told["covers"]
    assert (usd["gifts"], usd["difference"]) == (10, usd["cover"] - usd["fee"])
    each = openpyxl.load_workbook(out, data_only=True)["후원별"]
    assert len([row for row in each.iter_rows(values_only=True) if str(row[0]).startswith("don_")]) == 10


def test_a_month_without_gifts_says_so(finn: StaffMember, almoner: Almoner):
    assert "No fees" in almoner("close", "fees", "2026-09").text

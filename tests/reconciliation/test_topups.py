"""What the charity sends to Stripe, or to a donor whose refund failed, is found on its line of the bank."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from payments.database import transaction
from payments.donations.reversals import OwedPayment, OwedPaymentStatus
from payments.ledger import rules_by_hand
from payments.ledger.posting import post
from payments.money import Money
from payments.reconciliation import bank_lineup
from payments.reconciliation.bank_lineup import BankLineup
from payments.reconciliation.matching import MatchRefused
from payments.reconciliation.models import Payout
from payments.reconciliation.months import month_named
from payments.staff import people
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner, Said
from tests.factories import BOOKS, NOON, a_donation
from tests.money_moves.conftest import Charity
from tests.reconciliation.bank_files import mt940
from tests.reconciliation.conftest import open_account
from tests.reconciliation.treasury import Bank, kinds

DAY = date(2026, 11, 24)
"""Of the top-up, in Los Angeles; in UTC it is the next one."""
DAYS = timedelta(days=1)


@dataclass
class Sender:
    """Finn, who sends money to Stripe and keeps the books."""

    charity: Charity
    bank: Bank
    almoner: Almoner

    def tops_up(self, amount: int = 10_000, category: str = "topup") -> str:
        """Stripe tells of a top-up; its balance transaction."""
        self.charity.stripe.now = int(datetime(2026, 11, 25, 3, tzinfo=UTC).timestamp())
        moved = self.charity.stripe.moves(category, amount, type=category)
        self.charity.hears()
        return str(moved["id"])

    def sees(self, day: date, amount: int, words: str = "WIRE TO STRIPE") -> str:
        """A line of the bank, on a day after those of the lines before."""
        self.bank.takes_in(mt940([(day, [(amount, words)])], opening=sum(self.bank.amounts), currency="USD"))
        return self.bank.lines[-1].id

    def sees_nothing_more_until(self, day: date) -> None:
        """A statement without a line."""
        self.bank.takes_in(mt940([(day, [])], opening=sum(self.bank.amounts), currency="USD"))

    def types(self, *words: str) -> Said:
        """At the terminal."""
        return self.almoner(*words, "--reason", "seen in the bank's app", "--as", "finn@example.org")

    def reconciles(self) -> Any:
        """One round, as a script reads it."""
        return self.almoner("reconcile", "--json").json

    @property
    def lineup(self) -> BankLineup:
        """The bank beside the book in November, in dollars."""
        with transaction() as session:
            [found] = bank_lineup.lineups(session, month_named(session, "2026-11"))
        return found


@pytest.fixture
def sender(finn: StaffMember, almoner: Almoner) -> Sender:
    open_account(finn, "operating", currency="usd", csv="american")
    return Sender(Charity(), Bank(finn, "operating"), almoner)


def test_a_top_up_is_suggested_with_a_reason_and_never_matched_by_itself(sender: Sender) -> None:
    topup = sender.tops_up()
    line = sender.sees(DAY - 2 * DAYS, -10_000)

    done = sender.reconciles()

    assert done["matched"] == []
    [found] = done["exceptions"]
    assert (found["kind"], found["subject"], found["blocks_close"]) == ("bank_line_unmatched", line, True)
    assert f"{topup} (a top-up of the same amount 2 days later; the bank names Stripe)." in found["sentence"]


def test_a_person_says_which_line_it_is_and_nothing_is_left_in_transit(sender: Sender) -> None:
    topup = sender.tops_up()
    line = sender.sees(DAY - 2 * DAYS, -10_000)

    said = sender.types("bank", "match", line, "--topup", topup, "--json")

    assert said.error is None, said.error
    assert (said.json["kind"], said.json["subject"]) == ("topup", topup)
    assert sender.charity.balances() == {"stripe_balance": 10_000, "bank": -10_000}
    assert sender.charity.entries("topup_on_statement") == [
        ("top-up on the bank statement", [("bank", "payouts_in_transit", 10_000)])
    ]
    assert sender.almoner("reconcile").exit_code == 0
    assert sender.almoner("ledger", "verify").exit_code == 0
    assert (sender.lineup.on_statements, sender.lineup.in_the_book) == (-10_000, -10_000)
    assert (sender.lineup.other_business, sender.lineup.unexplained) == (0, 0)
    assert (sender.lineup.not_on_statements, sender.lineup.of_other_months) == ((), ())


def test_one_that_stripe_gave_back_comes_into_the_bank(sender: Sender) -> None:
    there, back = sender.tops_up(), sender.tops_up(-10_000, "topup_reversal")
    gone, returned = sender.sees(DAY - DAYS, -10_000), sender.sees(DAY + DAYS, 10_000)

    for line, topup in ((gone, there), (returned, back)):
        assert sender.types("bank", "match", line, "--topup", topup).error is None

    assert sender.charity.balances() == {}
    assert sender.almoner("reconcile").exit_code == 0


def test_what_was_said_of_it_is_undone_in_the_open(sender: Sender) -> None:
    topup = sender.tops_up()
    line = sender.sees(DAY, -10_000)
    sender.types("bank", "match", line, "--topup", topup)

    undone = sender.types("bank", "unmatch", line)

    assert undone.error is None, undone.error
    assert sender.charity.balances() == {"stripe_balance": 10_000, "payouts_in_transit": -10_000}
    assert len(sender.charity.entries("topup_not_on_statement")) == 1
    assert sender.almoner("ledger", "verify").exit_code == 0
    assert topup in sender.reconciles()["exceptions"][0]["sentence"]
    assert sender.types("bank", "match", line, "--topup", topup).error is None


def test_a_line_that_is_not_the_same_to_the_cent_is_refused(sender: Sender) -> None:
    topup = sender.tops_up()
    fee = sender.charity.stripe.moves("fee", -742)["id"]
    sender.charity.hears()
    line, other = sender.sees(DAY, -10_000), sender.sees(DAY + DAYS, -10_000)
    a_cent_more, the_other_way = sender.sees(DAY + 2 * DAYS, -10_001), sender.sees(DAY + 3 * DAYS, 10_000)

    refused = [
        sender.types("bank", "match", a_cent_more, "--topup", topup),
        sender.types("bank", "match", the_other_way, "--topup", topup),
        sender.types("bank", "match", line, "--topup", fee),
        sender.types("bank", "match", line, "--topup", "txn_0"),
    ]
    sender.types("bank", "match", line, "--topup", topup)
    refused.append(sender.types("bank", "match", other, "--topup", topup))
    both = sender.types("bank", "match", other, "--topup", topup, "--offline", "dep_0")

    assert [type(each.error) for each in refused] == [MatchRefused] * 5
    assert "that of the top-up is USD -100.00: not the same" in str(refused[0].error)
    assert "is no top-up in the book" in str(refused[2].error)
    assert f"is on the line {line} already" in str(refused[4].error)
    assert (both.exit_code, "say one of" in both.text) == (2, True)


def test_a_payout_is_not_guessed_where_a_top_up_could_be_meant(sender: Sender) -> None:
    topup = sender.tops_up()
    with transaction() as session:
        session.add(
            Payout(
                stripe_payout_id="po_debit",
                amount=-10_000,
                currency="usd",
                status="paid",
                made_at=NOON,
                arrives_on=DAY,
                is_automatic=True,
                method="standard",
                reconciliation_status="completed",
                said_at=NOON,
            )
        )
    line = sender.sees(DAY, -10_000)

    done = sender.reconciles()

    assert done["matched"] == []
    [found] = [each for each in done["exceptions"] if each["subject"] == line]
    assert "po_debit" in found["sentence"]
    assert topup in found["sentence"]


def test_a_top_up_that_is_a_week_old_and_on_no_line_keeps_the_month_open(sender: Sender) -> None:
    topup = sender.tops_up()
    line = sender.sees(DAY - DAYS, -10_000)
    sender.types("bank", "ignore", line)
    sender.sees_nothing_more_until(DAY + 6 * DAYS)
    assert sender.almoner("reconcile").exit_code == 0

    sender.sees_nothing_more_until(DAY + 7 * DAYS)
    done = sender.reconciles()
    sender.types("bank", "unmatch", line)
    sender.types("bank", "match", line, "--topup", topup)

    assert kinds(done) == {"topup_without_line": topup}
    assert done["exceptions"][0]["blocks_close"]
    assert "of USD 100.00 reached Stripe's balance on 2026-11-24" in done["exceptions"][0]["sentence"]
    assert sender.almoner("reconcile").exit_code == 0


@pytest.fixture
def owed(sender: Sender) -> str:
    """$10.00 that a failed refund left owed, paid to the donor from the bank."""
    with transaction() as session:
        gift = a_donation(session)
        session.add(
            OwedPayment(
                id="owp_1",
                donation_id=gift.id,
                amount=1000,
                currency="usd",
                settled_amount=1000,
                settled_currency="usd",
                transfer_reference="WIRE 4711",
                status=OwedPaymentStatus.PAID,
                requested_by=sender.bank.finn.id,
                approved_by=people.find(session, "adam@example.org").id,
                decided_at=NOON,
            )
        )
        paid = rules_by_hand.owed_paid("owp_1", gift.id, Money(1000, "usd"), BOOKS, paid_at=NOON)
        post(session, [paid])
    return "owp_1"


def test_what_a_donor_was_paid_whose_refund_failed_is_confirmed_by_its_line(
    sender: Sender, owed: str
) -> None:
    short, line = sender.sees(DAY, -999, "WIRE 4711"), sender.sees(DAY + DAYS, -1000, "WIRE 4711")
    before = sender.charity.balances()
    waiting = len(sender.lineup.not_on_statements)

    wrong = sender.types("bank", "match", short, "--offline", owed)
    said = sender.types("bank", "match", line, "--offline", owed, "--json")

    assert isinstance(wrong.error, MatchRefused)
    assert said.error is None, said.error
    assert (said.json["kind"], said.json["subject"]) == ("owed_payment", owed)
    assert sender.charity.balances() == before
    assert (waiting, sender.lineup.not_on_statements, sender.lineup.unexplained) == (1, (), 0)
    assert "bank_line_matched_twice" not in kinds(sender.reconciles())
    assert sender.types("bank", "unmatch", line).error is None
    assert sender.charity.balances() == before


def test_a_payment_that_nobody_agreed_to_is_on_no_line(sender: Sender, owed: str) -> None:
    with transaction() as session:
        payment = session.get_one(OwedPayment, owed)
        payment.status, payment.approved_by = OwedPaymentStatus.REQUESTED, None
    line = sender.sees(DAY, -1000, "WIRE 4711")

    refused = sender.types("bank", "match", line, "--offline", owed)

    assert isinstance(refused.error, MatchRefused)
    assert "no payment of what was owed" in str(refused.error)

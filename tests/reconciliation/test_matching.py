"""A line of the bank finds its payout by itself where there is one answer, and never becomes a gift."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from payments.database import transaction
from payments.ledger.models import JournalEntry
from payments.reconciliation import matching
from payments.reconciliation.matching import MatchRefused
from payments.reconciliation.models import BankMatch
from payments.staff.models import AuditEntry
from payments.staff.people import NotAllowed, ReasonMissing
from tests.reconciliation.test_payouts import charge_of
from tests.reconciliation.treasury import Treasury, kinds

DAY = timedelta(days=1)


def a_payout(treasury: Treasury, amount: int = 2500, **how) -> tuple[str, date, int]:
    """Its id, the day Stripe expects it, and what it brings."""
    treasury.a_paid_gift(amount)
    payout = treasury.stripe_pays_out(**how)
    treasury.everybody_works()
    return payout, treasury.arrives_on(payout), treasury.payout(payout)["amount"]["amount"]


def entries(kind: str) -> list[JournalEntry]:
    with transaction() as session:
        return list(session.scalars(select(JournalEntry).where(JournalEntry.kind == kind)))


def test_a_payout_on_the_statement_closes_its_third_side(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    (line,) = treasury.the_bank_says((day, amount, "STRIPE TRANSFER"))

    done = treasury.reconciles()

    assert done["matched"] == [{"line": line, "kind": "payout", "subject": payout}]
    assert done["exceptions"] == []
    assert treasury.house.balances()["bank"] == amount
    assert treasury.house.balances().get("payouts_in_transit", 0) == 0
    assert [entry.effective_on for entry in entries("payout_on_statement")] == [day]
    assert treasury.house.the_book_ties()


def test_the_books_are_proven_with_the_bank_in_them(treasury: Treasury):
    _, day, amount = a_payout(treasury)
    treasury.the_bank_says((day, amount, "STRIPE TRANSFER"))
    treasury.reconciles()

    assert treasury.almoner("ledger", "verify").exit_code == 0


def test_a_second_round_changes_nothing(treasury: Treasury):
    _, day, amount = a_payout(treasury)
    treasury.the_bank_says((day, amount, "STRIPE TRANSFER"))
    treasury.reconciles()

    again = treasury.almoner("reconcile", "--json")

    assert (again.exit_code, again.json["matched"], again.json["opened"]) == (0, [], 0)
    assert len(entries("payout_on_statement")) == 1


@pytest.mark.parametrize("days", [-1, 0, 3, 5])
def test_the_bank_may_be_a_day_early_or_some_late(treasury: Treasury, days: int):
    _, day, amount = a_payout(treasury)
    treasury.the_bank_says((day + days * DAY, amount, "S T R I P E PAYOUT"))

    assert len(treasury.reconciles()["matched"]) == 1


@pytest.mark.parametrize(("days", "cents"), [(-2, 0), (6, 0), (0, 1), (0, -1)])
def test_another_amount_or_a_day_too_far_is_not_matched(treasury: Treasury, days: int, cents: int):
    _, day, amount = a_payout(treasury)
    (line,) = treasury.the_bank_says((day + days * DAY, amount + cents, "STRIPE TRANSFER"))

    done = treasury.almoner("reconcile", "--json")

    assert done.exit_code == 1
    assert done.json["matched"] == []
    assert kinds(done.json)["bank_line_unmatched"] == line


def test_of_two_payouts_of_one_amount_neither_is_guessed_and_both_are_suggested(treasury: Treasury):
    first, day, amount = a_payout(treasury)
    second, _, _ = a_payout(treasury)
    line, _ = treasury.the_bank_says((day, amount, "STRIPE TRANSFER"), (day + DAY, 77, "interest"))

    done = treasury.reconciles()

    assert done["matched"] == []
    (unmatched,) = [each for each in done["exceptions"] if each["subject"] == line]
    assert first in unmatched["sentence"]
    assert second in unmatched["sentence"]
    assert "the same amount on the day Stripe expected it; the bank names Stripe" in unmatched["sentence"]


def test_the_trace_id_tells_two_payouts_of_one_amount_apart(treasury: Treasury):
    first, day, amount = a_payout(treasury, paid=True)
    second, _, _ = a_payout(treasury, paid=True)
    traces = [treasury.payout(each)["trace_id"] for each in (first, second)]
    one, other = treasury.the_bank_says(
        (day, amount, f"CREDIT {traces[1][:6]} {traces[1][6:]}"), (day, amount, f"CREDIT {traces[0]}")
    )

    matched = treasury.reconciles()["matched"]

    assert {each["line"]: each["subject"] for each in matched} == {one: second, other: first}


def test_a_line_that_says_nothing_of_stripe_is_only_suggested(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    (line,) = treasury.the_bank_says((day, amount, "CREDIT 0001"))
    suggested = treasury.reconciles()

    said = treasury.types("bank", "match", line, "--payout", payout, "--reason", "seen in the bank's app")

    assert suggested["matched"] == []
    assert payout in suggested["exceptions"][0]["sentence"]
    assert said.exit_code == 0
    assert treasury.almoner("reconcile").exit_code == 0
    assert treasury.house.balances()["bank"] == amount


def test_a_statement_descriptor_of_one_s_own_is_enough(treasury: Treasury):
    _, day, amount = a_payout(treasury, statement_descriptor="EXAMPLE RELIEF")
    treasury.the_bank_says((day, amount, "CR EXAMPLE-RELIEF 0001"))

    assert len(treasury.reconciles()["matched"]) == 1


def test_a_failed_payout_comes_and_goes_and_the_next_one_stays(treasury: Treasury):
    first, day, amount = a_payout(treasury, paid=True)
    treasury.the_bank_says((day, amount, "STRIPE"))
    treasury.reconciles()
    treasury.house.stripe.tell(f"payouts/{first}/fail", code="account_closed")
    second = treasury.stripe_pays_out()
    treasury.everybody_works()
    returned, arrived = treasury.the_bank_says(
        (day + 3 * DAY, -amount, "STRIPE RETURN"), (day + 4 * DAY, amount, "STRIPE")
    )

    matched = treasury.reconciles()["matched"]

    assert {each["line"]: (each["kind"], each["subject"]) for each in matched} == {
        returned: ("payout_return", first),
        arrived: ("payout", second),
    }
    assert treasury.house.balances()["bank"] == amount
    assert treasury.house.balances().get("payouts_in_transit", 0) == 0
    assert treasury.almoner("ledger", "verify").exit_code == 0


def test_stripe_debiting_the_bank_is_matched_like_another(treasury: Treasury):
    gift = treasury.a_paid_gift(2500)
    treasury.stripe_pays_out()
    treasury.house.stripe.tell(f"charges/{charge_of(gift.id)}/dispute")
    treasury.everybody_works()
    payout = treasury.stripe_pays_out()
    treasury.everybody_works()
    amount = treasury.payout(payout)["amount"]["amount"]

    treasury.the_bank_says((treasury.arrives_on(payout), amount, "STRIPE DEBIT"))
    matched = treasury.reconciles()["matched"]

    assert [each["subject"] for each in matched] == [payout]
    assert treasury.house.balances()["bank"] == amount < 0


def test_a_match_is_undone_with_a_reason_and_not_made_again_by_itself(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    (line,) = treasury.the_bank_says((day, amount, "STRIPE"))
    treasury.reconciles()
    silent = treasury.types("bank", "unmatch", line, "--reason", " ")

    said = treasury.types("bank", "unmatch", line, "--reason", "it was the shop's payout")
    done = treasury.reconciles()

    assert isinstance(silent.error, ReasonMissing)
    assert said.exit_code == 0
    assert done["matched"] == []
    assert treasury.house.balances().get("bank", 0) == 0
    assert treasury.house.balances()["payouts_in_transit"] == amount
    assert len(entries("payout_not_on_statement")) == 1
    with transaction() as session:
        undone = session.scalars(select(BankMatch)).one()
        assert undone.undo_reason == "it was the shop's payout"
        deeds = session.scalars(select(AuditEntry.deed).where(AuditEntry.subject == line)).all()
    assert deeds == ["bank.unmatch"]
    assert treasury.almoner("ledger", "verify").exit_code == 0
    assert payout in done["exceptions"][0]["sentence"]


def an_offline_gift(treasury: Treasury, amount: str, day: date, channel: str = "bank_transfer") -> str:
    said = treasury.types(
        "offline", "record", "--channel", channel, "--amount", amount, "--currency", "usd", "--fund",
        "general", "--donor-name", "Ben Oh", "--donor-email", "ben@example.com", "--received-on", str(day),
        "--json",
    )  # fmt: skip
    assert said.error is None, said.error
    return str(said.json["id"])


def test_the_line_of_a_payout_can_never_become_a_gift(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    gift = an_offline_gift(treasury, f"{amount / 100:.2f}", date(2026, 11, 1))
    (line,) = treasury.the_bank_says((day, amount, "STRIPE TRANSFER"))

    refused = treasury.types("bank", "match", line, "--offline", gift, "--reason", "a transfer")

    assert isinstance(refused.error, MatchRefused)
    assert payout in str(refused.error)
    assert "it would count twice" in str(refused.error)


def test_nor_can_a_line_of_stripe_s_whose_payout_is_not_known_yet(treasury: Treasury):
    gift = an_offline_gift(treasury, "50.00", date(2026, 11, 1))
    (line,) = treasury.the_bank_says((date(2026, 11, 2), 5000, "STRIPE-PAYOUT"))

    refused = treasury.types("bank", "match", line, "--offline", gift, "--reason", "a transfer")

    assert isinstance(refused.error, MatchRefused)
    assert "The bank names Stripe" in str(refused.error)


def test_a_gift_that_looks_like_a_payout_s_line_is_asked_about(treasury: Treasury):
    _, day, amount = a_payout(treasury)
    (line,) = treasury.the_bank_says((day, amount, "STRIPE TRANSFER"))
    treasury.reconciles()
    gift = an_offline_gift(treasury, f"{amount / 100:.2f}", date(2026, 11, 1))
    with transaction() as session:
        session.execute(text("update offline_gifts set received_on = :day"), {"day": day})

    found = treasury.reconciles()["exceptions"]

    assert [(each["kind"], each["subject"]) for each in found] == [("payout_counted_as_gift", gift)]
    assert line in found[0]["sentence"]


def test_a_transfer_and_a_deposit_slip_are_found_on_their_lines(treasury: Treasury):
    day = date(2026, 11, 2)
    gift = an_offline_gift(treasury, "50.00", day)
    cheque = an_offline_gift(treasury, "80.00", day, channel="cheque")
    slip = treasury.types("offline", "deposit", "--gift", cheque, "--on", str(day), "--json").json["id"]
    transfer, deposit, late = treasury.the_bank_says(
        (day, 5000, "BEN OH"), (day, 8000, "DEPOSIT"), (day + timedelta(days=11), 8000, "DEPOSIT")
    )
    asked = {each["subject"]: each["sentence"] for each in treasury.reconciles()["exceptions"]}

    assert f"may be {gift} (the same amount, of 2026-11-02)" in asked[transfer]
    assert f"may be {slip} (the same amount, of 2026-11-02)" in asked[deposit]
    assert "nobody has said" in asked[late]
    treasury.types("bank", "ignore", late, "--reason", "a grant")
    for line, subject in ((transfer, gift), (deposit, slip)):
        said = treasury.types("bank", "match", line, "--offline", subject, "--reason", "same amount and day")
        assert said.error is None, said.error
    wrong = treasury.types("bank", "match", deposit, "--offline", slip, "--reason", "again")

    assert treasury.almoner("reconcile").exit_code == 0
    assert isinstance(wrong.error, MatchRefused)
    assert treasury.house.balances()["bank"] == 13000
    assert gift in treasury.almoner("bank", "lines").text


def test_what_is_not_the_same_to_the_cent_is_refused(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    gift = an_offline_gift(treasury, "50.00", date(2026, 11, 2))
    one, other, gone = treasury.the_bank_says(
        (day, amount + 1, "CREDIT"), (day, 5001, "BEN"), (day, -amount, "DEBIT")
    )

    said = [
        treasury.types("bank", "match", one, "--payout", payout, "--reason", "x"),
        treasury.types("bank", "match", other, "--offline", gift, "--reason", "x"),
        treasury.types("bank", "match", gone, "--payout", payout, "--reason", "x"),
        treasury.types("bank", "match", other, "--offline", "don_0", "--reason", "x"),
        treasury.almoner("bank", "ignore", other, "--reason", "x", "--as", "vera@example.org"),
    ]

    assert [type(each.error) for each in said] == [MatchRefused] * 4 + [NotAllowed]
    assert "not the same" in str(said[0].error)
    assert "did not fail" in str(said[2].error)


def test_a_payout_that_was_cancelled_is_on_no_line(treasury: Treasury):
    treasury.a_paid_gift(2500)
    treasury.house.stripe.tell("clock", advance_seconds=3 * 86400)
    cancelled = treasury.house.stripe.tell("payouts", currency="usd", automatic=False, amount=1000)["id"]
    treasury.house.stripe.tell(f"payouts/{cancelled}/cancel")
    treasury.everybody_works()
    other = treasury.stripe_pays_out()
    treasury.everybody_works()
    day, amount = treasury.arrives_on(other), treasury.payout(other)["amount"]["amount"]
    alone, shared = treasury.the_bank_says((day, 1000, "CREDIT"), (day, amount + 1000, "CREDIT"))

    said = [
        treasury.types("bank", "match", alone, "--payout", cancelled, "--reason", "x"),
        treasury.types("bank", "match", shared, "--payout", cancelled, "--payout", other, "--reason", "x"),
    ]

    assert [type(each.error) for each in said] == [MatchRefused] * 2
    assert all(f"{cancelled} was cancelled before its money left Stripe" in str(each.error) for each in said)


def test_a_line_is_one_thing_and_a_payout_on_one_line_by_the_database_itself(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    line, other, third, free = treasury.the_bank_says(
        (day, amount, "STRIPE"), (day, 100, "INTEREST"), (day, 7, "INTEREST"), (day, -100, "FEE")
    )
    treasury.reconciles()
    twice = treasury.types("bank", "ignore", line, "--reason", "x")
    treasury.types("bank", "ignore", other, "--reason", "interest of the account")
    treasury.types("bank", "ignore", third, "--reason", "more of it")

    assert isinstance(twice.error, MatchRefused)
    with transaction() as session:
        assert matching.said_of(session, [other, third]).keys() == {other, third}
    assert treasury.almoner("reconcile").exit_code == 0
    for again in (
        BankMatch(id="b", bank_line_id=line, kind="ignored", reason="x"),
        BankMatch(id="b", bank_line_id=free, kind="payout", subject_id=payout, reason="x"),
    ):
        with pytest.raises(IntegrityError, match="uq_bank_matches"), transaction() as session:
            session.add(again)

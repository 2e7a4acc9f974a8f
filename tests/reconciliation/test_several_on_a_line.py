"""A bank that books the payouts of a day as one line: suggested, said by a person, undone whole."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from payments.database import transaction
from payments.reconciliation.matching import MatchRefused
from payments.reconciliation.models import BankMatch
from tests.reconciliation.test_matching import a_payout, entries
from tests.reconciliation.treasury import Treasury


def two_on_a_line(treasury: Treasury) -> tuple[str, str, str, int]:
    first, day, one = a_payout(treasury, 2500)
    second, _, other = a_payout(treasury, 4000)
    (line,) = treasury.the_bank_says((day, one + other, "STRIPE TRANSFERS"))
    return line, first, second, one + other


def test_they_are_suggested_and_a_person_says_so(treasury: Treasury):
    line, first, second, amount = two_on_a_line(treasury)
    [found] = treasury.reconciles()["exceptions"]

    said = treasury.types("bank", "match", line, "--payout", first, "--payout", second, "--reason", "one day")

    assert found["subject"] == line
    assert f"{' and '.join(sorted([first, second]))} in one line" in found["sentence"]
    assert said.error is None, said.error
    assert treasury.reconciles()["exceptions"] == []
    assert treasury.house.balances()["bank"] == amount
    assert treasury.house.balances().get("payouts_in_transit", 0) == 0
    assert treasury.almoner("ledger", "verify").exit_code == 0
    [shown] = treasury.almoner("bank", "lines", "--json").json
    assert (shown["kind"], set(shown["subjects"])) == ("payout", {first, second})


def test_together_they_are_the_line_to_the_cent(treasury: Treasury):
    line, first, second, _ = two_on_a_line(treasury)
    third, _, _ = a_payout(treasury, 100)

    said = [
        treasury.types("bank", "match", line, *words, "--reason", "x")
        for words in (
            ["--payout", first],
            ["--payout", first, "--payout", third],
            ["--payout", first, "--payout", second, "--payout", third],
        )
    ]

    assert [type(each.error) for each in said] == [MatchRefused] * 3
    assert "together not the same" in str(said[1].error)
    assert treasury.house.balances().get("bank", 0) == 0


def test_what_was_said_of_them_is_undone_whole(treasury: Treasury):
    line, first, second, amount = two_on_a_line(treasury)
    treasury.types("bank", "match", line, "--payout", first, "--payout", second, "--reason", "one day")
    again = treasury.types("bank", "match", line, "--payout", first, "--payout", second, "--reason", "x")

    undone = treasury.types("bank", "unmatch", line, "--reason", "another day's", "--json").json

    assert isinstance(again.error, MatchRefused)
    assert {each["subject"] for each in undone} == {first, second}
    assert all(each["is_undone"] for each in undone)
    assert len(entries("payout_not_on_statement")) == 2
    assert treasury.house.balances()["payouts_in_transit"] == amount
    assert treasury.almoner("ledger", "verify").exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        "undone_at = null, undone_by = null, undo_reason = null",
        "undo_reason = 'better words'",
        "reason = 'better words', undone_at = now(), undone_by = matched_by, undo_reason = 'x'",
        "subject_id = 'po_other'",
    ],
)
def test_what_was_said_is_only_ever_undone_once(treasury: Treasury, owner: Connection, change: str):
    line, first, second, _ = two_on_a_line(treasury)
    treasury.types("bank", "match", line, "--payout", first, "--payout", second, "--reason", "one day")
    if "undone_at = now()" not in change and "subject_id" not in change:
        treasury.types("bank", "unmatch", line, "--reason", "another day's")

    with pytest.raises(DBAPIError, match=f"what was said of bank line {line} stands"):
        owner.execute(text(f"update bank_matches set {change}"))  # noqa: S608 - changes from above


def test_nothing_but_payouts_shares_a_line(treasury: Treasury):
    line, first, _, _ = two_on_a_line(treasury)

    with pytest.raises(IntegrityError, match="only_payouts_share"), transaction() as session:
        session.add(
            BankMatch(id="b", bank_line_id=line, kind="deposit", subject_id="dep_1", position=2, reason="x")
        )
    assert first not in treasury.almoner("bank", "lines").text

"""Stripe's own report of what was left at the end of a month is a witness of the month's close."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Almoner
from tests.reconciliation.october import October
from tests.reconciliation.test_close import october
from tests.reconciliation.test_stripe_reports import ZONE, Table, as_csv, written

__all__ = ["october"]

LEFT = {"usd": 25290 - 14077, "krw": 48100}
"""The same as `test_close` finds in the book: the last payout is not yet effective, and so still there."""


def left_at_the_end(october: October) -> Table:
    """What Stripe's report of the last day of October lists, as Stripe writes it."""
    not_yet_effective = october.payouts["over the end"]["balance_transaction"]
    rows = [
        (row, datetime.fromtimestamp(row["created"], UTC).astimezone(ZONE))
        for row in october.stripe.balance_transactions
        if row["id"] != not_yet_effective
    ]
    return [
        {
            "balance_transaction_id": row["id"],
            "created": f"{made_at:%Y-%m-%d %H:%M:%S}",
            "currency": row["currency"],
            "gross": written(row["amount"], row["currency"]),
            "fee": written(row["fee"], row["currency"]),
            "net": written(row["net"], row["currency"]),
            "reporting_category": row["reporting_category"],
            "source_id": row["source"] or "",
        }
        for row, made_at in rows
        if made_at.month == 10
    ]


@pytest.mark.parametrize("too_much", [0, 1], ids=["to the cent", "a cent more"])
def test_the_tie_out_agrees_with_stripes_own_report_or_says_what_it_ends_with(
    october: October,
    almoner: Almoner,
    tmp_path: Path,
    too_much: int,
) -> None:
    table = left_at_the_end(october)
    [ada] = [row for row in table if row["gross"] == "25"]
    ada["gross"], ada["net"] = written(2500 + too_much, "usd"), written(2397 + too_much, "usd")
    file = tmp_path / "ending_balance_reconciliation.itemized.4.csv"
    file.write_bytes(as_csv(table))

    taken = almoner("stripe", "import-report", str(file), "--to", "2026-10-31", "--as", "finn@example.org")
    proof = almoner("close", "tie-out", "2026-10", "--json")
    checked = almoner("close", "check", "2026-10", "--json").json
    [item] = [each for each in checked["checklist"] if each["kind"] == "tie_out"]

    assert {each["currency"]: each["report_ending"] for each in proof.json["currencies"]} == {
        "krw": LEFT["krw"],
        "usd": LEFT["usd"] + too_much,
    }
    assert {each["currency"]: each["closing"] for each in proof.json["currencies"]} == LEFT
    assert (taken.exit_code, proof.exit_code, item["is_ok"]) == (too_much, too_much, not too_much)
    told = "USD: Stripe's report ends with USD 112.14, the movements with USD 112.13."
    assert (told in item["sentence"]) is bool(too_much)

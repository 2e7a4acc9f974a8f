"""What finance prints: a payout of every kind, and the queue, whose figures are those of the books."""

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from payments.cli.report_files import EndingUnknown
from payments.database import transaction
from payments.money import Money
from payments.reconciliation.reports import exceptions_page, payout_page
from payments.reconciliation.reports.exceptions import exceptions_report
from payments.reconciliation.reports.page import Page, Tone
from payments.reconciliation.reports.payout import payout_report
from tests.reconciliation.money_to_the_bank import a_town
from tests.reconciliation.treasury import Treasury


def page_of(payout: str, language: str = "en") -> Page:
    with transaction() as session:
        return payout_page.page_of(payout_report(session, payout), language)


def fact(page: Page, label: str) -> Any:
    return dict(page.facts)[label]


def test_a_payout_of_every_kind_says_where_it_stands(treasury: Treasury, tmp_path: Path):
    town = a_town(treasury)

    carries, failed = page_of(town.carries_it), page_of(town.failed)
    manual, negative = page_of(town.manual), page_of(town.negative)

    # Its lines come to it, and behind the one that came back are the gifts of the failed one.
    parts, lines, came_back = carries.tables
    paid = treasury.payout(town.carries_it)["amount"]["amount"]
    assert (carries.verdict, carries.tone) == ("Proven to the cent", Tone.GOOD)
    assert lines.totals()[0][6] == parts.totals()[0][4] == Money(paid, "usd")
    assert fact(carries, "Carries money of failed payouts") == town.failed
    [returned] = [row[6] for row in lines.rows if row[2] == town.failed]
    assert came_back.totals()[0][6] == returned
    assert all(control.agrees for control in carries.controls)
    assert "matched by itself" in fact(carries, "On the bank statement")
    assert all(isinstance(row[8], int) for row in lines.rows), "every line has its number in the journal"

    # That the lines of a failed one are right does not make it a payout that arrived.
    assert (failed.verdict, failed.tone) == ("Failed", Tone.PLAIN)
    assert f"left again in {town.carries_it}" in failed.sentence
    assert [control.what for control in failed.controls][-2:] == [
        "Amount of the payout",
        "Amount that came back",
    ]

    # Of a manual one nothing is claimed but the balance it left.
    assert (manual.verdict, manual.tables) == ("Cannot be proven per line", [])
    assert [control.agrees for control in manual.controls] == [True, True]

    assert negative.verdict == "Proven to the cent"
    assert fact(negative, "Amount of the payout").minor < 0

    # At the terminal: two drawings, the same each time, and no third.
    for ending in ("html", "xlsx"):
        out = tmp_path / f"payout.{ending}"
        said = [
            (treasury.almoner("payouts", "page", town.carries_it, "--out", str(out)), out.read_bytes())
            for _ in range(2)
        ]
        assert "Proven to the cent" in said[0][0].text
        assert said[0][1] == said[1][1]
    refused = treasury.almoner("payouts", "page", town.carries_it, "--out", str(tmp_path / "payout.pdf"))
    assert isinstance(refused.error, EndingUnknown)
    book = openpyxl.load_workbook(tmp_path / "payout.xlsx", data_only=True)
    assert book.sheetnames == ["Summary", "Made of", "Lines", "Failed 1"]
    assert page_of(town.manual, "ko").verdict == "건별 확인 불가"


def test_a_payout_that_differs_says_by_how_much(treasury: Treasury):
    treasury.a_paid_gift()
    payout = treasury.stripe_pays_out()
    treasury.everybody_works()
    with transaction() as session:
        session.execute(text("update payouts set amount = amount + 1"))

    page = page_of(payout)

    assert (page.verdict, page.tone) == ("Differs", Tone.BAD)
    assert "$0.01" in page.sentence
    assert [str(each.difference) for each in page.controls if not each.agrees] == ["USD -0.01"] * 2


def test_nothing_open_is_a_result_beside_what_was_looked_at(treasury: Treasury):
    with transaction() as session:
        never = exceptions_page.page_of(exceptions_report(session), "en")
    treasury.a_paid_gift()
    treasury.stripe_pays_out()
    treasury.everybody_works()
    treasury.reconciles()

    with transaction() as session:
        page = exceptions_page.page_of(exceptions_report(session), "en")

    assert never.verdict == "Nobody has looked yet"
    assert (page.verdict, page.tone) == ("Nothing is open", Tone.GOOD)
    assert page.sentence.startswith("1 paid gifts, 2 movements at Stripe, 1 payouts and 0 bank lines")
    [looked_for] = page.tables
    assert {row[3] for row in looked_for.rows} == {0}
    assert looked_for.totals() == [["Total", None, None, 0]]


@pytest.mark.parametrize("words", [[], ["--blocking"], ["--kind", "dispute_unanswered"]])
def test_the_queue_is_printed_as_it_was_chosen(treasury: Treasury, tmp_path: Path, words: list[str]):
    (line,) = treasury.the_bank_says((date(2026, 11, 2), 100, "INTEREST"))
    treasury.reconciles()
    out = tmp_path / "exceptions.xlsx"

    said = treasury.almoner("exceptions", "page", "--out", str(out), *words)

    book = openpyxl.load_workbook(out, data_only=True)
    assert said.error is None, said.error
    if "--kind" in words:
        assert book.sheetnames == ["Summary", "Looked for"]
        assert book["Summary"]["A3"].value == "Nothing of this is open"
        return
    assert book["Summary"]["A3"].value == "1 is open"
    assert [cell.value for cell in book["Open"][6]][:3] == ["Bank line unmatched", line, 1]
    assert [cell.value for cell in book["Open"][7]][:3] == ["Total", None, 1]

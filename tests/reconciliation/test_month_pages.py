"""A month as finance prints it: ready or not, closed for good, and its figures those of the books."""

from datetime import date
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import text

from payments.database import transaction
from payments.donations.organisation import receiving_entity
from payments.money import Money
from payments.reconciliation import close
from payments.reconciliation.checklist import Laws
from payments.reconciliation.month_report import month_report
from payments.reconciliation.reports import html, month_page, workbook
from payments.reconciliation.reports.page import Page, Tone
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner
from tests.reconciliation.conftest import open_account
from tests.reconciliation.october import October
from tests.reconciliation.treasury import Bank


@pytest.fixture
def october(finn: StaffMember) -> October:
    """The month, and a bank account whose statements tell it."""
    open_account(finn, "operating", currency="usd", csv="american")
    return October(Bank(finn, "operating"))


def page_of(october: October, language: str = "en") -> Page:
    with transaction() as session:
        return month_page.page_of(month_report(session, october.month), receiving_entity(session), language)


def test_the_month_page_ties_with_stripe_the_bank_and_the_book(october: October):
    page = page_of(october)
    tables = {table.name: table for table in page.tables}

    assert (page.title, page.verdict) == ("October 2026", "Ready to close")
    assert all(control.agrees for control in page.controls)
    assert len(page.controls) == 9
    # The same balance by the book and by Stripe, each the sum of the lines above it.
    [stripe], [book] = tables["Stripe USD"].totals(), tables["Tie-out USD"].totals()
    assert stripe[-1] == book[-1]
    waiting = [row for row in tables["Tie-out USD"].rows if row[0] == october.payouts["over the end"]["id"]]
    assert [(row[1], row[2]) for row in waiting] == [(date(2026, 10, 30), date(2026, 11, 3))]
    # A trial balance is nothing at both ends, and moves as much on one side as on the other.
    [total] = tables["Trial balance USD"].totals()
    assert (total[2], total[5], total[3]) == (Money(0, "usd"), Money(0, "usd"), total[4])
    # No sum mixes two currencies, and every fund is named.
    assert [row[0] for row in tables["Funds"].totals()] == ["Total KRW", "Total USD"]
    assert {row[0] for row in tables["Funds"].rows} == {"Where it is needed most"}
    assert {row[5] for row in tables["Payouts"].rows} == {"Proven to the cent", "Cannot be proven per line"}


def test_what_is_not_so_is_told_first_and_with_what_to_do(october: October):
    with transaction() as session:
        session.execute(text("update discrepancies set blocks_close = true"))
        session.execute(
            text("""
            insert into discrepancies (id, kind, subject_id, sentence, blocks_close, due_on, amount, currency)
            values ('exc_1', 'payout_differs', :payout, 'It differs.', true, '2026-11-01', 1, 'usd')
            """),
            {"payout": october.payouts["arrived"]["id"]},
        )

    page = page_of(october)

    assert (page.verdict, page.tone) == ("Not ready to close", Tone.OPEN)
    assert page.sentence == "1 of 10 items of the checklist are not so."
    [wrong] = [row for row in page.tables[0].rows if row[1] == "no"]
    assert wrong[0] == "No exception keeps it open"
    assert wrong[3]


def test_a_closed_month_is_the_same_page_for_ever(
    october: October, finn: StaffMember, almoner: Almoner, tmp_path: Path
):
    with transaction() as session:
        row = close.close_month(session, october.month, laws=Laws(proved=1), by=finn)
        digest = row.pack_sha256
    before = [draw(page_of(october)) for draw in (html.drawn, workbook.drawn)]
    with transaction() as session:
        session.execute(text('update funds set name = \'{"en": "Renamed"}\''))
        session.execute(text("update payouts set status = 'failed'"))

    page = page_of(october)
    out = tmp_path / "october.xlsx"
    said = almoner("close", "page", "2026-10", "--out", str(out), "--lang", "ko")

    assert (page.verdict, page.tone) == ("Closed", Tone.GOOD)
    assert "Closed by Finn on" in page.sentence
    assert dict(page.facts)["SHA-256 of the pack"] == digest
    assert [draw(page) for draw in (html.drawn, workbook.drawn)] == before
    assert said.error is None, said.error
    book = openpyxl.load_workbook(out, data_only=True)
    assert book["요약"]["A3"].value == "마감됨"
    assert {"점검 항목", "Stripe KRW", "Stripe USD", "시산표 USD", "지급", "마감 이력"} <= set(
        book.sheetnames
    )
    won = [row[-1] for row in book["Stripe KRW"].iter_rows(min_row=6, values_only=True)]
    assert won[-1] == sum(won[:-1]) == 48100

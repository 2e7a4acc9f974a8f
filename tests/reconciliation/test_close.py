"""A month is closed when everything is proven, and then it reads the same for ever."""

import io
import json
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.ledger.models import JournalEntry
from payments.ledger.posting import post
from payments.ledger.rules import unclassified
from payments.reconciliation import bank_import, close, pack
from payments.reconciliation.checklist import Broken, Item, Laws, checklist
from payments.reconciliation.closings import MonthClosing
from payments.reconciliation.month_report import month_report
from payments.reconciliation.months import MonthUnreadable, month_named
from payments.reconciliation.tie_out import tie_outs
from payments.staff import people
from payments.staff.models import Role, StaffMember
from payments.verify.month import laws
from tests.cli.conftest import Almoner
from tests.factories import BOOKS, a_movement
from tests.journeys.neighbours import wait_until
from tests.reconciliation.bank_files import mt940
from tests.reconciliation.conftest import open_account
from tests.reconciliation.october import October
from tests.reconciliation.treasury import Bank

HELD = Laws(proved=1)


@pytest.fixture
def october(finn: StaffMember) -> October:
    """The month, and a bank account whose statements tell it."""
    open_account(finn, "operating", currency="usd", csv="american")
    return October(Bank(finn, "operating"))


@pytest.fixture
def olga(finn: StaffMember) -> StaffMember:
    """An approver."""
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        return people.add(session, email="olga@example.org", name="Olga", roles=[Role.APPROVER], by=adam)


def closed(october: October, by: StaffMember) -> MonthClosing:
    """October is closed."""
    with transaction() as session:
        return close.close_month(session, october.month, laws=HELD, by=by)


def pack_of(october: October, version: int | None = None) -> bytes:
    """Its pack as it is kept."""
    with transaction() as session:
        return close.with_pack(session, october.month, version).pack


def test_the_book_and_stripe_tie_at_the_end_of_each_month_in_each_currency(october: October) -> None:
    with transaction() as session:
        # Stripe's report takes a manual payout off when it is made, whenever it arrives.
        session.execute(text("update payouts set arrives_on = '2026-11-05' where not is_automatic"))
        won, dollars = tie_outs(session, october.month)

    assert {line.category: (line.count, line.gross, line.fee, line.net) for line in dollars.activity} == {
        "charge": (5, 26200, 910, 25290)
    }
    # Arrived, by hand, failed and come back; the last one is effective in November.
    assert (dollars.payouts.count, dollars.payouts.net) == (4, -12077 - 2000)
    assert (dollars.opening, dollars.closing) == (0, 25290 - 14077)
    assert [(p.stripe_payout_id, p.made_on, p.effective_on) for p in dollars.not_yet_effective] == [
        (october.payouts["over the end"]["id"], date(2026, 10, 30), date(2026, 11, 3))
    ]
    assert dollars.in_the_book == dollars.closing - october.payouts["over the end"]["amount"] == 650
    assert (won.currency, won.closing, won.in_the_book, won.not_yet_effective) == ("krw", 48100, 48100, ())
    assert replace(dollars, in_the_book=651).unexplained == 1
    assert not replace(dollars, report_ending=dollars.closing + 1).is_proven
    for proof in (won, dollars):
        assert (proof.late, proof.unexplained, proof.is_proven) == (0, 0, True)
        assert proof.asked is not None
        assert proof.asked.total == proof.asked.mirrored

    with transaction() as session:
        november = tie_outs(session, month_named(session, "2026-11"))[1]
    assert november.opening == 25290 - 14077
    assert november.payouts.net == -october.payouts["over the end"]["amount"]
    assert (november.closing, november.unexplained) == (650, 0)


WRONG = {
    "stripe_read": "insert into stripe_event_queue (stripe_event_id)"
    " select min(stripe_event_id) from stripe_events",
    "tie_out": "update stripe_balances set pending = pending + 1 where currency = 'krw'",
    "bank_statements": "update bank_statements set last_day = '2026-10-30', first_day = '2026-10-01'",
    "bank_book": "update journal_moves set amount = amount + 1 where to_account = 'bank'",
    "suspense": "update journal_moves set to_account = 'suspense_unclassified'"
    " where to_account = 'processing_fees'",
    "exceptions": "insert into discrepancies (id, kind, subject_id, sentence, blocks_close, due_on)"
    " select 'exc_1', 'bank_line_unmatched', id, 'Whose is it?', true, '2026-11-02' from bank_lines"
    " where booked_on = '2026-10-15'",
    "receipts": "delete from receipts where sequence = 1",
    "exceptions_of_november": "insert into discrepancies"
    " (id, kind, subject_id, sentence, blocks_close, due_on)"
    " select 'exc_1', 'bank_line_unmatched', id, 'Whose is it?', true, '2026-11-02' from bank_lines"
    " where booked_on = '2026-11-03'",
}
"""What is planted for each item, and found by it and no other."""


def test_whatever_is_not_so_keeps_the_month_open_and_says_what_to_do(
    october: October, finn: StaffMember, owner: Connection
) -> None:
    month = october.month
    with transaction() as session:
        assert [item.kind for item in checklist(session, month, HELD) if not item.is_ok] == []
    found = {}
    for kind, planted in WRONG.items():
        with Session(owner) as session:
            session.execute(text("set local session_replication_role = replica"))
            session.execute(text(planted))
            wrong = [item for item in checklist(session, month, HELD) if not item.is_ok]
            found[kind] = [item.kind for item in wrong]
            assert all(item.sentence and item.remedy for item in wrong)
            session.rollback()

    assert found == {kind: [kind] for kind in WRONG} | {"exceptions_of_november": []}
    broken = Laws(proved=3, broken=(Broken(kind="entry_on_wrong_day", sentence="Entry 7 is off."),))
    with transaction() as session, pytest.raises(close.MonthNotReady, match="Entry 7") as refused:
        close.close_month(session, month, laws=broken, by=finn)
    assert [item.kind for item in refused.value.items if not item.is_ok] == ["laws"]


def test_half_a_year_later_the_pack_is_byte_for_byte_the_same(
    october: October, finn: StaffMember, almoner: Almoner, tmp_path: Path
) -> None:
    first = closed(october, finn)
    drawn = pack_of(october)
    with transaction() as session:
        then = month_report(session, october.month)

    # A refund of October is heard of late, gifts go on, and a fund and a donor get other names.
    late = october.stripe
    late.it_is(10, 31)
    late.refund(october.charges["dan"], 1000)
    late.it_is(12, 3)
    october.given("gus", 3300, fee=126)
    october.hears()
    with transaction() as session:
        session.execute(text('update funds set name = \'{"en": "Another name"}\''))
        session.execute(text("update donors set name = 'Somebody Else'"))
    out = tmp_path / "october.zip"
    written = almoner("close", "pack", "2026-10", "--out", str(out), "--json")

    assert out.read_bytes() == drawn
    assert written.json["sha256"] == first.pack_sha256
    with transaction() as session:
        refund = session.scalars(select(JournalEntry).where(JournalEntry.kind == "refund")).one()
        november = month_report(session, month_named(session, "2026-11"))
        assert month_report(session, october.month) == then
        (october_again,) = [t for t in tie_outs(session, october.month) if t.currency == "usd"]
    assert refund.effective_on == date(2026, 11, 1)
    assert refund.occurred_at.date() == date(2026, 10, 31)
    story = almoner("gifts", "show", str(refund.donation_id)).text
    assert "2026-11-01 (of 2026-10-31)" in story
    assert [(e.reference, e.happened_on) for e in november.late] == [(refund.reference, date(2026, 10, 31))]
    assert (october_again.late, october_again.unexplained) == (-1000, 0)
    assert (then.status, then.funds[0].fund_name) == ("closed", "Where it is needed most")


def test_the_pack_tells_the_whole_month_and_no_donor_and_is_the_same_when_drawn_again(
    october: October, finn: StaffMember
) -> None:
    sealing = pack.Sealing(version=1, closed_by="Finn", closed_at=datetime(2026, 11, 5, tzinfo=UTC))
    with transaction() as session:
        report = month_report(session, october.month)
        assert pack.draw(session, report, sealing) == pack.draw(session, report, sealing)
        item = Item(kind="bank_book", title="The bank", is_ok=False, sentence="rent; =1+1,@x")
        formula = pack.draw(session, replace(report, checklist=(item,)), sealing)
    with zipfile.ZipFile(io.BytesIO(formula)) as files:
        assert files.read("checklist.csv").splitlines()[1] == b'The bank,no,"rent; =1+1,\'@x"'
    closed(october, finn)

    with zipfile.ZipFile(io.BytesIO(pack_of(october))) as files:
        names = files.namelist()
        told = {name: files.read(name).decode() for name in names}
    manifest = json.loads(told["manifest.json"])
    assert names == ["README.txt", *sorted(names[1:-1]), "manifest.json"]
    assert set(manifest["files"]) == set(names) - {"manifest.json"}
    assert manifest["totals"]["krw"] == {"debit": 51900, "credit": 51900}
    assert all(manifest["checklist"].values())
    journal = told["journal.csv"].splitlines()
    entries = [json.loads(line) for line in told["journal.jsonl"].splitlines()]
    assert len(journal) - 1 == sum(len(entry["moves"]) for entry in entries)
    assert any(",50000,50000,krw," in line for line in journal)
    assert any(",2500,25.00,usd," in line for line in journal)
    assert "unexplained,,,,,0.00" in told["tie_out.csv"]
    assert not any("Ada" in text_ or "ada@" in text_ for text_ in told.values())


def test_only_another_person_reopens_and_the_first_pack_stays(
    october: October, finn: StaffMember, olga: StaffMember
) -> None:
    closed(october, olga)
    first = pack_of(october)

    with transaction() as session, pytest.raises(people.NotAllowed):
        close.reopen(session, october.month, by=finn, reason="a fee was forgotten")
    with transaction() as session, pytest.raises(close.OwnClosing):
        close.reopen(session, october.month, by=olga, reason="a fee was forgotten")
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        pia = people.add(session, email="pia@example.org", name="Pia", roles=[Role.APPROVER], by=adam)
        with pytest.raises(people.ReasonMissing):
            close.reopen(session, october.month, by=pia, reason=" ")
        close.reopen(session, october.month, by=pia, reason="a fee was forgotten")
    october.stripe.it_is(10, 31)
    october.stripe.moves("fee", -300, type="stripe_fee", description="Radar")
    october.hears()
    october.looks(datetime(2026, 11, 26, tzinfo=UTC))
    second = closed(october, finn)

    assert second.version == 2
    assert pack_of(october, 1) == first != pack_of(october)
    with transaction() as session:
        told = month_report(session, october.month).closings
    assert [(each.version, each.closed_by, each.reopened_by, each.reopen_reason) for each in told] == [
        (1, "Olga", "Pia", "a fee was forgotten"),
        (2, "Finn", None, None),
    ]


def test_an_entry_that_comes_in_during_the_closing_begins_it_anew(
    october: October, finn: StaffMember
) -> None:
    entry = unclassified(a_movement(700, 0, created_at=datetime(2026, 10, 14, tzinfo=UTC)), BOOKS)

    assert closed_while(october, finn, lambda session: post(session, [entry])) == 0

    with transaction() as session:
        assert session.get_one(JournalEntry, entry.reference).effective_on == date(2026, 10, 13)


def test_a_bank_line_that_comes_in_during_the_closing_begins_it_anew(
    october: October, finn: StaffMember
) -> None:
    told = mt940([(date(2026, 10, 16), [(4200, "SOMEBODY")])], opening=500000, currency="USD")

    def take_in(session: Session) -> None:
        bank_import.take_in(
            session, told, file_name="late", account_id="operating", by=finn, gap_reason="it was forgotten"
        )

    assert closed_while(october, finn, take_in) == 0


def closed_while(october: October, finn: StaffMember, happens: Callable[[Session], object]) -> int:
    """Something is being written when October is to be closed; how many closings there are then."""
    trouble: list[BaseException] = []

    def close_it() -> None:
        try:
            closed(october, finn)
        except close.MonthMoved as moved:
            trouble.append(moved)

    closing = threading.Thread(target=close_it)
    with transaction() as session:
        happens(session)
        closing.start()
        wait_until(_somebody_waits_for_the_books)
    closing.join()
    with transaction() as session:
        count = session.scalar(select(func.count()).select_from(MonthClosing)) or 0
    assert len(trouble) == 1 - count
    return count


def _somebody_waits_for_the_books() -> bool:
    with transaction() as session:
        waiting = text("select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        return bool(session.scalar(waiting))


def test_at_the_terminal_a_month_is_checked_closed_proven_and_opened_again(
    october: October, almoner: Almoner, olga: StaffMember
) -> None:
    checked = almoner("close", "check", "2026-10", "--json")
    assert [item["kind"] for item in checked.json["checklist"] if not item["is_ok"]] == [], checked.text
    assert almoner("verify", "--month", "2026-10", "--json").json == {
        "months": ["2026-10"],
        "count": 0,
        "is_proven": True,
        "findings": [],
    }
    done = almoner("close", "2026-10", "--as", "finn@example.org", "--json")
    assert (done.exit_code, done.json["version"]) == (0, 1)
    again = almoner("close", "2026-10", "--as", "finn@example.org")
    assert again.exit_code == 1
    assert "closed already" in again.text
    listed = almoner("close", "status", "--json").json
    assert [(row["month"], row["status"], row["closed_by"]) for row in listed][-1] == (
        "2026-10",
        "closed",
        "Finn",
    )
    assert almoner("close", "tie-out", "2026-10").exit_code == 0
    far = almoner("close", "--as", "finn@example.org", "2031-12")
    assert far.exit_code == 1
    assert "Wait until then." in far.text
    assert "First close 2026-11." in far.text
    assert isinstance(almoner("close", "tie-out", "10/2026").error, MonthUnreadable)

    with transaction() as session:
        session.execute(text("update payouts set amount = amount + 1 where status = 'paid' and is_automatic"))
    found = almoner("verify", "--month", "2026-10", "--json")
    everything = almoner("verify", "--json")

    assert found.exit_code == everything.exit_code == 1
    assert {wrong["kind"] for wrong in found.json["findings"]} >= {"payout_differs"}
    assert everything.json["months"][:2] == ["2026-10", "2026-11"]
    told = [(wrong["kind"], *wrong["subjects"]) for wrong in everything.json["findings"]]
    assert len(set(told)) == len(told)
    reopened = almoner("close", "reopen", "2026-10", "--as", "olga@example.org", "--reason", "the payout")
    assert reopened.exit_code == 0
    assert laws().broken == ()

"""Each entry leaves once for a target; what left can be fetched again, byte for byte."""

import threading
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import Connection, delete, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from payments.database import Base, libpq_url, transaction
from payments.ledger.posting import post
from payments.ledger.rules import unclassified
from payments.money import exponent
from payments.reconciliation.checklist import Item, checklist
from payments.reconciliation.exports import batches, journal, maps, targets
from payments.reconciliation.exports.batches import NothingToExport, OtherCurrencies, TooManyLines
from payments.reconciliation.exports.format import Control, Frame
from payments.reconciliation.exports.journal import Chosen, Granularity
from payments.reconciliation.exports.maps import MapWrong, NotMapped
from payments.reconciliation.exports.stored_files import ExportDamaged
from payments.reconciliation.months import month_named
from payments.staff.models import AuditEntry, StaffMember
from payments.staff.people import NotAllowed
from payments.verify.exports import CHECKS
from payments.verify.run import breaches
from tests.factories import BOOKS, a_movement
from tests.journeys.neighbours import wait_until
from tests.reconciliation.exports.small_book import OCTOBER, OPTIONS, export, fetched, name_everything


def test_the_second_batch_has_only_what_is_new(book: StaffMember) -> None:
    until_the_tenth = export("csv", book, last_day=date(2026, 10, 10))

    rest = export("csv", book)

    assert (until_the_tenth.number, rest.number) == (1, 2)
    assert until_the_tenth.entry_count + rest.entry_count == 13
    first, second = fetched(until_the_tenth, book), fetched(rest, book)
    assert not external_ids(first) & external_ids(second)
    with pytest.raises(NothingToExport):
        export("csv", book)


def external_ids(written: bytes) -> set[str]:
    return {line.split(",")[6] for line in written.decode().splitlines()[1:]}


def test_what_left_is_proven_by_the_verify_command(book: StaffMember, database: str) -> None:
    export("csv", book, last_day=date(2026, 10, 10))
    export("csv", book, granularity="month")
    export("beancount", book)

    with psycopg.connect(libpq_url(database)) as reader:
        assert [found.sentence for check in CHECKS for found in breaches(reader, check)] == []


def test_what_comes_after_the_export_of_a_month_must_follow_before_it_is_closed(book: StaffMember) -> None:
    export("csv", book)
    whole = is_exported()
    with transaction() as session:
        post(
            session, [unclassified(a_movement(700, 0, created_at=datetime(2026, 10, 14, tzinfo=UTC)), BOOKS)]
        )

    late = is_exported()
    export("csv", book)

    assert (whole.is_ok, whole.sentence) == (True, "Batches 1 hold the whole month.")
    assert (late.is_ok, late.sentence) == (
        False,
        "Entries of the month came after its export: 1 for csv.",
    )
    assert "almoner export csv --month 2026-10" in late.remedy
    assert is_exported().sentence == "Batches 1, 2 hold the whole month."


def is_exported() -> Item:
    with transaction() as session:
        items = checklist(session, month_named(session, "2026-10", "us"), None)
    return next(item for item in items if item.kind == "exports")


def test_another_target_gets_them_too(book: StaffMember) -> None:
    export("csv", book)

    assert export("jsonl", book).entry_count == 13


def test_two_people_who_export_at_once_export_everything_once(book: StaffMember) -> None:
    made: list[object] = []
    both_ready = threading.Barrier(2)

    def press_the_button() -> None:
        both_ready.wait(10)
        try:
            made.append(export("csv", book).entry_count)
        except NothingToExport as nothing:
            made.append(nothing)

    people = [threading.Thread(target=press_the_button) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join(60)

    assert sorted(map(str, made))[0] == "13"
    assert isinstance(next(each for each in made if each != 13), NothingToExport)


def test_the_database_itself_refuses_an_entry_a_second_time(book: StaffMember) -> None:
    export("csv", book)

    with pytest.raises(IntegrityError, match="pk_exported_entries"), transaction() as session:
        session.execute(text("insert into exported_entries values ('csv', 1, 2)"))


@pytest.mark.parametrize("table", ["export_batches", "exported_entries", "export_chunks", "export_maps"])
def test_nobody_takes_a_batch_back(table: str, book: StaffMember, owner: Connection) -> None:
    export("csv", book)

    with pytest.raises(DBAPIError, match="append-only"):
        owner.execute(delete(Base.metadata.tables[table]))


def test_a_file_fetched_again_is_the_same_whatever_was_renamed_since(book: StaffMember) -> None:
    name_everything("quickbooks-online", book)
    batch = export("quickbooks-online", book, currency="usd")
    before = fetched(batch, book)
    with transaction() as session:
        maps.change(
            session, targets.known("quickbooks-online"), "us", "accounts.stripe_balance", "Elsewhere", by=book
        )
        session.execute(text("update issuing_entities set legal_name = 'Renamed'"))

    assert fetched(batch, book) == before
    assert b"1360" in before
    assert batch.settings["map"]["accounts"]["stripe_balance"] == "1360"
    assert batch.settings["map"]["version"] == 1


def test_a_damaged_file_is_never_handed_over_as_the_true_one(book: StaffMember, owner: Connection) -> None:
    batch = export("csv", book)
    owner.execute(text("set local session_replication_role = replica"))
    owner.execute(text("update export_batches set sha256 = repeat('0', 64)"))
    owner.commit()

    with pytest.raises(ExportDamaged):
        fetched(batch, book)


def test_whoever_makes_or_fetches_a_file_stands_in_the_audit_log(book: StaffMember) -> None:
    batch = export("csv", book)
    with transaction() as session:
        vera = session.get_one(StaffMember, "stf_vera")
    fetched(batch, vera)

    with transaction() as session:
        log = {(row.staff_id, row.deed, row.subject) for row in session.query(AuditEntry)}
    assert log == {("stf_finn", "export.make", "export:1"), ("stf_vera", "export.download", "export:1")}
    with pytest.raises(NotAllowed):
        export("jsonl", vera)


def test_debits_are_credits_in_each_journal_and_all_granularities_come_to_the_same(
    book: StaffMember,
) -> None:
    sums = {}
    for granularity in Granularity:
        chosen = Chosen(entity_id="us", first_day=OCTOBER[0], last_day=OCTOBER[1], granularity=granularity)
        by_currency: dict[str, int] = defaultdict(int)
        with transaction() as session:
            for each in journal.journals(session, chosen):
                assert sum(side.debit for side in each.sides) == sum(side.credit for side in each.sides) > 0
                assert len(each.number) <= 21
                by_currency[each.currency] += sum(side.debit for side in each.sides)
        sums[granularity] = dict(by_currency)

    assert len({str(sorted(each.items())) for each in sums.values()}) == 1
    assert set(sums[Granularity.MONTH]) == {"usd", "krw", "kwd"}


def test_the_same_entries_with_the_same_settings_are_the_same_bytes(book: StaffMember) -> None:
    name_everything("xero", book)
    with transaction() as session:
        said = maps.current(session, targets.known("xero"), "us")
        chosen = Chosen(entity_id="us", first_day=OCTOBER[0], last_day=OCTOBER[1])
        of_october = list(journal.journals(session, chosen))
    for target in targets.TARGETS.values():
        if target.of_journals is None:
            continue
        frame = Frame(
            number=1,
            entity_id="us",
            entity_name="Lantern Path",
            first_day=OCTOBER[0],
            last_day=OCTOBER[1],
            made_at=datetime(2026, 11, 3, tzinfo=UTC),
            chosen=chosen,
            accounts=said.accounts,
            funds=said.funds,
            options=target.default_options() | OPTIONS.get(target.name, {}) | {"currency": "usd"},
        )
        once, again = (b"".join(target.of_journals(iter(of_october), frame, Control())) for _ in range(2))
        assert once == again, target.name


def test_the_csv_comes_to_its_control_totals(book: StaffMember) -> None:
    batch = export("csv", book)

    lines = [line.split(",") for line in fetched(batch, book).decode().splitlines()[1:]]

    assert batch.control["rows"] == len(lines)
    for currency, total in batch.totals.items():
        scale = Decimal(10) ** exponent(currency)
        debits = [line[13] for line in lines if line[12] == currency and line[13]]
        credits = [line[14] for line in lines if line[12] == currency and line[14]]
        assert sum(map(Decimal, debits)) * scale == sum(map(Decimal, credits)) * scale == total["debit"]


def test_what_has_no_name_is_named_whole_and_nothing_happens(book: StaffMember) -> None:
    with transaction() as session:
        maps.save(
            session,
            targets.known("xero"),
            "us",
            {"accounts": {"bank": "1200"}},
            by=book,
        )

    with pytest.raises(NotMapped) as refusal:
        export("xero", book, currency="usd")

    for name in (
        "options.currency",
        "accounts.stripe_balance",
        "accounts.processing_fees",
        "funds.rescue",
        "funds.education",
    ):
        assert name in str(refusal.value)
    assert "accounts.bank\n" not in str(refusal.value)
    assert "accounts.chargebacks" not in str(refusal.value)
    with transaction() as session:
        assert batches.listed(session) == []
        assert session.scalar(text("select count(*) from exported_entries")) == 0


def test_a_target_of_one_currency_says_what_else_there_is(book: StaffMember) -> None:
    name_everything("xero", book)

    with pytest.raises(OtherCurrencies, match=r"1 in KRW, 1 in KWD.*--currency usd"):
        export("xero", book)
    alone = export("xero", book, currency="usd")

    assert set(alone.totals) == {"usd"}
    assert alone.entry_count == 11


def test_more_lines_than_datev_reads_are_refused(book: StaffMember, monkeypatch: pytest.MonkeyPatch) -> None:
    name_everything("datev", book)
    monkeypatch.setitem(targets.TARGETS, "datev", replace(targets.known("datev"), most_lines=10))

    with pytest.raises(TooManyLines, match="month"):
        export("datev", book, currency="usd")


def test_more_lines_than_xero_reads_are_refused(book: StaffMember) -> None:
    name_everything("xero", book)
    moved = (a_movement(7, 0, created_at=datetime(2026, 10, 14, tzinfo=UTC)) for _ in range(150))
    with transaction() as session:
        post(session, [unclassified(each, BOOKS) for each in moved])

    with pytest.raises(TooManyLines, match=r"xero reads at most 300 lines .* `--granularity payout`"):
        export("xero", book, currency="usd")
    assert export("xero", book, currency="usd", granularity="month").control["rows"] < 300


def test_an_account_of_datev_has_as_many_digits_as_its_books_say(finn: StaffMember) -> None:
    datev = targets.known("datev")
    with transaction() as session:
        maps.change(session, datev, "us", "options.account_length", "6", by=finn)

    with transaction() as session:
        with pytest.raises(MapWrong, match=r"accounts.bank: '1200' has 4 digits.* an account has 6"):
            maps.change(session, datev, "us", "accounts.bank", "1200", by=finn)
        said = maps.change(session, datev, "us", "accounts.bank", "120000", by=finn)

    assert said.accounts == {"bank": "120000"}


@pytest.mark.parametrize("said", ["dd/mm/yyyy", "DD MMM YYYY", "MM/DD", "YYYY/MM/MM", ""])
def test_a_form_of_dates_that_would_stand_on_every_line_is_refused(finn: StaffMember, said: str) -> None:
    with transaction() as session, pytest.raises(MapWrong, match="With YYYY, MM and DD"):
        maps.change(session, targets.known("xero"), "us", "options.date_format", said, by=finn)


def test_two_people_who_say_a_thing_each_at_once_are_both_heard(finn: StaffMember) -> None:
    xero = targets.known("xero")

    def say_the_other() -> None:
        with transaction() as session:
            maps.change(session, xero, "us", "accounts.stripe_balance", "1360", by=finn)

    beside = threading.Thread(target=say_the_other)
    with transaction() as session:
        maps.change(session, xero, "us", "accounts.bank", "1200", by=finn)
        beside.start()
        wait_until(_somebody_waits)
    beside.join()

    with transaction() as session:
        said = maps.current(session, xero, "us")
    assert said.accounts == {"bank": "1200", "stripe_balance": "1360"}


def _somebody_waits() -> bool:
    with transaction() as session:
        waiting = text("select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        return bool(session.scalar(waiting))


def test_a_map_that_could_not_be_used_is_refused_with_every_mistake(finn: StaffMember) -> None:
    content = {
        "accounts": {"stripe_blance": "1", "bank/rescue": "1", "bank": "=1+1", "chargebacks": " "},
        "funds": {"moon": "Moon", "rescue": "a\tb", "education": "@home"},
        "options": {"currency": "dollars", "colour": "red", "location": "-1"},
    }

    with pytest.raises(MapWrong) as refusal, transaction() as session:
        maps.save(session, targets.known("quickbooks-online"), "us", content, by=finn)

    said = str(refusal.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in said] == [
        *("accounts.bank", "accounts.bank/rescue", "accounts.chargebacks", "accounts.stripe_blance"),
        *("funds.education", "funds.moon", "funds.rescue"),
        *("options.colour", "options.currency", "options.location"),
    ]
    assert "could be taken for a formula" in said[0]
    with pytest.raises(MapWrong, match=r"\[account\]"), transaction() as session:
        maps.save(session, targets.known("quickbooks-online"), "us", {"account": {}}, by=finn)

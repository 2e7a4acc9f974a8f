"""What leaves for the programs that keep donors, and that donors' names leave for no other."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest

from payments.database import transaction
from payments.ledger import rules
from payments.ledger.posting import post
from payments.ledger.rules import MoneyBack
from payments.ledger.standing import Standing
from payments.reconciliation.exports import batches, maps, targets
from payments.reconciliation.exports.batches import OtherCurrencies, Wanted
from payments.reconciliation.exports.npsp import MoreFundsThanColumns
from payments.reconciliation.exports.targets import TARGETS
from payments.staff.models import AuditEntry, StaffMember
from payments.staff.people import NotAllowed, ReasonMissing
from tests.factories import BOOKS
from tests.reconciliation.exports.small_book import (
    HANEUL,
    NAMES,
    OCTOBER,
    at,
    export,
    fetched,
    movement,
    name_everything,
)
from tests.reconciliation.exports.test_golden import GOLDEN


def rows_of(batch: object, book: StaffMember) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(fetched(batch, book).decode())))  # type: ignore[arg-type]


def test_no_donor_is_named_in_a_journal() -> None:
    """The golden files of a book in which every gift has a donor with a telling name."""
    for path in GOLDEN.iterdir():
        if path.stem in TARGETS and not TARGETS[path.stem].holds_personal_data:
            written = path.read_bytes().decode()
            assert "@example.com" not in written, path.name
            for name in NAMES:
                assert name not in written, path.name


def test_donors_leave_with_a_reason_and_to_finance_only(book: StaffMember) -> None:
    name_everything("civicrm", book)
    with transaction() as session:
        vera = session.get_one(StaffMember, "stf_vera")
    batch = export("civicrm", book)

    with pytest.raises(ReasonMissing), transaction() as session:
        batches.make(session, Wanted(target="civicrm", entity_id="us", last_day=OCTOBER[1]), by=book)
    with pytest.raises(ReasonMissing), transaction() as session:
        batches.download(session, batches.find(session, 1), by=book)
    with pytest.raises(NotAllowed):
        fetched(batch, vera)
    fetched(batch, book)
    with transaction() as session:
        noted = [row.reason for row in session.query(AuditEntry) if row.deed == "export.download"]
    assert noted == ["the books"]


def test_salesforce_gets_the_control_totals_of_its_rows(book: StaffMember) -> None:
    name_everything("npsp", book)

    batch = export("npsp", book, currency="usd")

    rows = rows_of(batch, book)
    total = sum(Decimal(row["npsp__Donation_Amount__c"]) for row in rows)
    assert batch.control == {"rows": 3, "sums": {"usd": {"donation_amount": int(total * 100)}}}
    with pytest.raises(OtherCurrencies, match="2 in KRW"):
        export("npsp", book)


def test_a_gift_that_went_back_comes_again_under_its_id(book: StaffMember) -> None:
    name_everything("npsp", book)
    name_everything("civicrm", book)
    export("npsp", book, currency="usd"), export("civicrm", book)
    with transaction() as session:
        back = MoneyBack(settled=10000, before=Standing(), after=Standing(refunded=2500))
        post(
            session,
            [rules.refunded(movement("later", -2500, 0, at(2, month=11), "refund"), HANEUL, back, BOOKS)],
        )

    november = {"first_day": date(2026, 11, 1), "last_day": date(2026, 11, 30)}
    (row,) = rows_of(export("npsp", book, currency="usd", **november), book)
    contributions = rows_of(export("civicrm", book, **november), book)

    assert row["Almoner_Gift_ID__c"] == HANEUL.donation_id
    assert (row["npsp__Donation_Stage__c"], row["npsp__Donation_Amount__c"]) == ("Closed Won", "75.00")
    assert [row[f"npsp__GAU_Allocation_{n}_Amount__c"] for n in (1, 2)] == ["45.00", "30.00"]
    assert [each["total_amount"] for each in contributions] == ["45.00", "30.00"]


def test_a_gift_for_more_funds_than_there_are_columns_is_refused(book: StaffMember) -> None:
    name_everything("npsp", book, allocations="1")

    with pytest.raises(MoreFundsThanColumns, match="2 funds"):
        export("npsp", book, currency="usd")
    with transaction() as session:
        assert batches.listed(session) == []
        maps.change(session, targets.known("npsp"), "us", "options.allocations", "2", by=book)
    assert export("npsp", book, currency="usd").entry_count == 4

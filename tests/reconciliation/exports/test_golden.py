"""Every format, byte for byte. A changed file is looked at and written anew with `ALMONER_WRITE_GOLDEN=1`."""

import os
from pathlib import Path

from payments.reconciliation.exports.targets import TARGETS
from payments.staff.models import StaffMember
from tests.reconciliation.exports import small_book

GOLDEN = Path(__file__).parent / "golden"


def the_file(target: str, book: StaffMember, granularity: str = "transaction") -> bytes:
    """All of October, or its dollars where the target takes one currency."""
    currency = "usd" if TARGETS[target].is_only_home_currency else None
    batch = small_book.export(target, book, granularity=granularity, currency=currency)
    return small_book.fetched(batch, book)


def is_golden(name: str, written: bytes) -> bool:
    """Whether it is what somebody has looked at."""
    path = GOLDEN / name
    if os.environ.get("ALMONER_WRITE_GOLDEN"):
        path.write_bytes(written)
    return path.read_bytes() == written


def test_each_file_is_as_it_was_looked_at(book: StaffMember) -> None:
    # The number of a batch stands in some files.
    for target, known in sorted(TARGETS.items()):
        if known.is_only_home_currency or known.needs_funds:
            small_book.name_everything(target, book)

    as_looked_at = {
        target: is_golden(f"{target}{known.suffix}", the_file(target, book))
        for target, known in sorted(TARGETS.items())
        if target != "xlsx"
    }

    assert all(as_looked_at.values()), as_looked_at
    assert {path.name for path in GOLDEN.iterdir()} >= {
        f"{target}{TARGETS[target].suffix}" for target in as_looked_at
    }


def test_a_journal_a_payout_is_as_it_was_looked_at(book: StaffMember) -> None:
    assert is_golden("csv-by-payout.csv", the_file("csv", book, "payout"))


def test_a_journal_a_month_is_as_it_was_looked_at(book: StaffMember) -> None:
    assert is_golden("csv-by-month.csv", the_file("csv", book, "month"))

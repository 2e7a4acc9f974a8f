"""Every format, byte for byte. A changed file is looked at and written anew with `ALMONER_WRITE_GOLDEN=1`."""

import os
from pathlib import Path

import pytest

from payments.reconciliation.exports.targets import TARGETS
from payments.staff.models import StaffMember
from tests.reconciliation.exports import small_book

GOLDEN = Path(__file__).parent / "golden"
_OF_ONE_CURRENCY = {name for name, target in TARGETS.items() if target.is_only_home_currency}


def the_file(target: str, book: StaffMember, granularity: str = "transaction") -> bytes:
    currency = "usd" if target in _OF_ONE_CURRENCY else None
    batch = small_book.export(target, book, granularity=granularity, currency=currency)
    return small_book.fetched(batch, book)


def is_golden(name: str, written: bytes) -> bool:
    path = GOLDEN / name
    if os.environ.get("ALMONER_WRITE_GOLDEN"):
        path.write_bytes(written)
    return path.read_bytes() == written


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "xlsx"])
def test_the_file_is_as_it_was_looked_at(target: str, book: StaffMember) -> None:
    if target in _OF_ONE_CURRENCY:
        small_book.name_everything(target, book)

    written = the_file(target, book)

    assert is_golden(f"{target}{TARGETS[target].suffix}", written)


@pytest.mark.parametrize("granularity", ["payout", "month"])
def test_summed_journals_are_as_they_were_looked_at(granularity: str, book: StaffMember) -> None:
    written = the_file("csv", book, granularity)

    assert is_golden(f"csv-by-{granularity}.csv", written)

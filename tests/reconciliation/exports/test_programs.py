"""beancount and hledger, two programs that know nothing of us, prove the book we hand them."""

import csv
import io
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from payments.database import transaction
from payments.donations.models import Fund
from payments.ledger.accounts import Account
from payments.ledger.balances import balances
from payments.reconciliation.exports import maps, targets
from payments.reconciliation.exports.maps import NotMapped
from payments.reconciliation.exports.plain_text import account_name
from payments.staff.models import StaffMember
from tests.reconciliation.exports.small_book import export, fetched

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
with_beancount = pytest.mark.skipif(not BEAN_CHECK.exists(), reason="bean-check is not installed")
with_hledger = pytest.mark.skipif(not shutil.which("hledger"), reason="hledger is not installed")

Balances = dict[tuple[str, str], Decimal]


def ours(target: str) -> Balances:
    """Every balance of the book, by the account's name in the file and its currency."""
    found: Balances = defaultdict(Decimal)
    with transaction() as session:
        for row in balances(session):
            name = account_name({}, {}, row.account, row.fund_id)
            found[name, row.balance.currency.upper()] += row.balance.major
    return {key: balance for key, balance in found.items() if balance}


def files(target: str, book: StaffMember, folder: Path) -> Path:
    """October in two batches, and a book that includes both."""
    first = export(target, book, last_day=date(2026, 10, 10))
    second = export(target, book, granularity="payout")
    for batch in (first, second):
        (folder / batch.file_name).write_bytes(fetched(batch, book))
    whole = folder / f"whole{Path(first.file_name).suffix}"
    quote = '"' if target == "beancount" else ""
    whole.write_text(
        "".join(f"include {quote}{batch.file_name}{quote}\n" for batch in (first, second)), encoding="utf-8"
    )
    return whole


def sum_below(found: Balances, name: str, currency: str) -> Decimal:
    return sum(
        (
            amount
            for (other, of), amount in found.items()
            if of == currency and (other == name or other.startswith(f"{name}:"))
        ),
        Decimal(0),
    )


def spoil(file: Path, folder: Path) -> None:
    """One cent more in one line of the first batch."""
    first = min(path for path in folder.iterdir() if "-0001-" in path.name)
    first.write_text(first.read_text().replace("  25.00 USD", "  25.01 USD", 1), encoding="utf-8")
    assert file.exists()


def bean_check(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BEAN_CHECK, file], capture_output=True, text=True, check=False)


def hledger(*words: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["hledger", "-f", file, *words], capture_output=True, text=True, check=False)


@with_beancount
def test_beancount_takes_the_batches_and_finds_our_balances(book: StaffMember, tmp_path: Path) -> None:
    whole = files("beancount", book, tmp_path)
    asserted = tmp_path / "asserted.beancount"
    # A balance is asserted at the beginning of a day: the day after the last.
    # It holds for an account with all below it, and forgives one in the last digit unless told not to.
    found = ours("beancount")
    lines = [
        f"2026-11-01 balance {name}  {sum_below(found, name, currency)} ~ 0 {currency}"
        for name, currency in found
    ]
    asserted.write_text(f'include "{whole.name}"\n' + "\n".join(lines) + "\n", encoding="utf-8")

    checked = bean_check(asserted)

    assert checked.returncode == 0, checked.stderr
    assert len(lines) > 12
    asserted.write_text(asserted.read_text().replace("12.090 ~ 0 KWD", "12.091 ~ 0 KWD"), encoding="utf-8")
    assert "Balance failed" in bean_check(asserted).stderr


@with_beancount
def test_beancount_refuses_a_cent_too_many(book: StaffMember, tmp_path: Path) -> None:
    whole = files("beancount", book, tmp_path)
    spoil(whole, tmp_path)

    checked = bean_check(whole)

    assert checked.returncode != 0
    assert "does not balance: (0.01 USD)" in checked.stderr


@with_hledger
def test_hledger_takes_the_batches_and_finds_our_balances(book: StaffMember, tmp_path: Path) -> None:
    whole = files("hledger", book, tmp_path)

    checked = hledger("check", "--strict", file=whole)
    told = hledger("balance", "--flat", "--no-total", "-O", "csv", "--layout=bare", file=whole)

    assert checked.returncode == 0, checked.stderr
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    theirs = {(row["account"], row["commodity"]): Decimal(row["balance"]) for row in rows}
    assert {key: amount for key, amount in theirs.items() if amount} == ours("hledger")


@with_hledger
def test_hledger_refuses_a_cent_too_many(book: StaffMember, tmp_path: Path) -> None:
    whole = files("hledger", book, tmp_path)
    spoil(whole, tmp_path)

    checked = hledger("check", "--strict", file=whole)

    assert checked.returncode != 0
    assert "0.01" in checked.stderr


def test_two_funds_that_would_share_an_account_are_to_be_named_first(book: StaffMember) -> None:
    with transaction() as session:
        for fund_id in ("water_wells", "water-wells"):
            name = {"en": fund_id}
            session.add(
                Fund(id=fund_id, entity_id="us", name=name, description=name, is_restricted=True, position=9)
            )

    with pytest.raises(NotMapped, match=r"funds\.water-wells"):
        export("beancount", book)
    with transaction() as session:
        maps.change(session, targets.known("beancount"), "us", "funds.water_wells", "Pumps", by=book)
    assert export("beancount", book).entry_count == 13


def test_every_account_of_the_chart_has_a_name_of_its_own() -> None:
    names = {account_name({}, {}, account, None) for account in Account}

    assert len(names) == len(Account)

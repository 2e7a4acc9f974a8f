"""Files as banks write them: the samples beside this file, and MT940 of any days and lines."""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from payments.reconciliation.formats import detect
from payments.reconciliation.statements import Statement, in_one

SAMPLES = Path(__file__).parent / "samples"

CURRENCIES = {
    "camt053_v02.xml": "eur",
    "camt053_v08.xml": "eur",
    "two_days.mt940": "eur",
    "november.ofx": "usd",
    "november_2.ofx": "usd",
    "one_day.bai2": "usd",
    "german.csv": "eur",
    "korean.csv": "krw",
    "american.csv": "usd",
}


def sample(name: str) -> bytes:
    """A file as it stands in the folder."""
    return (SAMPLES / name).read_bytes()


def profile(name: str) -> dict[str, Any]:
    """A CSV profile of the folder."""
    return tomllib.loads((SAMPLES / f"{name}.toml").read_text())


def read(
    file: bytes, *, currency: str = "eur", csv: str | None = None, number: str | None = None
) -> Statement:
    """The one stretch a file tells."""
    _, statements = detect.read(
        file, currency=currency, csv_profile=profile(csv) if csv is not None else None
    )
    return in_one(statements, account_number=number)


def read_sample(name: str, **how: Any) -> Statement:
    """The same of a sample."""
    csv = name.removesuffix(".csv") if name.endswith(".csv") else None
    return read(sample(name), currency=CURRENCIES[name], csv=csv, **how)


def mt940(
    days: Sequence[tuple[date, Sequence[tuple[int, str]]]], *, opening: int, currency: str = "EUR"
) -> bytes:
    """Statements of these days, each line an amount in cents and a text."""
    parts = []
    balance = opening
    for number, (day, lines) in enumerate(days, start=1):
        parts.append(
            f":20:S\n:25:12030000/0000202051\n:28C:{number}/1\n:60F:{_balance(day, balance, currency)}\n"
        )
        for amount, text in lines:
            balance += amount
            mark = "C" if amount >= 0 else "D"
            parts.append(f":61:{day:%y%m%d}{day:%m%d}{mark}{_euros(amount)}NTRFNONREF\n:86:{text}\n")
        parts.append(f":62F:{_balance(day, balance, currency)}\n-\n")
    return "".join(parts).encode()


def _balance(day: date, amount: int, currency: str) -> str:
    return f"{'C' if amount >= 0 else 'D'}{day:%y%m%d}{currency}{_euros(amount)}"


def _euros(amount: int) -> str:
    return f"{abs(amount) // 100},{abs(amount) % 100:02}"

"""Which format a file is in, by what stands in it and never by its name; and reading it so."""

from collections.abc import Mapping
from typing import Any

from payments.reconciliation.formats import bai2, camt053, csv_file, mt940, ofx
from payments.reconciliation.formats.csv_profile import profile_of
from payments.reconciliation.statements import Statement, StatementRefused

LARGEST_FILE = 64 * 1024 * 1024
_NOT_STATEMENTS = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet. Unpack it, or export CSV, and import each file",
    b"\x1f\x8b": "a packed file. Unpack it first",
    b"%PDF": "a PDF, which no program reads without guessing. Export CAMT.053, MT940, OFX, BAI2 or CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet. Export CSV at the bank instead",
}


def read(file: bytes, *, currency: str, csv_profile: Mapping[str, Any] | None) -> tuple[str, list[Statement]]:
    """The format's name and the statements in the file."""
    _refuse_what_is_none(file)
    if camt053.is_camt(file):
        return "camt053", camt053.read(file)
    if ofx.is_ofx(file):
        _refuse_nul(file)
        return "ofx", ofx.read(file)
    text = _text(file)
    if mt940.is_mt940(text):
        _refuse_nul(file)
        return "mt940", mt940.read(text)
    if bai2.is_bai2(text):
        _refuse_nul(file)
        return "bai2", bai2.read(text)
    if csv_profile is not None:
        return "csv", [csv_file.read(file, profile_of(csv_profile), currency=currency)]
    raise StatementRefused(
        "This is neither CAMT.053, MT940, OFX nor BAI2. If it is CSV, say once how this bank writes it:"
        " `almoner bank account profile ACCOUNT PROFILE.toml` (docs/finance.md)."
    )


def _refuse_what_is_none(file: bytes) -> None:
    if not file.strip():
        raise StatementRefused("This file is empty. Export it again.")
    if len(file) > LARGEST_FILE:
        raise StatementRefused("This file is larger than 64 MiB. Export shorter periods.")
    for beginning, what in _NOT_STATEMENTS.items():
        if file.startswith(beginning):
            raise StatementRefused(f"This is {what}.")


def _refuse_nul(file: bytes) -> None:
    """The one character that PostgreSQL keeps in no text."""
    if b"\x00" in file:
        raise StatementRefused("There is a character in this file that no text has (NUL). Export it again.")


def _text(file: bytes) -> str:
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError:
        return file.decode("cp1252", "replace")

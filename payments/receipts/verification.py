"""Telling a receipt of ours from a forged one, without saying anything about the donor.

The code is made from the receipt with the charity's secret key, printed on it and kept in its content,
so it still holds after the key has changed. Fifty-five bits cannot be guessed, and whoever has a number
but no code learns nothing, not even whether the number was given.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.clock import day_in
from payments.donations.models import IssuingEntity
from payments.receipts.models import GivingStatement, Receipt
from payments.settings import settings

_VERSION = "A"
"""The code's first letter: how the rest was made. Another way to make it takes another letter."""
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U, which are misread."""
_PAIRS = [second + first for first in _LETTERS for second in _LETTERS]
"""By ten bits, the lower five first."""
_MISREAD = str.maketrans("OIL", "011")
_LONGEST = 60
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,60}")


def code_for(
    number: str,
    *,
    issued_on: str,
    tax_id: str,
    currency: str | None = None,
    amount_minor: int | None = None,
) -> str:
    """The code printed on the document with this number: `A7KQ-M2XP-9RTD`. A list of gifts has no one
    amount."""
    key = _key(settings().secret_key.get_secret_value())
    text = f"{number}\n{issued_on}\n{currency}\n{amount_minor}\n{tax_id}"
    bits = int.from_bytes(hmac.digest(key, text.encode(), "sha256")[:7])
    a, b, c, d, e = (_PAIRS[bits >> 10 * place & 1023] for place in range(5))
    return f"{_VERSION}{a}{b[0]}-{b[1]}{c}{d[0]}-{d[1]}{e}{_LETTERS[bits >> 50 & 31]}"


@cache
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"receipt verification A\n" + secret.encode()).digest()


def address_for(number: str, code: str) -> str:
    """The public page that checks this receipt."""
    return f"{settings().public_base_url}/verify/{number}/{code}"


class Standing(StrEnum):
    """What the public page says of a number and a code."""

    VALID = "valid"
    VOID = "void"
    REPLACED = "replaced"
    UNKNOWN = "unknown"
    """No such receipt, or not this code: which of the two is nobody's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What may be told to anybody who holds the document."""

    standing: Standing
    number: str = ""
    legal_name: str = ""
    issued_on: date | None = None
    ended_on: date | None = None
    """When it was voided or replaced."""


def look_up(session: Session, *, number: str, code: str) -> Finding:
    """Whether a receipt with this number and code was issued by this charity, and still stands."""
    number, code = number.strip(), plain(code)
    if not code or not _NUMBER.fullmatch(number):
        return Finding(standing=Standing.UNKNOWN)
    row = session.execute(
        select(
            Receipt.number,
            Receipt.donation_id,
            Receipt.status,
            Receipt.content,
            Receipt.voided_at,
            IssuingEntity.time_zone,
        )
        .join(IssuingEntity, IssuingEntity.id == Receipt.entity_id)
        .where(Receipt.number.in_({number, number.upper()}))
    ).one_or_none()
    if row is None:
        return _statement(session, number, code)
    if not _is_printed_on(row.content, code):
        return Finding(standing=Standing.UNKNOWN)

    standing = Standing.VALID
    if row.status == "void":
        follower = select(Receipt.id).where(
            Receipt.donation_id == row.donation_id, Receipt.status == "issued"
        )
        standing = Standing.REPLACED if session.scalar(follower) is not None else Standing.VOID
    ended_on = day_in(row.time_zone, row.voided_at) if row.voided_at is not None else None
    return _finding(row.content, standing, ended_on=ended_on)


def _statement(session: Session, number: str, code: str) -> Finding:
    row = session.execute(
        select(
            GivingStatement.donor_id,
            GivingStatement.entity_id,
            GivingStatement.tax_year,
            GivingStatement.status,
            GivingStatement.content,
            GivingStatement.voided_at,
            IssuingEntity.time_zone,
        )
        .join(IssuingEntity, IssuingEntity.id == GivingStatement.entity_id)
        .where(GivingStatement.number.in_({number, number.upper()}))
    ).one_or_none()
    if row is None or not _is_printed_on(row.content, code):
        return Finding(standing=Standing.UNKNOWN)

    standing = Standing.VALID
    if row.status == "void":
        # One that took its place may be void by now as well: only one that counts replaces it.
        follower = select(GivingStatement.id).where(
            GivingStatement.donor_id == row.donor_id,
            GivingStatement.entity_id == row.entity_id,
            GivingStatement.tax_year == row.tax_year,
            GivingStatement.status == "issued",
        )
        standing = Standing.REPLACED if session.scalar(follower) is not None else Standing.VOID
    ended_on = day_in(row.time_zone, row.voided_at) if row.voided_at is not None else None
    return _finding(row.content, standing, ended_on=ended_on)


def _is_printed_on(content: Mapping[str, Any], code: str) -> bool:
    printed = plain(str(content.get("verification_code") or ""))
    return bool(printed) and hmac.compare_digest(printed, code)


def _finding(content: Mapping[str, Any], standing: Standing, *, ended_on: date | None = None) -> Finding:
    return Finding(
        standing=standing,
        number=content["number"],
        legal_name=content["entity"]["legal_name"],
        issued_on=date.fromisoformat(content["issued_on"]),
        ended_on=ended_on,
    )


def plain(code: str) -> str:
    """A code as it is compared: without spaces and dashes, with the letters people misread put right."""
    if len(code) > _LONGEST or not code.isascii():
        return ""
    return re.sub(r"[^0-9A-Z]", "", code.upper()).translate(_MISREAD)

"""MT940, SWIFT's statement, read by the `mt-940` library with its corrected reading of marks.

`RC`, the reversal of a credit, takes money away. The line's own reference is the customer's, in `:61:`;
`:20:` names the statement and stands on every line of it.
"""

import logging
import re
from datetime import date
from decimal import InvalidOperation
from io import StringIO
from typing import Any

import mt940

from payments.reconciliation.statements import Line, Statement, StatementRefused, minor

# At a line it cannot read, the library logs the line: it may name a donor.
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)

_SIGNS = (re.compile(r"^:20:", re.MULTILINE), re.compile(r"^:60[FM]:", re.MULTILINE))
_EMPTY = {"NONREF", "NOTPROVIDED", ""}
_BROKEN = "This MT940 file is cut off or broken{}. Export it again."


def is_mt940(text: str) -> bool:
    """Whether the tags every statement has are there."""
    return all(sign.search(text) for sign in _SIGNS)


def read(text: str) -> list[Statement]:
    """Every statement of the file. A page that ends with `:62M:` is a statement like another."""
    if text.count(":61:") != len(re.findall(r"^:61:", text, re.MULTILINE)):
        raise StatementRefused(_BROKEN.format(": a line does not begin where it should"))
    try:
        blocks = mt940.parse_statements(StringIO(text), options=mt940.Options.all())
        return [_statement(block) for block in blocks]
    except (RuntimeError, ValueError, KeyError, AttributeError, InvalidOperation):
        raise StatementRefused(_BROKEN.format("")) from None


def _statement(block: mt940.models.Transactions) -> Statement:
    opening = _balance(block, "final_opening_balance", "intermediate_opening_balance")
    closing = _balance(block, "final_closing_balance", "intermediate_closing_balance")
    if opening is None or closing is None:
        raise StatementRefused(_BROKEN.format(": a statement has no opening or no closing balance"))
    currency = str(opening.amount.currency).lower()
    lines = tuple(_line(each.data, currency) for each in block.transactions if "amount" in each.data)
    account = block.data.get("account_identification")
    return Statement(
        currency=currency,
        lines=lines,
        account_number=str(account).rpartition("/")[2] if account else None,
        number=str(block.data.get("statement_number") or "") or None,
        first_day=min([*(line.booked_on for line in lines), _day(closing.date)]),
        last_day=_day(closing.date),
        opening=minor(opening.amount.amount, currency),
        closing=minor(closing.amount.amount, currency),
    )


def _balance(block: mt940.models.Transactions, *names: str) -> Any:
    return next((block.data[name] for name in names if name in block.data), None)


def _line(data: dict[str, Any], currency: str) -> Line:
    booked_on = _day(data.get("entry_date") if isinstance(data.get("entry_date"), date) else data["date"])
    words = [data.get("purpose"), data.get("additional_purpose"), data.get("extra_details")]
    if not data.get("purpose"):
        words.insert(0, data.get("transaction_details"))
    return Line(
        booked_on=booked_on,
        value_on=_day(data["date"]),
        amount=minor(data["amount"].amount, currency),
        bank_reference=_reference(data.get("bank_reference")),
        payment_reference=_reference(data.get("end_to_end_reference"))
        or _reference(data.get("customer_reference")),
        counterparty=" ".join(str(data.get("applicant_name") or "").split()) or None,
        text=" ".join(" ".join(str(word).split()) for word in words if word),
    )


def _reference(written: object) -> str | None:
    told = " ".join(str(written or "").split())
    return None if told.upper() in _EMPTY else told


def _day(day: Any) -> date:
    return date(day.year, day.month, day.day)

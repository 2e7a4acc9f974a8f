"""BAI2, the statement of banks in the United States, read by the `bai2` library, which checks every
control total and count of records. The way of an amount is in its type code, never in a sign.
"""

import re
from datetime import date

from bai2 import bai2 as library
from bai2.constants import TypeCodeTransaction
from bai2.exceptions import IntegrityException, NotSupportedYetException, ParsingException
from bai2.models import Account, Group, TransactionDetail

from payments.money import exponent
from payments.reconciliation.statements import Line, Statement, StatementRefused

_OPENING, _CLOSING = "010", "015"
_UNREADABLE = (
    ParsingException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    StopIteration,
)
_FILE_BEGINS = re.compile(r"^(?=01,)", re.MULTILINE)
_CUT_OFF = "This BAI2 file is cut off or broken. Export it again."
_TOTALS = (
    "The control totals of this BAI2 file are wrong: lines are missing or changed. Export it again and do"
    " not open it in an editor first."
)


def is_bai2(text: str) -> bool:
    """Whether it begins with a file header."""
    return text.lstrip("\ufeff \r\n").startswith("01,")


def read(text: str) -> list[Statement]:
    """One statement for each account and day. Banks put several files into one."""
    return [
        each for file in _FILE_BEGINS.split(text.lstrip("\ufeff")) if file.strip() for each in _read(file)
    ]


def _read(text: str) -> list[Statement]:
    # At a file that ends before its trailer, the library reads its last record for ever.
    if not text.rstrip().splitlines()[-1].startswith("99,"):
        raise StatementRefused(_CUT_OFF)
    try:
        file = library.parse_from_string(text)
    except NotSupportedYetException as unknown:
        raise StatementRefused(f"This BAI2 file is not read: {unknown}. Ask the bank for CAMT.053.") from None
    except IntegrityException:
        raise StatementRefused(_TOTALS) from None
    except _UNREADABLE:
        raise StatementRefused(_CUT_OFF) from None
    return [_statement(account, group) for group in file.children for account in group.children]


def _statement(account: Account, group: Group) -> Statement:
    currency = str(account.header.currency or group.header.currency).lower()
    day: date = group.header.as_of_date
    if exponent(currency) != 2:
        raise StatementRefused(
            f"BAI2 does not tell where the decimals of {currency.upper()} begin. Ask the bank for CAMT.053."
        )
    balances = {item.type_code.code: item.amount for item in account.header.summary_items if item.type_code}
    return Statement(
        currency=currency,
        lines=tuple(_line(each, day) for each in account.children if each.amount),
        account_number=account.header.customer_account_number,
        first_day=day,
        last_day=day,
        opening=balances.get(_OPENING),
        closing=balances.get(_CLOSING),
    )


def _line(detail: TransactionDetail, day: date) -> Line:
    way = detail.type_code.transaction
    if way not in (TypeCodeTransaction.credit, TypeCodeTransaction.debit):
        raise StatementRefused(
            f"The type code {detail.type_code.code} does not tell whether money came or went. Ask the bank."
        )
    text = " ".join((detail.text or "").rstrip("/").split())
    return Line(
        booked_on=day,
        value_on=(detail.availability or {}).get("date") if detail.availability else None,
        amount=detail.amount if way is TypeCodeTransaction.credit else -detail.amount,
        bank_reference=(detail.bank_reference or "").strip() or None,
        payment_reference=(detail.customer_reference or "").strip() or None,
        text=text,
    )

"""OFX 1 (SGML, leaves without an end tag) and OFX 2 (XML), read by one small reader of tags.

The libraries for it are either under the GPL or left by their author. What is read here is flat: a
leaf is a tag with a text behind it, a group is a tag without one. Nothing is expanded but the five
named entities and character numbers.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from html import unescape

from payments.reconciliation.statements import Line, Statement, StatementRefused, minor, plain_decimal

_TAG = re.compile(r"<(/?)([A-Za-z0-9.]+)\s*/?>([^<]*)")
_CHARSET = re.compile(rb"CHARSET:\s*([\w-]+)|encoding=[\"']([\w-]+)[\"']")
_BROKEN = "This OFX file is cut off or broken{}. Export it again."
Leaves = dict[str, str]


def is_ofx(file: bytes) -> bool:
    """Whether it begins as OFX of either kind does."""
    head = file[:2048].lstrip(b"\xef\xbb\xbf \r\n\t").upper()
    return head.startswith(b"OFXHEADER") or b"<OFX>" in head or b"<?OFX" in head


def read(file: bytes) -> list[Statement]:
    """Every statement of a bank or card account in the file."""
    text = _decoded(file)
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise StatementRefused(
            "This file defines entities of its own, as no bank does. Do not trust where it came from."
        )
    if not re.search(r"</OFX>\s*$", text, re.IGNORECASE):
        raise StatementRefused(_BROKEN.format(": it has no end"))
    statements = [_statement(part) for part in _groups(text, "STMTRS")]
    return statements + [_statement(part) for part in _groups(text, "CCSTMTRS")]


def _statement(part: str) -> Statement:
    leaves = _leaves(part)
    currency = leaves.get("CURDEF", "").lower()
    if len(currency) != 3:
        raise StatementRefused(_BROKEN.format(": it does not tell its currency"))
    listed = next(_groups(part, "BANKTRANLIST"), "")
    about = _leaves(listed)
    lines = tuple(_line(each, currency) for each in _groups(listed, "STMTTRN"))
    first_day = _day(about["DTSTART"]) if "DTSTART" in about else None
    last_day = _day(about["DTEND"]) if "DTEND" in about else None
    return Statement(
        currency=currency,
        lines=lines,
        account_number=leaves.get("ACCTID"),
        first_day=first_day,
        last_day=last_day,
        closing=_closing(part, currency, last_day=last_day),
    )


def _closing(part: str, currency: str, *, last_day: date | None) -> int | None:
    """The ledger balance, if it is of the list's last day: many banks tell that of the moment of the
    download, which counts lines that are not in the file."""
    told = _leaves(next(_groups(part, "LEDGERBAL"), ""))
    if "BALAMT" not in told or "DTASOF" not in told or _day(told["DTASOF"]) != last_day:
        return None
    return minor(plain_decimal(told["BALAMT"]), currency)


def _line(part: str, currency: str) -> Line:
    leaves = _leaves(part)
    if "TRNAMT" not in leaves or "DTPOSTED" not in leaves:
        raise StatementRefused(_BROKEN.format(": a line has no amount or no day"))
    # In `CURRENCY` the amount is foreign; in `ORIGCURRENCY` the bank has converted it already.
    if _leaves(next(_groups(part, "CURRENCY"), "")).get("CURSYM", currency).lower() != currency:
        raise StatementRefused("A line is in another currency than its account. Ask the bank for CAMT.053.")
    words = [leaves.get("NAME"), leaves.get("MEMO")]
    return Line(
        booked_on=_day(leaves["DTPOSTED"]),
        value_on=_day(leaves["DTAVAIL"]) if "DTAVAIL" in leaves else None,
        amount=minor(plain_decimal(leaves["TRNAMT"]), currency),
        bank_reference=leaves.get("FITID"),
        payment_reference=leaves.get("REFNUM") or leaves.get("CHECKNUM"),
        counterparty=leaves.get("NAME"),
        text=" ".join(word for word in words if word),
    )


def _groups(text: str, name: str) -> Iterator[str]:
    """What stands inside each group of this name. Groups always have their end tag."""
    # The text itself is searched: in capitals it may be longer (ß is SS), and every place would be off.
    opened, closed = (re.compile(f"<{end}{name}>", re.IGNORECASE | re.ASCII) for end in ("", "/"))
    begins = opened.search(text)
    while begins is not None:
        ends = closed.search(text, begins.end())
        if ends is None:
            raise StatementRefused(_BROKEN.format(f": <{name}> has no end"))
        yield text[begins.end() : ends.start()]
        begins = opened.search(text, ends.end())


def _leaves(text: str) -> Leaves:
    """The first text behind each tag."""
    leaves: Leaves = {}
    for closing, name, behind in _TAG.findall(text):
        told = " ".join(unescape(behind).split())
        if not closing and told:
            leaves.setdefault(name.upper(), told)
    return leaves


def _day(written: str) -> date:
    try:
        return datetime.strptime(written[:8], "%Y%m%d").date()  # noqa: DTZ007 - the bank's own day
    except ValueError:
        raise StatementRefused(_BROKEN.format(f": “{written[:20]}” is no day")) from None


def _decoded(file: bytes) -> str:
    named = _CHARSET.search(file[:1024])
    told = next((group.decode().lower() for group in named.groups() if group), "") if named else ""
    encodings = (
        ["utf-8-sig", "cp1252"]
        if told in ("", "none", "1252", "utf-8")
        else [told, f"cp{told}", f"iso-{told}"]
    )
    for encoding in encodings:
        try:
            return file.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise StatementRefused(f"The file says it is written in “{told}”, but it is not. Export it again.")

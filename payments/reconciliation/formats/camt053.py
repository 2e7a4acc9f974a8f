"""CAMT.053, the ISO 20022 bank statement: versions 02 to 13, which differ in little of what is read here.

Read by its exact paths. The one library for it looks anywhere below an entry for an amount and a
direction, so a charge inside the details can turn a credit round, and makes balances floats. Entities
are refused, not expanded. `RvslInd` changes nothing: `CdtDbtInd` is already the real direction.
"""

import re
from datetime import date
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from payments.reconciliation.statements import Line, Statement, StatementRefused, minor, plain_decimal

_NAMESPACE = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:camt\.0(\d\d)\.001\.(\d\d)")
_OTHER_REPORTS = {b"52": "an intraday report (CAMT.052)", b"54": "a notice of single bookings (CAMT.054)"}
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def is_camt(file: bytes) -> bool:
    """Whether this is some message of the family."""
    return _NAMESPACE.search(file[:4096].replace(b"\x00", b"")) is not None


def read(file: bytes) -> list[Statement]:
    """Every statement of the file; only what is booked."""
    found = _NAMESPACE.search(file[:4096].replace(b"\x00", b""))
    if found is not None and found.group(1) != b"53":
        what = _OTHER_REPORTS.get(found.group(1), "another message")
        raise StatementRefused(f"This is {what}. Ask the bank for the daily statement, CAMT.053.")
    try:
        root: Element = ElementTree.fromstring(file, forbid_dtd=True)
    except DefusedXmlException:
        raise StatementRefused(
            "This file defines entities of its own, as no bank does. Do not trust where it came from."
        ) from None
    except (ParseError, ValueError, LookupError):
        raise StatementRefused("This XML is cut off or broken. Export the file again.") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return [_statement(each) for each in root.iterfind("BkToCstmrStmt/Stmt")]


def _statement(stmt: Element) -> Statement:
    balances = {_text(each, "Tp/CdOrPrtry/Cd"): each for each in stmt.iterfind("Bal")}
    opening = next((balances[code] for code in _OPENING if code in balances), None)
    closing = next((balances[code] for code in _CLOSING if code in balances), None)
    currency = _text(stmt, "Acct/Ccy") or _currency_of(closing if closing is not None else opening)
    if currency is None:
        raise StatementRefused("The statement does not tell its currency. Export the file again.")
    currency = currency.lower()
    entries = stmt.findall("Ntry")
    booked = [entry for entry in entries if (_text(entry, "Sts/Cd") or _text(entry, "Sts")) == "BOOK"]
    lines = tuple(line for entry in booked for line in _lines(entry, currency))
    opening_day = _day(opening, "Dt") if opening is not None and "OPBD" in balances else None
    return Statement(
        currency=currency,
        lines=lines,
        account_number=_text(stmt, "Acct/Id/IBAN") or _text(stmt, "Acct/Id/Othr/Id"),
        number=_text(stmt, "ElctrncSeqNb") or _text(stmt, "LglSeqNb") or _text(stmt, "Id"),
        first_day=_day(stmt, "FrToDt/FrDtTm") or opening_day,
        last_day=_day(stmt, "FrToDt/ToDtTm") or (_day(closing, "Dt") if closing is not None else None),
        opening=_signed(opening, currency) if opening is not None else None,
        closing=_signed(closing, currency) if closing is not None else None,
        left_out=len(entries) - len(booked),
    )


def _lines(entry: Element, currency: str) -> list[Line]:
    """One line an entry; one each payment of a batch where their amounts come to the entry's."""
    whole = _signed(entry, currency)
    details = entry.findall("NtryDtls/TxDtls")
    parts = [_part(each, entry, currency) for each in details]
    if len(details) > 1 and None not in parts and sum(part or 0 for part in parts) == whole:
        return [_line(entry, each, part or 0) for each, part in zip(details, parts, strict=True)]
    return [_line(entry, details[0] if len(details) == 1 else None, whole)]


def _part(detail: Element, entry: Element, currency: str) -> int | None:
    """What one payment of a batch brought, in the account's currency; None where it is not told."""
    amount = detail.find("Amt")
    if amount is None:
        amount = detail.find("AmtDtls/TxAmt/Amt")
    if amount is None or amount.get("Ccy", "").lower() != currency:
        return None
    way = _text(detail, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    size = minor(plain_decimal(amount.text or ""), currency)
    return -size if way == "DBIT" else size


def _line(entry: Element, detail: Element | None, amount: int) -> Line:
    booked_on = _day(entry, "BookgDt") or _day(entry, "ValDt")
    if booked_on is None:
        raise StatementRefused("A line of the statement has no day. Export the file again.")
    side = "Dbtr" if amount >= 0 else "Cdtr"
    texts: list[str | None] = []
    name = reference = None
    if detail is not None:
        name = _text(detail, f"RltdPties/{side}/Nm") or _text(detail, f"RltdPties/{side}/Pty/Nm")
        reference = _text(detail, "RmtInf/Strd/CdtrRefInf/Ref") or _text(detail, "Refs/EndToEndId")
        texts += [each.text for each in detail.iterfind("RmtInf/Ustrd")]
        texts.append(_text(detail, "AddtlTxInf"))
    texts.append(_text(entry, "AddtlNtryInf"))
    of_the_bank = _text(entry, "AcctSvcrRef")
    if of_the_bank is None and detail is not None:
        of_the_bank = _text(detail, "Refs/AcctSvcrRef")
    return Line(
        booked_on=booked_on,
        value_on=_day(entry, "ValDt"),
        amount=amount,
        bank_reference=of_the_bank,
        payment_reference=None if reference == "NOTPROVIDED" else reference,
        counterparty=name,
        text=" ".join(" ".join(text.split()) for text in texts if text),
    )


def _signed(element: Element, currency: str) -> int:
    amount = element.find("Amt")
    if amount is None or amount.get("Ccy", "").lower() != currency:
        raise StatementRefused(
            f"An amount of the statement is not in {currency.upper()}. Export one file for each currency."
        )
    size = minor(plain_decimal(amount.text or ""), currency)
    way = _text(element, "CdtDbtInd")
    if way not in ("CRDT", "DBIT"):
        raise StatementRefused("An amount of the statement has no direction. Export the file again.")
    return -size if way == "DBIT" else size


def _currency_of(balance: Element | None) -> str | None:
    amount = balance.find("Amt") if balance is not None else None
    return amount.get("Ccy") if amount is not None else None


def _day(element: Element, path: str) -> date | None:
    """A day, which stands as a date, as an instant, or in a `Dt` or `DtTm` below."""
    written = _text(element, f"{path}/Dt") or _text(element, f"{path}/DtTm") or _text(element, path)
    if written is None:
        return None
    try:
        return date.fromisoformat(written[:10])
    except ValueError:
        raise StatementRefused(f"“{written[:30]}” is no day. Export the file again.") from None


def _text(element: Element, path: str) -> str | None:
    found = element.findtext(path)
    return (found.strip() or None) if found is not None else None

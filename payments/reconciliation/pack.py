"""The pack of a closed month: one zip that tells the whole month and reads the same for ever.

It is drawn once, while the month is being closed, and its bytes are kept with the closing (decision 0024):
names change, payouts go on and exceptions are mended, and none of that reaches a month that was reported.
Nothing in it names a donor. The files are in the order of their names and carry no time of their own.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from payments.money import exponent
from payments.reconciliation import pack_queries
from payments.reconciliation.exports.cells import guard
from payments.reconciliation.month_report import REPORT, MonthReport, as_json
from payments.reconciliation.months import Month
from payments.reconciliation.sealed_zip import SealedZip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Who closes, when, and which time it is that this month is closed."""

    version: int
    closed_by: str
    closed_at: datetime


def draw(session: Session, report: MonthReport, sealing: Sealing) -> bytes:
    """The pack of the month as the report tells it, with its journal from the book."""
    tables = _tables(report)
    drawn = io.BytesIO()
    zip_ = SealedZip(drawn)
    zip_.add("README.txt", [_README.encode()])
    for name in sorted([*tables, "journal.csv", "journal.jsonl", "receipts.csv", REPORT]):
        if name in tables:
            zip_.add(name, [_as_csv(*tables[name])])
        elif name == REPORT:
            zip_.add(name, [as_json(report)])
        else:
            zip_.add(name, _copied(session, pack_queries.FILES[name], report.month))
    manifest = {
        "entity": report.month.entity_id,
        "legal_name": report.month.legal_name,
        "month": report.month.name,
        "time_zone": report.month.time_zone,
        "version": sealing.version,
        "closed_by": sealing.closed_by,
        "closed_at": sealing.closed_at.isoformat(),
        "totals": _totals(report),
        "checklist": {item.kind: item.is_ok for item in report.checklist},
        "files": zip_.written,
    }
    zip_.add("manifest.json", [json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"])
    zip_.close()
    return drawn.getvalue()


def manifest_of(pack: bytes) -> dict[str, Any]:
    """What a pack says of itself."""
    with zipfile.ZipFile(io.BytesIO(pack)) as files:
        return dict(json.loads(files.read("manifest.json")))


def journal_sha256(session: Session, month: Month) -> str:
    """The hash that `journal.csv` would have if it were drawn now: while it is that of the pack, the book
    still says what the pack says, amount for amount."""
    digest = sha256()
    for chunk in _copied(session, pack_queries.FILES["journal.csv"], month):
        digest.update(chunk)
    return digest.hexdigest()


def _copied(session: Session, query: str, month: Month) -> Iterable[bytes]:
    """A table as it comes out of PostgreSQL, however long it is."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - there is one driver
    given = {
        "entity": month.entity_id,
        "zone": month.time_zone,
        "first_day": month.first_day,
        "last_day": month.last_day,
        "begins": month.begins,
        "ends": month.ends,
    }
    with driver.cursor() as cursor, cursor.copy(query.encode(), given) as copy:
        for chunk in copy:
            yield bytes(chunk)


def _totals(report: MonthReport) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for line in report.trial_balance:
        of_currency = totals.setdefault(line.currency, {"debit": 0, "credit": 0})
        of_currency["debit"] += line.debit
        of_currency["credit"] += line.credit
    return totals


Table = tuple[Sequence[str], Sequence[Sequence[Any]]]


def _tables(report: MonthReport) -> Mapping[str, Table]:
    """The small tables. Amounts are decimals of the currency beside them."""
    return {
        "bank.csv": (
            ("currency", "what", "reference", "effective_on", "booked_on", "amount"),
            [row for lineup in report.bank for row in _of_bank(lineup)],
        ),
        "checklist.csv": (
            ("item", "ok", "found"),
            [(item.title, "yes" if item.is_ok else "no", item.sentence) for item in report.checklist],
        ),
        "exceptions.csv": (
            (
                "id",
                "kind",
                "subject",
                "day",
                "currency",
                "amount",
                "status",
                "accepted_by",
                "note",
                "sentence",
            ),
            [
                (
                    *(each.id, each.kind, each.subject_id, each.day, each.currency),
                    _decimal(each.amount, each.currency),
                    *(each.status, each.accepted_by, each.note, each.sentence),
                )
                for each in report.exceptions
            ],
        ),
        "funds.csv": (
            ("fund", "name", "currency", "gifts", "contributions", "refunds", "chargebacks", "net"),
            [
                (
                    *(each.fund_id, each.fund_name, each.currency, each.gifts),
                    *(
                        _decimal(amount, each.currency)
                        for amount in (each.contributions, each.refunds, each.chargebacks, each.net)
                    ),
                )
                for each in report.funds
            ],
        ),
        "payouts.csv": (
            (
                "payout",
                "status",
                "automatic",
                "currency",
                "amount",
                "made_on",
                "arrives_on",
                "proof",
                "at_bank",
            ),
            [
                (
                    *(
                        each.stripe_payout_id,
                        each.status,
                        "yes" if each.is_automatic else "no",
                        each.currency,
                    ),
                    *(_decimal(each.amount, each.currency), each.made_on, each.arrives_on, each.proof),
                    "yes" if each.is_on_statement else "no",
                )
                for each in report.payouts
            ],
        ),
        "tie_out.csv": (
            ("currency", "what", "category", "count", "gross", "fee", "net"),
            [row for proof in report.tie_outs for row in _of_tie_out(proof)],
        ),
        "trial_balance.csv": (
            ("account", "fund", "currency", "opening", "debit", "credit", "closing"),
            [
                (
                    *(each.account.value, each.fund_id, each.currency),
                    *(
                        _decimal(amount, each.currency)
                        for amount in (each.opening, each.debit, each.credit, each.closing)
                    ),
                )
                for each in report.trial_balance
            ],
        ),
    }


def _of_tie_out(proof: Any) -> Iterable[Sequence[Any]]:
    def line(what: str, net: int, category: str = "", *more: Any) -> Sequence[Any]:
        count, gross, fee = more or ("", "", "")
        return proof.currency, what, category, count, gross, fee, _decimal(net, proof.currency)

    def figures(activity: Any) -> Sequence[Any]:
        amounts = (_decimal(amount, proof.currency) for amount in (activity.gross, activity.fee))
        return activity.count, *amounts

    yield line("Stripe's opening balance", proof.opening)
    for activity in proof.activity:
        yield line("activity", activity.net, activity.category, *figures(activity))
    yield line("payouts", proof.payouts.net, "payouts", *figures(proof.payouts))
    yield line("Stripe's ending balance", proof.closing)
    yield line("stripe_balance in the book", proof.in_the_book)
    for payout in proof.not_yet_effective:
        yield line("made and not yet effective", payout.amount, payout.stripe_payout_id)
    yield line("booked in a later month", proof.late)
    yield line("unexplained", proof.unexplained)
    if proof.asked is not None:
        yield line(f"Stripe's own number at {proof.asked.asked_at.isoformat()}", proof.asked.total)
        yield line("its movements at that moment", proof.asked.mirrored)
    if proof.report_ending is not None:
        yield line("ending balance of Stripe's report", proof.report_ending)


def _of_bank(lineup: Any) -> Iterable[Sequence[Any]]:
    def line(what: str, amount: int, *of: Any) -> Sequence[Any]:
        reference, effective_on, booked_on = of or ("", "", "")
        amount_text = _decimal(amount, lineup.currency)
        return lineup.currency, what, reference, effective_on, booked_on, amount_text

    yield line("lines of the statements", lineup.on_statements)
    yield line("of these other business", lineup.other_business)
    yield line("bank in the book", lineup.in_the_book)
    for each in lineup.not_on_statements:
        yield line("in the book alone", each.amount, each.reference, each.effective_on, each.booked_on)
    for each in lineup.of_other_months:
        yield line(
            "in the book of another month", each.amount, each.reference, each.effective_on, each.booked_on
        )
    yield line("unexplained", lineup.unexplained)


def _decimal(minor: int | None, currency: str | None) -> Decimal | None:
    return Decimal(minor).scaleb(-exponent(currency)) if minor is not None and currency is not None else None


def _as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return guard(value) if isinstance(value, str) else value


_README = """\
The books of one legal body for one month, as they were when the month was closed.

manifest.json      who closed it and when, totals, and the SHA-256 of every other file
checklist.csv      what was looked at before, and what was found
journal.csv        every entry, one line a move: from the credit account to the debit account
journal.jsonl      the same, one entry a line
trial_balance.csv  every account: opening, debit, credit, closing; debit is positive
funds.csv          what each fund was given, and what went back
tie_out.csv        Stripe's balance from the month's first day to its last, beside the book's
payouts.csv        payouts made in the month or due in it
bank.csv           the bank statements beside the account `bank`
exceptions.csv     what did not fit, and who let it stand
receipts.csv       the receipts issued in the month
month.json         all but the journal and the receipts once more, for a program

Amounts are in the currency beside them; amount_minor is in its smallest unit. happened_on is filled where
an entry happened in a month that was closed when it was heard of. No file names a donor.
"""

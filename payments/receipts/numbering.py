"""The numberer: the one place where a receipt gets its number.

A counter row a series and tax year is raised by as many numbers as are given, under its lock and in the
transaction that writes the receipts: what is not written was never counted, so there is no gap and no
repeat, and the numbers come out in the order of issue. Nothing slow happens under that lock: the rows go
in by COPY, and the pages are set later, from what is written here.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import copy_into, new_id
from payments.receipts import render, verification
from payments.receipts.content import plain_json
from payments.receipts.drafting import Draft
from payments.receipts.models import DueDocument, Receipt, ReceiptCounter


def number(session: Session, drafts: Sequence[Draft]) -> list[str]:
    """Write these receipts into the register, with their pages due; their numbers, in the same order."""
    counters = _raise_counters(session, drafts)
    # Only now, under the counters' locks: a moment taken before the wait for another numberer would
    # give the later number the earlier instant, at midnight even the earlier day.
    issued_at = now()
    template_sha256 = render.template_sha256()
    days: dict[str, str] = {}
    rows, due, numbers = [], [], []
    for draft in drafts:
        counter = draft.series, draft.tax_year
        sequence = counters[counter]
        counters[counter] = sequence + 1
        if draft.time_zone not in days:
            days[draft.time_zone] = day_in(draft.time_zone, issued_at).isoformat()
        said = draft.content
        receipt_id = new_id("rcp")
        receipt_number = f"{draft.series}-{draft.tax_year}-{sequence:06}"
        code = verification.code_for(
            receipt_number,
            issued_on=days[draft.time_zone],
            tax_id=said.entity.tax_id,
            currency=said.currency,
            amount_minor=said.amount_minor,
        )
        snapshot = vars(said) | {
            "number": receipt_number,
            "issued_on": days[draft.time_zone],
            "verification_code": code,
            "verification_url": verification.address_for(receipt_number, code),
        }
        rows.append(
            (
                receipt_id,
                draft.entity_id,
                draft.donation_id,
                draft.replaces_id,
                draft.series,
                draft.tax_year,
                sequence,
                receipt_number,
                said.kind,
                issued_at,
                said.gift_date,
                said.currency,
                said.amount_minor,
                said.locale,
                plain_json(snapshot),
                render.TEMPLATE_ID,
                template_sha256,
            )
        )
        due.append((receipt_id,))
        numbers.append(receipt_number)
    copy_into(session, Receipt, _COLUMNS, rows)
    copy_into(session, DueDocument, ("receipt_id",), due)
    return numbers


_COLUMNS = (
    *(
        "id",
        "entity_id",
        "donation_id",
        "replaces_id",
        "series",
        "tax_year",
        "sequence",
        "number",
        "kind",
        "issued_at",
    ),
    *("gift_date", "currency", "amount", "locale", "content", "template_id", "template_sha256"),
)


def _raise_counters(session: Session, drafts: Sequence[Draft]) -> dict[tuple[str, int], int]:
    """The first free number of each series and tax year; its lock is ours until the transaction ends."""
    wanted: dict[tuple[str, int], int] = defaultdict(int)
    for draft in drafts:
        wanted[draft.series, draft.tax_year] += 1
    first = {}
    # In one order for all: two numberers that met two years in opposite order would wait in a circle.
    for (series, tax_year), count in sorted(wanted.items()):
        first[series, tax_year] = take(session, series, tax_year, count=count)
    return first


def take(session: Session, series: str, tax_year: int, *, count: int) -> int:
    """The first of `count` numbers of a series and tax year, which nobody else gets: they must be written in
    this transaction."""
    raised = (
        insert(ReceiptCounter)
        .values(series=series, tax_year=tax_year, last_number=count)
        .on_conflict_do_update(
            index_elements=["series", "tax_year"],
            set_={"last_number": ReceiptCounter.last_number + count},
        )
        .returning(ReceiptCounter.last_number)
    )
    return session.execute(raised).scalar_one() - count + 1

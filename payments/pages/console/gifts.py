"""The list of gifts: narrowed by its address, a page at a time, with the sums of everything that fits.

The address names ids, days and words of ours and never a person: a donor is looked for by a form that leads
to an id. The same list leaves as CSV with the same columns, for whoever may take the book elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from tempfile import SpooledTemporaryFile
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from payments.clock import day_in
from payments.database import among
from payments.dependencies import DatabaseSession, signed_in
from payments.donations import listing
from payments.donations import organisation as charity
from payments.donations.models import Allocation, Donation, DonationStatus, Fund
from payments.donations.offline import Channel
from payments.gift_search import gifts_about
from payments.pages.console.asking import PAGE, Asked, asked_by
from payments.pages.console.drawing import console_page, language_of
from payments.receipts.models import Receipt
from payments.reconciliation.exports.batches import MAY_DOWNLOAD
from payments.reconciliation.exports.cells import BOM, csv_lines, decimal, guard
from payments.staff import audit, people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Downloader = Annotated[StaffMember, signed_in(*MAY_DOWNLOAD)]

_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 256 * 1024
_AT_ONCE = 2000
_FILTERS = ("status", "from", "to", "fund", "currency", "channel", "frequency", "amount", "donor", "id")
_COLUMNS = (
    *("day", "gift", "donor", "funds", "channel", "frequency", "status"),
    *("receipt", "amount", "currency"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One gift as the list shows it."""

    gift: Donation
    day: date
    funds: str
    receipt: str | None


@router.get("/gifts")
def gifts(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """The one begun last on top."""
    asked = asked_by(request)
    wanted = _wanted(session, asked)
    found = listing.listed(session, wanted, limit=PAGE + 1, after=asked.id("after"))
    shown = found[:PAGE]
    return console_page(
        request,
        session,
        "gifts.html",
        person=by,
        here="gifts",
        status=422 if asked.unreadable else 200,
        asked=asked,
        rows=_rows(session, shown, zone=wanted.time_zone, locale=language_of(request)),
        totals=listing.totals(session, wanted),
        after=shown[-1].id if len(found) > PAGE else None,
        funds=_funds(session),
        currencies=[terms.currency for terms in charity.giving_terms(session)],
        statuses=list(DonationStatus),
        channels=list(Channel),
        may_download=by.may(*MAY_DOWNLOAD),
    )


@router.get("/gifts.csv")
def gifts_csv(request: Request, session: DatabaseSession, by: Downloader) -> Response:
    """Everything that fits, with the columns of the page; a text that a spreadsheet could compute is
    guarded. Who took it is noted, and by which words of the address."""
    asked = asked_by(request)
    wanted = _wanted(session, asked)
    if asked.unreadable:
        # On the page it is said; a file would be taken for what was meant.
        raise HTTPException(422)
    # Read to the end before the first byte leaves: an error is an error and not half an answer.
    file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by whoever reads it out
    file.write(BOM)
    for piece in csv_lines(_lines(session, wanted, locale=language_of(request))):
        file.write(piece)
    file.seek(0)
    narrowed = {name: asked.given[name] for name in _FILTERS if asked.given.get(name)}
    audit.note(session, by, "gifts.csv", subject="gifts", reason="taken from the console", asked=narrowed)
    return StreamingResponse(
        _pieces(file),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="gifts.csv"'},
    )


def _wanted(session: Session, asked: Asked) -> listing.Wanted:
    status = asked.one_of("status", list(DonationStatus))
    written = asked.text("amount")
    amount = listing.amount_written(written) if written is not None else None
    if written is not None and amount is None:
        asked.unreadable.append("amount")
    about = asked.id("id")
    return listing.Wanted(
        time_zone=charity.receiving_entity(session).time_zone,
        status=DonationStatus(status) if status is not None else None,
        first_day=asked.day("from"),
        last_day=asked.day("to"),
        fund_id=asked.id("fund"),
        currency=asked.id("currency"),
        channel=asked.one_of("channel", list(Channel)),
        frequency=asked.one_of("frequency", ("once", "monthly")),
        amount=amount,
        donor_id=asked.id("donor"),
        among=gifts_about(about) if about is not None else None,
    )


def _funds(session: Session) -> Sequence[Fund]:
    return session.scalars(select(Fund).order_by(Fund.position, Fund.id)).all()


def _rows(session: Session, found: Sequence[Donation], *, zone: str, locale: str) -> list[Row]:
    names = {fund.id: fund.name_in(locale) for fund in _funds(session)}
    receipts: dict[str, str] = dict(
        session.execute(
            select(Receipt.donation_id, Receipt.number).where(
                among(Receipt.donation_id, [gift.id for gift in found]), Receipt.status == "issued"
            )
        ).all()
    )
    return [
        Row(
            gift=gift,
            day=gift.gift_date or day_in(zone, gift.created_at),
            funds=", ".join(names.get(part.fund_id, part.fund_id) for part in gift.allocations),
            receipt=receipts.get(gift.id),
        )
        for gift in found
    ]


def _lines(session: Session, wanted: listing.Wanted, *, locale: str) -> Iterator[Sequence[str]]:
    """A book may hold a million gifts, so these are rows and no objects, through a cursor of the server's."""
    yield _COLUMNS
    names = {fund.id: fund.name_in(locale) for fund in _funds(session)}
    parts = select(func.array_agg(aggregate_order_by(Allocation.fund_id, Allocation.position.asc()))).where(
        Allocation.donation_id == Donation.id
    )
    wished = (
        select(
            Donation.gift_date,
            Donation.created_at,
            Donation.id,
            Donation.donor_id,
            parts.scalar_subquery(),
            Donation.channel,
            Donation.frequency,
            Donation.status,
            Receipt.number,
            Donation.amount,
            Donation.currency,
        )
        .outerjoin(Receipt, and_(Receipt.donation_id == Donation.id, Receipt.status == "issued"))
        .where(*listing.which(wanted))
        .order_by(*listing.NEWEST_FIRST)
        .execution_options(yield_per=_AT_ONCE)
    )
    for gift_date, created_at, gift, donor, funds, *words, receipt, amount, currency in session.execute(
        wished
    ):
        yield (
            (gift_date or day_in(wanted.time_zone, created_at)).isoformat(),
            gift,
            donor,
            guard(", ".join(names.get(fund_id, fund_id) for fund_id in funds or ())),
            *words,
            receipt or "",
            decimal(amount, currency),
            currency.upper(),
        )


def _pieces(file: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece

"""The receipt book as one reads it: by number, with the letters, and with what has not reached its donor."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, func, or_, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from payments.mail.models import UNDELIVERABLE, MailStatus, OutgoingMail
from payments.receipts.models import DueDocument, DueReceipt, Receipt, ReceiptCounter

_ORDER = (Receipt.series, Receipt.tax_year, Receipt.sequence)
_LETTER = func.concat("receipt:", Receipt.id)
_RECEIPT_OF_LETTER = func.substr(OutgoingMail.reference, len("receipt:") + 1)
_WAITING = [MailStatus.QUEUED.value, *(status.value for status in UNDELIVERABLE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which receipts."""

    series: str | None = None
    tax_year: int | None = None
    status: str | None = None
    """`issued` or `void`."""
    is_unsent: bool = False
    """Only those that stand and that their donors do not have: no page yet, or a letter that has not gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """One receipt in the book."""

    receipt: Receipt
    replaces: str | None
    """The number of the void one in whose place it stands."""
    has_page: bool
    mail: OutgoingMail | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOfYear:
    """One run of numbers; without a gap the last number is how many there are."""

    series: str
    tax_year: int
    last_number: int
    issued: int
    void: int

    @property
    def missing(self) -> int:
        """Numbers that were given and stand nowhere; nothing, or somebody must look."""
        return self.last_number - self.issued - self.void


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """How many receipts their donors do not have yet, and where they wait."""

    due: int
    """Gifts whose receipt is to be issued or looked at again."""
    unset: int
    """Issued, and the page is still to be set."""
    queued: int
    """Their letter waits to leave."""
    undelivered: int
    """Their letter was refused, came back or was given up: a person looks."""

    @property
    def count(self) -> int:
        """All of them."""
        return self.due + self.unset + self.queued + self.undelivered


def listed(session: Session, wanted: Wanted, *, limit: int, after: str | None = None) -> list[Entered]:
    """The highest number on top; `after` is the id of the last one of the page before."""
    replaced = aliased(Receipt)
    chosen = (
        select(Receipt, replaced.number, DueDocument.receipt_id, OutgoingMail)
        .outerjoin(replaced, replaced.id == Receipt.replaces_id)
        .outerjoin(DueDocument, DueDocument.receipt_id == Receipt.id)
        .outerjoin(OutgoingMail, OutgoingMail.reference == _LETTER)
        .where(*_which(wanted))
        .order_by(*(column.desc() for column in _ORDER))
        .limit(limit)
    )
    last = session.get(Receipt, after) if after is not None else None
    if last is not None:
        chosen = chosen.where(tuple_(*_ORDER) < (last.series, last.tax_year, last.sequence))
    return [
        Entered(receipt=receipt, replaces=replaces, has_page=unset is None, mail=mail)
        for receipt, replaces, unset, mail in session.execute(chosen)
    ]


def letters(session: Session, receipt: Receipt) -> Sequence[OutgoingMail]:
    """Every letter about one: with it, with a copy, or that it is void; in the order in which they were put
    into the outbox."""
    return session.scalars(
        select(OutgoingMail)
        .where(
            or_(
                OutgoingMail.reference.in_([f"receipt:{receipt.id}", f"void:{receipt.id}"]),
                OutgoingMail.reference.startswith(f"copy:{receipt.id}:"),
            )
        )
        .order_by(OutgoingMail.queued_at, OutgoingMail.reference)
    ).all()


def series(session: Session) -> list[SeriesOfYear]:
    """Every run of numbers, the latest year on top."""
    is_void = Receipt.status == "void"
    counted = (
        select(
            Receipt.series,
            Receipt.tax_year,
            func.count().filter(~is_void).label("issued"),
            func.count().filter(is_void).label("void"),
        )
        .group_by(Receipt.series, Receipt.tax_year)
        .subquery()
    )
    rows = session.execute(
        select(ReceiptCounter, func.coalesce(counted.c.issued, 0), func.coalesce(counted.c.void, 0))
        .join(
            counted,
            (counted.c.series == ReceiptCounter.series) & (counted.c.tax_year == ReceiptCounter.tax_year),
        )
        .order_by(ReceiptCounter.tax_year.desc(), ReceiptCounter.series)
    )
    return [
        SeriesOfYear(
            series=counter.series,
            tax_year=counter.tax_year,
            last_number=counter.last_number,
            issued=issued,
            void=void,
        )
        for counter, issued, void in rows
    ]


def due(session: Session, *, limit: int) -> Sequence[DueReceipt]:
    """Gifts whose receipt is to be issued or looked at again, the oldest on top."""
    return session.scalars(select(DueReceipt).order_by(DueReceipt.due_at).limit(limit)).all()


def unsent(session: Session) -> Unsent:
    """As it is at this moment. A receipt that is void counts nowhere; one without a page has no letter."""
    letters = session.execute(
        select(cast(OutgoingMail.status, Text), func.count())
        .join(Receipt, Receipt.id == _RECEIPT_OF_LETTER)
        .where(*_waiting_letters(), Receipt.status == "issued")
        .group_by(OutgoingMail.status)
    )
    counted: dict[str, int] = dict(letters.all())
    queued = counted.pop(MailStatus.QUEUED.value, 0)
    unset = (
        select(func.count())
        .select_from(DueDocument)
        .join(Receipt, Receipt.id == DueDocument.receipt_id)
        .where(Receipt.status == "issued")
    )
    return Unsent(
        due=session.scalar(select(func.count()).select_from(DueReceipt)) or 0,
        unset=session.scalar(unset) or 0,
        queued=queued,
        undelivered=sum(counted.values()),
    )


def _which(wanted: Wanted) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if wanted.series is not None:
        chosen.append(Receipt.series == wanted.series)
    if wanted.tax_year is not None:
        chosen.append(Receipt.tax_year == wanted.tax_year)
    if wanted.status is not None:
        chosen.append(Receipt.status == wanted.status)
    if wanted.is_unsent:
        waiting = union_all(
            select(_RECEIPT_OF_LETTER).where(*_waiting_letters()), select(DueDocument.receipt_id)
        ).subquery()
        chosen += [Receipt.status == "issued", Receipt.id.in_(select(waiting.c[0]))]
    return chosen


def _waiting_letters() -> tuple[ColumnElement[bool], ...]:
    """Few of many: they are looked for first, and their receipts by them."""
    return OutgoingMail.status.in_(_WAITING), OutgoingMail.reference.startswith("receipt:")

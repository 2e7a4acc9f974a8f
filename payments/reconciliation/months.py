"""A month of one legal body's books: its days where the books are kept, and the instants between."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations.models import IssuingEntity
from payments.donations.organisation import receiving_entity
from payments.errors import AlmonerError
from payments.ledger.models import JournalEntry


class MonthUnreadable(AlmonerError):
    """Not a month as we write it."""

    def __init__(self, typed: str) -> None:
        super().__init__(f"“{typed}” is no month. Write it like 2026-10.")


class EntityUnknown(AlmonerError):
    """No legal body has this id."""

    def __init__(self, entity_id: str, known: str) -> None:
        super().__init__(f"There is no legal body “{entity_id}”. Known: {known}.")


class NotDrawable(AlmonerError):
    """A list, a sample or a report that cannot be drawn as it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One calendar month of one body."""

    entity_id: str
    legal_name: str
    time_zone: str
    receives_online: bool
    """Whether Stripe's account is this body's."""
    first_day: date

    @property
    def name(self) -> str:
        """As it is typed: `2026-10`."""
        return f"{self.first_day:%Y-%m}"

    @property
    def title(self) -> str:
        """As it is read: `October 2026`."""
        return f"{self.first_day:%B %Y}"

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.next_first_day - timedelta(days=1)

    @property
    def next_first_day(self) -> date:
        """The first day of the month after it."""
        return (self.first_day + timedelta(days=31)).replace(day=1)

    @property
    def begins(self) -> datetime:
        """Its first instant, in UTC."""
        return _midnight(self.first_day, self.time_zone)

    @property
    def ends(self) -> datetime:
        """The first instant that is no longer in it, in UTC."""
        return _midnight(self.next_first_day, self.time_zone)

    def day_of(self, instant: datetime) -> date:
        """The day of an instant where the books are kept."""
        return day_in(self.time_zone, instant)

    def is_over(self, at: datetime) -> bool:
        """Whether its last day has passed where the books are kept."""
        return at >= self.ends


def month_named(session: Session, typed: str, entity_id: str | None = None) -> Month:
    """`2026-10` of a body; of the one whose Stripe account it is where none is named."""
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", typed.strip())
    if found is None or not 1970 <= int(found[1]) < 3000:
        raise MonthUnreadable(typed)
    return _of(entity_named(session, entity_id), date(int(found[1]), int(found[2]), 1))


def entity_named(session: Session, entity_id: str | None) -> IssuingEntity:
    """The body with this id, or the one whose Stripe account it is."""
    if entity_id is None:
        return receiving_entity(session)
    entity = session.get(IssuingEntity, entity_id)
    if entity is None:
        known = ", ".join(session.scalars(select(IssuingEntity.id).order_by(IssuingEntity.id)))
        raise EntityUnknown(entity_id, known)
    return entity


def entities(session: Session) -> Sequence[IssuingEntity]:
    """Every legal body."""
    return session.scalars(select(IssuingEntity).order_by(IssuingEntity.id)).all()


def months_of(session: Session, entity: IssuingEntity) -> Iterator[Month]:
    """Every month of a body's book, from the one of its first entry to the present one."""
    first = first_month(session, entity.id)
    today = day_in(entity.time_zone, now())
    while first is not None and first <= today:
        month = _of(entity, first)
        yield month
        first = month.next_first_day


def first_month(session: Session, entity_id: str) -> date | None:
    """The first day of the month in which a body's book begins."""
    day = session.scalar(
        select(func.min(JournalEntry.effective_on)).where(JournalEntry.entity_id == entity_id)
    )
    return day.replace(day=1) if day is not None else None


def _of(entity: IssuingEntity, first_day: date) -> Month:
    return Month(
        entity_id=entity.id,
        legal_name=entity.legal_name,
        time_zone=entity.time_zone,
        receives_online=entity.receives_online,
        first_day=first_day,
    )


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(time_zone)).astimezone(UTC)

"""The months an auditor asks about, mostly a fiscal year: whole ones of one legal body."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from payments.reconciliation.months import Month, NotDrawable, month_named


class StretchBackwards(NotDrawable):
    """It ends before it begins."""

    def __init__(self, first: str, last: str) -> None:
        super().__init__(f"{first} comes after {last}. Name the earlier month first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From the first day of one month to the last of another."""

    first: Month
    last: Month

    @property
    def entity_id(self) -> str:
        """Whose books."""
        return self.first.entity_id

    @property
    def time_zone(self) -> str:
        """Where the books are kept."""
        return self.first.time_zone

    @property
    def first_day(self) -> date:
        """Its first day."""
        return self.first.first_day

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.last.last_day

    @property
    def begins(self) -> datetime:
        """Its first instant, in UTC."""
        return self.first.begins

    @property
    def ends(self) -> datetime:
        """The first instant that is no longer in it, in UTC."""
        return self.last.ends

    @property
    def name(self) -> str:
        """As it stands in the audit log."""
        return f"{self.first.name} to {self.last.name}"

    @property
    def asked(self) -> dict[str, str | date | datetime]:
        """As queries ask for it."""
        return {
            "entity": self.entity_id,
            "zone": self.time_zone,
            "first_day": self.first_day,
            "last_day": self.last_day,
            "begins": self.begins,
            "ends": self.ends,
        }


def stretch_named(session: Session, first: str, last: str, entity_id: str | None = None) -> Stretch:
    """`2026-01` to `2026-12` of a body; of the one whose Stripe account it is where none is named."""
    found = Stretch(first=month_named(session, first, entity_id), last=month_named(session, last, entity_id))
    if found.first.first_day > found.last.first_day:
        raise StretchBackwards(found.first.name, found.last.name)
    return found


def months_in(session: Session, stretch: Stretch) -> Iterator[Month]:
    """Each of its months."""
    month = stretch.first
    while month.first_day <= stretch.last.first_day:
        yield month
        month = month_named(session, f"{month.next_first_day:%Y-%m}", stretch.entity_id)

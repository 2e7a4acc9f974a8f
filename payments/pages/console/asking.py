"""What an address of the console asks for, read the same way by every screen.

A form sends its empty fields too, and an address may be typed by hand: what is empty asks for nothing, and
what cannot be read is named and asks for nothing either. A list says so above itself.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from fastapi import Request

PAGE = 50
"""Lines on a page."""


@dataclass(slots=True)
class Asked:
    """The words of one address."""

    given: dict[str, str]
    unreadable: list[str] = field(default_factory=list)
    """Names of what could not be read."""

    def text(self, name: str) -> str | None:
        """A text, or None where it is empty."""
        written = self.given.get(name, "").strip().replace("\0", "")
        return written or None

    def id(self, name: str) -> str | None:
        """An id or a short word of ours or of Stripe's. Never an e-mail address: it has no place here."""
        written = self.text(name)
        if written is None or _ID.fullmatch(written):
            return written
        self.unreadable.append(name)
        return None

    def one_of(self, name: str, known: Collection[str]) -> str | None:
        """One of the words that are known."""
        written = self.text(name)
        if written is None or written in known:
            return written
        self.unreadable.append(name)
        return None

    def day(self, name: str) -> date | None:
        """A day, as 2026-11-30."""
        written = self.text(name)
        if written is None:
            return None
        try:
            day = date.fromisoformat(written)
        except ValueError:
            day = None
        if day is None or not 1970 <= day.year < 3000:
            self.unreadable.append(name)
            return None
        return day

    def number(self, name: str) -> int | None:
        """A whole number of ours."""
        written = self.text(name)
        if written is None:
            return None
        if not (written.isascii() and written.isdigit() and len(written) <= 18):
            self.unreadable.append(name)
            return None
        return int(written)

    @property
    def kept(self) -> dict[str, str]:
        """What narrows the list, to be asked again with the next page: without the page itself, and without
        what could not be read, which may be somebody's address."""
        left_out = {*_NOT_KEPT, *self.unreadable}
        return {name: value for name, value in self.given.items() if value and name not in left_out}


_ID = re.compile(r"[A-Za-z0-9._-]{1,120}")
_NOT_KEPT = {"after", "lang"}


def asked_by(request: Request) -> Asked:
    """The words of a request's address; of a word given twice the last one."""
    return Asked({name: value[:200] for name, value in request.query_params.items()})

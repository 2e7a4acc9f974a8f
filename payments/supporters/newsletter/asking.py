"""Somebody types an address into the box: the question is written down, and a mail asks the address itself.

Whoever asks is answered the same, and as fast, whether the address is known or not: the door only writes the
question, and a worker looks it up. Asking changes nobody's standing. A mail goes to one address at most once
an hour and three times a day, whoever types it how often, and for a month not to somebody who said no.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import new_id
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.mail.address import fit
from payments.mail.letterhead import Letterhead
from payments.money import Money
from payments.supporters.newsletter import letters
from payments.supporters.newsletter.models import (
    ConsentEntry,
    NewsletterRequest,
    Reader,
    Said,
    Source,
    Standing,
)
from payments.supporters.newsletter.wording import VERSION, Wording
from payments.translations import N_

BATCH = 50
PAUSE = timedelta(hours=1)
"""Between two mails that somebody's typing causes."""
MOST_A_DAY = 3
LEFT_IN_PEACE = timedelta(days=30)
"""Somebody who said no is not asked again before."""
_LONGEST_PAGE = 200


class AddressUnfit(AlmonerError):
    """What was typed is no address that mail can go to."""

    sentence: ClassVar[str] = N_("Please check the e-mail address.")
    facts: ClassVar[Mapping[str, Money | str]] = {}

    def __init__(self) -> None:
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the box was filled in with, and where it stood."""

    email: str
    locale: str
    source: Source
    page: str = ""
    """An address or a path; what could tell of a person is left out."""
    wording: Wording | None = None
    """What stood beside it, where we drew it ourselves."""
    wording_version: int | None = None
    """Which of our sentences another site says that it shows."""


def ask(session: Session, asked: Asked) -> None:
    """Write the question down, or raise `AddressUnfit`."""
    address = fit(asked.email)
    if address is None:
        raise AddressUnfit
    version = asked.wording.version if asked.wording else asked.wording_version
    session.add(
        NewsletterRequest(
            id=new_id("nlq"),
            email=address,
            locale=asked.locale,
            source=asked.source.value,
            page=_plain(asked.page),
            wording_version=version if version in range(1, VERSION + 1) else None,
            wording=asked.wording.text if asked.wording else None,
            asked_at=now(),
        )
    )
    ring(session, Bell.ANSWER_NEWSLETTER)


def _plain(page: str) -> str | None:
    """Origin and path alone. An @ may be somebody's address, and such a page is not kept."""
    try:
        parts = urlsplit(page)
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    plain = re.sub(r"[^!-~]", "", f"{origin}{parts.path}")[:_LONGEST_PAGE]
    return plain if plain and "@" not in plain and "%40" not in plain else None


def answer(session: Session, letterhead: Letterhead, *, limit: int = BATCH) -> int:
    """Mail those who may be mailed; how many questions were looked at."""
    asked = session.scalars(
        select(NewsletterRequest)
        .order_by(NewsletterRequest.asked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    # In one order for everybody: two workers that each hold a reader the other wants would wait for ever.
    for request in sorted(asked, key=lambda each: each.email.lower()):
        reader = _reader(session, request)
        if _may_be_mailed(session, reader):
            _mail(session, reader, request, letterhead)
        session.delete(request)
    return len(asked)


def _reader(session: Session, request: NewsletterRequest) -> Reader:
    """Who has this address, held until the transaction ends."""
    fresh = insert(Reader).values(
        id=new_id("nlr"), email=request.email, locale=request.locale, since=request.asked_at
    )
    session.execute(fresh.on_conflict_do_nothing(index_elements=[text("lower(email)")]))
    return session.scalars(
        select(Reader)
        .where(func.lower(Reader.email) == func.lower(request.email))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _may_be_mailed(session: Session, reader: Reader) -> bool:
    at = now()
    if reader.asked_at is not None and at < reader.asked_at + PAUSE:
        return False
    mails, refusals = session.execute(
        select(
            func.count().filter(
                ConsentEntry.said == Said.ASKED.value, ConsentEntry.at > at - timedelta(days=1)
            ),
            func.count().filter(ConsentEntry.said == Said.NO.value, ConsentEntry.at > at - LEFT_IN_PEACE),
        ).where(ConsentEntry.reader_id == reader.id)
    ).one()
    is_left_in_peace = refusals > 0 and reader.standing != Standing.SUBSCRIBED
    return mails < MOST_A_DAY and not is_left_in_peace


def _mail(session: Session, reader: Reader, request: NewsletterRequest, letterhead: Letterhead) -> None:
    seen = Wording(request.wording_version or 0, request.wording) if request.wording else None
    question = ConsentEntry(
        at=request.asked_at,
        reader_id=reader.id,
        said=Said.ASKED,
        source=Source(request.source),
        page=request.page,
        locale=request.locale,
        wording_version=request.wording_version,
        wording_sha256=seen.sha256 if seen else None,
        wording=request.wording,
    )
    session.add(question)
    reader.asked_at = now()
    session.flush()
    if reader.standing == Standing.SUBSCRIBED:
        letters.already(session, letterhead, reader, question)
    else:
        letters.confirm(session, letterhead, reader, question)

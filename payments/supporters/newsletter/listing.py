"""The list as staff see it: who may be written to, who must not be any more, and one reader's whole story.

Addresses leave the house in one way, `export`, with a reason and a line in the audit log. A log of what one
person said is for that person, an auditor or an authority, and is logged as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from payments.mail.letterhead import Letterhead
from payments.mail.models import OutgoingMail
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters.newsletter import consent, keeping, links
from payments.supporters.newsletter.consent import ReaderUnknown
from payments.supporters.newsletter.letters import FACTS
from payments.supporters.newsletter.models import ConsentEntry, Reader, Said, Source, Standing

MAY_EXPORT = (Role.SUPPORT,)
MAY_LOOK = (Role.SUPPORT, Role.FINANCE)
TO_TELL = (Standing.SUBSCRIBED, Standing.WITHDRAWN)
"""Of whom a mailing tool must know: whom it may write to, and whom no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One reader for the mailing tool, with the proof of the consent beside it."""

    email: str
    locale: str
    standing: Standing
    since: datetime
    subscribed_at: datetime
    asked_at: datetime
    asked_by: Source
    asked_page: str | None
    wording_version: int | None
    wording_sha256: str | None
    unsubscribe_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a reader's, with the letter that asked for it."""

    at: datetime
    said: Said
    source: Source
    page: str | None
    locale: str
    wording_version: int | None
    wording_sha256: str | None
    wording: str | None
    number: int
    answers: int | None
    message_id: str | None
    """Of the mail that went to the address because of this word."""
    mail_taken_at: datetime | None
    """When the reader's mail server took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Where a reader stands, and every word in between."""

    id: str
    email: str
    standing: Standing
    since: datetime
    words: Sequence[Word]


def standings(session: Session) -> dict[Standing, int]:
    """How many stand where."""
    found = session.execute(select(Reader.standing, func.count()).group_by(Reader.standing))
    counts = {Standing(standing): count for standing, count in found}
    return {standing: counts.get(standing, 0) for standing in Standing}


def newest(session: Session, *, standing: Standing | None, limit: int) -> Sequence[Reader]:
    """Those who came to stand where they are last, the newest first."""
    wanted = select(Reader).order_by(Reader.since.desc(), Reader.id).limit(limit)
    if standing is not None:
        wanted = wanted.where(Reader.standing == standing.value)
    return session.scalars(wanted).all()


def export(
    session: Session, *, standing: Standing, since: datetime | None, by: StaffMember, reason: str
) -> Sequence[Listed]:
    """Everybody who stands so, with addresses. The audit log says who took how many, and why."""
    people.require(by, *MAY_EXPORT)
    why = people.reason_given(reason)
    rows = list(_listed(session, standing, since))
    audit.note(
        session,
        by,
        "newsletter.export",
        subject=standing.value,
        reason=why,
        readers=len(rows),
        since=since.isoformat() if since else None,
    )
    return rows


def _listed(session: Session, standing: Standing, since: datetime | None) -> Iterator[Listed]:
    yes, question = aliased(ConsentEntry), aliased(ConsentEntry)
    newest_yes = (
        select(func.max(ConsentEntry.id))
        .where(ConsentEntry.reader_id == Reader.id, ConsentEntry.said == Said.YES.value)
        .correlate(Reader)
        .scalar_subquery()
    )
    wanted = (
        select(Reader, yes, question)
        .select_from(Reader)
        .join(yes, yes.id == newest_yes)
        .join(question, question.id == yes.answers)
        .where(Reader.standing == standing.value)
        .order_by(Reader.since, Reader.id)
    )
    if since is not None:
        wanted = wanted.where(Reader.since >= since)
    for reader, said, asked in session.execute(wanted):
        yield Listed(
            email=reader.email,
            locale=reader.locale,
            standing=Standing(reader.standing),
            since=reader.since,
            subscribed_at=said.at,
            asked_at=asked.at,
            asked_by=Source(asked.source),
            asked_page=asked.page,
            wording_version=said.wording_version,
            wording_sha256=said.wording_sha256,
            unsubscribe_url=links.stop_url(reader.id),
        )


def story(session: Session, who: str, *, by: StaffMember, reason: str) -> Story:
    """All that was ever said by whoever has this address or id."""
    people.require(by, *MAY_LOOK)
    reader = _found(session, who)
    audit.note(session, by, "newsletter.show", subject=reader.id, reason=people.reason_given(reason))
    rows = session.execute(
        select(ConsentEntry, OutgoingMail.message_id, OutgoingMail.sent_at)
        .outerjoin(
            OutgoingMail,
            OutgoingMail.reference.in_(
                [func.concat(f"newsletter_{fact}:", ConsentEntry.id) for fact in FACTS]
            ),
        )
        .where(ConsentEntry.reader_id == reader.id)
        .order_by(ConsentEntry.id)
    )
    return Story(
        id=reader.id,
        email=reader.email,
        standing=Standing(reader.standing),
        since=reader.since,
        words=[_word(entry, message_id, taken) for entry, message_id, taken in rows],
    )


def _word(entry: ConsentEntry, message_id: str | None, taken: datetime | None) -> Word:
    return Word(
        at=entry.at,
        said=Said(entry.said),
        source=Source(entry.source),
        page=entry.page,
        locale=entry.locale,
        wording_version=entry.wording_version,
        wording_sha256=entry.wording_sha256,
        wording=entry.wording,
        number=entry.id,
        answers=entry.answers,
        message_id=message_id,
        mail_taken_at=taken,
    )


def stop(session: Session, who: str, letterhead: Letterhead, *, by: StaffMember, reason: str) -> bool:
    """Somebody wrote or called that they want no more of it; whether that was news."""
    people.require(by, *MAY_LOOK)
    why = people.reason_given(reason)
    reader = _found(session, who)
    is_news = consent.stop(session, reader.id, Source.STAFF, letterhead)
    audit.note(session, by, "newsletter.stop", subject=reader.id, reason=why)
    return is_news


def forget(session: Session, who: str, *, by: StaffMember, reason: str) -> str:
    """Delete an address from the list, as its holder may ask; the id under which its words stay."""
    people.require(by, *MAY_LOOK)
    why = people.reason_given(reason)
    reader = _found(session, who)
    keeping.forget(session, reader)
    audit.note(session, by, "newsletter.forget", subject=reader.id, reason=why)
    return reader.id


def _found(session: Session, who: str) -> Reader:
    named = who.strip()
    reader = session.scalars(
        select(Reader)
        .where(or_(Reader.id == named, func.lower(Reader.email) == named.lower()))
        .with_for_update()
    ).one_or_none()
    if reader is None:
        raise ReaderUnknown
    return reader

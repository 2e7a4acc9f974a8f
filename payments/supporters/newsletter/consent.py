"""What the holder of an address says: yes, no, stop. The last word stands, and each word stays in the log.

A yes answers one question, by the link that went to the address alone. It counts once, and not any more when
a no or a stop was said after the question: an old mail that somebody opens again subscribes nobody.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.errors import AlmonerError
from payments.mail.letterhead import Letterhead
from payments.supporters.newsletter import letters, links
from payments.supporters.newsletter.links import NewsletterLinkExpired
from payments.supporters.newsletter.models import ConsentEntry, Reader, Said, Source, Standing
from payments.supporters.newsletter.wording import Wording


class ReaderUnknown(AlmonerError):
    """Nobody has this address or this id in the newsletter's list."""

    def __init__(self) -> None:
        super().__init__("Nobody with this address or id stands in the list, or it was forgotten since.")


def asked(session: Session, token: str) -> tuple[ConsentEntry, Reader]:
    """The question behind a link, and whose it is. Raises `NewsletterLinkNotGenuine`, or
    `NewsletterLinkExpired` where it cannot be answered any more."""
    question = session.get(ConsentEntry, links.question_of(token))
    reader = session.get(Reader, question.reader_id) if question is not None else None
    if question is None or reader is None:
        raise NewsletterLinkExpired
    if reader.standing != Standing.SUBSCRIBED and _was_answered(session, question):
        raise NewsletterLinkExpired
    return question, reader


def is_declined(session: Session, token: str) -> bool:
    """Whether no was said to just this question, and nothing else by another one since."""
    said = (
        select(ConsentEntry.id)
        .join(Reader, Reader.id == ConsentEntry.reader_id)
        .where(
            ConsentEntry.answers == links.question_of(token),
            ConsentEntry.said == Said.NO.value,
            Reader.standing != Standing.SUBSCRIBED.value,
        )
    )
    return session.scalar(said) is not None


def confirm(session: Session, token: str, wording: Wording, letterhead: Letterhead) -> None:
    """Yes. Said again it changes nothing."""
    _hold(session, token)
    question, reader = asked(session, token)
    if reader.standing == Standing.SUBSCRIBED:
        return
    word = _said(
        reader,
        Said.YES,
        Source.LETTER,
        locale=question.locale,
        answers=question.id,
        wording_version=wording.version,
        wording_sha256=wording.sha256,
        wording=wording.text,
    )
    session.add(word)
    reader.standing, reader.since = Standing.SUBSCRIBED, word.at
    reader.subscribed_at, reader.reminded_at = word.at, None
    reader.locale = question.locale
    session.flush()
    letters.welcome(session, letterhead, reader, word)


def decline(session: Session, token: str, letterhead: Letterhead) -> None:
    """No, that was not me. Said by somebody who is subscribed it is a stop."""
    _hold(session, token)
    question, reader = asked(session, token)
    if reader.standing == Standing.SUBSCRIBED:
        stop(session, reader.id, Source.LETTER, letterhead)
        return
    session.add(_said(reader, Said.NO, Source.LETTER, locale=question.locale, answers=question.id))
    _end(reader)
    session.flush()


def stop(session: Session, reader_id: str, source: Source, letterhead: Letterhead) -> bool:
    """No letter any more, from now on; whether that was news. Who is not there any more gets none either."""
    reader = session.get(Reader, reader_id, with_for_update=True, populate_existing=True)
    if reader is None or reader.standing == Standing.DECLINED:
        return False
    if reader.standing == Standing.SUBSCRIBED:
        word = _said(reader, Said.WITHDRAWN, source, locale=reader.locale)
        session.add(word)
        reader.standing, reader.since = Standing.WITHDRAWN, word.at
        session.flush()
        letters.stopped(session, letterhead, reader, word)
        return True
    # A question may be open: this answers it, whether it is the first or came after an earlier stop.
    question = _open_question(session, reader)
    if question is None:
        return False
    session.add(_said(reader, Said.NO, source, locale=reader.locale, answers=question))
    _end(reader)
    session.flush()
    return True


def _hold(session: Session, token: str) -> None:
    """Two words about one reader are said one after the other."""
    question = session.get(ConsentEntry, links.question_of(token))
    if question is not None:
        session.get(Reader, question.reader_id, with_for_update=True, populate_existing=True)


def _end(reader: Reader) -> None:
    """After a first no. Who had withdrawn before stays so: the mailing tool may still have to be told."""
    if reader.standing == Standing.ASKED:
        reader.standing, reader.since = Standing.DECLINED, now()


def _was_answered(session: Session, question: ConsentEntry) -> bool:
    later = select(func.count()).where(
        ConsentEntry.reader_id == question.reader_id,
        ConsentEntry.id > question.id,
        ConsentEntry.said.in_([Said.YES.value, Said.NO.value, Said.WITHDRAWN.value]),
    )
    return bool(session.scalar(later))


def _open_question(session: Session, reader: Reader) -> int | None:
    """The newest question, unless something was said since."""
    last = session.scalars(
        select(ConsentEntry)
        .where(ConsentEntry.reader_id == reader.id)
        .order_by(ConsentEntry.id.desc())
        .limit(1)
    ).one_or_none()
    return last.id if last is not None and last.said == Said.ASKED else None


def _said(reader: Reader, said: Said, source: Source, **facts: object) -> ConsentEntry:
    return ConsentEntry(at=now(), reader_id=reader.id, said=said, source=source, **facts)

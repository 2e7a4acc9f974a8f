"""What becomes of addresses with time: forgotten when nothing asks to keep them, reminded every two years.

The words in the log stay; they name nobody. With an address its letters go too: what the outbox still holds
of them is emptied.
"""

from datetime import timedelta

from sqlalchemy import BigInteger, and_, cast, func, or_, select, update
from sqlalchemy.orm import Session

from payments.clock import now
from payments.mail import outbox
from payments.mail.letterhead import Letterhead
from payments.mail.models import UNDELIVERABLE, MailReport, MailStatus, OutgoingMail
from payments.mail.reports import ReportKind
from payments.supporters.newsletter import asking, consent, letters, links
from payments.supporters.newsletter.models import ConsentEntry, Reader, Said, Source, Standing

BATCH = 200
WITHDRAWN_KEPT = timedelta(days=365)
"""So that a mailing tool that is told seldom is told at all."""
REMINDED_EVERY = timedelta(days=700)
"""Within two years of the consent, with a month to spare (Korea's Network Act, Article 50(8))."""
_LETTERS = r"newsletter\_%"


def forget_old(session: Session, *, limit: int = BATCH) -> int:
    """Delete the addresses that nothing asks to be kept; how many."""
    at = now()
    standing, since = Reader.standing, Reader.since
    old = session.scalars(
        select(Reader)
        .where(
            or_(
                and_(
                    standing == Standing.ASKED.value,
                    func.coalesce(Reader.asked_at, since) < at - links.GOOD_FOR,
                ),
                and_(standing == Standing.DECLINED.value, since < at - asking.LEFT_IN_PEACE),
                and_(standing == Standing.WITHDRAWN.value, since < at - WITHDRAWN_KEPT),
            )
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for reader in old:
        forget(session, reader)
    return len(old)


def forget(session: Session, reader: Reader) -> None:
    """Delete this address, and empty the letters that went there."""
    said = session.scalars(select(ConsentEntry.id).where(ConsentEntry.reader_id == reader.id)).all()
    outbox.empty(session, letters.references(list(said)))
    session.delete(reader)
    session.flush()


def remind(session: Session, letterhead: Letterhead, *, limit: int = BATCH) -> int:
    """Tell subscribers what they agreed to and when, and how it stops; how many were told."""
    due = session.scalars(
        select(Reader)
        .where(
            Reader.standing == Standing.SUBSCRIBED.value,
            func.coalesce(Reader.reminded_at, Reader.subscribed_at) < now() - REMINDED_EVERY,
        )
        .order_by(Reader.since)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for reader in due:
        word = ConsentEntry(
            at=now(),
            reader_id=reader.id,
            said=Said.REMINDED,
            source=Source.CALENDAR,
            locale=reader.locale,
        )
        session.add(word)
        reader.reminded_at = word.at
        session.flush()
        letters.reminder(session, letterhead, reader, word)
    return len(due)


def let_go_undeliverable(session: Session) -> None:
    """A letter that reaches nobody waits for no person: anybody may type an address that is none."""
    session.execute(
        update(OutgoingMail)
        .where(
            OutgoingMail.status.in_([status.value for status in UNDELIVERABLE]),
            OutgoingMail.reference.like(_LETTERS),
        )
        .values(status=MailStatus.LET_GO.value)
        .execution_options(synchronize_session=False)
    )


def stop_complained(session: Session, letterhead: Letterhead, *, limit: int = BATCH) -> int:
    """Whoever called a letter of ours unwanted gets none any more; how many did."""
    its_word = cast(func.split_part(OutgoingMail.reference, ":", 2), BigInteger)
    complained = session.scalars(
        select(Reader.id)
        .join(ConsentEntry, ConsentEntry.reader_id == Reader.id)
        .join(OutgoingMail, and_(OutgoingMail.reference.like(_LETTERS), its_word == ConsentEntry.id))
        .join(MailReport, MailReport.outgoing_mail_id == OutgoingMail.id)
        .where(
            MailReport.kind == ReportKind.COMPLAINED.value,
            # Who subscribed again after complaining is not stopped for the old complaint.
            MailReport.reported_at > Reader.since,
            Reader.standing.in_([Standing.SUBSCRIBED.value, Standing.ASKED.value]),
        )
        .distinct()
        .limit(limit)
    ).all()
    for reader_id in complained:
        consent.stop(session, reader_id, Source.COMPLAINT, letterhead)
    return len(complained)

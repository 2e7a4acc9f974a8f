"""The outbox: put a mail in with its deed, take one out under a lease, say what became of it.

A crash between the server's yes and our note of it is the one thing mail cannot rule out; the same
bytes with the same Message-ID go out again, and nothing is ever left unsent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from email.utils import parseaddr

from sqlalchemy import Interval, bindparam, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.errors import AlmonerError
from payments.mail.address import is_nowhere
from payments.mail.models import UNDELIVERABLE, MailStatus, OutgoingMail
from payments.settings import settings

LEASE = timedelta(minutes=2)
"""Longer than the slowest mail server is waited for."""
GIVE_UP_AFTER = 40
"""Tries, at most an hour apart: more than a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A mail in this sender's hands."""

    id: str
    lease: str
    to_address: str
    message_id: str
    message: bytes
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A mail that is to leave, and what it is about."""

    reference: str
    to_address: str
    message_id: str
    message: bytes


def message_id(reference: str) -> str:
    """The Message-ID of whatever a row of ours is about, the same for ever."""
    domain = parseaddr(settings().mail_from)[1].rpartition("@")[2] or "localhost"
    return f"<{reference}@{domain}>"


def put(
    session: Session,
    *,
    reference: str,
    to_address: str,
    message_id: str,
    message: bytes,
    delay: timedelta = timedelta(),
) -> None:
    """Owe a mail from the moment the surrounding transaction commits, or `delay` later. The same news
    twice is one."""
    owed = Owed(reference=reference, to_address=to_address, message_id=message_id, message=message)
    put_all(session, [owed], delay=delay)


def put_all(session: Session, mails: Sequence[Owed], *, delay: timedelta = timedelta()) -> None:
    """Owe many mails at once."""
    if not mails:
        return
    session.connection().execute(
        _PUT,
        [
            {
                "id": new_id("msg"),
                "reference": mail.reference,
                "to_address": mail.to_address,
                "message_id": mail.message_id,
                "delay": delay,
            }
            # To a donor who was erased nothing is written, and the register still says that it was owed.
            | (_LET_GO if is_nowhere(mail.to_address) else {"message": mail.message, "status": _QUEUED})
            for mail in mails
        ],
    )


_QUEUED = MailStatus.QUEUED.value
_LET_GO = {"message": b"", "status": MailStatus.LET_GO.value}
_LEAVES_AT = func.now() + bindparam("delay", type_=Interval())
_PUT = (
    insert(OutgoingMail)
    .values(
        id=bindparam("id"),
        reference=bindparam("reference"),
        to_address=bindparam("to_address"),
        message_id=bindparam("message_id"),
        message=bindparam("message"),
        status=bindparam("status"),
        next_at=_LEAVES_AT,
        queued_at=_LEAVES_AT,
    )
    .on_conflict_do_nothing(index_elements=["reference"])
)


def take(session: Session) -> Leased | None:
    """The next mail that is due, leased to the caller, who commits and then sends."""
    due = (
        select(OutgoingMail.id)
        .where(OutgoingMail.status == MailStatus.QUEUED.value, OutgoingMail.next_at <= func.now())
        .order_by(OutgoingMail.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    lease = new_id("lse")
    row = session.execute(
        update(OutgoingMail)
        .where(OutgoingMail.id == due)
        # `next_at` is also the lease's end: a sender that dies leaves a mail that is simply due again.
        .values(lease=lease, attempts=OutgoingMail.attempts + 1, next_at=func.now() + LEASE)
        .returning(
            OutgoingMail.id,
            OutgoingMail.to_address,
            OutgoingMail.message_id,
            OutgoingMail.message,
            OutgoingMail.attempts,
        )
    ).one_or_none()
    if row is None:
        return None
    return Leased(lease=lease, **row._asdict())


class MailNotHeld(AlmonerError):
    """No mail that waits for a person has this id."""

    def __init__(self, mail_id: str) -> None:
        super().__init__(f"No undeliverable mail {mail_id}. `almoner mail list` shows those that are.")


def send_again(session: Session, mail_id: str, *, to_address: str | None = None) -> OutgoingMail:
    """Owe an undeliverable mail again, to another address if one is given. It is the same mail: nobody
    ever had it."""
    mail = _held(session, mail_id)
    if to_address is not None:
        _readdress(mail, to_address)
    mail.status, mail.attempts, mail.sent_at = MailStatus.QUEUED, 0, None
    mail.next_at = session.scalars(select(func.now())).one()
    session.flush()
    return mail


def redirect(session: Session, mail_ids: Sequence[str], *, to_address: str) -> int:
    """Let mails that have not left yet leave for another address; how many. One that a sender has in hand
    goes where it was going."""
    waiting = session.scalars(
        select(OutgoingMail)
        .where(
            OutgoingMail.id.in_(mail_ids),
            OutgoingMail.status == MailStatus.QUEUED.value,
            or_(OutgoingMail.lease.is_(None), OutgoingMail.next_at <= func.now()),
        )
        .order_by(OutgoingMail.id)
        .with_for_update(skip_locked=True)
    ).all()
    for mail in waiting:
        _readdress(mail, to_address)
    session.flush()
    return len(waiting)


def _readdress(mail: OutgoingMail, to_address: str) -> None:
    letter = message_from_bytes(mail.message, policy=SMTP)
    letter.replace_header("To", to_address)
    mail.to_address, mail.message = to_address, letter.as_bytes()


def let_go(session: Session, mail_id: str) -> OutgoingMail:
    """Stop asking about an undeliverable mail: a person has seen to it in another way, or cannot."""
    mail = _held(session, mail_id)
    mail.status = MailStatus.LET_GO
    session.flush()
    return mail


def _held(session: Session, mail_id: str) -> OutgoingMail:
    mail = session.get(OutgoingMail, mail_id, with_for_update=True)
    if mail is None or mail.status not in UNDELIVERABLE:
        raise MailNotHeld(mail_id)
    return mail


def empty(session: Session, references: Sequence[str]) -> None:
    """Forget to whom these mails went and what they said. One that has not left does not leave any more."""
    status = case(
        (OutgoingMail.status == MailStatus.SENT.value, MailStatus.SENT.value), else_=MailStatus.LET_GO.value
    )
    session.execute(
        update(OutgoingMail)
        .where(OutgoingMail.reference.in_(references))
        .values(to_address="", message=b"", last_answer=None, status=status, lease=None)
        .execution_options(synchronize_session=False)
    )


def note_sent(session: Session, mail: Leased) -> None:
    """The server took it."""
    _conclude(session, mail, status=MailStatus.SENT, answer=None)


def note_refused(session: Session, mail: Leased, answer: str) -> None:
    """The server said never; a person corrects the address."""
    _conclude(session, mail, status=MailStatus.REFUSED, answer=answer)


def note_delayed(session: Session, mail: Leased, answer: str) -> None:
    """Not now: again later, less and less often, and after a day or so a person looks."""
    if mail.attempts >= GIVE_UP_AFTER:
        _conclude(session, mail, status=MailStatus.GIVEN_UP, answer=answer)
        return
    pause = timedelta(seconds=min(10 * 2**mail.attempts, 3600))
    session.execute(
        update(OutgoingMail)
        .where(OutgoingMail.id == mail.id, OutgoingMail.lease == mail.lease)
        .values(lease=None, next_at=func.now() + pause, last_answer=answer)
    )


def _conclude(session: Session, mail: Leased, *, status: MailStatus, answer: str | None) -> None:
    noted = update(OutgoingMail).where(
        OutgoingMail.id == mail.id, OutgoingMail.status == MailStatus.QUEUED.value
    )
    if status is not MailStatus.SENT:
        # Another sender took over: only a delivery is news from the one that lost the lease.
        noted = noted.where(OutgoingMail.lease == mail.lease)
    session.execute(
        noted.values(
            status=status.value,
            lease=None,
            last_answer=answer,
            sent_at=func.now() if status is MailStatus.SENT else None,
        )
    )

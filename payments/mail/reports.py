"""What came back about a mail, wherever it came in: noted once, and shown to a person.

A bounce ends the mail as undeliverable until somebody corrects the address. A complaint changes nothing of
it: a receipt is owed whether or not its reader's mail program dislikes it, but staff should know.
"""

import logging
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.mail.models import MailReport, MailStatus, OutgoingMail

log = logging.getLogger(__name__)


class ReportKind(StrEnum):
    """What is said of a mail."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One thing said of one mail. `message_id` carries its angle brackets."""

    kind: ReportKind
    message_id: str
    to_address: str | None
    """Whom the mail was addressed to, where the report repeats it: a late report about a wrong address must
    not undo a mail that meanwhile went to the right one."""
    code: str
    source: str
    key: str


def take_in(session: Session, report: Report) -> bool:
    """Note it; False where no mail of ours is meant. The same report twice is one."""
    mail = session.scalars(
        select(OutgoingMail).where(OutgoingMail.message_id == report.message_id).with_for_update()
    ).one_or_none()
    if mail is None:
        return False
    noted = insert(MailReport).values(
        id=new_id("mrp"),
        outgoing_mail_id=mail.id,
        kind=report.kind.value,
        code=report.code,
        source=report.source,
        key=report.key,
    )
    is_news = session.scalar(noted.on_conflict_do_nothing(index_elements=["key"]).returning(MailReport.id))
    if is_news is None:
        return True
    log.info("mail %s %s with %s", mail.id, report.kind.value, report.code)
    is_of_another_address = (
        report.to_address is not None and report.to_address.casefold() != mail.to_address.casefold()
    )
    if report.kind is ReportKind.BOUNCED and mail.status != MailStatus.LET_GO and not is_of_another_address:
        # Also while it is queued: a try whose answer was lost may have been taken, and came back.
        mail.status, mail.lease, mail.last_answer = MailStatus.BOUNCED, None, report.code
        session.flush()
    return True

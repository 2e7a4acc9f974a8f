"""What came back of the mails: read from its mailbox, letter by letter."""

import logging

from payments.database import transaction
from payments.jobs import Bell, celery
from payments.mail import reports
from payments.mail.delivery_status import read
from payments.mail.mailbox import MailboxAway, mailbox_of_reports

log = logging.getLogger(__name__)


@celery().task(name=Bell.READ_MAIL_REPORTS.value)
def read_mail_reports() -> None:
    """Take in every report that nobody has seen. A letter is marked only after its report is kept; reading
    it twice is harmless."""
    try:
        with mailbox_of_reports() as mailbox:
            if mailbox is None:
                return
            for letter in mailbox.unread():
                said = read(letter.raw)
                with transaction() as session:
                    are_ours = [reports.take_in(session, report) for report in said or ()]
                mailbox.mark_seen(letter, is_for_a_person=said is None or not all(are_ours))
    except MailboxAway as trouble:
        log.warning("the mailbox of MAIL_REPORTS_URL does not open: %s", trouble)

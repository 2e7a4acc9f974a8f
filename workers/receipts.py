"""The receipt book's hands: number what is due, set its pages, send what is owed."""

import time

from payments.database import transaction
from payments.jobs import Bell, celery
from payments.mail import outbox
from payments.mail.smtp import MailDelayed, MailRefused, mail_server
from payments.receipts import documents, issue, owing, restating

_WORK_FOR_SECONDS = 40
_MOMENTS = (0.05, 0.1, 0.2, 0.4)
"""Seconds between looks at a gift that somebody else is changing. After them it is the timetable's."""


@celery().task(name=Bell.ISSUE_RECEIPTS.value)
def issue_receipts() -> None:
    """Number batch after batch until nothing is due. The last news of a gift often follow the first within
    milliseconds: where they are just being applied, this waits for them a moment."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    moments = iter(_MOMENTS)
    while time.monotonic() < until:
        with transaction() as session:
            is_full = issue.issue_due(session) == issue.BATCH
            if not is_full and not issue.is_any_due(session):
                return
        if not is_full:
            moment = next(moments, None)
            if moment is None:
                return
            time.sleep(moment)


@celery().task(name=Bell.SWEEP_RECEIPTS.value)
def sweep_receipts() -> None:
    """Look again at the receipts of gifts of which something went back lately."""
    with transaction() as session:
        owing.sweep(session)


@celery().task(name=Bell.WRITE_DOCUMENTS.value)
def write_documents() -> None:
    """Set page after page until none is due; the letters that carry them are owed with them."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if documents.write_due(session) < documents.BATCH:
                return


@celery().task(name=Bell.RESTATE.value)
def restate() -> None:
    """Replace the annual statements that list a void receipt."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if not restating.restate_due(session):
                return


@celery().task(name=Bell.SEND_MAIL.value)
def send_mail() -> None:
    """Send until nothing is due. No transaction is open while a mail server thinks."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    with mail_server() as server:
        while time.monotonic() < until:
            with transaction() as session:
                mail = outbox.take(session)
            if mail is None:
                return
            try:
                server.send(mail.to_address, mail.message, message_id=mail.message_id)
            except MailRefused as refusal:
                with transaction() as session:
                    outbox.note_refused(session, mail, str(refusal))
            except MailDelayed as trouble:
                with transaction() as session:
                    outbox.note_delayed(session, mail, str(trouble))
            else:
                with transaction() as session:
                    outbox.note_sent(session, mail)

"""`almoner mail`: letters that could not be delivered, or that somebody complained of."""

from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.database import transaction
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.mail import outbox
from payments.mail.address import fit
from payments.mail.models import UNDELIVERABLE, MailReport, OutgoingMail
from payments.mail.reports import ReportKind
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

app = typer.Typer(no_args_is_help=True, help="Letters that could not be delivered, and complaints.")
MAY_SEND_AGAIN = (Role.SUPPORT, Role.FINANCE)


class AddressUnfit(AlmonerError):
    """No mail can go there."""

    def __init__(self) -> None:
        super().__init__("Give an e-mail address that mail can go to.")


@app.command("list")
def list_mails(as_json: AsJson = False) -> None:
    """Those that wait for a person, the oldest first. No addresses: they are the donors'."""
    with transaction() as session:
        mails = session.scalars(
            select(OutgoingMail)
            .where(OutgoingMail.status.in_([status.value for status in UNDELIVERABLE]))
            .order_by(OutgoingMail.queued_at)
        ).all()
    if as_json:
        print_json(
            [
                {
                    "id": mail.id,
                    "about": mail.reference,
                    "status": mail.status,
                    "queued_at": mail.queued_at,
                    "answer": mail.last_answer,
                }
                for mail in mails
            ]
        )
        return
    print_table(
        "Undeliverable mail",
        ["mail", "about", "status", "queued", "answer"],
        [(mail.id, mail.reference, mail.status, instant(mail.queued_at), mail.last_answer) for mail in mails],
    )


@app.command("complaints")
def list_complaints(as_json: AsJson = False) -> None:
    """Mails that their readers called unwanted, the newest first."""
    with transaction() as session:
        rows = session.execute(
            select(MailReport, OutgoingMail)
            .join(OutgoingMail, OutgoingMail.id == MailReport.outgoing_mail_id)
            .where(MailReport.kind == ReportKind.COMPLAINED.value)
            .order_by(MailReport.reported_at.desc())
        ).all()
    if as_json:
        print_json(
            [
                {
                    "mail": mail.id,
                    "about": mail.reference,
                    "reported_at": report.reported_at,
                    "code": report.code,
                }
                for report, mail in rows
            ]
        )
        return
    print_table(
        "Complaints",
        ["mail", "about", "reported", "as"],
        [(mail.id, mail.reference, instant(report.reported_at), report.code) for report, mail in rows],
    )


@app.command("resend")
def resend(
    mail_id: str,
    as_: As,
    reason: Why,
    to: Annotated[str | None, typer.Option(help="The right address, where the first was wrong.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send one of them again."""
    with transaction() as session:
        by = acting(session, as_)
        people.require(by, *MAY_SEND_AGAIN)
        mail = outbox.send_again(session, mail_id, to_address=_address(to) if to is not None else None)
        _note(session, by, "mail.resend", mail, reason, is_to_another_address=to is not None)
        ring(session, Bell.SEND_MAIL)
    _tell(mail, "is on its way again", as_json=as_json)


@app.command("let-go")
def let_go(mail_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Ask no more about one of them: it went another way, or nobody is left to read it."""
    with transaction() as session:
        by = acting(session, as_)
        people.require(by, *MAY_SEND_AGAIN)
        mail = outbox.let_go(session, mail_id)
        _note(session, by, "mail.let_go", mail, reason)
    _tell(mail, "will not be sent", as_json=as_json)


def _note(
    session: Session, by: StaffMember, deed: str, mail: OutgoingMail, reason: str, **more: bool
) -> None:
    audit.note(
        session,
        by,
        deed,
        subject=mail.id,
        reason=people.reason_given(reason),
        about=mail.reference,
        **more,
    )


def _tell(mail: OutgoingMail, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": mail.id, "about": mail.reference, "status": mail.status})
        return
    console.print(f"Mail {mail.id} {what}.", markup=False)


def _address(typed: str) -> str:
    address = fit(typed)
    if address is None:
        raise AddressUnfit
    return address

"""`almoner mail`: letters that could not be delivered, and sending one again."""

from typing import Annotated

import typer
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.database import transaction
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.mail import outbox
from payments.mail.models import MailStatus, OutgoingMail
from payments.staff import audit, people
from payments.staff.models import Role

app = typer.Typer(no_args_is_help=True, help="Letters that could not be delivered.")
MAY_SEND_AGAIN = (Role.SUPPORT, Role.FINANCE)


class AddressUnfit(AlmonerError):
    """No mail can go there."""

    def __init__(self) -> None:
        super().__init__("Give an e-mail address that mail can go to.")


@app.command("list")
def list_mails(as_json: AsJson = False) -> None:
    """Those that wait for a person, the oldest first. No addresses: they are the donors'."""
    held = [MailStatus.REFUSED.value, MailStatus.GIVEN_UP.value]
    with transaction() as session:
        mails = session.scalars(
            select(OutgoingMail).where(OutgoingMail.status.in_(held)).order_by(OutgoingMail.queued_at)
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
        audit.note(
            session,
            by,
            "mail.resend",
            subject=mail.id,
            reason=people.reason_given(reason),
            about=mail.reference,
            is_to_another_address=to is not None,
        )
        ring(session, Bell.SEND_MAIL)
    if as_json:
        print_json({"id": mail.id, "about": mail.reference})
        return
    console.print(f"Mail {mail.id} is on its way again.", markup=False)


def _address(typed: str) -> str:
    try:
        checked = validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise AddressUnfit from None
    if checked.ascii_email is None:
        raise AddressUnfit
    return checked.ascii_email

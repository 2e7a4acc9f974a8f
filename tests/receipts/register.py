"""What the tests do with the register, and what they read in it."""

from email import message_from_bytes, policy

from sqlalchemy import select

from payments.database import transaction
from payments.mail.models import OutgoingMail
from payments.receipts import documents, issue
from payments.receipts.models import Receipt
from payments.staff.models import Role, StaffMember

GIVEN = (("general", 3000), ("rescue", 2000))


def a_person(name: str, role: Role) -> StaffMember:
    with transaction() as session:
        person = StaffMember(id=f"stf_{name}", email=f"{name}@lp.example", name=name, roles=[role])
        session.add(person)
    return person


def settle_the_register() -> None:
    """The workers number, void and set pages until nothing is due."""
    looked_at = 1
    while looked_at:
        with transaction() as session:
            looked_at = issue.issue_due(session)
        with transaction() as session:
            looked_at += documents.write_due(session)


def register() -> list[tuple[str, str, int, str | None]]:
    """Each number: its status, its amount and why it is void."""
    with transaction() as session:
        rows = session.scalars(select(Receipt).order_by(Receipt.number))
        return [(row.number[-1], row.status, row.amount, row.void_cause) for row in rows]


def letters(about: str) -> list[OutgoingMail]:
    with transaction() as session:
        return list(
            session.scalars(select(OutgoingMail).where(OutgoingMail.reference.startswith(f"{about}:")))
        )


def words_in(mail: OutgoingMail) -> str:
    body = message_from_bytes(mail.message, policy=policy.default).get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())

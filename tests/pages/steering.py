"""What the tests of the donor's own page share: a gift, its links, what was asked of it, who is told."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from payments.clock import now
from payments.database import transaction
from payments.mail.models import OutgoingMail
from payments.monthly import links
from payments.monthly.models import MonthlyChange
from tests.monthly.promises import a_monthly_gift


def a_gift(**given) -> str:
    with transaction() as session:
        return a_monthly_gift(session, **given).id


def token_of(gift_id: str) -> str:
    return links.token(gift_id, expires_at=now() + timedelta(days=1))


def old_token_of(gift_id: str) -> str:
    return links.token(gift_id, expires_at=now() - timedelta(days=1))


def changes_of(gift_id: str) -> Sequence[MonthlyChange]:
    with transaction() as session:
        return session.scalars(select(MonthlyChange).where(MonthlyChange.monthly_gift_id == gift_id)).all()


def mails() -> list[tuple[str, str]]:
    with transaction() as session:
        rows = session.execute(select(OutgoingMail.reference, OutgoingMail.to_address))
        return [(row.reference.partition(":")[0], row.to_address) for row in rows]

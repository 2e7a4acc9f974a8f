"""What the tests of the donor's own page share: a gift, its links, what was asked of it, who is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from payments.clock import now
from payments.database import transaction
from payments.mail.models import OutgoingMail
from payments.monthly import links
from payments.monthly.models import MonthlyChange, MonthlyGift
from payments.supporters import donors
from tests.monthly.promises import a_monthly_gift


def a_gift(**given) -> str:
    with transaction() as session:
        return a_monthly_gift(session, **given).id


def token_of(gift_id: str) -> str:
    return _token(gift_id, now() + timedelta(days=1))


def old_token_of(gift_id: str) -> str:
    return _token(gift_id, now() - timedelta(days=1))


def _token(gift_id: str, expires_at: datetime) -> str:
    with transaction() as session:
        gift = session.get(MonthlyGift, gift_id)
        email = donors.email_of(session, gift.donor_id) if gift is not None else "nobody@example.com"
    return links.token(gift_id, email, expires_at=expires_at)


def changes_of(gift_id: str) -> Sequence[MonthlyChange]:
    with transaction() as session:
        return session.scalars(select(MonthlyChange).where(MonthlyChange.monthly_gift_id == gift_id)).all()


def mails() -> list[tuple[str, str]]:
    with transaction() as session:
        rows = session.execute(select(OutgoingMail.reference, OutgoingMail.to_address))
        return [(row.reference.partition(":")[0], row.to_address) for row in rows]

"""The stop button: a signed link that steers one monthly gift without a login.

The link says which gift, what it is good for and until when, and nothing about the donor. Whoever
holds the mail may use it, as whoever holds a mailed receipt may read it; it opens nothing else. It ends when
the donor's address is corrected: the mail had gone to somebody else.
"""

from datetime import datetime, timedelta

from payments import signed
from payments.clock import now
from payments.errors import AlmonerError
from payments.settings import settings

GOOD_FOR = timedelta(days=180)
"""A mail is kept and found again months later, and its stop button should still work."""

_PURPOSE = b"almoner monthly gift link, second form"


class LinkNotGenuine(AlmonerError):
    """The link is not one of ours, or was cut off on its way."""

    def __init__(self) -> None:
        super().__init__("This link is incomplete. Please use the whole link from our mail.")


class LinkExpired(AlmonerError):
    """The link was genuine and is too old; the gift it is about may be told to send a new one."""

    def __init__(self, monthly_gift_id: str) -> None:
        super().__init__("This link has expired. We can send you a new one.")
        self.monthly_gift_id = monthly_gift_id


def url(monthly_gift_id: str, email: str) -> str:
    """Where the donor of this gift, who has this address, may change or stop it for the next `GOOD_FOR`."""
    made = token(monthly_gift_id, email, expires_at=now() + GOOD_FOR)
    return f"{settings().public_base_url}/monthly/{made}"


def token(monthly_gift_id: str, email: str, *, expires_at: datetime) -> str:
    """The signed part of the link."""
    mark = signed.mark(email, purpose=_PURPOSE)
    return signed.sign(f"{monthly_gift_id}.{int(expires_at.timestamp()):x}.{mark}", purpose=_PURPOSE)


def monthly_gift_id(of_token: str) -> str:
    """The gift a token is good for. Raises `LinkNotGenuine` or `LinkExpired`."""
    gift_id, expires, _ = _read(of_token)
    if int(expires, 16) < now().timestamp():
        raise LinkExpired(gift_id)
    return gift_id


def was_for(of_token: str, email: str) -> bool:
    """Whether a genuine token was made for who has this address."""
    _, _, mark = _read(of_token)
    return signed.is_marked(mark, email, purpose=_PURPOSE)


def _read(of_token: str) -> tuple[str, str, str]:
    try:
        gift_id, expires, mark = signed.read(of_token, purpose=_PURPOSE).split(".")
    except signed.NotSigned:
        raise LinkNotGenuine from None
    return gift_id, expires, mark

"""The stop button: a signed link that steers one monthly gift without a login.

The link says which gift, what it is good for and until when, and nothing about the donor. Whoever
holds the mail may use it, as whoever holds a mailed receipt may read it; it opens nothing else. It ends when
the donor's address is corrected: the mail had gone to somebody else.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta

from payments.clock import now
from payments.errors import AlmonerError
from payments.settings import settings

GOOD_FOR = timedelta(days=180)
"""A mail is kept and found again months later, and its stop button should still work."""

_PURPOSE = b"almoner monthly gift link, second form"
_SIGNATURE_BYTES = 18
_MARK_LETTERS = 12


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
    signed = token(monthly_gift_id, email, expires_at=now() + GOOD_FOR)
    return f"{settings().public_base_url}/monthly/{signed}"


def token(monthly_gift_id: str, email: str, *, expires_at: datetime) -> str:
    """The signed part of the link."""
    said = f"{monthly_gift_id}.{int(expires_at.timestamp()):x}.{_mark(email)}".encode()
    return urlsafe_b64encode(said + _signature(said)).decode().rstrip("=")


def monthly_gift_id(of_token: str) -> str:
    """The gift a token is good for. Raises `LinkNotGenuine` or `LinkExpired`."""
    gift_id, expires, _ = _read(of_token)
    if int(expires, 16) < now().timestamp():
        raise LinkExpired(gift_id)
    return gift_id


def was_for(of_token: str, email: str) -> bool:
    """Whether a genuine token was made for who has this address."""
    _, _, mark = _read(of_token)
    return hmac.compare_digest(mark, _mark(email))


def _read(of_token: str) -> tuple[str, str, str]:
    try:
        whole = urlsafe_b64decode(of_token + "=" * (-len(of_token) % 4))
    except (NotBase64, ValueError):
        raise LinkNotGenuine from None
    said, signature = whole[:-_SIGNATURE_BYTES], whole[-_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(said)):
        raise LinkNotGenuine
    gift_id, expires, mark = said.decode().split(".")
    return gift_id, expires, mark


def _mark(email: str) -> str:
    """An address as a few letters that tell nobody which."""
    return hmac.new(_key(), b"for " + email.lower().encode(), hashlib.sha256).hexdigest()[:_MARK_LETTERS]


def _signature(said: bytes) -> bytes:
    return hmac.new(_key(), said, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _key() -> bytes:
    return hmac.digest(settings().secret_key.get_secret_value().encode(), _PURPOSE, "sha256")

"""Signed texts for the links in our mails: whoever has no SECRET_KEY can make none, and none says a name.

Each kind of link has its purpose and with it a key of its own: a link of one kind opens nothing of another.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from payments.errors import AlmonerError
from payments.settings import settings

_SIGNATURE_BYTES = 18
_MARK_LETTERS = 12


class NotSigned(AlmonerError):
    """Not signed by this house for this purpose, or cut off on its way."""

    def __init__(self) -> None:
        super().__init__("This link is incomplete. Please use the whole link from our mail.")


def sign(said: str, *, purpose: bytes) -> str:
    """What may stand in an address: what is said, which anybody can read, and its signature."""
    return urlsafe_b64encode(said.encode() + _signature(said.encode(), purpose)).decode().rstrip("=")


def read(token: str, *, purpose: bytes) -> str:
    """What was signed for this purpose. Raises `NotSigned`."""
    try:
        whole = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotBase64, ValueError):
        raise NotSigned from None
    said, signature = whole[:-_SIGNATURE_BYTES], whole[-_SIGNATURE_BYTES:]
    # The same bytes may be spelt in several ways; one of them is ours.
    if not hmac.compare_digest(signature, _signature(said, purpose)):
        raise NotSigned
    if sign(said.decode(), purpose=purpose) != token:
        raise NotSigned
    return said.decode()


def mark(address: str, *, purpose: bytes) -> str:
    """An e-mail address as a few letters that tell nobody which."""
    marked = hmac.new(_key(purpose), b"for " + address.lower().encode(), hashlib.sha256)
    return marked.hexdigest()[:_MARK_LETTERS]


def is_marked(with_mark: str, address: str, *, purpose: bytes) -> bool:
    """Whether the mark is this address's."""
    return hmac.compare_digest(with_mark, mark(address, purpose=purpose))


def _signature(said: bytes, purpose: bytes) -> bytes:
    return hmac.new(_key(purpose), said, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _key(purpose: bytes) -> bytes:
    return hmac.digest(settings().secret_key.get_secret_value().encode(), purpose, "sha256")

"""What a person's second factor rests on, closed up under keys that are derived from SECRET_KEY.

A copy of the database alone then opens no account. A sealed secret is bound to its person: moved to another
row it opens nothing. Under another SECRET_KEY neither secrets nor codes are read any more, and people are
invited anew.
"""

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payments.settings import settings

_NONCE = 12


class SealBroken(Exception):
    """Sealed under another SECRET_KEY, or for somebody else."""


def seal(secret: bytes, *, staff_id: str) -> bytes:
    """Close a secret up for one person."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_key(b"seal")).encrypt(nonce, secret, staff_id.encode())


def open_sealed(sealed: bytes, *, staff_id: str) -> bytes:
    """The secret again; `SealBroken` where it cannot be read."""
    try:
        return AESGCM(_key(b"seal")).decrypt(sealed[:_NONCE], sealed[_NONCE:], staff_id.encode())
    except InvalidTag:
        raise SealBroken from None


def mark(purpose: str, text: str) -> str:
    """A text as a keyed hash: the same each time, and not to be guessed back without the key."""
    return hmac.new(_key(purpose.encode()), text.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _key(purpose: bytes) -> bytes:
    secret = settings().secret_key.get_secret_value().encode()
    return hmac.digest(secret, b"almoner staff: " + purpose, "sha256")

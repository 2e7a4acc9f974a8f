"""Sealing: AES-GCM under a key that is in no database and no backup of one.

A sealed number names its key by a fingerprint and is bound to its donor: moved to another row it opens
nothing. While a key is replaced RRN_KEY holds both, the new one first.
"""

import base64
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payments.errors import AlmonerError
from payments.settings import settings

_FINGERPRINT, _NONCE = 4, 12


class SealingOff(AlmonerError):
    """Without a key registration numbers are neither taken nor shown."""

    def __init__(self) -> None:
        super().__init__(
            "Registration numbers are not kept here: RRN_KEY is not set. Make one with"
            " `openssl rand -base64 32`, keep it apart from the database and its backups, and set it."
        )


class KeyGone(AlmonerError):
    """It was sealed with a key that is not set any more, or it was changed."""

    def __init__(self) -> None:
        super().__init__(
            "This number cannot be opened: its key is not in RRN_KEY, or its row was changed. Put the earlier"
            " key behind the newer one, separated by a comma."
        )


def is_on() -> bool:
    """Whether there is a key."""
    return bool(settings().rrn_key.get_secret_value())


def seal(digits: str, *, donor_id: str) -> bytes:
    """Close a number up for one donor, under the newest key."""
    key = _keys()[0]
    nonce = secrets.token_bytes(_NONCE)
    return _fingerprint(key) + nonce + AESGCM(key).encrypt(nonce, digits.encode(), donor_id.encode())


def open_sealed(sealed: bytes, *, donor_id: str) -> str:
    """The number again; `KeyGone` where it cannot be read."""
    mark, rest = sealed[:_FINGERPRINT], sealed[_FINGERPRINT:]
    for key in _keys():
        if _fingerprint(key) == mark:
            try:
                return AESGCM(key).decrypt(rest[:_NONCE], rest[_NONCE:], donor_id.encode()).decode()
            except InvalidTag:
                break
    raise KeyGone


def _keys() -> list[bytes]:
    if not is_on():
        raise SealingOff
    return [base64.b64decode(part) for part in settings().rrn_key.get_secret_value().split(",") if part]


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"rrn key\n" + key).digest()[:_FINGERPRINT]

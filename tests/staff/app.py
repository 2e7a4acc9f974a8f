"""An authenticator app, written from RFC 6238 and not from our own code."""

import base64
import hashlib
import hmac
import re
import struct
import time


def code_of(secret: str, *, at: float | None = None) -> str:
    """The six digits that the app shows now, or at another time."""
    key = base64.b32decode(secret.replace(" ", ""))
    counter = struct.pack(">Q", int(time.time() if at is None else at) // 30)
    digest = hmac.digest(key, counter, hashlib.sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def secret_on(page: str) -> str:
    """The key that a page shows for typing."""
    found = re.search(r"<code>((?:[A-Z2-7]{4} ?){8})</code>", page)
    assert found, page
    return found[1]

"""An authenticator app, written from RFC 6238 and not from our own code."""

import base64
import hashlib
import hmac
import re
import struct
import time

SECONDS, ENDING = 30, 4
"""How long a code is shown, and how little is left of it when nobody would begin to type."""


def code_of(secret: str, *, half_minutes: int = 0) -> str:
    """The six digits that the app shows now, or so many half minutes from now. Near the end of one it waits
    for the next, or a code of the edge would be of another time by when it is looked at."""
    left = SECONDS - time.time() % SECONDS
    if left < ENDING:
        time.sleep(left)
    key = base64.b32decode(secret.replace(" ", ""))
    counter = struct.pack(">Q", int(time.time()) // SECONDS + half_minutes)
    digest = hmac.digest(key, counter, hashlib.sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def secret_on(page: str) -> str:
    """The key that a page shows for typing."""
    found = re.search(r"<code>((?:[A-Z2-7]{4} ?){8})</code>", page)
    assert found, page
    return found[1]

"""Is it Stripe that speaks? Checked over the raw bytes, before anything is parsed."""

import time
from collections.abc import Iterable

from stripe import SignatureVerificationError, WebhookSignature

from payments.errors import AlmonerError

TOLERANCE_SECONDS = 300


class SignatureRefused(AlmonerError):
    """The body was not signed by any live secret, or not within five minutes of now."""


def verify(body: bytes, header: str, secrets: Iterable[str]) -> None:
    """Raise `SignatureRefused` unless one of the secrets signed exactly these bytes just now.

    Several secrets are live while one is being rotated. The library refuses time stamps of the
    past only (stripe 16.1 takes one ten years ahead), so the future side is checked here.
    """
    if not header.isascii():
        raise SignatureRefused("the signature header is not plain text")
    signed_at = _time_stamp(header)
    if abs(signed_at - time.time()) > TOLERANCE_SECONDS:
        raise SignatureRefused("the signature is more than five minutes from now")
    for secret in secrets:
        try:
            # The library decodes the body; bytes that are not UTF-8 were never signed by Stripe.
            if WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS):
                return
        except (SignatureVerificationError, UnicodeDecodeError):
            continue
    raise SignatureRefused("no live secret signed this body")


def _time_stamp(header: str) -> int:
    for part in header.split(","):
        name, _, value = part.partition("=")
        # At most twelve digits: int() of a longer text is work that an unsigned caller could order.
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            return int(value)
    raise SignatureRefused("the signature header holds no time stamp")

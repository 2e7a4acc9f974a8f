"""Speaking as Stripe: the signature header of a body."""

import time

from stripe import WebhookSignature

from tests.conftest import TEST_ENVIRONMENT


def signed(body: bytes, *, secret: str = "", at: float | None = None) -> dict[str, str]:
    """The headers under which Stripe would deliver this body."""
    return {
        "content-type": "application/json; charset=utf-8",
        "stripe-signature": signature(body, secret=secret, at=at),
    }


def signature(body: bytes, *, secret: str = "", at: float | None = None) -> str:
    """`t=…,v1=…` over the raw bytes, by the tests' secret and now unless told otherwise."""
    import hashlib
    import hmac

    moment = int(time.time() if at is None else at)
    key = (secret or TEST_ENVIRONMENT["STRIPE_WEBHOOK_SECRET"]).encode()
    # Not by the library, whose helper takes text only: a body may be bytes that are no text.
    proof = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},{WebhookSignature.EXPECTED_SCHEME}={proof}"

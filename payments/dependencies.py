"""What a request may ask for: a session, Stripe, who asks, and a gift's way from wish to page.

Opening a page takes two transactions with Stripe between them, so the doors share it here: the
gift is committed before Stripe hears of it, and no transaction is open while Stripe thinks.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Header
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from payments import database
from payments.donations import checkout, organisation, wishes
from payments.donations.models import Donation, DonationStatus
from payments.donations.wishes import Wish
from payments.errors import StripeRefused, StripeUnavailable
from payments.settings import settings
from payments.staff import people, tokens
from payments.staff.models import Role, StaffMember
from payments.stripe_gateway.client import CheckoutPage, CheckoutRequest, gateway
from payments.supporters import donors

log = structlog.stdlib.get_logger(__name__)


def _session() -> Iterator[Session]:
    with database.transaction() as session:
        yield session


# "function" scope: the transaction commits before the answer leaves. By default FastAPI commits
# after the answer has started, and a 200 could be a lie.
DatabaseSession = Annotated[Session, Depends(_session, scope="function")]

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A random text of yours, new for each deed. The same key and body give the same answer.",
        examples=["9d3c1f0e-6a55-4a2e-9d1b-2f7b2f1c9a10"],
    ),
]

_bearer = HTTPBearer(auto_error=False, description="A staff token, made with `almoner staff token`.")


def staff_with(*roles: Role) -> Dependency:
    """Who asks, by the token in `Authorization`, when it is somebody with one of these roles."""

    def _who(
        session: DatabaseSession,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> StaffMember:
        try:
            person = tokens.holder(session, credentials.credentials if credentials else "")
        except tokens.TokenRefused as refusal:
            # By its first letters only: what is logged must open nothing.
            log.warning("staff token refused", code=refusal.prefix or "none")
            raise
        people.require(person, *roles)
        return person

    return Dependency(_who, scope="function")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCheckout:
    """A gift and the page at Stripe where it is paid."""

    donation_id: str
    status: DonationStatus
    checkout_url: str | None


_WAIT_SECONDS = 20
_LOOK_EVERY_SECONDS = 0.1


def open_checkout(wish: Wish, *, key: str) -> OpenedCheckout:
    """Take a wish to Stripe's page, once for each idempotency key.

    Raises `WishRefused` for a wish that cannot be taken, `IdempotencyKeyReused` when the key came
    with another wish, and `StripeUnavailable` or `StripeRefused` when Stripe opened no page; the
    same key may then be tried again.
    """
    give_up = time.monotonic() + _WAIT_SECONDS
    wish_sha256 = checkout.fingerprint(wish)
    while True:
        donation, request = _claim(wish, key=key, wish_sha256=wish_sha256)
        if request is not None:
            page = _ask_stripe(request)
            with database.transaction() as session:
                opened = checkout.record_page(session, donation.id, page)
            return OpenedCheckout(donation_id=donation.id, status=opened.status, checkout_url=opened.url)
        if donation.stripe_checkout_session_id is not None:
            return OpenedCheckout(
                donation_id=donation.id,
                status=DonationStatus(donation.status),
                checkout_url=donation.checkout_url,
            )
        if time.monotonic() > give_up:
            raise StripeUnavailable("Another request with this key is still waiting for Stripe.")
        time.sleep(_LOOK_EVERY_SECONDS)


def _ask_stripe(request: CheckoutRequest) -> CheckoutPage:
    try:
        return gateway().open_checkout(request)
    except (StripeUnavailable, StripeRefused):
        with database.transaction() as session:
            checkout.let_go(session, request.donation_id)
        raise


def _claim(wish: Wish, *, key: str, wish_sha256: str) -> tuple[Donation, CheckoutRequest | None]:
    """The gift of this key, and what to ask Stripe for when it is this caller's turn to ask."""
    with database.transaction() as session:
        earlier = checkout.earlier(session, key=key, wish_sha256=wish_sha256)
        if earlier is None:
            return _begin(session, wish, key=key, wish_sha256=wish_sha256)
        if not earlier.may_ask:
            return earlier.donation, None
        request = checkout.request_for(
            earlier.donation,
            fund_names=checkout.fund_names(session, earlier.donation),
            email=donors.email_of(session, earlier.donation.donor_id),
            public_base_url=settings().public_base_url,
        )
        return earlier.donation, request


def _begin(session: Session, wish: Wish, *, key: str, wish_sha256: str) -> tuple[Donation, CheckoutRequest]:
    offer = organisation.offer(session)
    agreed = wishes.agree(wish, terms=offer.terms, funds=offer.funds)
    donor = donors.meet(session, email=agreed.donor_email, name=agreed.donor_name, locale=wish.locale)
    claim = checkout.begin(
        session,
        wish,
        agreed,
        key=key,
        wish_sha256=wish_sha256,
        donor_id=donor.id,
        entity_id=offer.entity.id,
    )
    request = checkout.request_for(
        claim.donation,
        fund_names=offer.fund_names((share.fund_id for share in agreed.shares), wish.locale),
        email=donor.email,
        public_base_url=settings().public_base_url,
    )
    return claim.donation, request

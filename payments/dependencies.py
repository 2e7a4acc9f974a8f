"""What a request may ask for: a session, Stripe, who asks, and a gift's way from wish to page.

Opening a page takes two transactions with Stripe between them, so the doors share it here: the
gift is committed before Stripe hears of it, and no transaction is open while Stripe thinks.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated, Protocol

import structlog
from fastapi import Depends, Header, Request, Response
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from payments import database, doorkeeper
from payments.donations import checkout, organisation, wishes
from payments.donations.models import Donation, DonationStatus
from payments.donations.wishes import Wish, WishRefused
from payments.errors import StripeRefused, StripeUnavailable
from payments.giftaid import wishing
from payments.monthly import beginning
from payments.settings import settings
from payments.shield import limits
from payments.staff import people, sessions, tokens
from payments.staff.models import Role, StaffMember
from payments.stripe_gateway.client import CheckoutRequest, gateway
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
        request: Request,
        session: DatabaseSession,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> StaffMember:
        return _holder(request, session, credentials, roles)

    return Dependency(_who, scope="function")


def staff_apart(*roles: Role) -> Dependency:
    """The id of who asks, with one of these roles; found in a transaction of its own. For a route that
    waits for others: the database ends a transaction that idles meanwhile."""

    def _who(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str:
        with database.transaction() as session:
            return _holder(request, session, credentials, roles).id

    return Dependency(_who)


def signed_in(*roles: Role) -> Dependency:
    """Who is signed in at this browser, when it is somebody with one of these roles; without any named,
    whoever works here. Raises `SignInNeeded`, which the pages answer with the way to sign in, `NotAllowed`
    or `NoLongerHere`. Found in a transaction of its own: the page's may take long, and a person has many."""

    def _who(request: Request) -> StaffMember:
        with database.transaction() as session:
            person = sessions.holder(session, staff_cookie_of(request))
        if roles:
            people.require(person, *roles)
        return person

    return Dependency(_who)


def staff_cookie_of(request: Request) -> str:
    """What the browser of somebody signed in holds; an empty text from anybody else's."""
    return request.cookies.get(_cookie("almoner-staff"), "")


def keep_signed_in(answer: Response, token: str) -> None:
    """Let the browser hold a session until it is closed."""
    _keep(answer, "almoner-staff", token)


def keep_no_longer(answer: Response) -> None:
    """Let the browser forget a session."""
    _keep(answer, "almoner-staff", "", seconds=0)


def known_browser_of(request: Request) -> str:
    """By what a browser is known with which somebody has signed in before."""
    return request.cookies.get(_cookie("almoner-known"), "")


def keep_known(answer: Response, mark: str) -> None:
    """Let the browser be known for half a year. It opens nothing: it only is no stranger's."""
    _keep(answer, "almoner-known", mark, seconds=180 * 24 * 3600)


def donor_cookie_of(request: Request) -> str:
    """What the browser of a donor holds who opened a mailed link; an empty text from anybody else's."""
    return request.cookies.get(_cookie("almoner-donor"), "")


def keep_donor(answer: Response, token: str) -> None:
    """Let the browser hold a donor's session until it is closed."""
    _keep(answer, "almoner-donor", token)


def keep_donor_no_longer(answer: Response) -> None:
    """Let the browser forget it."""
    _keep(answer, "almoner-donor", "", seconds=0)


def _keep(answer: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    answer.set_cookie(
        _cookie(name), value, max_age=seconds, path="/", secure=_is_https(), httponly=True, samesite="lax"
    )


def _cookie(name: str) -> str:
    """Under `__Host-` a browser takes it only over HTTPS, from this very host, for every path: no
    neighbouring site can plant one. The demo speaks HTTP with its own machine and has it without."""
    return f"__Host-{name}" if _is_https() else name


def _is_https() -> bool:
    return settings().public_base_url.startswith("https://")


def _holder(
    request: Request,
    session: Session,
    credentials: HTTPAuthorizationCredentials | None,
    roles: Collection[Role],
) -> StaffMember:
    doorkeeper.must_not_be_guessing(request, limits.TOKENS_REFUSED)
    try:
        person = tokens.holder(session, credentials.credentials if credentials else "")
    except tokens.TokenRefused as refusal:
        # By its first letters only: what is logged must open nothing.
        log.warning("staff token refused", code=refusal.prefix or "none")
        if credentials is not None:
            doorkeeper.miss(request, limits.TOKENS_REFUSED)
        raise
    people.require(person, *roles)
    return person


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCheckout:
    """A gift and the page at Stripe where it is paid."""

    donation_id: str
    status: DonationStatus
    checkout_url: str | None


class Visitor(Protocol):
    """Who is at the door, as the door sees it."""

    def let_in(self, key: str, email: str) -> None:
        """Asked of a wish that can be taken, before anything is written: raises where it may not."""

    def was_known(self) -> None:
        """Told when the key has its gift already."""


_WAIT_SECONDS = 20
_LOOK_EVERY_SECONDS = 0.1


def open_checkout(wish: Wish, *, key: str, visitor: Visitor | None = None) -> OpenedCheckout:
    """Take a wish to Stripe's page, once for each idempotency key.

    Raises `WishRefused` for a wish that cannot be taken, `IdempotencyKeyReused` when the key came
    with another wish, and `StripeUnavailable` or `StripeRefused` when Stripe opened no page; the
    same key may then be tried again.
    """
    wish_sha256 = checkout.fingerprint(wish)
    try:
        request = _begin(wish, key=key, wish_sha256=wish_sha256, visitor=visitor)
    except WishRefused as refusal:
        # What was taken before stays taken, though the charity's terms may have changed since.
        return _opened_before(key, wish_sha256, refusal=refusal)
    return _ask_stripe(request) if request is not None else _opened_before(key, wish_sha256)


def _begin(
    wish: Wish, *, key: str, wish_sha256: str, visitor: Visitor | None = None
) -> CheckoutRequest | None:
    """Write the gift, and say what to ask Stripe; None when this key has made a gift before."""
    offer = organisation.known_offer()
    if offer is None:
        with database.transaction() as session:
            offer = organisation.read_offer(session)
    agreed = wishes.agree(wish, terms=offer.terms, funds=offer.funds)
    for refusal in wishing.refusals(wish, offer.entity):
        raise refusal
    if visitor is not None:
        visitor.let_in(key, agreed.donor_email)
    begin = beginning.begin if wish.frequency == "monthly" else checkout.begin
    facts = {"key": key, "wish_sha256": wish_sha256, "entity_id": offer.entity.id}
    if wish.gift_aid is None:
        with database.single_statements() as connection:
            begun = begin(connection, wish, agreed, **facts)
    else:
        with database.transaction() as session:
            begun = begin(session, wish, agreed, **facts)
            if begun is not None:
                wishing.declare(session, wish, begun.donation, offer.entity)
    if begun is None:
        if visitor is not None:
            visitor.was_known()
        return None
    return checkout.request_for(
        begun.donation,
        fund_names=offer.fund_names((share.fund_id for share in agreed.shares), wish.locale),
        programme=offer.programmes[wish.locale],
        email=begun.email,
        public_base_url=settings().public_base_url,
    )


def _opened_before(key: str, wish_sha256: str, *, refusal: WishRefused | None = None) -> OpenedCheckout:
    """The page of a key that was used before: wait for who is asking Stripe, and take over if nobody is."""
    give_up = time.monotonic() + _WAIT_SECONDS
    while True:
        with database.transaction() as session:
            earlier = checkout.earlier(session, key=key, wish_sha256=wish_sha256)
            if earlier is None:
                # A used key is never forgotten, so only a refused wish has made no gift.
                raise refusal or RuntimeError("this key was used and has no gift")
            donation = earlier.donation
            request = _asked_again(session, donation) if earlier.may_ask else None
        if request is not None:
            return _ask_stripe(request)
        if donation.stripe_checkout_session_id is not None:
            return OpenedCheckout(
                donation_id=donation.id,
                status=DonationStatus(donation.status),
                checkout_url=donation.checkout_url,
            )
        if time.monotonic() > give_up:
            raise StripeUnavailable("Another request with this key is still waiting for Stripe.")
        time.sleep(_LOOK_EVERY_SECONDS)


def _asked_again(session: Session, donation: Donation) -> CheckoutRequest:
    return checkout.request_for(
        donation,
        fund_names=checkout.fund_names(session, donation),
        programme=organisation.programme(organisation.the_organisation(session), donation.locale),
        email=donors.email_typed_for(session, donation_id=donation.id, donor_id=donation.donor_id),
        public_base_url=settings().public_base_url,
    )


def _ask_stripe(request: CheckoutRequest) -> OpenedCheckout:
    try:
        page = gateway().open_checkout(request)
    except (StripeUnavailable, StripeRefused):
        with database.transaction() as session:
            checkout.let_go(session, request.donation_id)
        raise
    with database.single_statements() as connection:
        opened = checkout.record_page(connection, request.donation_id, page)
    return OpenedCheckout(donation_id=request.donation_id, status=opened.status, checkout_url=opened.url)

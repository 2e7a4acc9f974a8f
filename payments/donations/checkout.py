"""From a wish to Stripe's page: the gift is written and committed first, then Stripe is asked.

One idempotency key makes one gift. Of many callers with the same key one asks Stripe, the others
wait for what it gets; if it dies, the next takes over, and Stripe, asked again under the gift's own
key, answers with the same page.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import new_id
from payments.donations.models import Allocation, Donation, DonationRequest, DonationStatus, Fund
from payments.donations.wishes import Agreed, Wish
from payments.errors import AlmonerError
from payments.stripe_gateway.client import CheckoutPage, CheckoutRequest

CHECKOUT_OPEN_FOR = timedelta(hours=2)
"""How long the donor may take to pay. Stripe allows thirty minutes to a day; short hinders card testing."""

_CALL_LASTS = timedelta(seconds=30)


class IdempotencyKeyReused(AlmonerError):
    """The same key came with another gift."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was already used for a different gift. Use a new key for a new gift."
        )


class DonationNotFound(AlmonerError):
    """No gift has this id."""

    def __init__(self, donation_id: str) -> None:
        super().__init__("There is no donation with this id.")
        self.donation_id = donation_id


class NotGivenOnline(AlmonerError):
    """A cheque has no checkout page."""

    def __init__(self, donation_id: str) -> None:
        super().__init__(f"donation {donation_id} was not given online")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A caller's part in opening a gift's page: to ask Stripe, or to wait for who is asking."""

    donation: Donation
    may_ask: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A gift whose page is known: how it stands, and where it is paid."""

    status: DonationStatus
    url: str | None


_HOLD_KEY = text("select pg_advisory_xact_lock(hashtextextended(:key, 0))")


def fingerprint(wish: Wish) -> str:
    """The wish as one hash: two requests with one key must be the same wish."""
    said = repr((replace(wish, source={}), sorted(wish.source.items())))
    return hashlib.sha256(said.encode()).hexdigest()


def earlier(session: Session, *, key: str, wish_sha256: str) -> Claim | None:
    """The gift this key already made, held against other callers for the length of the transaction."""
    session.execute(_HOLD_KEY, {"key": key})
    request = session.get(DonationRequest, key)
    if request is None:
        return None
    if request.request_sha256 != wish_sha256:
        raise IdempotencyKeyReused
    donation = find(session, request.donation_id)
    may_ask = donation.stripe_checkout_session_id is None and request.caller_until < now()
    if may_ask:
        request.caller_until = now() + _CALL_LASTS
    return Claim(donation=donation, may_ask=may_ask)


def begin(
    session: Session,
    wish: Wish,
    agreed: Agreed,
    *,
    key: str,
    wish_sha256: str,
    donor_id: str,
    entity_id: str,
) -> Claim:
    """Write the gift and its key; the caller commits and then asks Stripe."""
    donation = Donation(
        id=new_id("don"),
        created_at=now(),
        entity_id=entity_id,
        donor_id=donor_id,
        donor_name=agreed.donor_name,
        locale=wish.locale,
        frequency=wish.frequency,
        currency=agreed.total.currency,
        amount=agreed.total.minor,
        fee_cover_amount=agreed.fee_cover.minor,
        dedication_kind=wish.dedication.kind if wish.dedication else None,
        dedication_name=wish.dedication.name.strip() if wish.dedication else None,
        source=dict(wish.source),
        status=DonationStatus.PENDING,
        checkout_expires_at=now() + CHECKOUT_OPEN_FOR,
        allocations=[
            Allocation(position=position, fund_id=share.fund_id, amount=share.amount)
            for position, share in enumerate(agreed.shares)
        ],
    )
    session.add(donation)
    session.flush()
    session.add(
        DonationRequest(
            idempotency_key=key,
            request_sha256=wish_sha256,
            donation_id=donation.id,
            caller_until=now() + _CALL_LASTS,
        )
    )
    return Claim(donation=donation, may_ask=True)


def fund_names(session: Session, donation: Donation) -> list[str]:
    """What a stored gift is for, in its donor's language."""
    funds = session.scalars(
        select(Fund)
        .join(Allocation, Allocation.fund_id == Fund.id)
        .where(Allocation.donation_id == donation.id)
        .order_by(Allocation.position)
    )
    return [fund.name_in(donation.locale) for fund in funds]


def request_for(
    donation: Donation, *, fund_names: Sequence[str], email: str, public_base_url: str
) -> CheckoutRequest:
    """What to ask Stripe for this gift: whoever asks, and whenever, asks the very same."""
    if donation.checkout_expires_at is None:
        raise NotGivenOnline(donation.id)
    return CheckoutRequest(
        donation_id=donation.id,
        total=donation.total,
        description=" · ".join(fund_names),
        email=email,
        locale=donation.locale,
        success_url=f"{public_base_url}/thank-you/{donation.id}",
        cancel_url=f"{public_base_url}/donate?cancelled={donation.id}&lang={donation.locale}",
        expires_at=donation.checkout_expires_at,
    )


def record_page(session: Session, donation_id: str, page: CheckoutPage) -> Opened:
    """Remember which page Stripe opened. The webhook may have been faster; it has the same ids."""
    recorded = session.execute(
        update(Donation)
        .where(Donation.id == donation_id)
        .values(
            stripe_checkout_session_id=page.stripe_checkout_session_id,
            checkout_url=func.coalesce(page.url, Donation.checkout_url),
        )
        .returning(Donation.status, Donation.checkout_url)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if recorded is None:
        raise DonationNotFound(donation_id)
    return Opened(status=DonationStatus(recorded.status), url=recorded.checkout_url)


def let_go(session: Session, donation_id: str) -> None:
    """Stripe opened no page for this caller: the next one with its key need not wait for it."""
    session.execute(
        update(DonationRequest).where(DonationRequest.donation_id == donation_id).values(caller_until=now())
    )


def find(session: Session, donation_id: str, *, for_update: bool = False) -> Donation:
    """The gift with this id, or `DonationNotFound`."""
    if "\0" in donation_id:  # no text of PostgreSQL's holds one, so asking would be an error
        raise DonationNotFound(donation_id)
    found = session.get(Donation, donation_id, with_for_update=True if for_update else None)
    if found is None:
        raise DonationNotFound(donation_id)
    return found

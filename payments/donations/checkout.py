"""From a wish to Stripe's page: the gift is written and committed first, then Stripe is asked.

One idempotency key makes one gift. Of many callers with the same key one asks Stripe, the others
wait for what it gets; if it dies, the next takes over, and Stripe, asked again under the gift's own
key, answers with the same page.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, TextClause, select, text, update
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
class Begun:
    """A gift that was written now, and where its donor's mail goes."""

    donation: Donation
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A later caller's part in opening a gift's page: to ask Stripe, or to wait for who is asking."""

    donation: Donation
    may_ask: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A gift whose page is known: how it stands, and where it is paid."""

    status: DonationStatus
    url: str | None


def fingerprint(wish: Wish) -> str:
    """The wish as one hash: two requests with one key must be the same wish."""
    said = repr((replace(wish, source={}), sorted(wish.source.items())))
    if wish.gift_aid is not None:
        said += repr(wish.gift_aid)
    return hashlib.sha256(said.encode()).hexdigest()


def beginning(beside: str = "") -> TextClause:
    """The statement that writes a gift; `beside` names what is written with it, as further parts of the
    statement, each after a comma."""
    return text(_BEGIN.replace("-- beside", beside))


_BEGIN = """
    with claimed as (
        insert into donation_requests (idempotency_key, request_sha256, donation_id, caller_until)
        values (:key, :wish_sha256, :id, :caller_until)
        on conflict (idempotency_key) do nothing
        returning donation_id
    ), known as (
        select id, email from donors where lower(email) = lower(:email)
    ), met as (
        insert into donors (id, email, name, locale)
        select :new_donor_id, :email, :donor_name, :locale from claimed where not exists (select from known)
        -- Met by another gift in this very moment: only an update can see that row, so change nothing.
        on conflict (lower(email)) do update set email = donors.email
        returning id, email
    ), donor as (
        select id, email from known union all select id, email from met
    ), given as (
        insert into donations (
            id, created_at, entity_id, donor_id, donor_name, locale, frequency, currency, amount,
            fee_cover_amount, dedication_kind, dedication_name, source, checkout_expires_at, monthly_gift_id
        )
        select
            :id, :created_at, :entity_id, donor.id, :donor_name, :locale, :frequency, :currency, :amount,
            :fee_cover_amount, :dedication_kind, :dedication_name, cast(:source as jsonb),
            :checkout_expires_at, :monthly_gift_id
        from claimed, donor
    ), shared as (
        insert into donation_allocations (donation_id, position, fund_id, amount)
        select donation_id, part.number - 1, part.fund_id, part.amount
        from claimed,
            unnest(cast(:fund_ids as text[]), cast(:fund_amounts as bigint[]))
                with ordinality as part (fund_id, amount, number)
    )
    -- beside
    select donor.id, donor.email from claimed, donor
"""
_BEGIN_ALONE = beginning()


def begin(
    connection: Connection | Session,
    wish: Wish,
    agreed: Agreed,
    *,
    key: str,
    wish_sha256: str,
    entity_id: str,
    monthly_gift_id: str | None = None,
    statement: TextClause = _BEGIN_ALONE,
) -> Begun | None:
    """Write the gift, its donor and its key, unless this key has made a gift before: None then.

    One statement, so that it is whole without a transaction around it: a busy evening's pages are
    opened at the rate at which gifts can be written. The caller commits and then asks Stripe.
    `monthly.beginning` brings a statement that writes the promise as well.
    """
    donation = Donation(
        id=new_id("don"),
        created_at=now(),
        entity_id=entity_id,
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
        monthly_gift_id=monthly_gift_id,
    )
    donor = connection.execute(
        statement,
        {
            "key": key,
            "wish_sha256": wish_sha256,
            "caller_until": now() + _CALL_LASTS,
            "new_donor_id": new_id("dnr"),
            "email": agreed.donor_email,
            "fund_ids": [share.fund_id for share in agreed.shares],
            "fund_amounts": [share.amount for share in agreed.shares],
            **{name: getattr(donation, name) for name in _WRITTEN},
            "source": json.dumps(donation.source),
        },
    ).one_or_none()
    if donor is None:
        return None
    donation.donor_id = donor.id
    return Begun(donation=donation, email=donor.email)


_WRITTEN = (
    *("id", "created_at", "entity_id", "donor_name", "locale", "frequency", "currency", "amount"),
    *("fee_cover_amount", "dedication_kind", "dedication_name", "checkout_expires_at", "monthly_gift_id"),
)


def earlier(session: Session, *, key: str, wish_sha256: str) -> Claim | None:
    """The gift this key made before, held against other callers for the length of the transaction."""
    request = session.get(DonationRequest, key, with_for_update=True)
    if request is None:
        return None
    if request.request_sha256 != wish_sha256:
        raise IdempotencyKeyReused
    donation = find(session, request.donation_id)
    may_ask = donation.stripe_checkout_session_id is None and request.caller_until < now()
    if may_ask:
        request.caller_until = now() + _CALL_LASTS
    return Claim(donation=donation, may_ask=may_ask)


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
    donation: Donation, *, fund_names: Sequence[str], programme: str, email: str, public_base_url: str
) -> CheckoutRequest:
    """What to ask Stripe for this gift: whoever asks, and whenever, asks the very same.

    `programme` is what giving monthly is called here; a gift given once is called by its funds alone.
    """
    if donation.checkout_expires_at is None:
        raise NotGivenOnline(donation.id)
    return CheckoutRequest(
        donation_id=donation.id,
        total=donation.total,
        description=" · ".join([programme, *fund_names] if donation.monthly_gift_id else fund_names),
        email=email,
        locale=donation.locale,
        success_url=f"{public_base_url}/thank-you/{donation.id}",
        cancel_url=f"{public_base_url}/donate?cancelled={donation.id}&lang={donation.locale}",
        expires_at=donation.checkout_expires_at,
        monthly_gift_id=donation.monthly_gift_id,
    )


def record_page(connection: Connection | Session, donation_id: str, page: CheckoutPage) -> Opened:
    """Remember which page Stripe opened. The webhook may have been faster; it has the same ids."""
    recorded = connection.execute(
        _RECORD_PAGE,
        {"id": donation_id, "session": page.stripe_checkout_session_id, "url": page.url},
    ).one_or_none()
    if recorded is None:
        raise DonationNotFound(donation_id)
    return Opened(status=DonationStatus(recorded.status), url=recorded.checkout_url)


_RECORD_PAGE = text("""
    update donations
    set stripe_checkout_session_id = :session, checkout_url = coalesce(:url, checkout_url)
    where id = :id
    returning status, checkout_url
""")


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

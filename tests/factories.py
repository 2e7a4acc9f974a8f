"""Builders with telling defaults: a test names only what it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from payments.database import new_id
from payments.donations.models import Allocation, Donation
from payments.ledger.accounts import Account
from payments.ledger.rules import Books, Gift, Line, Movement
from payments.supporters.donors import recognise

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BOOKS = Books(entity_id="us", time_zone="America/Los_Angeles")


def a_donation(
    session: Session,
    *,
    amount: int = 2500,
    currency: str = "usd",
    fund: str = "general",
    parts: Sequence[tuple[str, int]] = (),
    fee_cover: int = 0,
    email: str = "ada@example.com",
    name: str = "Ada Park",
    **given: Any,
) -> Donation:
    """A pending gift of $25.00 to the general fund of the fixture `organisation`, written and flushed.

    `parts` splits it over several funds, and then says how much it is.
    """
    parts = parts or ((fund, amount - fee_cover),)
    facts: dict[str, Any] = {
        "id": new_id("don"),
        "entity_id": "us",
        "donor_id": recognise(session, email=email, name=name, locale="en"),
        "donor_name": name,
        "locale": "en",
        "frequency": "once",
        "currency": currency,
        "amount": sum(part for _, part in parts) + fee_cover,
        "fee_cover_amount": fee_cover,
        "source": {"page": "give"},
        "checkout_expires_at": NOON + timedelta(days=1),
    }
    donation = Donation(**(facts | given))
    donation.allocations = [
        Allocation(position=position, fund_id=fund_id, amount=part)
        for position, (fund_id, part) in enumerate(parts)
    ]
    session.add(donation)
    session.flush()
    return donation


def a_movement(amount: int = 2500, fee: int = 103, **given: Any) -> Movement:
    """A charge of $25.00 of which Stripe kept $1.03."""
    facts: dict[str, Any] = {
        "stripe_balance_transaction_id": new_id("txn"),
        "reporting_category": "charge",
        "type": "charge",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": "usd",
        "created_at": NOON,
    }
    return Movement(**(facts | given))


def a_gift(*funds: tuple[str, int], fee_cover: int = 0, donation_id: str = "don_1") -> Gift:
    """A gift's lines; by default all of $25.00 for the general fund."""
    lines = [Line(Account.CONTRIBUTIONS, part, fund) for fund, part in funds or (("general", 2500),)]
    if fee_cover:
        lines.append(Line(Account.CONTRIBUTIONS_FEE_COVER, fee_cover))
    return Gift(donation_id=donation_id, lines=tuple(lines))

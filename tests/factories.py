"""Builders with telling defaults: a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from payments.database import new_id
from payments.donations.models import Allocation, Donation, Fund, GivingTerms, IssuingEntity, Organisation
from payments.ledger.rules import Books, GiftShares, Movement
from payments.supporters.donors import recognise

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BOOKS = Books(entity_id="us", time_zone="America/New_York")


def an_organisation(session: Session) -> Organisation:
    """A charity with one entity in New York, two funds, and terms for dollars, won and dinars."""
    organisation = Organisation(
        id=1,
        name={"en": "Riverbend", "ko": "리버벤드"},
        website="https://riverbend.example.org",
        accent_colour="#0b6e4f",
        words={},
    )
    entity = IssuingEntity(
        id="us",
        legal_name="Riverbend Relief, Inc.",
        address=["1 Harbor Street", "New York, NY 10004"],
        tax_id="12-3456789",
        jurisdiction="us",
        time_zone="America/New_York",
        locale="en",
        email="receipts@riverbend.example.org",
        website="https://riverbend.example.org",
        signatory_name="Ada Park",
        signatory_title="Treasurer",
        receipt_series="US",
        statement_code="us_501c3",
        receives_online=True,
    )
    session.add_all([organisation, entity])
    session.flush()
    session.add_all(
        [
            _fund("general", "Where it is needed most", 1, is_restricted=False),
            _fund("water", "Clean water", 2, is_restricted=True),
            _terms("usd", 500, 1_000_000, 1),
            _terms("krw", 5_000, 10_000_000, 2),
            _terms("kwd", 1_000, 1_000_000, 3),
        ]
    )
    session.flush()
    return organisation


def _fund(fund_id: str, name: str, position: int, *, is_restricted: bool) -> Fund:
    return Fund(
        id=fund_id,
        entity_id="us",
        name={"en": name},
        description={"en": ""},
        is_restricted=is_restricted,
        position=position,
    )


def _terms(currency: str, minimum: int, maximum: int, position: int) -> GivingTerms:
    return GivingTerms(
        currency=currency,
        minimum=minimum,
        maximum=maximum,
        suggested=[minimum * 2, minimum * 5, minimum * 10],
        fee_basis_points=290,
        fee_fixed=30,
        position=position,
    )


def a_donation(
    session: Session,
    *,
    amount: int = 2500,
    currency: str = "usd",
    fund: str = "general",
    fee_cover: int = 0,
    email: str = "ada@example.com",
    name: str = "Ada Park",
    **given: Any,
) -> Donation:
    """A pending gift of $25.00 to the general fund, written and flushed."""
    facts: dict[str, Any] = {
        "id": new_id("don"),
        "entity_id": "us",
        "donor_id": recognise(session, email=email, name=name, locale="en"),
        "donor_name": name,
        "locale": "en",
        "frequency": "once",
        "currency": currency,
        "amount": amount,
        "fee_cover_amount": fee_cover,
        "source": {"page": "give"},
        "checkout_expires_at": NOON + timedelta(days=1),
    }
    donation = Donation(**(facts | given))
    donation.allocations = [Allocation(position=0, fund_id=fund, amount=amount - fee_cover)]
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


def a_gift(*funds: tuple[str, int], fee_cover: int = 0, donation_id: str = "don_1") -> GiftShares:
    """How a gift divides; by default all of $25.00 for the general fund."""
    return GiftShares(donation_id=donation_id, funds=funds or (("general", 2500),), fee_cover=fee_cover)

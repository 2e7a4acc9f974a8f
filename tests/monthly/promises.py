"""Monthly gifts to tell stories with: telling defaults, and a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from payments.database import new_id
from payments.monthly.models import MonthlyAllocation, MonthlyGift, MonthlyInvoice, MonthlyTerms
from payments.supporters.donors import recognise

BEGUN = datetime(2026, 11, 15, 18, 0, tzinfo=UTC)


def a_monthly_gift(
    session: Session,
    *,
    amount: int = 3000,
    currency: str = "usd",
    fund: str = "rescue",
    locale: str = "en",
    email: str = "ada@example.com",
    name: str = "Ada Park",
    **given: Any,
) -> MonthlyGift:
    """Ada's $30.00 a month for rescue, by her Visa, on the 15th: active, written and flushed."""
    facts: dict[str, Any] = {
        "id": new_id("mon"),
        "created_at": BEGUN,
        "entity_id": "us",
        "donor_id": recognise(session, email=email, name=name, locale=locale),
        "donor_name": name,
        "locale": locale,
        "currency": currency,
        "source": {"page": "give"},
        "status": "active",
        "stripe_subscription_id": new_id("sub"),
        "stripe_customer_id": new_id("cus"),
        "stripe_status": "active",
        "said_at": BEGUN,
        "is_paused": False,
        "next_charge_at": datetime(2026, 12, 15, 18, 0, tzinfo=UTC),
        "card_brand": "visa",
        "card_last4": "4242",
        "card_expires": "2034-12",
    }
    gift = MonthlyGift(**(facts | given))
    gift.terms = [terms(1, amount, fund=fund, valid_from=gift.created_at)]
    session.add(gift)
    session.flush()
    return gift


def terms(number: int, amount: int, *, fund: str = "rescue", **given: Any) -> MonthlyTerms:
    """So much a month, all for one fund."""
    agreed = MonthlyTerms(number=number, amount=amount, fee_cover_amount=0, **given)
    agreed.allocations = [MonthlyAllocation(position=0, fund_id=fund, amount=amount)]
    return agreed


def an_invoice(session: Session, gift: MonthlyGift, **given: Any) -> MonthlyInvoice:
    """The instalment of December, open and not yet tried."""
    facts: dict[str, Any] = {
        "stripe_invoice_id": new_id("in"),
        "monthly_gift_id": gift.id,
        "stripe_payment_intent_id": new_id("pi"),
        "status": "open",
        "billing_reason": "subscription_cycle",
        "currency": gift.currency,
        "amount_due": 3000,
        "amount_paid": 0,
        "made_at": datetime(2026, 12, 15, 18, 0, tzinfo=UTC),
        "attempts": 0,
    }
    invoice = MonthlyInvoice(**(facts | given))
    session.add(invoice)
    session.flush()
    return invoice

"""Telling a plan's history in an order of one's own, by the very code that hears it from Stripe."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift
from payments.webhooks import inbox, process, sweep
from payments.webhooks.inbox import Delivery
from tests.factories import a_donation
from tests.monthly.plan_at_stripe import Plan
from tests.monthly.promises import a_monthly_gift

Told = Delivery | Mapping[str, Any]
"""An event, or a balance transaction that we fetch."""


def a_promise(
    session: Session, *, amount: int = 3000, fund: str = "rescue", **given: Any
) -> tuple[MonthlyGift, Donation]:
    """Ada's promise of $30.00 a month and its first instalment, before she leaves for Stripe."""
    unknown_yet = dict.fromkeys(
        [
            *("stripe_subscription_id", "stripe_customer_id", "stripe_status", "said_at", "next_charge_at"),
            *("card_brand", "card_last4", "card_expires"),
        ]
    )
    gift = a_monthly_gift(session, amount=amount, fund=fund, status="pending", **(unknown_yet | given))
    first = a_donation(
        session,
        amount=amount,
        fund=fund,
        currency=gift.currency,
        id=new_id("don"),
        frequency="monthly",
        monthly_gift_id=gift.id,
        donor_id=gift.donor_id,
        source=gift.source,
    )
    return gift, first


def hears(session: Session, plan: Plan, told: Sequence[Told]) -> None:
    """These arrive together; what is fetched is asked about as our worker asks."""
    events = [each for each in told if isinstance(each, Delivery)]
    inbox.store(session, events)
    page = [each for each in told if not isinstance(each, Delivery)]
    unknown = sweep.payments_without_gift(session, page)
    asked = {payment: plan.invoice_payments(payment) for payment in unknown}
    found = sweep.with_their_invoices(page, asked)
    inbox.store(session, sweep.deliveries(sweep.BALANCE_TRANSACTIONS, found))


def applies(session: Session) -> None:
    """Until a round changes nothing, whatever has to wait for what."""
    while True:
        session.execute(text("update stripe_event_queue set next_at = now() where next_at > now()"))
        applied = process.apply_due(session)
        if not (applied.done and applied.delayed):
            return


def everything(plan: Plan) -> list[Told]:
    """All that was said, in the order in which it was said."""
    return [*plan.events(), *plan.fetched_transactions()]

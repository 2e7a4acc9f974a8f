"""A monthly gift that really runs at a Stripe, and what a test asks of both sides."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from sqlalchemy import select, text

from payments.clock import from_stripe
from payments.database import transaction
from payments.monthly import changes
from payments.monthly.models import MonthlyChange, MonthlyGift, MonthlyTerms
from payments.stripe_gateway.billing import Billing, SubscriptionAnswer
from payments.stripe_gateway.client import gateway
from tests.journeys.house import Gift, House
from workers.monthly import give_back_after_end, submit_changes


@dataclass
class Running:
    """One monthly gift, its first instalment paid."""

    house: House
    first: Gift
    id: str
    subscription_id: str
    customer_id: str

    @property
    def gift(self) -> MonthlyGift:
        """As our row says it."""
        with transaction() as session:
            return session.get_one(MonthlyGift, self.id)

    @property
    def at_stripe(self) -> SubscriptionAnswer:
        """As Stripe says it."""
        return billing().subscription(self.subscription_id)

    def changes(self) -> list[MonthlyChange]:
        """What was asked, the oldest first."""
        with transaction() as session:
            return list(
                session.scalars(
                    select(MonthlyChange)
                    .where(MonthlyChange.monthly_gift_id == self.id)
                    .order_by(MonthlyChange.asked_at)
                )
            )

    def statuses(self) -> list[tuple[str, str]]:
        """Kind and status of each."""
        return [(change.kind, change.status) for change in self.changes()]

    def terms(self) -> list[tuple[int, int, list[int]]]:
        """Amount, fee cover and the parts of each terms, the oldest first."""
        with transaction() as session:
            count = session.scalars(
                select(MonthlyTerms)
                .where(MonthlyTerms.monthly_gift_id == self.id)
                .order_by(MonthlyTerms.number)
            ).all()
            latest = changes.terms_now(session, session.get_one(MonthlyGift, self.id))
            parts = [part.amount for part in latest.allocations]
        return [(terms.amount, terms.fee_cover_amount, parts) for terms in count]

    def charged(self) -> list[int]:
        """What Stripe took, the oldest first."""
        return [
            charge["amount"]
            for charge in reversed(self.house.stripe.list("charges"))
            if charge["customer"] == self.customer_id and charge["status"] == "succeeded"
        ]

    def invoices(self, status: str | None = None) -> list[dict[str, Any]]:
        """Of this subscription, newest first."""
        found = self.house.stripe.list("invoices")
        return [
            invoice
            for invoice in found
            if invoice["parent"]["subscription_details"]["subscription"] == self.subscription_id
            and status in (None, invoice["status"])
        ]

    def the_changes_go_out(self) -> None:
        """One round of the worker."""
        submit_changes()

    def late_money_goes_back(self) -> None:
        """One round of the other worker."""
        give_back_after_end()

    def time_passes(self, *, hours: int) -> None:
        """For our side of it: what was put off is due, what was asked was asked earlier."""
        with transaction() as session:
            session.execute(
                text(
                    "update monthly_changes set next_at = now(), "
                    "first_submitted_at = first_submitted_at - make_interval(hours => :hours) "
                    "where first_submitted_at is not null"
                ),
                {"hours": hours},
            )

    def stripe_lives_on(self, **how: float) -> None:
        """`days=`, `months=` or `to=`: Stripe's clock alone."""
        self.house.stripe.tell("advance", **how)


def billing() -> Billing:
    """The gateway's deeds about gifts that repeat."""
    return gateway().billing


def at(*ymdh: int) -> datetime:
    """An instant, UTC."""
    return datetime(*ymdh, tzinfo=UTC)  # type: ignore[misc,arg-type]


def begin(house: House, amount: int = 3000, currency: str = "usd", **choices: Any) -> Running:
    """Given through the API, paid at Stripe, and bound to its subscription by our own reading of it."""
    gift = house.gives(amount, currency, frequency="monthly", **choices)
    paid = house.pays(gift)
    subscription_id, customer_id = paid["subscription"], paid["customer"]
    said = billing().subscription(subscription_id)
    with transaction() as session:
        monthly_gift_id = session.execute(
            text("select monthly_gift_id from donations where id = :id"), {"id": gift.id}
        ).scalar_one()
        promise = session.get_one(MonthlyGift, monthly_gift_id)
        promise.status = "active"  # type: ignore[assignment]
        promise.stripe_subscription_id = subscription_id
        promise.stripe_customer_id = customer_id
        promise.stripe_status = "active"
        promise.next_charge_at = said.next_charge_at
        promise.card_brand, promise.card_last4 = "visa", "4242"
    return Running(house, gift, monthly_gift_id, subscription_id, customer_id)


def stripe_time(house: House) -> datetime:
    """Stripe's clock."""
    answer = requests.get(f"{house.stripe.url}/_sandbox/clock", timeout=15)
    return from_stripe(int(answer.json()["now"]))

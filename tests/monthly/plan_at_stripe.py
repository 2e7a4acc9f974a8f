"""A monthly gift at a Stripe of one's own, moved through its months without network or waiting.

The sandbox's rules make the events; `Plan.history()` is what came of them, as the inbox would store it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift
from payments.sandbox import (
    balance,
    billing,
    checkout,
    disputes,
    fraud_warnings,
    portal,
    refunds,
    subscription_changes,
    timetable,
)
from payments.sandbox.forms import decode
from payments.sandbox.lists import expanded
from payments.sandbox.store import Thing
from payments.stripe_gateway.billing_shapes import MONTHLY_GIFT
from payments.stripe_gateway.shapes import DONATION
from tests.journeys.stripe_history import StripeWorld

DAY = 86_400


class Plan(StripeWorld):
    """One donor's subscription and everything that happens to it."""

    def __init__(self, *, begins: datetime = datetime(2026, 1, 31, 18, tzinfo=UTC)) -> None:
        super().__init__()
        self._world.advance(begins.timestamp() - self._world.moment())
        self._world.stand_still_at(begins.timestamp())
        self.session: Thing = {}

    # What the donor does

    def opens_monthly(self, first: Donation, gift: MonthlyGift) -> Thing:
        """The page of a promise, asked for as our gateway asks."""
        line = "line_items[0]"
        asked = {
            "mode": "subscription",
            "client_reference_id": first.id,
            "customer_email": "ada@example.com",
            "success_url": "https://give.example/thank-you",
            f"{line}[quantity]": "1",
            f"{line}[price_data][currency]": first.currency,
            f"{line}[price_data][unit_amount]": str(first.amount),
            f"{line}[price_data][product_data][name]": "Liberty",
            f"{line}[price_data][recurring][interval]": "month",
            f"metadata[{DONATION}]": first.id,
            f"metadata[{MONTHLY_GIFT}]": gift.id,
            f"subscription_data[metadata][{MONTHLY_GIFT}]": gift.id,
        }
        self.session = checkout.create(self._world, decode(urlencode(asked)))
        return self.session

    def joins_a_shop(self) -> None:
        """A subscription on the same account that is no gift."""
        line = "line_items[0]"
        asked = {
            "mode": "subscription",
            "customer_email": "ada@example.com",
            "success_url": "https://shop.example/thank-you",
            f"{line}[quantity]": "1",
            f"{line}[price_data][currency]": "usd",
            f"{line}[price_data][unit_amount]": "900",
            f"{line}[price_data][product_data][name]": "A mug each month",
            f"{line}[price_data][recurring][interval]": "month",
        }
        self.session = checkout.create(self._world, decode(urlencode(asked)))
        self.pays(self.session)
        self.settles()

    def joins(self, first: Donation, gift: MonthlyGift, number: str = "4242424242424242") -> None:
        """The page is opened and paid."""
        self.pays(self.opens_monthly(first, gift), number)
        self.settles()

    def gives_card(self, number: str) -> None:
        """Another card, for this and every later instalment."""
        card = portal.card_numbered(self._world, number)
        method = portal.new_method(self._world, self.customer, card)
        billing.give_card(self._world, self.customer, method, everywhere=True)
        self._world.commit()

    def expects(self, *outcomes: str) -> None:
        """What the bank says to the next attempts."""
        ordered = {"id": self.customer["id"], "outcomes": list(outcomes)}
        self._world.store.save("ordered_outcomes", ordered)

    # What the charity asks

    def pauses(self, days: int) -> None:
        until = int(self._world.now() + days * DAY)
        self._changes(pause_collection={"behavior": "void", "resumes_at": str(until)})

    def changes_amount(self, amount: int) -> None:
        item = self.subscription["items"]["data"][0]
        price = {
            "currency": item["price"]["currency"],
            "product": item["price"]["product"],
            "recurring": {"interval": "month"},
            "unit_amount": str(amount),
        }
        self._changes(items=[{"id": item["id"], "price_data": price}], proration_behavior="none")

    def changes_day(self, days: int) -> None:
        self._changes(trial_end=str(int(self._world.now() + days * DAY)), proration_behavior="none")

    def ends(self) -> None:
        subscription_changes.cancel(self._world, self.subscription, {})
        self._world.commit()

    def is_suspected_refunded_and_disputed(self) -> None:
        """All three befall the newest instalment: its bank's warning, a part in the dashboard, the rest."""
        charge = max(self._world.store.all("charge"), key=lambda each: each["created"])
        fraud_warnings.warn(self._world, charge, fraud_type="misc")
        refunds.refund(self._world, charge, amount=1000)
        disputes.open_dispute(self._world, charge, amount=None, reason="fraudulent", inquiry=False, fee=None)
        self.settles()

    @property
    def latest_invoice(self) -> Thing:
        return self._world.find("invoice", str(self.subscription["latest_invoice"]))

    # Time

    def days_pass(self, days: float) -> None:
        """Everything that comes due on the way is done at its time."""
        to = self._world.moment() + days * DAY
        while (due := self._world.next_due()) is not None and due["at"] <= to:
            self._world.stand_still_at(max(self._world.moment(), float(due["at"])))
            timetable.do_one(self._world, due)
            self.settles()
        self._world.stand_still_at(to)

    # What stands there

    @property
    def subscription(self) -> Thing:
        return self._world.find("subscription", str(self.session["subscription"]))

    @property
    def customer(self) -> Thing:
        return self._world.find("customer", str(self.session["customer"]))

    def fetched_transactions(self) -> list[Mapping[str, Any]]:
        """The balance transactions as Stripe's list gives them."""
        return [
            expanded(self._world, transaction, ["source"])
            for transaction in self._world.store.all("balance_transaction")
        ]

    def invoice_payments(self, stripe_payment_intent_id: str) -> list[Mapping[str, Any]]:
        """What Stripe answers when it is asked which invoice a payment is for."""
        found = self._world.store.where("invoice_payment", "payment.payment_intent", stripe_payment_intent_id)
        return [expanded(self._world, payment, ["invoice"]) for payment in found]

    def _changes(self, **asked: Any) -> None:
        subscription_changes.update(self._world, self.subscription, decode(urlencode(_flat(asked))))
        self._world.commit()

    def settles(self) -> None:
        balance.settle_all(self._world)


def _flat(asked: Mapping[str, Any], at: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in asked.items():
        key = f"{at}[{name}]" if at else name
        parts = {str(place): each for place, each in enumerate(value)} if isinstance(value, list) else value
        flat |= _flat(parts, key) if isinstance(parts, dict) else {key: parts}
    return flat

"""A monthly gift as our gateway would open it, and the words to move it through its months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from tests.sandbox.conftest import Sandbox

GIFT = {"gift": "monthly_1"}


def monthly(**changes: Any) -> dict[str, Any]:
    """The parameters of 25 dollars a month."""
    amount, currency = changes.pop("amount", 2500), changes.pop("currency", "usd")
    params: dict[str, Any] = {
        "mode": "subscription",
        "success_url": "http://charity.example/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://charity.example/give",
        "client_reference_id": "monthly_1",
        "customer_email": "ann@example.org",
        "metadata": {"gift": "on the session"},
        "subscription_data": {"metadata": dict(GIFT), "description": "Liberty"},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": "Liberty"},
                    "recurring": {"interval": "month"},
                },
            }
        ],
    }
    return {**params, **changes}


@dataclass
class Plan:
    """A subscription in a sandbox, with what a test asks of it."""

    sandbox: Sandbox
    session: str
    id: str
    customer: str

    @property
    def now(self) -> stripe.Subscription:
        return self.sandbox.stripe.v1.subscriptions.retrieve(self.id)

    @property
    def item(self) -> Any:
        return self.now["items"].data[0]

    def invoices(self, **filters: Any) -> list[stripe.Invoice]:
        """Newest first."""
        params: Any = {"subscription": self.id, "limit": 100, **filters}
        return self.sandbox.stripe.v1.invoices.list(params).data

    @property
    def latest(self) -> stripe.Invoice:
        return self.invoices()[0]

    def update(self, **params: Any) -> stripe.Subscription:
        return self.sandbox.stripe.v1.subscriptions.update(self.id, params)  # type: ignore[arg-type]

    def orders(self, *outcomes: str) -> None:
        self.sandbox.control(f"/customers/{self.customer}/next_attempts", {"outcomes": list(outcomes)})

    def card(self, number: str, **expiry: int) -> Any:
        return self.sandbox.control(f"/customers/{self.customer}/card", {"card": number, **expiry})

    def charges(self) -> list[stripe.Charge]:
        params: Any = {"customer": self.customer, "limit": 100}
        return self.sandbox.stripe.v1.charges.list(params).data


def started(sandbox: Sandbox, *, on: str | None = None, **changes: Any) -> Plan:
    """A monthly gift whose first payment was made, on the day (and hour) given."""
    if on is not None:
        advance(sandbox, to=moment(on))
    how = {name: changes.pop(name) for name in ("card", "method", "authenticate") if name in changes}
    session = sandbox.stripe.v1.checkout.sessions.create(monthly(**changes)).id  # type: ignore[arg-type]
    told = sandbox.pay(session, **how)
    return Plan(sandbox, session, told["subscription"], told["customer"])


def advance(sandbox: Sandbox, **how: Any) -> Any:
    return sandbox.control("/advance", how)


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(seconds: int | None) -> str:
    assert seconds is not None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def events(sandbox: Sandbox, *types: str) -> list[stripe.Event]:
    """Oldest first; of these types, or all."""
    params: Any = {"limit": 100}
    if types:
        params["types"] = list(types)
    return list(sandbox.stripe.v1.events.list(params).auto_paging_iter())[::-1]


def types_of(found: list[stripe.Event]) -> list[str]:
    return [event.type for event in found]

"""What Stripe would say of gifts, made by the sandbox's own rules inside this process.

A `StripeWorld` needs no network and no time, so thousands of histories can be told in a test. Each
is a list of deliveries as the inbox stores them: the events we act on, and the balance transactions
as we fetch them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from payments.sandbox import balance, checkout, payments
from payments.sandbox.cards import DECLINES, look_up
from payments.sandbox.events import emit, shown
from payments.sandbox.forms import decode
from payments.sandbox.lists import expanded
from payments.sandbox.payments import Payer
from payments.sandbox.store import Store, Thing
from payments.sandbox.world import Options, World
from payments.stripe_gateway.shapes import DONATION, Envelope, read
from payments.webhooks import inbox
from payments.webhooks.events import TABLE
from payments.webhooks.inbox import Delivery

_PAYER = Payer(email="ada@example.com", name="Ada Park")


class StripeWorld:
    """A Stripe of one's own."""

    def __init__(self) -> None:
        options = Options(base_url="http://stripe.test", api_key="sk_test_history", settle_after=0)
        self._world = World(options, Store(":memory:"))

    def close(self) -> None:
        self._world.store.close()

    def opens(self, donation_id: str, amount: int, currency: str = "usd") -> Thing:
        """The page of a gift, asked for as our gateway asks."""
        asked = {
            "mode": "payment",
            "submit_type": "donate",
            "client_reference_id": donation_id,
            "customer_email": _PAYER.email,
            "success_url": "https://give.example/thank-you",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": currency,
            "line_items[0][price_data][unit_amount]": str(amount),
            "line_items[0][price_data][product_data][name]": "A gift",
            f"metadata[{DONATION}]": donation_id,
            f"payment_intent_data[metadata][{DONATION}]": donation_id,
        }
        return checkout.create(self._world, decode(urlencode(asked)))

    def pays(self, session: Thing, number: str = "4242424242424242") -> None:
        card = look_up(number)
        assert card is not None
        assert payments.pay_by_card(self._world, session, card, _PAYER).word == "paid"

    def declines(self, session: Thing, code: str = "insufficient_funds") -> None:
        card = look_up("4000000000000002")
        assert card is not None
        assert DECLINES[code]
        payments.decline(self._world, session, card, code, _PAYER)

    def takes_from_the_bank(self, session: Thing) -> None:
        payments.pay_by_bank(self._world, session, _PAYER)

    def bank_says_yes(self, session: Thing) -> None:
        payments.bank_debit_succeeds(self._world, session)

    def bank_says_no(self, session: Thing) -> None:
        payments.bank_debit_fails(self._world, session)

    def expires(self, session: Thing) -> None:
        checkout.expire(self._world, session)

    def settles(self) -> None:
        balance.settle_all(self._world)

    def minutes_pass(self, minutes: int) -> None:
        self._world.advance(minutes * 60)

    def says_again(self, type_: str) -> None:
        """A second Event object for one and the same change, as Stripe sometimes makes."""
        for event in self._world.store.all("event"):
            if event["type"] == type_:
                emit(self._world, type_, shown(event)["data"]["object"])

    def events(self) -> list[Delivery]:
        """Everything said so far that we act on."""
        return [
            delivery_of(shown(event)) for event in self._world.store.all("event") if event["type"] in TABLE
        ]

    def balance_transactions(self) -> list[Delivery]:
        """The balance transactions as we fetch them, with their source."""
        return [
            inbox.of_balance_transaction(expanded(self._world, transaction, ["source"]))
            for transaction in self._world.store.all("balance_transaction")
        ]

    def history(self) -> list[Delivery]:
        """Both."""
        return [*self.events(), *self.balance_transactions()]


@contextmanager
def stripe_world() -> Iterator[StripeWorld]:
    """A Stripe that has seen nobody yet."""
    world = StripeWorld()
    try:
        yield world
    finally:
        world.close()


def delivery_of(event: dict[str, Any]) -> Delivery:
    """An event as our door would store it."""
    body = json.dumps(event).encode()
    return inbox.of_event(read(Envelope, body), body, source="webhook")

"""The other side of the town: donors at Stripe's page, their banks, and the clock, by the sandbox's
control door."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import requests

from payments.stripe_gateway.shapes import API_VERSION


class NotThere(Exception):
    """There is nothing at Stripe of which this could be said, or not any more."""


class Sandbox:
    """One sandbox, spoken to over one connection; not to be shared between threads."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = requests.Session()
        self._connection.trust_env = False

    def sends_only(self, events: Iterable[str], *, key: str) -> None:
        """As somebody sets it up in the dashboard: the endpoint hears what the house acts on, no more."""
        door = f"{self._address}/v1/webhook_endpoints"
        signed = {"Authorization": f"Bearer {key}", "Stripe-Version": API_VERSION}
        [endpoint] = self._connection.get(door, headers=signed, timeout=10).json()["data"]
        wanted = [("enabled_events[]", event) for event in events]
        answer = self._connection.post(f"{door}/{endpoint['id']}", data=wanted, headers=signed, timeout=10)
        answer.raise_for_status()

    def pays(self, checkout_url: str) -> None:
        """A donor fills in the page with a card that works."""
        session = checkout_url.rstrip("/").rpartition("/")[2]
        self._control(f"checkout/sessions/{session}/pay", {"card": "4242424242424242"})

    def next_answers(self, customer: str, *answers: str) -> None:
        """What the bank says to the customer's next payments; then the card speaks again."""
        self._control(f"customers/{customer}/next_attempts", {"outcomes": list(answers)})

    def has_card(self, customer: str, number: str) -> None:
        """The card on file is this one from now on, as after the donor gave it on Stripe's page."""
        self._control(f"customers/{customer}/card", {"card": number})

    def confirms(self, invoice: str) -> None:
        """The donor follows the link and confirms the payment at the bank, unless it was taken back since."""
        with suppress(NotThere):
            self._control(f"invoices/{invoice}/authenticate", {"passes": True})

    def disputes(self, charge: str) -> str:
        """The donor asks the bank for the money; the dispute's id."""
        return str(self._control(f"charges/{charge}/dispute", {"reason": "fraudulent"})["id"])

    def loses(self, dispute: str) -> None:
        """The bank decides for the donor."""
        self._control(f"disputes/{dispute}/close", {"outcome": "lost"})

    def advance(self, *, to: int) -> None:
        """Live until that second."""
        self._control("advance", {"to": to})

    def now(self) -> int:
        """The second it is there."""
        answer = self._connection.get(f"{self._address}/_sandbox/clock", timeout=10)
        return int(answer.json()["now"])

    def _control(self, path: str, given: dict[str, Any]) -> Any:
        answer = self._connection.post(f"{self._address}/_sandbox/{path}", json=given, timeout=300)
        if answer.status_code in _NOT_THERE:
            raise NotThere(f"the sandbox would not {path}: {answer.text}")
        if answer.status_code != 200:
            raise RuntimeError(f"the sandbox could not {path}: {answer.text}")
        return answer.json()


_NOT_THERE = {400, 404}
"""What the sandbox answers where it refuses. Whatever else goes wrong is a fault that nobody passes over."""

"""What staff do, through the real API and at the real terminal, and what they find."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import select, text
from typer.testing import CliRunner

from payments.cli import app
from payments.database import transaction
from payments.donations.models import Charge
from payments.donations.reversals import Refund
from payments.errors import AlmonerError
from payments.staff import people, tokens
from payments.staff.models import AuditEntry, Role
from tests.journeys.house import Gift, House

_LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[")

PEOPLE = {
    "adam": [Role.ADMIN],
    "sue": [Role.SUPPORT],
    "finn": [Role.FINANCE],
    "abe": [Role.APPROVER],
    "vera": [Role.VIEWER],
    "both": [Role.SUPPORT, Role.APPROVER],
}


@dataclass
class Desk:
    """The house, and everybody who works in it."""

    house: House
    tokens: Mapping[str, str]

    # Gifts

    def a_paid_gift(self, amount: int = 2500, currency: str = "usd", **choices: Any) -> Gift:
        """Given, paid, settled and booked."""
        gift = self.house.gives(amount, currency, **choices)
        self.house.pays(gift)
        self.house.stripe_settles()
        self.house.the_workers_work()
        assert self.house.status_of(gift) == "paid"
        return gift

    def charge_of(self, gift: Gift) -> str:
        """Stripe's id of what was charged for it."""
        with transaction() as session:
            return session.scalars(select(Charge.stripe_charge_id).where(Charge.donation_id == gift.id)).one()

    # The API

    def sends(
        self, who: str, path: str, body: Mapping[str, Any] | None = None, *, key: str = ""
    ) -> requests.Response:
        """A POST of somebody's."""
        headers = {"Authorization": f"Bearer {self.tokens.get(who, who)}"}
        headers["Idempotency-Key"] = key or str(uuid4())
        return requests.post(f"{self.house.url}/api/v1/{path}", json=body or {}, headers=headers, timeout=30)

    def reads(self, who: str, path: str) -> requests.Response:
        """A GET of somebody's."""
        headers = {"Authorization": f"Bearer {self.tokens.get(who, who)}"}
        return requests.get(f"{self.house.url}/api/v1/{path}", headers=headers, timeout=30)

    def asks_for_a_refund(
        self, gift: Gift, amount: int | None = None, *, who: str = "sue", key: str = "", **more: Any
    ) -> requests.Response:
        """Through the API."""
        body = {"donation": gift.id, "note": "asked by the donor", **more}
        return self.sends(who, "refunds", body | ({"amount": amount} if amount is not None else {}), key=key)

    def a_refund(self, gift: Gift, amount: int | None = None, **more: Any) -> str:
        """The id of a refund that was asked for."""
        answer = self.asks_for_a_refund(gift, amount, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    # The workers

    def the_refunds_go_out(self) -> None:
        """One round of the worker."""
        from workers.refunds import submit_refunds

        submit_refunds()

    def everything_is_done(self) -> None:
        """Refunds go out, Stripe answers, and the book hears of it."""
        self.the_refunds_go_out()
        self.house.the_workers_work()

    def time_passes(self, hours: int) -> None:
        """As far as refunds are concerned: what was put off is due, what was asked was asked earlier."""
        with transaction() as session:
            session.execute(
                text(
                    "update refunds set next_at = now(), "
                    "first_submitted_at = first_submitted_at - make_interval(hours => :hours)"
                ),
                {"hours": hours},
            )

    # What people find

    def refund(self, refund_id: str) -> Refund:
        """The row."""
        with transaction() as session:
            return session.get_one(Refund, refund_id)

    def refunds_at_stripe(self) -> list[dict[str, Any]]:
        """What really went back."""
        return self.house.stripe.list("refunds")

    def audit(self, subject: str) -> list[AuditEntry]:
        """What stands in the log about something."""
        with transaction() as session:
            rows = session.scalars(
                select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id)
            )
            return list(rows)

    # The terminal

    def types(self, *words: str) -> str:
        """What the terminal prints; the command must have worked."""
        run = CliRunner().invoke(app, list(words))
        assert run.exit_code == 0, run.output or run.exception
        return run.output

    def exit_of(self, *words: str) -> int:
        """How a command ends; it must have ended by itself."""
        run = CliRunner().invoke(app, list(words))
        assert isinstance(run.exception, SystemExit | None), run.exception
        return run.exit_code

    def types_wrongly(self, *words: str) -> str:
        """The one sentence with which a command is refused."""
        run = CliRunner().invoke(app, list(words))
        assert isinstance(run.exception, AlmonerError), run.output or run.exception
        return str(run.exception)

    def reads_json(self, *words: str) -> Any:
        """The JSON document a command prints, and nothing else but what our server, a thread of this
        process, may log at the same time."""
        printed = self.types(*words, "--json").splitlines()
        return json.loads("\n".join(line for line in printed if not _LOGGED.match(line)))


def staffed(house: House) -> Desk:
    """Everybody at their desk, with a token in hand."""
    with transaction() as session:
        adam = people.add_first(session, email="adam@lp.example", name="Adam", roles=PEOPLE["adam"])
        staff = {"adam": adam}
        for name, roles in PEOPLE.items():
            if name != "adam":
                staff[name] = people.add(
                    session, email=f"{name}@lp.example", name=name.title(), roles=roles, by=adam
                )
        in_hand = {name: tokens.make(session, person, days=1, by=adam) for name, person in staff.items()}
    return Desk(house, in_hand)


def sentences(answer: requests.Response) -> Sequence[str]:
    """What a refused caller reads."""
    return [answer.json()["detail"], *(error["detail"] for error in answer.json().get("errors", []))]

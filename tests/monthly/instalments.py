"""A monthly gift that really is at the sandbox, and the words in which its refusals are told.

The webhook's part is played here by one call, because how events come and in which order is another story:
`tests/webhooks` and the journeys tell it.
"""

import email
import email.policy
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import stripe as stripe_library
from sqlalchemy import select, text

from payments.clock import from_stripe, now
from payments.database import transaction
from payments.mail.models import OutgoingMail
from payments.monthly import dunning
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from payments.monthly.tries import MonthlyRefusal
from payments.stripe_gateway.client import gateway
from tests.conftest import TEST_ENVIRONMENT
from tests.journeys.neighbours import Stripe
from tests.monthly.promises import a_monthly_gift, an_invoice
from workers import dunning as hands

MONTH = timedelta(days=31)


@dataclass
class Promise:
    """One donor's gift, at Stripe and here."""

    stripe: Stripe
    gift_id: str
    subscription: str
    customer: str

    def bank_says(self, *outcomes: str) -> None:
        """To the next tries, one each."""
        self.stripe.tell(f"customers/{self.customer}/next_attempts", outcomes=list(outcomes))

    def instalment(self) -> str:
        """A month and an hour pass at Stripe, which makes an invoice and tries it; its id."""
        self.stripe.tell("advance", seconds=int(MONTH.total_seconds()) + 2 * 3600, deliver=False)
        sent = self.latest_invoice()
        with transaction() as session:
            gift = session.get_one(MonthlyGift, self.gift_id)
            an_invoice(session, gift, stripe_invoice_id=sent["id"], amount_due=sent["amount_due"])
        return str(sent["id"])

    def latest_invoice(self) -> Any:
        """As Stripe has it."""
        params: Any = {"subscription": self.subscription, "limit": 1}
        return library(self.stripe).v1.invoices.list(params).data[0]

    def at_stripe(self) -> Any:
        """The subscription."""
        return library(self.stripe).v1.subscriptions.retrieve(self.subscription)

    def charges(self) -> list[Any]:
        """Every time a bank was asked, newest first."""
        params: Any = {"customer": self.customer, "limit": 100}
        return library(self.stripe).v1.charges.list(params).data

    def hears_of_refusal(self, invoice_id: str, *, later: int = 0) -> None:
        """What the webhook does with `invoice.payment_failed`."""
        with transaction() as session:
            gift = session.get_one(MonthlyGift, self.gift_id, with_for_update=True)
            invoice = session.get_one(MonthlyInvoice, invoice_id)
            gift.status = "lapsed" if gift.lapsed_at else "behind"
            refused_at = from_stripe(int(self.latest_invoice()["created"])) + timedelta(seconds=later)
            dunning.instalment_refused(session, gift, invoice, refused_at=refused_at)

    def hears_of_payment(self, invoice_id: str) -> None:
        """What the webhook does with `invoice.paid`."""
        with transaction() as session:
            gift = session.get_one(MonthlyGift, self.gift_id, with_for_update=True)
            invoice = session.get_one(MonthlyInvoice, invoice_id)
            invoice.status, invoice.amount_paid, invoice.paid_at = "paid", invoice.amount_due, now()
            gift.status = "active"
            dunning.instalments_paid(session, [(gift, invoice)])

    def refused(self, *outcomes: str) -> str:
        """An instalment of which the bank says no to the first try, and whatever else to the next ones."""
        self.bank_says(*outcomes)
        invoice_id = self.instalment()
        self.hears_of_refusal(invoice_id)
        hands.follow_refusals()
        return invoice_id

    def gift(self) -> MonthlyGift:
        with transaction() as session:
            return session.get_one(MonthlyGift, self.gift_id)


def promised(stripe: Stripe, *, method: str = "card") -> Promise:
    """A subscription begun on Stripe's page, and our row for it."""
    params: Any = {
        "mode": "subscription",
        "success_url": "http://charity.example/thanks",
        "cancel_url": "http://charity.example/give",
        "customer_email": "ada@example.com",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": 3000,
                    "product_data": {"name": "Liberty"},
                    "recurring": {"interval": "month"},
                },
            }
        ],
    }
    session_id = library(stripe).v1.checkout.sessions.create(params).id
    how = {"method": method} if method != "card" else {}
    told = stripe.tell(f"checkout/sessions/{session_id}/pay", **how)
    with transaction() as session:
        gift = a_monthly_gift(
            session,
            stripe_subscription_id=told["subscription"],
            stripe_customer_id=told["customer"],
            **({} if method == "card" else {"card_brand": None, "card_last4": "6789", "card_expires": None}),
        )
        return Promise(stripe, gift.id, told["subscription"], told["customer"])


def library(stripe: Stripe) -> stripe_library.StripeClient:
    """Stripe's own, to look at what became of things."""
    return stripe_library.StripeClient(
        TEST_ENVIRONMENT["STRIPE_SECRET_KEY"], base_addresses={"api": stripe.url}
    )


def days_pass() -> None:
    """Whatever waits for its day is due now."""
    with transaction() as session:
        session.execute(
            text("update monthly_refusals set due_at = now() - interval '1 second' where due_at is not null")
        )
        session.execute(text("update monthly_refusals set next_at = now() - interval '1 second'"))
        session.execute(text("update monthly_new_methods set next_at = now() - interval '1 second'"))


def days_later() -> None:
    """The day of the next step comes, and the worker with it."""
    days_pass()
    hands.follow_refusals()


def refusals() -> list[MonthlyRefusal]:
    """Every refused try, in order."""
    with transaction() as session:
        return list(
            session.scalars(select(MonthlyRefusal).order_by(MonthlyRefusal.refused_at, MonthlyRefusal.number))
        )


def letters_told() -> list[str]:
    """Which facts were told, in order."""
    with transaction() as session:
        references = session.scalars(
            select(OutgoingMail.reference).order_by(OutgoingMail.queued_at, OutgoingMail.id)
        )
        return [reference.partition(":")[0].removeprefix("monthly_") for reference in references]


def letter(fact: str) -> EmailMessage:
    """The one letter that tells this fact."""
    with transaction() as session:
        wire = session.scalars(
            select(OutgoingMail.message).where(OutgoingMail.reference.startswith(f"monthly_{fact}:"))
        ).one()
    return email.message_from_bytes(wire, policy=email.policy.default)  # type: ignore[return-value]


def billing() -> Any:
    return gateway().billing

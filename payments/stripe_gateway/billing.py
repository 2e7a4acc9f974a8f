"""What Stripe is asked about a gift that repeats: its subscription, its invoices, the donor's card page.

Reached as `gateway().billing`. Every deed is safe to ask again: POSTs carry a key of ours, and where an
earlier ask has had its effect already (a stopped subscription, a paid or void invoice) the answer is
that effect and no error. A bank that declines is an answer too. Objects for the books come as Stripe
sent them, to be stored before they are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from payments.clock import from_stripe
from payments.errors import StripeRefused
from payments.money import Money
from payments.stripe_gateway import shapes
from payments.stripe_gateway.shape import Expandable, Shape
from payments.stripe_gateway.speaking import KEY_REFUSED, Declined, Line


class Recurring(Shape):
    """How often a price is due."""

    interval: str
    interval_count: int


class PriceAnswer(Shape):
    """What one period costs."""

    product: Expandable
    currency: str
    unit_amount: int | None
    recurring: Recurring | None


class ItemAnswer(Shape):
    """The one line of a monthly gift's subscription."""

    id: str
    price: PriceAnswer
    current_period_start: int
    current_period_end: int


class ItemsAnswer(Shape):
    """The lines of a subscription."""

    data: list[ItemAnswer]


class PauseAnswer(Shape):
    """That nothing is collected, and until when."""

    behavior: str
    resumes_at: int | None


class SubscriptionAnswer(Shape):
    """A subscription right after it was read or changed, as far as a change needs it."""

    id: str
    status: str
    items: ItemsAnswer
    billing_cycle_anchor: int
    pause_collection: PauseAnswer | None
    canceled_at: int | None
    ended_at: int | None

    @property
    def is_over(self) -> bool:
        """Nothing more comes of it."""
        return self.status in {"canceled", "incomplete_expired"}

    @property
    def item(self) -> ItemAnswer:
        """A monthly gift is one line; two would be somebody's deed in the dashboard."""
        if len(self.items.data) != 1:
            raise StripeRefused("Stripe: the subscription has not exactly one item", code="not_one_item")
        return self.items.data[0]

    @property
    def next_charge_at(self) -> datetime:
        """The end of the period that is paid for."""
        return from_stripe(self.item.current_period_end)


class PaymentOfInvoice(Shape):
    """What an invoice is paid with."""

    type: str
    payment_intent: Expandable | None = None


class InvoicePaymentAnswer(Shape):
    """One payment of an invoice; a charge or its intent has no field for the invoice itself."""

    status: str
    is_default: bool
    payment: PaymentOfInvoice


class InvoicePaymentsAnswer(Shape):
    """The payments of an invoice, where they were asked for."""

    data: list[InvoicePaymentAnswer]


class InvoiceAnswer(Shape):
    """An invoice right after it was read or acted on. `hosted_invoice_url` is for the donor alone: it is
    put into no log and no table."""

    id: str
    status: str | None
    currency: str
    amount_due: int
    amount_paid: int
    attempt_count: int
    next_payment_attempt: int | None
    auto_advance: bool | None
    hosted_invoice_url: str | None = None
    payments: InvoicePaymentsAnswer | None = None

    @property
    def stripe_payment_intent_id(self) -> str | None:
        """The payment that is, or was, to settle it."""
        payments = self.payments.data if self.payments is not None else []
        return next((each.payment.payment_intent for each in payments if each.is_default), None)


class TryOutcome(StrEnum):
    """What became of asking a bank for an invoice's money."""

    PAID = "paid"
    UNDER_WAY = "under_way"
    """A bank debit answers days later."""
    NEEDS_DONOR = "needs_donor"
    """The bank wants the donor to confirm; the invoice's page is where."""
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTry:
    """One more try for an invoice, as the bank answered it."""

    outcome: TryOutcome
    decline_code: str | None = None
    """The bank's reason in Stripe's word, as closely as it is told."""
    advice_code: str | None = None
    """`do_not_try_again`, `try_again_later` or `confirm_card_data`, where the network gives advice."""


class RefusalError(Shape):
    """What went wrong with the last try of a payment."""

    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None


class RefusedIntent(Shape):
    """A payment, read for why it was refused."""

    last_payment_error: RefusalError | None
    latest_charge: shapes.Charge | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a try was refused, as closely as Stripe tells."""

    decline_code: str | None
    advice_code: str | None
    method: str | None
    """Stripe's payment method type."""


_ASKS_THE_DONOR = {"authentication_required", "invoice_payment_intent_requires_action"}


class Billing:
    """The deeds about subscriptions and invoices. `key` is always the asker's own row, and its day."""

    def __init__(self, line: Line) -> None:
        self._line = line

    # Subscriptions

    def subscription(self, stripe_subscription_id: str) -> SubscriptionAnswer:
        """How it stands."""
        return _subscription(self.subscription_as_sent(stripe_subscription_id))

    def subscription_as_sent(self, stripe_subscription_id: str) -> Mapping[str, Any]:
        """The whole object, for the inbox."""
        return self._line.get(f"/v1/subscriptions/{stripe_subscription_id}")

    def cancel(self, stripe_subscription_id: str, *, comment: str) -> SubscriptionAnswer:
        """End it at once, with no last invoice. `comment` is for whoever reads Stripe's dashboard.

        Invoices that are drafted or open already are not touched: see `invoices_of`.
        """
        path = f"/v1/subscriptions/{stripe_subscription_id}"
        try:
            return _subscription(self._line.delete(path, {"cancellation_details": {"comment": comment}}))
        except StripeRefused as refusal:
            # A subscription that is over can no longer be found for ending.
            if refusal.code != "resource_missing":
                raise
            found = self.subscription(stripe_subscription_id)
            if not found.is_over:
                raise
            return found

    def delete_customer(self, stripe_customer_id: str) -> None:
        """Have Stripe forget who paid. It ends whatever subscription of theirs still runs, and cannot be
        undone; the payments stay, under the bare id."""
        try:
            self._line.delete(f"/v1/customers/{stripe_customer_id}", {})
        except StripeRefused as refusal:
            # Deleted before: it can no longer be found for deleting.
            if refusal.code != "resource_missing":
                raise

    def pause(self, stripe_subscription_id: str, *, until: datetime | None, key: str) -> SubscriptionAnswer:
        """Void each invoice that is made before `until`, then collect again by itself; without an end,
        void them until it is resumed."""
        pause: dict[str, Any] = {"behavior": "void"}
        if until is not None:
            pause["resumes_at"] = int(until.timestamp())
        return self._update(stripe_subscription_id, {"pause_collection": pause}, key=key)

    def resume(self, stripe_subscription_id: str, *, key: str) -> SubscriptionAnswer:
        """Collect again from the next invoice on. What was voided stays void."""
        return self._update(stripe_subscription_id, {"pause_collection": ""}, key=key)

    def change_amount(self, stripe_subscription_id: str, *, monthly: Money, key: str) -> SubscriptionAnswer:
        """Ask this much from the next invoice on; nothing is charged or given back now."""
        now = self.subscription(stripe_subscription_id)
        price = {
            "currency": monthly.currency,
            "product": now.item.price.product,
            "recurring": {"interval": "month", "interval_count": 1},
            "unit_amount": monthly.minor,
        }
        changes = {"items": [{"id": now.item.id, "price_data": price}], "proration_behavior": "none"}
        return self._update(stripe_subscription_id, changes, key=key)

    def charge_next_at(
        self, stripe_subscription_id: str, *, instant: datetime, key: str
    ) -> SubscriptionAnswer:
        """Move the next charge, and with it the day of every later one.

        Stripe does this as a trial that ends then: the subscription is `trialing` until it does, and an
        invoice of zero is made and paid at once.
        """
        changes = {"trial_end": int(instant.timestamp()), "proration_behavior": "none"}
        return self._update(stripe_subscription_id, changes, key=key)

    def charge_the_new_card(self, stripe_subscription_id: str, *, key: str) -> SubscriptionAnswer:
        """Charge the customer's own card from now on: the one given last on `card_page`. Until then a
        subscription keeps the card with which it began."""
        return self._update(stripe_subscription_id, {"default_payment_method": ""}, key=key)

    # Invoices

    def invoice(self, stripe_invoice_id: str) -> InvoiceAnswer:
        """How it stands, with its payments and the donor's page for it."""
        return _invoice(self.invoice_as_sent(stripe_invoice_id))

    def invoice_as_sent(self, stripe_invoice_id: str) -> Mapping[str, Any]:
        """The whole object with its payments, for the inbox."""
        return self._line.get(f"/v1/invoices/{stripe_invoice_id}", {"expand": ["payments"]})

    def invoices_as_sent(self, stripe_subscription_id: str) -> list[Mapping[str, Any]]:
        """The newest of one subscription with their payments, at most a hundred, for the inbox."""
        params = {"subscription": stripe_subscription_id, "limit": 100, "expand": ["data.payments"]}
        return list(self._line.get("/v1/invoices", params)["data"])

    def invoices_of(self, stripe_subscription_id: str, *, status: str) -> list[InvoiceAnswer]:
        """Those of one subscription that are `draft`, `open`, …"""
        params = {"subscription": stripe_subscription_id, "status": status, "expand": ["data.payments"]}
        return [_invoice(sent) for page in self._line.pages("/v1/invoices", params) for sent in page]

    def payments_of_intent(self, stripe_payment_intent_id: str) -> list[Mapping[str, Any]]:
        """The invoice payments behind a payment, each with its invoice expanded; none for a single gift."""
        payment = {"type": "payment_intent", "payment_intent": stripe_payment_intent_id}
        params = {"payment": payment, "expand": ["data.invoice"]}
        return [sent for page in self._line.pages("/v1/invoice_payments", params) for sent in page]

    def pay_again(self, stripe_invoice_id: str, *, key: str) -> PaymentTry:
        """Ask the card on file once more. A day's key repeats the day's answer, a decline too."""
        try:
            paid = self._act(stripe_invoice_id, "pay", {}, key=key, done="paid")
        except Declined as no:
            asks = bool({no.code, no.decline_code} & _ASKS_THE_DONOR)
            return PaymentTry(
                outcome=TryOutcome.NEEDS_DONOR if asks else TryOutcome.DECLINED,
                decline_code=no.decline_code or no.code,
                advice_code=no.advice_code,
            )
        return PaymentTry(outcome=TryOutcome.PAID if paid.status == "paid" else TryOutcome.UNDER_WAY)

    def why_refused(self, stripe_payment_intent_id: str) -> Refusal:
        """Why the last try of a payment was refused, and with what it was paid."""
        path = f"/v1/payment_intents/{stripe_payment_intent_id}"
        sent = self._line.get(path, {"expand": ["latest_charge"]})
        intent = shapes.read(RefusedIntent, shapes.as_bytes(sent))
        error, charge = intent.last_payment_error, intent.latest_charge
        code = error.decline_code if error is not None else None
        if code is None and charge is not None and charge.status == "failed":
            code = charge.refusal
        if code is None and error is not None:
            code = error.code
        method = charge.payment_method_details if charge is not None else None
        return Refusal(
            decline_code=code,
            advice_code=error.advice_code if error is not None else None,
            method=method.type if method is not None else None,
        )

    def leave_to_us(self, stripe_invoice_id: str, *, key: str) -> InvoiceAnswer:
        """Stripe stops trying by itself; a draft is not finalized. From here on only we ask for it."""
        params = {"auto_advance": False, "expand": ["payments"]}
        return _invoice(self._line.post(f"/v1/invoices/{stripe_invoice_id}", params, key=key))

    def finalize(self, stripe_invoice_id: str, *, key: str) -> InvoiceAnswer:
        """A draft becomes open and is not collected; only then can it be voided."""
        return self._act(stripe_invoice_id, "finalize", {"auto_advance": False}, key=key, done="open")

    def void(self, stripe_invoice_id: str, *, key: str) -> InvoiceAnswer:
        """Nobody can pay it any more."""
        return self._act(stripe_invoice_id, "void", {}, key=key, done="void")

    # The donor's own page

    def card_page(self, stripe_customer_id: str, *, locale: str, return_url: str) -> str:
        """A page at Stripe where this donor puts in another card, and comes back from.

        Whoever has the address may do so for some minutes: send the donor there at once, and neither
        store nor log it. Each ask opens a new one.
        """
        params = {
            "customer": stripe_customer_id,
            "locale": "ko" if locale == "ko" else "en",
            "return_url": return_url,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
            },
        }
        return str(self._line.post("/v1/billing_portal/sessions", params, key=None)["url"])

    def _update(
        self, stripe_subscription_id: str, changes: Mapping[str, Any], *, key: str
    ) -> SubscriptionAnswer:
        path = f"/v1/subscriptions/{stripe_subscription_id}"
        return _subscription(self._line.post(path, changes, key=key))

    def _act(
        self, stripe_invoice_id: str, deed: str, params: Mapping[str, Any], *, key: str, done: str
    ) -> InvoiceAnswer:
        path = f"/v1/invoices/{stripe_invoice_id}/{deed}"
        try:
            return _invoice(self._line.post(path, {**params, "expand": ["payments"]}, key=key))
        except Declined:
            raise
        except StripeRefused as refusal:
            if refusal.code == KEY_REFUSED:
                raise
            found = self.invoice(stripe_invoice_id)
            if found.status != done:
                raise
            return found


def _subscription(sent: Mapping[str, Any]) -> SubscriptionAnswer:
    return shapes.read(SubscriptionAnswer, shapes.as_bytes(sent))


def _invoice(sent: Mapping[str, Any]) -> InvoiceAnswer:
    return shapes.read(InvoiceAnswer, shapes.as_bytes(sent))

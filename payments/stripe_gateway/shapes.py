"""What we read of Stripe's objects, in the shapes of the pinned API version.

Only the fields we use are named; the rest is ignored, because real payloads carry extras. A missing
field of ours is `UnreadableStripeObject`: the event is parked with the reason and never guessed.
Amounts are minor units; instants are whole seconds of UTC.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Generic, Literal

import stripe
from pydantic import ConfigDict, Field, ValidationError

from payments.errors import UnreadableStripeObject
from payments.stripe_gateway.billing_shapes import MONTHLY_GIFT, Card, InvoicePayments
from payments.stripe_gateway.shape import Changing, Expandable, Shape, ShapeT

API_VERSION: str = stripe.api_version
"""The version the library pins, and so the only one whose shapes stand below."""

DONATION = "donation"
"""The metadata key under which our own id travels with the session, the payment and its charge."""
REFUND = "refund"
"""The metadata key under which the id of our refund's row travels with it."""


class Anything(Shape):
    """An object of whatever kind, read only as far as its id."""

    id: str | None = None


class CheckoutSession(Shape):
    """`checkout.session`, as far as a gift needs it."""

    id: str
    status: str | None
    payment_status: str
    amount_total: int | None
    currency: str | None
    payment_intent: Expandable | None
    client_reference_id: str | None
    metadata: dict[str, str] | None
    subscription: Expandable | None = None
    customer: Expandable | None = None

    @property
    def donation_id(self) -> str | None:
        """The gift it was opened for; None for a session that is not ours."""
        return (self.metadata or {}).get(DONATION)

    @property
    def monthly_gift_id(self) -> str | None:
        """The promise it began, where what it collects is to be given again each month."""
        return (self.metadata or {}).get(MONTHLY_GIFT)


class PaymentError(Shape):
    """Why an attempt was refused."""

    code: str | None = None
    decline_code: str | None = None
    charge: Expandable | None = None


class PaymentIntent(Shape):
    """`payment_intent`, read for its refusals."""

    id: str
    status: str
    metadata: dict[str, str]
    last_payment_error: PaymentError | None

    @property
    def donation_id(self) -> str | None:
        """The gift it was opened for; None for a payment that is not ours."""
        return self.metadata.get(DONATION)


class PaymentMethodDetails(Shape):
    """How a charge was paid. Every method keeps its details under its own name."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    card: Card | None = None

    @property
    def last4(self) -> str | None:
        """The last four digits of the card or bank account, where the method has any."""
        if self.card is not None:
            return self.card.last4
        details = (self.model_extra or {}).get(self.type)
        last4 = details.get("last4") if isinstance(details, dict) else None
        return last4 if isinstance(last4, str) else None


class Outcome(Shape):
    """What the bank or the card network said of an attempt."""

    reason: str | None = None


class Charge(Shape):
    """`charge`: one attempt that reached a bank."""

    object: Literal["charge"]
    id: str
    amount: int
    currency: str
    status: str
    created: int
    payment_intent: Expandable | None
    metadata: dict[str, str]
    failure_code: str | None
    outcome: Outcome | None = None
    payment_method_details: PaymentMethodDetails | None
    balance_transaction: Expandable | None
    customer: Expandable | None = None
    invoice_payments: InvoicePayments | None = None
    """Not Stripe's: a charge has no field for its invoice, so where we asked, the answer is put here."""

    @property
    def donation_id(self) -> str | None:
        """The gift it pays for; None for money that is not a gift of ours, and for an instalment."""
        return self.metadata.get(DONATION)

    @property
    def refusal(self) -> str | None:
        """Why it failed, as closely as Stripe tells: `insufficient_funds` rather than `card_declined`."""
        return (self.outcome.reason if self.outcome is not None else None) or self.failure_code


class Refund(Shape):
    """`refund`: money on its way back to a donor, or come back from there."""

    object: Literal["refund"]
    id: str
    amount: int
    currency: str
    charge: Expandable | None
    created: int
    status: str | None
    reason: str | None
    failure_reason: str | None = None
    balance_transaction: Expandable | None
    failure_balance_transaction: Expandable | None = None
    metadata: dict[str, str] | None

    @property
    def refund_id(self) -> str | None:
        """Our own row, for a refund that was asked for here."""
        return (self.metadata or {}).get(REFUND)


class EvidenceDetails(Shape):
    """Until when a dispute must be answered."""

    due_by: int | None


class Dispute(Shape):
    """`dispute`: a donor's bank asks for the money back."""

    object: Literal["dispute"]
    id: str
    amount: int
    currency: str
    charge: Expandable
    created: int
    reason: str
    status: str
    evidence_details: EvidenceDetails


class EarlyFraudWarning(Shape):
    """`radar.early_fraud_warning`: a bank suspects a charge before any dispute."""

    object: Literal["radar.early_fraud_warning"]
    id: str
    charge: Expandable
    created: int
    fraud_type: str
    actionable: bool


class TraceId(Shape):
    """What a bank may print beside a payout; pending up to ten days after it arrived."""

    status: str
    value: str | None


class Payout(Shape):
    """`payout`: money on its way to the bank, or from it."""

    object: Literal["payout"]
    id: str
    amount: int
    currency: str
    status: str
    created: int
    arrival_date: int
    automatic: bool
    method: str
    reconciliation_status: str
    statement_descriptor: str | None
    trace_id: TraceId | None
    failure_code: str | None
    balance_transaction: Expandable | None
    failure_balance_transaction: Expandable | None
    original_payout: Expandable | None
    reversed_by: Expandable | None


class ListedMovement(Shape):
    """A balance transaction as far as a payout's list needs it."""

    id: str
    net: int


class PayoutList(Shape):
    """What a payout carries, in the words of our inbox: the payout, and Stripe's list of it as read to
    its end."""

    object: Literal["payout_list"]
    payout: Payout
    carried: list[ListedMovement]


class BalancePart(Shape):
    """One currency of what Stripe holds."""

    amount: int
    currency: str


class Balance(Shape):
    """`balance`: what Stripe holds for us at this moment, in each currency."""

    object: Literal["balance"]
    available: list[BalancePart]
    pending: list[BalancePart]


class Source(Shape):
    """What a balance transaction is about where no rule needs more than its id."""

    id: str
    object: str | None = None


class BalanceTransaction(Shape):
    """`balance_transaction`: one movement of the balance, with `source` expanded where we fetched it."""

    id: str
    type: str
    reporting_category: str
    amount: int
    fee: int
    net: int
    currency: str
    exchange_rate: Decimal | None
    created: int
    available_on: int
    description: str | None = None
    source: Charge | Refund | Dispute | Source | str | None = Field(union_mode="left_to_right")

    @property
    def source_id(self) -> str | None:
        """The id of the charge, refund, payout … that moved the money."""
        return self.source if isinstance(self.source, str) or self.source is None else self.source.id

    @property
    def charge(self) -> Charge | None:
        """The charge, where the source is one and came expanded."""
        return self.source if isinstance(self.source, Charge) else None

    @property
    def refund(self) -> Refund | None:
        """The refund, where the source is one."""
        return self.source if isinstance(self.source, Refund) else None

    @property
    def dispute(self) -> Dispute | None:
        """The dispute, where the source is one."""
        return self.source if isinstance(self.source, Dispute) else None

    @property
    def stripe_charge_id(self) -> str | None:
        """The charge it is about in the end: its own, or the one refunded or disputed."""
        if isinstance(self.source, Charge):
            return self.source.id
        if isinstance(self.source, Refund | Dispute):
            return self.source.charge
        return self.source_id if (self.source_id or "").startswith(("ch_", "py_")) else None


_END_OF_TIME = 253_402_300_799
"""The last second of the year 9999. Python reads no later one from the database, so one event of then would
keep everything beside it from being read."""


class EventData(Shape, Generic[ShapeT]):
    """The snapshot of the object as it was when the event was made."""

    object: ShapeT
    previous_attributes: dict[str, Any] | None = None


class Event(Shape, Generic[ShapeT]):
    """An event around its object."""

    id: str
    type: str
    created: int = Field(ge=0, le=_END_OF_TIME)
    livemode: bool
    api_version: str | None
    account: str | None = None
    data: EventData[ShapeT]


class Envelope(Event[Anything]):
    """An event read only as far as the inbox needs."""


class NotJson(UnreadableStripeObject):
    """Bytes that no JSON reader takes."""


def read(shape: type[ShapeT], body: bytes) -> ShapeT:
    """The body as `shape`, or `UnreadableStripeObject` naming the first field that does not fit."""
    try:
        return _parse(shape, body)
    except ValidationError as refusal:
        problem = refusal.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in problem["loc"]) or "body"
        raise UnreadableStripeObject(f"{shape.__name__}: {where}: {problem['msg']}") from None


def read_event_object(shape: type[ShapeT], body: bytes) -> ShapeT:
    """The object inside an event's body."""
    event: Event[ShapeT] = read(_event_of(shape), body)
    if isinstance(event.data.object, Changing):
        return event.data.object.model_copy(update={"previous": event.data.previous_attributes or {}})
    return event.data.object


@cache
def _event_of(shape: type[ShapeT]) -> type[Event[ShapeT]]:
    return Event[shape]  # type: ignore[valid-type]


def _parse(shape: type[ShapeT], body: bytes) -> ShapeT:
    try:
        return shape.model_validate_json(body)
    except ValidationError as refusal:
        if refusal.errors(include_input=False)[0]["type"] != "json_invalid":
            raise
    # Stripe may sign JSON that the fast parser refuses, such as a lone surrogate in a name.
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise NotJson("the body is not JSON that can be read") from None
    return shape.model_validate(value)


def as_bytes(value: Mapping[str, Any]) -> bytes:
    """A fetched object as it goes into the inbox."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()

"""Subscriptions, their invoices and what ties an invoice to its payment, read as `shapes` reads the rest."""

from typing import Literal

from payments.stripe_gateway.shape import Changing, Expandable, Shape

MONTHLY_GIFT = "monthly_gift"
"""The metadata key under which the id of our promise travels with its session and subscription, and from
there with every invoice."""


class Card(Shape):
    """All that is ever known here of a card."""

    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None

    @property
    def expires(self) -> str | None:
        """`2027-03`: the last month in which it is good."""
        if self.exp_month is None or self.exp_year is None:
            return None
        return f"{self.exp_year:04d}-{self.exp_month:02d}"


class PaymentMethod(Shape):
    """`payment_method`: read for the card a donor will be charged with next."""

    object: Literal["payment_method"]
    id: str
    type: str
    customer: Expandable | None
    card: Card | None = None


class InvoiceSettings(Shape):
    """How a customer pays what is not paid with a method of its own."""

    default_payment_method: Expandable | None


class Customer(Changing):
    """`customer`: read for the card or account a donor has given for everything from now on."""

    object: Literal["customer"]
    id: str
    invoice_settings: InvoiceSettings | None = None

    @property
    def new_default(self) -> str | None:
        """The card or account that was made the default by this very change."""
        was_set = "default_payment_method" in self.previous.get("invoice_settings", {})
        settings = self.invoice_settings if was_set else None
        return settings.default_payment_method if settings is not None else None


class PauseCollection(Shape):
    """That nothing is collected, and until when."""

    resumes_at: int | None


class SubscriptionItem(Shape):
    """The one line of a monthly gift."""

    current_period_end: int


class SubscriptionItems(Shape):
    """The lines of a subscription."""

    data: list[SubscriptionItem]


class CancellationDetails(Shape):
    """Why it was ended."""

    reason: str | None


class Subscription(Shape):
    """`subscription`: the promise as Stripe keeps it."""

    object: Literal["subscription"]
    id: str
    status: str
    customer: Expandable
    metadata: dict[str, str]
    items: SubscriptionItems
    pause_collection: PauseCollection | None
    canceled_at: int | None
    ended_at: int | None
    cancellation_details: CancellationDetails | None

    @property
    def monthly_gift_id(self) -> str | None:
        """Our promise; None for a subscription that is not ours."""
        return self.metadata.get(MONTHLY_GIFT)

    @property
    def period_end(self) -> int | None:
        """When it is charged next."""
        return max((item.current_period_end for item in self.items.data), default=None)


class SubscriptionOfInvoice(Shape):
    """The subscription an invoice is about, with its metadata as they were when the invoice was made."""

    subscription: Expandable
    metadata: dict[str, str] | None = None


class InvoiceParent(Shape):
    """What an invoice comes from."""

    subscription_details: SubscriptionOfInvoice | None = None


class StatusTransitions(Shape):
    """When it came into a status."""

    paid_at: int | None


class Period(Shape):
    """What is paid for."""

    start: int
    end: int


class InvoiceLine(Shape):
    """One line of an invoice."""

    period: Period


class InvoiceLines(Shape):
    """The lines of an invoice."""

    data: list[InvoiceLine]


class Invoice(Shape):
    """`invoice`: one instalment as Stripe bills it."""

    object: Literal["invoice"]
    id: str
    status: str | None
    billing_reason: str | None
    currency: str
    amount_due: int
    amount_paid: int
    attempt_count: int
    next_payment_attempt: int | None
    created: int
    parent: InvoiceParent | None
    status_transitions: StatusTransitions
    lines: InvoiceLines
    payments: "InvoicePayments | None" = None
    """Where they were asked for."""

    @property
    def stripe_subscription_id(self) -> str | None:
        """The subscription it is about."""
        about = self.parent.subscription_details if self.parent is not None else None
        return about.subscription if about is not None else None

    @property
    def monthly_gift_id(self) -> str | None:
        """Our promise; None for an invoice that is not ours."""
        about = self.parent.subscription_details if self.parent is not None else None
        return (about.metadata or {}).get(MONTHLY_GIFT) if about is not None else None

    @property
    def period(self) -> Period | None:
        """The month it is for. Its own `period_…` fields speak of the month before."""
        return self.lines.data[0].period if self.lines.data else None


class PaymentOfInvoice(Shape):
    """What an invoice is paid with."""

    payment_intent: Expandable | None = None


class InvoicePayment(Shape):
    """`invoice_payment`: the only tie between an invoice and its payment."""

    object: Literal["invoice_payment"]
    id: str
    status: str
    payment: PaymentOfInvoice
    invoice: Invoice | str
    """The whole invoice where it was asked for."""

    @property
    def stripe_invoice_id(self) -> str:
        """The invoice it pays."""
        return self.invoice if isinstance(self.invoice, str) else self.invoice.id


class InvoicePayments(Shape):
    """The payments of an invoice, or the invoices of a payment."""

    data: list[InvoicePayment]


Invoice.model_rebuild()

"""The organisation with its funds and terms, the gifts, and Stripe's charges as we know them.

A `Donation` is written before the donor leaves for Stripe, so every later fact from Stripe finds its
parent by our own id. Statuses only move up `DonationStatus.rank`: whatever order the events come in,
the same gift ends in the same state.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments.database import Base, StrPK
from payments.money import Money


class Organisation(Base):
    """The charity as donors meet it: its name, its words, its colour. There is one."""

    __tablename__ = "organisations"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[dict[str, Any]]
    """By locale: `{"en": …, "ko": …}`; so are the page's words."""
    website: Mapped[str]
    accent_colour: Mapped[str]
    words: Mapped[dict[str, Any]]


class IssuingEntity(Base):
    """A legal body that receives money and answers for its receipts and its books."""

    __tablename__ = "issuing_entities"
    __table_args__ = (
        Index(
            "uq_issuing_entities_receives_online",
            "receives_online",
            unique=True,
            postgresql_where=text("receives_online"),
        ),
    )

    id: Mapped[StrPK]
    legal_name: Mapped[str]
    address: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tax_id: Mapped[str]
    jurisdiction: Mapped[str]
    time_zone: Mapped[str]
    locale: Mapped[str]
    email: Mapped[str]
    website: Mapped[str]
    signatory_name: Mapped[str]
    signatory_title: Mapped[str]
    receipt_series: Mapped[str] = mapped_column(unique=True)
    """What its receipt numbers begin with: `US` gives `US-2026-000001`."""
    statement_code: Mapped[str]
    """Which authority of its country's pack it has (`receipts/packs`): the sentences of its receipts."""
    receipt_facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What its country's receipts say beyond that: a place of issue, a tax office, a notice's date."""
    receives_online: Mapped[bool]
    """Whether the Stripe account is this body's: who receives the money issues the receipt."""


class Fund(Base):
    """What a gift is for."""

    __tablename__ = "funds"

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    name: Mapped[dict[str, Any]]
    description: Mapped[dict[str, Any]]
    is_restricted: Mapped[bool]
    """Whether the donor's choice of it binds the charity; a board's own designation does not."""
    is_board_designated: Mapped[bool] = mapped_column(server_default=text("false"))
    is_agency: Mapped[bool] = mapped_column(server_default=text("false"))
    """Taken for a named beneficiary: owed to it from the start, never income."""
    is_open: Mapped[bool] = mapped_column(server_default=text("true"))
    position: Mapped[int]

    def name_in(self, locale: str) -> str:
        """The fund's name for a reader of `locale`, English where there is no other."""
        return str(self.name.get(locale) or self.name["en"])

    def description_in(self, locale: str) -> str:
        """The same for what it is for."""
        return str(self.description.get(locale) or self.description["en"])


class GivingTerms(Base):
    """What may be given in one currency: limits, the amounts the page suggests, the fee estimate."""

    __tablename__ = "giving_terms"
    __table_args__ = (
        CheckConstraint("0 < minimum and minimum <= maximum", name="limits_in_order"),
        CheckConstraint("refund_limit >= 0", name="refund_limit_not_negative"),
    )

    currency: Mapped[StrPK]
    minimum: Mapped[int] = mapped_column(BigInteger)
    maximum: Mapped[int] = mapped_column(BigInteger)
    suggested: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    monthly_suggested: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """The amounts suggested for each month; null: in this currency one gives once only."""
    fee_basis_points: Mapped[int]
    fee_fixed: Mapped[int] = mapped_column(BigInteger)
    """The two halves of an estimate, used only to offer covering the fee. What Stripe really took
    is read from the balance transaction, never computed."""
    refund_limit: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """How much of one gift may be refunded in all before a second person must agree; 0: always."""
    position: Mapped[int]


class DonationStatus(StrEnum):
    """The payment of a gift, and nothing else: refunds and disputes are facts of their own."""

    PENDING = "pending"
    """Written before the donor is sent to Stripe; so it stays while the donor is paying there,
    after a declined card too. Set by us."""
    PROCESSING = "processing"
    """A delayed method was used and the bank has not answered: `checkout.session.completed`
    with `payment_status` unpaid. No receipt yet."""
    EXPIRED = "expired"
    """The page was left without paying: `checkout.session.expired`."""
    FAILED = "failed"
    """The bank refused a delayed payment: `checkout.session.async_payment_failed`."""
    PAID = "paid"
    """The money was taken: `checkout.session.completed` with `payment_status` paid,
    `checkout.session.async_payment_succeeded`, or the succeeded charge itself, whichever comes first."""

    @property
    def rank(self) -> int:
        """A status only gives way to a higher one; money received outranks every other claim."""
        return _RANKS[self]


_RANKS = {status: rank for rank, status in enumerate(DonationStatus)}


class Donation(Base):
    """One gift: what the donor chose, and what became of the payment."""

    __tablename__ = "donations"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "fee_cover_amount >= 0 and fee_cover_amount < amount", name="fee_cover_within_amount"
        ),
        CheckConstraint(
            "status in ('pending', 'processing', 'expired', 'failed', 'paid')", name="status_known"
        ),
        CheckConstraint(
            "(paid_at is null or status = 'paid') and (paid_at is null) = (gift_date is null)",
            name="paid_has_its_day",
        ),
        CheckConstraint("frequency in ('once', 'monthly')", name="frequency_known"),
        CheckConstraint(
            "channel in ('online', 'cheque', 'cash', 'bank_transfer', 'stock', 'in_kind', 'adopted')",
            name="channel_known",
        ),
        CheckConstraint(
            "payer_kind in ('person', 'company', 'employer_match', 'donor_advised_fund', 'estate')",
            name="payer_kind_known",
        ),
        CheckConstraint(
            "channel <> 'online' or checkout_expires_at is not null or stripe_invoice_id is not null",
            name="online_has_a_checkout_or_an_invoice",
        ),
        CheckConstraint("benefit_amount >= 0 and benefit_amount <= amount", name="benefit_within_amount"),
        CheckConstraint(
            "dedication_kind in ('in_honour', 'in_memory') and dedication_name is not null"
            " or dedication_kind is null and dedication_name is null",
            name="dedication_whole",
        ),
        UniqueConstraint("stripe_checkout_session_id"),
        UniqueConstraint("stripe_payment_intent_id"),
        UniqueConstraint("stripe_invoice_id"),
        Index("ix_donations_created_at", "created_at"),
        Index("ix_donations_donor_id", "donor_id"),
        Index("ix_donations_monthly_gift_id", "monthly_gift_id"),
        Index(
            "ix_donations_soft_credit_donor_id",
            "soft_credit_donor_id",
            postgresql_where=text("soft_credit_donor_id is not null"),
        ),
    )

    id: Mapped[StrPK]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    donor_name: Mapped[str]
    """As typed for this gift; the receipt prints it."""
    locale: Mapped[str]
    frequency: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    """Minor units, fee cover included: what the donor's statement shows."""
    fee_cover_amount: Mapped[int] = mapped_column(BigInteger)
    dedication_kind: Mapped[str | None]
    dedication_name: Mapped[str | None]
    source: Mapped[dict[str, Any]]
    """Which page and campaign the gift came from. No personal data."""

    status: Mapped[DonationStatus] = mapped_column(Text, server_default=DonationStatus.PENDING.value)
    paid_at: Mapped[datetime | None]
    """When the card was charged: the instant of the gift. Known with the charge, which may come a
    moment after the news that the gift is paid; the receipt waits for it."""
    gift_date: Mapped[date | None]
    """The day of `paid_at` in the entity's time zone, decided once. Its year is the tax year."""
    decline_code: Mapped[str | None]
    """Why the last refused attempt was refused, in Stripe's word; a later success leaves it standing."""

    channel: Mapped[str] = mapped_column(server_default="online")
    """The way it came in; everything but `online` and `adopted` has an `OfflineGift` beside it."""
    payer_kind: Mapped[str] = mapped_column(server_default="person")
    """What the legal payer is: the one who gets the receipt."""
    soft_credit_donor_id: Mapped[str | None] = mapped_column(ForeignKey("donors.id"))
    """Who is thanked without a receipt: the employee behind a match, the adviser of a fund."""
    benefit_amount: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The value of what the donor got for it: that part is a sale, not a gift."""
    benefit_text: Mapped[str | None]

    checkout_expires_at: Mapped[datetime | None]
    checkout_url: Mapped[str | None]
    stripe_checkout_session_id: Mapped[str | None]
    stripe_payment_intent_id: Mapped[str | None]
    monthly_gift_id: Mapped[str | None]
    """The promise of which this is an instalment. Its room lies above this one and ties the key."""
    stripe_invoice_id: Mapped[str | None]
    """The invoice of an instalment; a gift given once has none."""

    allocations: Mapped[list["Allocation"]] = relationship(
        order_by="Allocation.position", lazy="raise", cascade="all"
    )

    @property
    def total(self) -> Money:
        """What the donor pays, fee cover included."""
        return Money(self.amount, self.currency)

    def rise_to(self, status: DonationStatus) -> bool:
        """Move up to `status`; say whether it was a move. A lower claim changes nothing."""
        if status.rank <= DonationStatus(self.status).rank:
            return False
        self.status = status
        return True


class Allocation(Base):
    """The part of a gift that is for one fund."""

    __tablename__ = "donation_allocations"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    fund_id: Mapped[str] = mapped_column(ForeignKey("funds.id"))
    amount: Mapped[int] = mapped_column(BigInteger)


class DonationRequest(Base):
    """Which gift a client's idempotency key made, so that a double click gives once."""

    __tablename__ = "donation_requests"

    idempotency_key: Mapped[StrPK]
    request_sha256: Mapped[str]
    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    caller_until: Mapped[datetime]
    """Until when somebody is asking Stripe for this gift's checkout page; later, anybody may."""


class Charge(Base):
    """What Stripe says of one payment attempt that reached a bank. A stub until its event comes."""

    __tablename__ = "charges"
    __table_args__ = (
        Index("ix_charges_donation_id", "donation_id"),
        Index("ix_charges_stripe_payment_intent_id", "stripe_payment_intent_id"),
        CheckConstraint("status in ('pending', 'failed', 'succeeded')", name="status_known"),
        Index(
            "ix_charges_awaiting_balance_transaction",
            "charged_at",
            postgresql_where=text("status = 'succeeded' and stripe_balance_transaction_id is null"),
        ),
    )

    stripe_charge_id: Mapped[StrPK]
    stripe_payment_intent_id: Mapped[str | None]
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"))
    """Null for money that is not a gift of ours: a shop or another platform on the same account."""
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    status: Mapped[str]
    charged_at: Mapped[datetime]
    method: Mapped[str]
    card_brand: Mapped[str | None]
    last4: Mapped[str | None]
    card_expires: Mapped[str | None]
    failure_code: Mapped[str | None]
    decline_code: Mapped[str | None]
    """Why it failed, as closely as Stripe tells."""
    stripe_balance_transaction_id: Mapped[str | None]

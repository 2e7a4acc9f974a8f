"""Refused instalments as rows that know what is to be done next, and new cards on their way to Stripe.

Each refused try is a row, and so is what follows from it: our own next try, the wait for the donor, the end.
The first refusal Stripe tells us of; those of our own tries are the answers to them. A row is taken with a
lease that is committed before Stripe is asked, so a worker that dies leaves it to the next, who asks under
the same key.

Two clocks: on which day something is due goes by the house's own, which a demo moves with its sandbox; leases
and asking again when Stripe was away go by PostgreSQL's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.clock import now
from payments.database import Base, StrPK
from payments.monthly.models import MonthlyGift, MonthlyInvoice, MonthlyStatus

_LEASE = timedelta(minutes=2)
"""Longer than the slowest calls of one step with their retries."""
_LONGEST_PAUSE = timedelta(hours=1)
_KEY_LASTS = timedelta(hours=23)
"""Stripe keeps a key for at least a day; an hour is left for the call itself and for clocks."""


class RefusalStatus(StrEnum):
    """What is to be done about a refusal."""

    HEARD = "heard"
    """Stripe said that it was refused. Its own schedule is to be left to us, and the reason to be read."""
    TO_TRY = "to_try"
    """The card or account on file is asked again at `due_at`."""
    UNDER_WAY = "under_way"
    """It was asked again, and a bank debit is answered days later: `invoice.paid` or
    `invoice.payment_failed`."""
    WITH_DONOR = "with_donor"
    """Only the donor can mend it; at `due_at` we wait no longer."""
    TO_VOID = "to_void"
    """The donor paused in between: the instalment is taken back at Stripe."""
    LAPSING = "lapsing"
    """The tries are used up and the gift has lapsed: Stripe is to collect nothing more."""
    RETURNING = "returning"
    """The donor came back after it lapsed: Stripe is to collect again from the next instalment on."""
    OVER = "over"
    """Paid, refused again (the next row says), void, or the gift has ended."""


class MonthlyRefusal(Base):
    """One refused try of an instalment, and what follows from it."""

    __tablename__ = "monthly_refusals"
    __table_args__ = (
        CheckConstraint(
            f"status in ({', '.join(repr(str(status)) for status in RefusalStatus)})", name="status_known"
        ),
        CheckConstraint("number > 0 and tries > 0", name="counts_from_one"),
        CheckConstraint(
            "(due_at is null) = (status in ('under_way', 'over'))", name="next_step_has_its_time"
        ),
        Index("ix_monthly_refusals_monthly_gift_id", "monthly_gift_id"),
        Index("ix_monthly_refusals_due", "due_at", postgresql_where=text("due_at is not null")),
        # Never two tries beside each other.
        Index(
            "uq_monthly_refusals_open",
            "stripe_invoice_id",
            unique=True,
            postgresql_where=text("status <> 'over'"),
        ),
    )

    stripe_invoice_id: Mapped[str] = mapped_column(
        ForeignKey("monthly_invoices.stripe_invoice_id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """Which try of the instalment it was: 1 is Stripe's own."""
    monthly_gift_id: Mapped[str] = mapped_column(ForeignKey("monthly_gifts.id"))
    refused_at: Mapped[datetime]
    """By Stripe's clock where Stripe told it; older news of the same instalment does not count again."""
    tries: Mapped[int] = mapped_column(SmallInteger)
    """How often this card or account has been refused; a new one begins at 1."""
    method: Mapped[str | None]
    """Stripe's payment method type."""
    decline_code: Mapped[str | None]
    advice_code: Mapped[str | None]
    course: Mapped[str | None]
    """What was decided (`declines.Course`); null until the reason was read."""
    status: Mapped[RefusalStatus] = mapped_column(Text, server_default=RefusalStatus.HEARD.value)
    due_at: Mapped[datetime | None]
    """When the next step is due; null when there is none."""
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """Until when a worker has it in hand, or Stripe is left in peace."""
    has_new_method: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the donor has given another card or account since, so that the next try is its first."""
    first_asked_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """How often Stripe was asked about the present step."""

    def to(self, status: RefusalStatus, *, at: datetime | None) -> None:
        """The next step, and when; a worker that still has the last one in hand finishes first."""
        self.status, self.due_at = status, at
        self.attempts, self.first_asked_at = 0, None

    def let_go(self) -> None:
        """Out of the hand that had it."""
        self.next_at = func.now()


class MonthlyNewMethod(Base):
    """A card or account the donor gave at Stripe's page, to be what the subscription is charged with.

    The page makes it the customer's own; a subscription is still charged with the one it began with, until
    it is told.
    """

    __tablename__ = "monthly_new_methods"
    __table_args__ = (
        CheckConstraint("status in ('waiting', 'done', 'refused')", name="status_known"),
        Index("ix_monthly_new_methods_due", "next_at", postgresql_where=text("status = 'waiting'")),
    )

    monthly_gift_id: Mapped[str] = mapped_column(ForeignKey("monthly_gifts.id"), primary_key=True)
    stripe_payment_method_id: Mapped[StrPK]
    given_at: Mapped[datetime]
    """By Stripe's clock: of two, the later counts."""
    status: Mapped[str] = mapped_column(server_default="waiting")
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A refusal in this worker's hand, and what is to be done about it now."""

    status: RefusalStatus
    stripe_invoice_id: str
    number: int
    monthly_gift_id: str
    stripe_subscription_id: str
    key: str
    """The idempotency key of this step: of a try, the invoice and which try it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMethod:
    """A new card or account in this worker's hand."""

    monthly_gift_id: str
    stripe_subscription_id: str
    stripe_payment_method_id: str
    key: str


def take(session: Session) -> Step | None:
    """The next step that is due, leased by the database's clock; the caller commits before it asks."""
    while True:
        row = session.execute(_NEXT_DUE, {"today": now()}).one_or_none()
        if row is None:
            return None
        refusal, gift, invoice_status, at = row
        status = _step_now(refusal, gift, invoice_status)
        if status is RefusalStatus.OVER:
            refusal.to(status, at=None)
            session.flush()
            continue
        if status != refusal.status:
            refusal.to(status, at=now())
        if refusal.first_asked_at is None:
            refusal.first_asked_at = at
        refusal.next_at = at + _LEASE
        refusal.attempts += 1
        return Step(
            status=status,
            stripe_invoice_id=refusal.stripe_invoice_id,
            number=refusal.number,
            monthly_gift_id=gift.id,
            stripe_subscription_id=gift.stripe_subscription_id or "",
            key=_key(refusal, at),
        )


def _step_now(refusal: MonthlyRefusal, gift: MonthlyGift, invoice_status: str) -> RefusalStatus:
    """What is to be done, now that the gift may have been ended or paused since."""
    status = RefusalStatus(refusal.status)
    if gift.status == MonthlyStatus.ENDED or gift.stripe_subscription_id is None:
        return RefusalStatus.OVER
    if status in {RefusalStatus.LAPSING, RefusalStatus.RETURNING}:
        return status
    if invoice_status in {"paid", "void", "uncollectible"}:
        return RefusalStatus.OVER
    return RefusalStatus.TO_VOID if gift.is_paused else status


def _key(refusal: MonthlyRefusal, at: datetime) -> str:
    """Of a try, the same however often it is asked: a try asked twice is one try. Each other step says how
    something is to be, so a day's key spares it an error of Stripe's that is repeated until forgotten."""
    about = f"monthly_refusal:{refusal.stripe_invoice_id}:{refusal.number}:{refusal.status}"
    if refusal.status == RefusalStatus.TO_TRY or refusal.first_asked_at is None:
        return f"{about}:new" if refusal.has_new_method else about
    return f"{about}:{(at - refusal.first_asked_at) // _KEY_LASTS}"


def put_off(session: Session, step: Step) -> None:
    """Stripe did not answer, so nobody knows; the same key asks again in a while."""
    refusal = session.get_one(MonthlyRefusal, (step.stripe_invoice_id, step.number), with_for_update=True)
    if refusal.status == step.status:
        refusal.next_at = func.now() + _pause(refusal.attempts)


def take_new_method(session: Session) -> NewMethod | None:
    """The next new card or account to tell Stripe of, leased; the caller commits before it asks."""
    row = session.execute(_NEXT_NEW_METHOD).one_or_none()
    if row is None:
        return None
    method, gift, at = row
    method.next_at = at + _LEASE
    method.attempts += 1
    return NewMethod(
        monthly_gift_id=gift.id,
        stripe_subscription_id=gift.stripe_subscription_id or "",
        stripe_payment_method_id=method.stripe_payment_method_id,
        key=f"monthly_new_method:{gift.id}:{method.stripe_payment_method_id}",
    )


def put_off_new_method(session: Session, taken: NewMethod) -> None:
    """Stripe did not answer; it is told again in a while."""
    method = held_new_method(session, taken)
    method.next_at = func.now() + _pause(method.attempts)


def held_new_method(session: Session, taken: NewMethod) -> MonthlyNewMethod:
    """The row behind a new card in hand."""
    return session.get_one(
        MonthlyNewMethod, (taken.monthly_gift_id, taken.stripe_payment_method_id), with_for_update=True
    )


def _pause(attempts: int) -> timedelta:
    return min(timedelta(seconds=15 * (1 << max(min(attempts, 10) - 1, 0))), _LONGEST_PAUSE)


# Made once: SQLAlchemy takes longer to put these together than to run them.
_NEXT_DUE = (
    select(MonthlyRefusal, MonthlyGift, MonthlyInvoice.status, func.now())
    .join(MonthlyGift, MonthlyGift.id == MonthlyRefusal.monthly_gift_id)
    .join(MonthlyInvoice, MonthlyInvoice.stripe_invoice_id == MonthlyRefusal.stripe_invoice_id)
    .where(MonthlyRefusal.due_at <= bindparam("today"), MonthlyRefusal.next_at <= func.now())
    .order_by(MonthlyRefusal.due_at, MonthlyRefusal.stripe_invoice_id)
    .limit(1)
    .with_for_update(of=MonthlyRefusal, skip_locked=True)
    .execution_options(populate_existing=True)
)
_NEXT_NEW_METHOD = (
    select(MonthlyNewMethod, MonthlyGift, func.now())
    .join(MonthlyGift, MonthlyGift.id == MonthlyNewMethod.monthly_gift_id)
    .where(
        MonthlyNewMethod.status == "waiting",
        MonthlyNewMethod.next_at <= func.now(),
        MonthlyGift.stripe_subscription_id.is_not(None),
    )
    .order_by(MonthlyNewMethod.next_at)
    .limit(1)
    .with_for_update(of=MonthlyNewMethod, skip_locked=True)
)

"""Which rows a batch may need, and how they are loaded: a query a table, however many the events.

Gifts alone need three tables; the tables of money that goes back are asked only when something in
the batch is about that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, selectinload

from payments.database import among_named
from payments.donations.models import Charge, Donation
from payments.donations.reversals import Dispute, FraudWarning, OwedPayment, Refund
from payments.ledger.models import BalanceTransaction, JournalEntry
from payments.stripe_gateway import adopted_shapes, shapes
from payments.stripe_gateway.shape import Shape
from payments.webhooks import promises
from payments.webhooks.promises import Promises


@dataclass(slots=True)
class Rows:
    """Everything loaded for one batch, by id. Donations are locked."""

    promises: Promises
    donations: dict[str, Donation] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    fraud_warnings: dict[str, FraudWarning] = field(default_factory=dict)
    booked: dict[str, BalanceTransaction] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """What the entries of `booked` and of lost disputes are, by reference."""
    owed_payments: dict[str, list[OwedPayment]] = field(default_factory=dict)
    """What became of what failed refunds owed, by gift."""


@dataclass(slots=True)
class _Named:
    """What the objects of a batch name."""

    donations: set[str] = field(default_factory=set)
    payments: set[str] = field(default_factory=set)
    charges: set[str] = field(default_factory=set)
    balance_transactions: set[str] = field(default_factory=set)
    disputes: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    monthly: promises.Named = field(default_factory=promises.Named)
    is_about_money_back: bool = False
    has_movements: bool = False


_OURS = re.compile(r"don_[0-9a-f]{32}")


def is_ours(donation_id: str) -> bool:
    """Whether an id could be one of our gifts: other programs write `donation` into metadata too."""
    return _OURS.fullmatch(donation_id) is not None


def load(session: Session, objects: Sequence[Shape]) -> Rows:
    """Load and lock what these objects are about."""
    named = _named(objects)
    rows = Rows(Promises(session, named.monthly))
    named.donations |= rows.promises.donation_ids
    named.payments |= rows.promises.payments
    rows.donations = _donations(session, named, rows)
    rows.charges = _charges(session, named, rows)
    if named.is_about_money_back:
        _load_money_back(session, named, rows)
    elif named.balance_transactions:
        found = session.scalars(_BOOKED, {"ids": named.balance_transactions})
        rows.booked = {row.stripe_balance_transaction_id: row for row in found}
    return rows


def _named(objects: Iterable[Shape]) -> _Named:
    named = _Named()
    for found in objects:
        about = found
        if isinstance(found, adopted_shapes.AdoptedGift):
            named.donations.add(found.donation_id)
            about = found.charge
        _name(named, about)
        named.monthly.note(about)
    return named


def _name(named: _Named, found: Shape) -> None:
    match found:
        case shapes.CheckoutSession() | shapes.PaymentIntent():
            if found.donation_id is not None:
                named.donations.add(found.donation_id)
        case shapes.Charge():
            named.charges.add(found.id)
            _add(named.balance_transactions, found.balance_transaction)
            if found.donation_id is not None and is_ours(found.donation_id):
                named.donations.add(found.donation_id)
            else:
                _add(named.payments, found.payment_intent)
        case shapes.Refund():
            named.is_about_money_back = True
            named.refunds.add(found.id)
            _add(named.charges, found.charge)
            _add(named.balance_transactions, found.balance_transaction)
            _add(named.balance_transactions, found.failure_balance_transaction)
        case shapes.Dispute():
            named.is_about_money_back = True
            named.charges.add(found.charge)
            named.disputes.add(found.id)
        case shapes.EarlyFraudWarning():
            named.is_about_money_back = True
            named.charges.add(found.charge)
        case shapes.Payout():
            _add(named.balance_transactions, found.balance_transaction)
            _add(named.balance_transactions, found.failure_balance_transaction)
        case shapes.BalanceTransaction():
            named.has_movements = True
            named.balance_transactions.add(found.id)
            _add(named.charges, found.stripe_charge_id)
            if found.reporting_category != "charge":
                named.is_about_money_back = True
            if isinstance(found.source, shapes.Charge | shapes.Refund | shapes.Dispute):
                _name(named, found.source)


def _add(ids: set[str], found: str | None) -> None:
    if found is not None:
        ids.add(found)


def _donations(session: Session, named: _Named, rows: Rows) -> dict[str, Donation]:
    wanted = set(named.donations)
    if named.charges and (named.is_about_money_back or named.has_movements):
        # A refund names its charge, and only the charge knows its gift.
        wanted |= {
            donation_id
            for donation_id in session.scalars(_GIFTS_OF_CHARGES, {"charges": named.charges})
            if donation_id is not None
        }
    monthly = list(rows.promises.ids)
    if not wanted and not named.payments and not monthly:
        return {}
    moves = named.has_movements or named.is_about_money_back
    found = session.scalars(
        _DONATIONS_WITH_PARTS if moves else _DONATIONS,
        {"ids": wanted, "payments": named.payments, "monthly": monthly},
    )
    return {donation.id: donation for donation in found}


_GIFTS_OF_CHARGES = select(Charge.donation_id).where(among_named(Charge.stripe_charge_id, "charges"))
_DONATIONS = (
    select(Donation)
    .where(
        or_(
            among_named(Donation.id, "ids"),
            among_named(Donation.stripe_payment_intent_id, "payments"),
            # The first instalment was written before its invoice was made, and waits for it.
            and_(
                among_named(Donation.monthly_gift_id, "monthly"),
                Donation.checkout_expires_at.is_not(None),
                Donation.stripe_invoice_id.is_(None),
            ),
        )
    )
    .order_by(Donation.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_DONATIONS_WITH_PARTS = _DONATIONS.options(selectinload(Donation.allocations))


def _charges(session: Session, named: _Named, rows: Rows) -> dict[str, Charge]:
    if not named.charges and not rows.donations and not named.monthly.payments:
        return {}
    found = session.scalars(
        _CHARGES_LOCKED if named.is_about_money_back else _CHARGES,
        {
            "ids": named.charges,
            "donations": rows.donations,
            "payments": named.monthly.payments | rows.promises.payments,
        },
    )
    return {charge.stripe_charge_id: charge for charge in found}


_CHARGES = (
    select(Charge)
    .where(
        or_(
            among_named(Charge.stripe_charge_id, "ids"),
            among_named(Charge.donation_id, "donations"),
            # Heard of before their invoice, they know no gift.
            among_named(Charge.stripe_payment_intent_id, "payments"),
        )
    )
    .execution_options(populate_existing=True)
)
_CHARGES_LOCKED = _CHARGES.order_by(Charge.stripe_charge_id).with_for_update()
"""Foreign money has no gift whose lock would keep two workers apart."""


def _load_money_back(session: Session, named: _Named, rows: Rows) -> None:
    charges = set(rows.charges) | named.charges
    of_charges = {"charges": charges}
    rows.refunds = {row.id: row for row in session.scalars(_REFUNDS, of_charges)}
    rows.disputes = {row.stripe_dispute_id: row for row in session.scalars(_DISPUTES, of_charges)}
    rows.fraud_warnings = {row.stripe_fraud_warning_id: row for row in session.scalars(_WARNINGS, of_charges)}
    stripe_refunds = {row.stripe_refund_id for row in rows.refunds.values() if row.stripe_refund_id}
    sources = charges | named.disputes | set(rows.disputes) | named.refunds | stripe_refunds
    booked = session.scalars(_BOOKED_ABOUT, {"ids": named.balance_transactions, "sources": sources})
    rows.booked = {row.stripe_balance_transaction_id: row for row in booked}
    rows.kinds = _kinds(session, rows.booked)
    for payment in session.scalars(_OWED_PAYMENTS, {"donations": rows.donations}):
        rows.owed_payments.setdefault(payment.donation_id, []).append(payment)


_REFUNDS = (
    select(Refund)
    .where(among_named(Refund.stripe_charge_id, "charges"))
    .execution_options(populate_existing=True)
)
_DISPUTES = (
    select(Dispute)
    .where(among_named(Dispute.stripe_charge_id, "charges"))
    .execution_options(populate_existing=True)
)
_WARNINGS = (
    select(FraudWarning)
    .where(among_named(FraudWarning.stripe_charge_id, "charges"))
    .execution_options(populate_existing=True)
)
_BY_NAME = among_named(BalanceTransaction.stripe_balance_transaction_id, "ids")
_BOOKED = select(BalanceTransaction).where(_BY_NAME)
_BOOKED_ABOUT = select(BalanceTransaction).where(
    or_(_BY_NAME, among_named(BalanceTransaction.source_id, "sources"))
)
_OWED_PAYMENTS = (
    select(OwedPayment).where(among_named(OwedPayment.donation_id, "donations")).order_by(OwedPayment.id)
)


def _kinds(session: Session, booked: Iterable[str]) -> dict[str, str]:
    """What their entries are, and which of them are losses of a dispute."""
    references = [f"{about}:{transaction}" for transaction in booked for about in ("bt", "dispute_lost")]
    found = session.execute(_KINDS, {"references": references})
    return {row.reference: row.kind for row in found}


_KINDS = select(JournalEntry.reference, JournalEntry.kind).where(
    among_named(JournalEntry.reference, "references")
)

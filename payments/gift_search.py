"""Which gifts an id is about: one of ours, one of Stripe's, a receipt's number, a payout or a bank's line.

What an id is, its first letters say. Each answer is a query of the ids of gifts, so that a list of gifts can
be narrowed by it, and a payout of ten thousand gifts is not carried through Python.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ScalarSelect, Select, func, literal, select, union_all

from payments.donations.models import Charge, Donation
from payments.donations.offline import OfflineGift
from payments.donations.reversals import Dispute, FraudWarning, OwedPayment, Refund
from payments.ledger.models import JournalEntry
from payments.monthly.models import MonthlyGift
from payments.receipts.models import Receipt
from payments.reconciliation.models import BankMatch, PayoutLine
from payments.supporters.donors import Donor

LONGEST = 120

Ids = Select[*tuple[str | None, ...]]


def gifts_about(text: str) -> Ids:
    """The ids of the gifts that this id is about; none for an id that nothing has."""
    given = text.strip()[:LONGEST].replace("\0", "")
    prefix, mark, _ = given.partition("_")
    ask = _BY_PREFIX.get(prefix) if mark else None
    return ask(given) if ask is not None else _ids(Receipt.donation_id, Receipt.number == given.upper())


def _ids(column: Any, *which: Any) -> Ids:
    return select(column).where(*which)


def _of_monthly(which: Any) -> Ids:
    return _ids(Donation.id, Donation.monthly_gift_id.in_(select(MonthlyGift.id).where(which)))


def _of_movement(transactions: Any) -> Ids:
    """Of what moved at Stripe: each entry names the gift that it is about."""
    return _ids(JournalEntry.donation_id, JournalEntry.reference.in_(transactions))


def _in_payouts(which: Any) -> Ids:
    return _of_movement(select(func.concat("bt:", PayoutLine.stripe_balance_transaction_id)).where(which))


def _on_bank_line(line: str) -> Ids:
    """Through the payout that the line is, the slip or the gift."""
    said = select(BankMatch.subject_id).where(BankMatch.bank_line_id == line, BankMatch.undone_at.is_(None))
    slips = _ids(OfflineGift.donation_id, OfflineGift.deposit_slip_id.in_(said))
    gifts = _ids(Donation.id, Donation.id.in_(said))
    through = union_all(_in_payouts(PayoutLine.stripe_payout_id.in_(said)), slips, gifts).subquery()
    return select(through.c[0])


def _survivor_of(donor_id: str) -> ScalarSelect[str]:
    return select(func.coalesce(Donor.merged_into_id, Donor.id)).where(Donor.id == donor_id).scalar_subquery()


_BY_PREFIX: dict[str, Callable[[str], Ids]] = {
    "don": lambda id_: _ids(Donation.id, Donation.id == id_),
    "dnr": lambda id_: _ids(Donation.id, Donation.donor_id == _survivor_of(id_)),
    "mon": lambda id_: _ids(Donation.id, Donation.monthly_gift_id == id_),
    "rcp": lambda id_: _ids(Receipt.donation_id, Receipt.id == id_),
    "rfd": lambda id_: _ids(Refund.donation_id, Refund.id == id_),
    "dep": lambda id_: _ids(OfflineGift.donation_id, OfflineGift.deposit_slip_id == id_),
    "owp": lambda id_: _ids(OwedPayment.donation_id, OwedPayment.id == id_),
    "bln": _on_bank_line,
    "cs": lambda id_: _ids(Donation.id, Donation.stripe_checkout_session_id == id_),
    "pi": lambda id_: _ids(Donation.id, Donation.stripe_payment_intent_id == id_),
    "in": lambda id_: _ids(Donation.id, Donation.stripe_invoice_id == id_),
    "ch": lambda id_: _ids(Charge.donation_id, Charge.stripe_charge_id == id_),
    "py": lambda id_: _ids(Charge.donation_id, Charge.stripe_charge_id == id_),
    "txn": lambda id_: _of_movement([literal(f"bt:{id_}")]),
    "po": lambda id_: _in_payouts(PayoutLine.stripe_payout_id == id_),
    "re": lambda id_: _ids(Refund.donation_id, Refund.stripe_refund_id == id_),
    "pyr": lambda id_: _ids(Refund.donation_id, Refund.stripe_refund_id == id_),
    "dp": lambda id_: _ids(Dispute.donation_id, Dispute.stripe_dispute_id == id_),
    "du": lambda id_: _ids(Dispute.donation_id, Dispute.stripe_dispute_id == id_),
    "issfr": lambda id_: _ids(FraudWarning.donation_id, FraudWarning.stripe_fraud_warning_id == id_),
    "sub": lambda id_: _of_monthly(MonthlyGift.stripe_subscription_id == id_),
    "cus": lambda id_: _of_monthly(MonthlyGift.stripe_customer_id == id_),
}

"""From rows and shapes to what the ledger's rules read: movements, gifts and where they stand."""

from payments.clock import from_stripe
from payments.donations.models import Charge, Donation
from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction
from payments.ledger.rules import Gift, Line, Movement, foreign
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def of_shape(transaction: shapes.BalanceTransaction) -> Movement:
    """A balance transaction as just fetched."""
    return Movement(
        stripe_balance_transaction_id=transaction.id,
        reporting_category=transaction.reporting_category,
        type=transaction.type,
        amount=transaction.amount,
        fee=transaction.fee,
        net=transaction.net,
        currency=transaction.currency,
        created_at=from_stripe(transaction.created),
        is_about_dispute=_is_dispute(transaction.source_id),
    )


def of_row(row: BalanceTransaction) -> Movement:
    """A balance transaction that is booked already."""
    return Movement(
        stripe_balance_transaction_id=row.stripe_balance_transaction_id,
        reporting_category=row.reporting_category,
        type=row.type,
        amount=row.amount,
        fee=row.fee,
        net=row.net,
        currency=row.currency,
        created_at=row.created_at,
        is_about_dispute=_is_dispute(row.source_id),
    )


def gift_of(batch: Batch, charge: Charge, donation: Donation | None) -> Gift:
    """The lines of a gift: its funds, what covers the fee, and what the donor got for it.

    A benefit is taken from the funds in their order, so what is left of each is a contribution.
    """
    if donation is None:
        return foreign(charge.amount)
    lines: list[Line] = []
    benefit = donation.benefit_amount
    for allocation in donation.allocations:
        sold = min(benefit, allocation.amount)
        benefit -= sold
        is_agency = batch.fund(allocation.fund_id).is_agency
        account = Account.AGENCY_OBLIGATIONS if is_agency else Account.CONTRIBUTIONS
        lines.append(Line(account, allocation.amount - sold, allocation.fund_id))
    lines.append(Line(Account.CONTRIBUTIONS_FEE_COVER, donation.fee_cover_amount - benefit))
    lines.append(Line(Account.BENEFITS_EXCHANGED, donation.benefit_amount))
    return Gift(donation_id=donation.id, lines=tuple(line for line in lines if line.weight))


def _is_dispute(source_id: str | None) -> bool:
    return (source_id or "").startswith(("dp_", "du_"))

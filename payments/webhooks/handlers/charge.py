"""Charges: with which card, when, and under which balance transaction."""

from payments.donations import settlement
from payments.donations.models import Donation
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def seen(batch: Batch, charge: shapes.Charge) -> None:
    """A charge in whatever state: the facts in it are taken over, older ones change nothing."""
    donation = batch.donation_paid_by(charge)
    known = batch.charge(charge.id)
    if known is None:
        known = settlement.charge_from(charge, donation)
        batch.add_charge(known)
    else:
        settlement.update_charge(known, charge)
    batch.want_balance_transactions([charge.balance_transaction])
    if donation is not None:
        settlement.check_charge(donation, charge)
        if charge.status == "failed" and batch.latest_refused_charge_of(donation) is known:
            donation.decline_code = charge.refusal
        settle(batch, donation)


def settle(batch: Batch, donation: Donation) -> None:
    """Once the gift is paid and its charge is known, its day is fixed and its receipt is due."""
    charge = batch.succeeded_charge_of(donation)
    if charge is None:
        return
    if settlement.settle(donation, charge, time_zone=batch.books_of(donation).time_zone):
        batch.owe_receipt(donation)

"""Charges: with which card, when, and under which balance transaction."""

from payments.donations import settlement
from payments.stripe_gateway import shapes
from payments.webhooks import instalments
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import invoice_payment
from payments.webhooks.settling import settle


def seen(batch: Batch, charge: shapes.Charge) -> None:
    """A charge in whatever state: the facts in it are taken over, older ones change nothing."""
    for payment in charge.invoice_payments.data if charge.invoice_payments is not None else ():
        invoice_payment.seen(batch, payment)
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
    invoice = batch.promises.paid_with(charge.payment_intent)
    if invoice is not None:
        instalments.join(batch, invoice)

"""How an invoice, its payment and its charges find each other, whichever is heard of first."""

from payments.donations.models import Charge, Donation
from payments.jobs import Bell
from payments.monthly import following, instalments
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from payments.stripe_gateway.billing_shapes import InvoicePayment
from payments.webhooks.batch import Batch
from payments.webhooks.settling import settle

_FIRST = "subscription_create"


def join(batch: Batch, row: MonthlyInvoice) -> None:
    """Make of an invoice what the facts allow by now: a gift once it is paid, and a paid gift once its
    charge is known."""
    gift = batch.promises.gift(row.monthly_gift_id)
    if gift is None:
        return
    batch.promises.touch(gift)
    donation = _donation(batch, gift, row) if instalments.is_gift(row) else None
    if row.stripe_payment_intent_id is None:
        return
    charges = batch.charges_of_payment(row.stripe_payment_intent_id)
    _note_refusal(row, charges)
    for charge in charges:
        following.show_charged_card(gift, charge)
    if donation is None:
        return
    batch.pay_with(donation, row.stripe_payment_intent_id)
    for charge in charges:
        batch.link(donation, charge)
    donation.decline_code = row.decline_code
    settle(batch, donation)
    if gift.ended_at is not None:
        batch.call(Bell.GIVE_BACK_AFTER_END)


def tie(batch: Batch, payment: InvoicePayment) -> MonthlyInvoice | None:
    """An invoice and its payment, known of each other. One that is open or was called off may have refused
    charges, and never takes the place of another: that may be the one that paid."""
    if payment.payment.payment_intent is None:
        return None
    row = batch.promises.invoice_or_stub(payment.stripe_invoice_id)
    if payment.status == "paid" or row.stripe_payment_intent_id is None:
        batch.promises.tie(row, payment.payment.payment_intent)
    return row


def _donation(batch: Batch, gift: MonthlyGift, row: MonthlyInvoice) -> Donation:
    known = batch.donation(row.donation_id)
    if known is not None:
        return known
    batch.promises.note_paid(gift, row)
    first = batch.first_instalment(gift) if row.billing_reason == _FIRST else None
    if first is not None and first.stripe_invoice_id in {None, row.stripe_invoice_id}:
        instalments.adopt(first, row)
        row.donation_id = first.id
        return first
    made = instalments.donation_of(gift, row, batch.promises.agreed(gift))
    batch.add_donation(made)
    row.donation_id = made.id
    return made


def _note_refusal(row: MonthlyInvoice, charges: list[Charge]) -> None:
    """Why the last attempt was refused; of two in one second the greater id."""
    refused = [charge for charge in charges if charge.status == "failed"]
    if refused:
        last = max(refused, key=lambda charge: (charge.charged_at, charge.stripe_charge_id))
        row.decline_code = last.decline_code

"""When a gift's day is fixed and its receipt is owed: a charge, a session and an invoice all lead here."""

from payments.donations import settlement
from payments.donations.models import Donation
from payments.donations.offline import Channel
from payments.webhooks.batch import Batch


def settle(batch: Batch, donation: Donation) -> None:
    """Once the gift is paid and its charge is known, its day is fixed and its receipt is due."""
    charge = batch.succeeded_charge_of(donation)
    if charge is None:
        return
    is_new = settlement.settle(donation, charge, time_zone=batch.books_of(donation).time_zone)
    if is_new and donation.channel != Channel.ADOPTED:
        batch.owe_receipt(donation)

"""News of a monthly gift that never came are asked for, and change the books by the usual way."""

from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from tests.monthly.instalments import MONTH, Promise
from workers.webhooks import apply_events, ask_about_silence


def a_month_passes_unheard(promise: Promise) -> None:
    """Stripe bills it, and not one webhook comes."""
    promise.stripe.tell("advance", seconds=int(MONTH.total_seconds()) + 2 * 3600, deliver=False)
    with transaction() as session:
        session.execute(text("update monthly_gifts set next_charge_at = now() - interval '7 hours'"))


def test_an_instalment_nobody_told_of_is_a_gift_all_the_same(promise: Promise):
    a_month_passes_unheard(promise)

    ask_about_silence()
    apply_events()

    billed = promise.latest_invoice()
    with transaction() as session:
        gift = session.get_one(MonthlyGift, promise.gift_id)
        invoice = session.get_one(MonthlyInvoice, billed["id"])
        donation = session.get_one(Donation, invoice.donation_id)
        assert (invoice.status, donation.amount, donation.status) == ("paid", 3000, "paid")
        assert donation.stripe_payment_intent_id == invoice.stripe_payment_intent_id is not None
        assert gift.next_charge_at is not None
        assert gift.next_charge_at.timestamp() > billed["created"]


def test_what_was_heard_of_is_not_asked_about(promise: Promise):
    ask_about_silence()

    with transaction() as session:
        assert session.scalars(select(MonthlyInvoice)).all() == []

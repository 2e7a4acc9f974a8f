"""News of a monthly gift that never came are asked for, and change the books by the usual way."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from payments.clock import now
from payments.database import transaction
from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from payments.stripe_gateway.client import gateway
from payments.webhooks import inbox, silence
from payments.webhooks.models import StripeEvent
from tests.monthly.instalments import MONTH, Promise
from tests.monthly.promises import a_monthly_gift
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


def test_a_subscription_that_stripe_does_not_know_holds_up_no_other(promise: Promise):
    a_month_passes_unheard(promise)
    with transaction() as session:
        a_monthly_gift(
            session,
            stripe_subscription_id="sub_of_another_account",
            stripe_status="active",
            next_charge_at=now() - timedelta(days=400),
        )

    ask_about_silence()
    apply_events()

    with transaction() as session:
        invoice = session.get_one(MonthlyInvoice, promise.latest_invoice()["id"])
        assert invoice.status == "paid"


def test_those_that_stay_silent_for_good_are_asked_last(promise: Promise, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(silence, "_AT_ONCE", 1)
    a_month_passes_unheard(promise)
    with transaction() as session:
        a_monthly_gift(session, stripe_status="paused", next_charge_at=now() - timedelta(days=400))

    with transaction() as session:
        assert silence.silent_subscriptions(session) == [promise.subscription]


def test_the_same_answer_to_the_same_question_is_stored_once(promise: Promise):
    def answers(*, minutes: int) -> None:
        sent = gateway().billing.subscription_as_sent(promise.subscription)
        asked_at = now() + timedelta(minutes=minutes)
        with transaction() as session:
            silence.store(session, [inbox.of_snapshot("subscription", sent, asked_at=asked_at)])

    def stored() -> int:
        with transaction() as session:
            return session.scalar(select(func.count()).select_from(StripeEvent)) or 0

    answers(minutes=0)
    answers(minutes=60)
    assert stored() == 1

    promise.stripe.tell("advance", seconds=int(MONTH.total_seconds()), deliver=False)
    answers(minutes=120)
    assert stored() == 2

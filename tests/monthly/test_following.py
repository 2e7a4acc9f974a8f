"""What Stripe's events make of a promise: its state, its instalments, its card."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.donations.explain import Beside, explain
from payments.donations.models import Charge, Donation, Organisation
from payments.donations.reversals import Dispute, FraudWarning, Refund
from payments.ledger.models import JournalEntry
from payments.monthly import changes
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from payments.monthly.tries import MonthlyRefusal
from payments.receipts.models import DueReceipt
from payments.webhooks import inbox
from payments.webhooks.models import QueuedEvent
from tests.monthly.plan_at_stripe import Plan
from tests.monthly.promises import terms
from tests.monthly.telling import a_promise, applies, everything, hears


@pytest.fixture(autouse=True)
def _no_bells(organisation: Organisation, with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def told(session: Session, plan: Plan) -> None:
    hears(session, plan, everything(plan))
    applies(session)


def donations(session: Session) -> list[Donation]:
    return list(session.scalars(select(Donation).order_by(Donation.paid_at)))


def test_the_first_instalment_is_the_gift_that_was_begun(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)

    told(session, plan)

    assert donations(session) == [first]
    assert (first.status, first.stripe_invoice_id) == ("paid", plan.session["invoice"])
    assert (gift.status, gift.stripe_subscription_id) == ("active", plan.session["subscription"])
    assert (gift.card_brand, gift.card_last4) == ("visa", "4242")
    assert session.scalars(select(DueReceipt.donation_id)).all() == [first.id]
    assert session.scalars(select(QueuedEvent)).all() == []


def test_each_month_is_a_gift_like_the_first(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.days_pass(70)

    told(session, plan)

    gifts = donations(session)
    assert [each.gift_date.isoformat() for each in gifts] == ["2026-01-31", "2026-02-28", "2026-03-31"]
    assert {(each.amount, each.source["page"], each.donor_name) for each in gifts} == {
        (3000, "give", "Ada Park")
    }
    assert len(session.scalars(select(DueReceipt)).all()) == 3
    assert set(session.scalars(select(JournalEntry.kind))) == {"gift"}
    assert session.scalars(select(QueuedEvent)).all() == []


def test_a_refused_instalment_leaves_the_gift_behind_until_it_is_paid(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.expects("insufficient_funds")
    plan.days_pass(29)

    told(session, plan)
    behind = gift.status
    plan.days_pass(4)
    told(session, plan)

    refused = session.scalars(select(MonthlyInvoice).where(MonthlyInvoice.refused_attempts > 0)).one()
    assert behind == "behind"
    assert (gift.status, refused.status, refused.decline_code) == ("active", "paid", "insufficient_funds")
    assert len(donations(session)) == 2


def test_a_pause_and_an_end_are_seen(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.pauses(45)
    told(session, plan)
    paused = gift.status, gift.paused_until is not None

    plan.days_pass(70)
    told(session, plan)
    resumed = gift.status
    plan.ends()
    told(session, plan)

    assert (paused, resumed) == (("paused", True), "active")
    assert (gift.status, gift.end_reason) == ("ended", "at_stripe")
    assert len(donations(session)) == 2


def test_a_promise_whose_page_was_left_never_started(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.expires(plan.opens_monthly(first, gift))

    told(session, plan)

    assert (gift.status, first.status) == ("never_started", "expired")


def test_a_new_amount_is_divided_as_it_was_agreed(session: Session):
    gift, first = a_promise(session)
    gift.terms.append(terms(2, 4500, fund="general", valid_from=gift.created_at))
    session.flush()
    plan = Plan()
    plan.joins(first, gift)
    plan.changes_amount(4500)
    plan.days_pass(30)

    told(session, plan)

    session.expire_all()
    newest = session.scalars(select(MonthlyGift)).one()
    assert newest.status == "active"
    assert sorted(each.amount for each in donations(session)) == [3000, 4500]


def test_a_day_moved_by_an_invoice_over_nothing_makes_no_gift(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.changes_day(10)

    told(session, plan)

    assert len(donations(session)) == 1
    assert gift.status == "active"
    assert gift.next_charge_at is not None


def test_a_refused_instalment_is_looked_after(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.expects("insufficient_funds")
    plan.days_pass(29)

    told(session, plan)

    refusal = session.scalars(select(MonthlyRefusal)).one()
    assert (refusal.monthly_gift_id, refusal.stripe_invoice_id) == (gift.id, plan.latest_invoice["id"])


def test_an_end_asked_for_stays_whatever_stripe_says_of_it_later(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    told(session, plan)
    changes.cancel(session, gift.id)
    ended_at = gift.ended_at

    plan.days_pass(35)
    plan.ends()
    told(session, plan)

    assert (gift.status, gift.end_reason, gift.ended_at) == ("ended", "donor", ended_at)
    assert len(donations(session)) == 2, "money that came is booked, and given back by itself"


def test_money_of_an_instalment_waits_until_its_invoice_is_paid(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.days_pass(35)
    late = [each for each in plan.events() if each.type == "invoice.paid"]
    early = [each for each in everything(plan) if each not in late]

    hears(session, plan, plan.events()[:1])
    hears(session, plan, early)
    applies(session)
    before = set(session.scalars(select(JournalEntry.kind)))
    hears(session, plan, late)
    applies(session)

    assert "other_receipt" not in before
    assert session.scalars(select(JournalEntry.kind)).all() == ["gift", "gift"]


def test_a_shops_subscription_is_foreign_money(session: Session):
    gift, first = a_promise(session)
    gift_id = gift.id
    plan = Plan()
    plan.joins_a_shop()
    plan.days_pass(35)

    told(session, plan)

    assert session.get_one(MonthlyGift, gift_id).status == "pending"
    assert donations(session) == [first]
    assert set(session.scalars(select(JournalEntry.kind))) == {"other_receipt"}
    assert session.scalars(select(MonthlyInvoice.monthly_gift_id).distinct()).all() == [None]
    assert session.scalars(select(QueuedEvent)).all() == []


def test_an_instalment_is_explained_by_its_monthly_gift(session: Session):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    plan.days_pass(35)
    told(session, plan)
    renewal = next(each for each in donations(session) if each.id != first.id)

    sentences = [sentence.says for sentence in explain(session, renewal.id, Beside())]

    assert sentences[0] == "An instalment of $30.00 was billed for “Rescue and resettlement”."
    assert gift.id in sentences[1]
    assert str(renewal.stripe_invoice_id) in sentences[1]


@pytest.mark.parametrize("at_once", [False, True], ids=["told apart", "told at once"])
def test_what_befell_a_charge_before_its_instalment_was_known_belongs_to_the_gift(
    session: Session, at_once: bool
):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    told(session, plan)
    plan.days_pass(40)
    plan.is_suspected_refunded_and_disputed()

    before_the_invoice = [
        each
        for each in everything(plan)
        if getattr(each, "type", "").startswith(("charge", "refund", "radar"))
    ]
    hears(session, plan, before_the_invoice)
    if not at_once:
        applies(session)
    told(session, plan)

    instalment = donations(session)[-1]
    for kind in (Charge, Refund, Dispute, FraudWarning):
        assert set(session.scalars(select(kind.donation_id).distinct())) <= {first.id, instalment.id}
        assert instalment.id in session.scalars(select(kind.donation_id)).all()


@pytest.mark.parametrize("last", ["paid", "canceled"])
def test_a_payment_that_was_called_off_never_takes_the_place_of_the_one_that_paid(
    session: Session, last: str
):
    gift, first = a_promise(session)
    plan = Plan()
    plan.joins(first, gift)
    told(session, plan)
    paid_with = str(first.stripe_payment_intent_id)
    [paid] = plan.invoice_payments(paid_with)
    called_off = {
        **paid,
        "id": "inpay_off",
        "status": "canceled",
        "payment": {"type": "payment_intent", "payment_intent": "pi_off"},
    }
    listed = [each | {"invoice": paid["invoice"]["id"]} for each in (paid, called_off)]
    asked = {
        **plan.latest_invoice,
        "payments": {"data": listed if last == "canceled" else listed[::-1]},
    }

    inbox.store(session, [inbox.of_snapshot("invoice", asked, asked_at=now())])
    applies(session)

    [invoice] = session.scalars(select(MonthlyInvoice))
    assert (invoice.stripe_payment_intent_id, first.stripe_payment_intent_id) == (paid_with, paid_with)

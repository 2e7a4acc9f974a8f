"""Giving every month: a plan begins with its first payment, renews on its day, stops when it is told to."""

from __future__ import annotations

import pytest
import stripe

from tests.sandbox.conftest import Sandbox
from tests.sandbox.monthly import GIFT, advance, day, events, moment, monthly, started, types_of

FIRST_PAYMENT = {
    "customer.created",
    "payment_method.attached",
    "payment_intent.created",
    "payment_intent.succeeded",
    "charge.succeeded",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "checkout.session.completed",
}
RENEWAL = [
    "invoice.created",
    "customer.subscription.updated",
    "payment_intent.created",
    "invoice.finalized",
    "payment_intent.succeeded",
    "charge.succeeded",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
]


def test_before_the_donor_pays_there_is_no_subscription(sandbox: Sandbox):
    session = sandbox.stripe.v1.checkout.sessions.create(monthly())
    sandbox.pay(session.id, card="4000000000000002")

    asked = sandbox.stripe.v1.checkout.sessions.retrieve(session.id)

    assert (asked.subscription, asked.invoice, asked.customer, asked.payment_intent) == (None,) * 4
    assert sandbox.stripe.v1.subscriptions.list({"status": "all"}).data == []
    assert sandbox.stripe.v1.customers.list().data == []


def test_the_first_payment_makes_customer_subscription_and_paid_invoice(sandbox: Sandbox):
    plan = started(sandbox)

    session = sandbox.stripe.v1.checkout.sessions.retrieve(plan.session)
    invoice = plan.latest
    assert (session.status, session.payment_status, session.payment_intent) == ("complete", "paid", None)
    assert (session.subscription, session.invoice, session.customer) == (plan.id, invoice.id, plan.customer)
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == (
        "paid",
        "subscription_create",
        2500,
    )
    assert (plan.now.status, plan.now.latest_invoice) == ("active", invoice.id)
    assert set(types_of(events(sandbox))) == FIRST_PAYMENT


def test_only_the_subscription_and_its_invoices_carry_our_metadata(sandbox: Sandbox):
    plan = started(sandbox)
    plan.update(metadata={"later": "yes"})
    advance(sandbox, days=32)

    first, renewed = plan.invoices()[::-1]
    charge = plan.charges()[0]
    intent = sandbox.stripe.v1.payment_intents.retrieve(str(charge.payment_intent))
    assert charge.metadata.to_dict() == intent.metadata.to_dict() == {}
    assert (charge.customer, charge.description) == (plan.customer, "Subscription update")
    assert first.parent.subscription_details.metadata.to_dict() == GIFT
    assert renewed.parent.subscription_details.metadata.to_dict() == {**GIFT, "later": "yes"}


def test_an_invoice_is_found_from_the_payment_that_settles_it(sandbox: Sandbox):
    plan = started(sandbox)
    intent = str(plan.charges()[0].payment_intent)

    found = sandbox.stripe.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}, "expand": ["data.invoice"]}
    ).data

    assert [payment.invoice.id for payment in found] == [plan.latest.id]  # type: ignore[union-attr]
    assert sandbox.stripe.v1.invoice_payments.list({"invoice": plan.latest.id}).data[0].amount_paid == 2500


def test_a_renewal_is_a_draft_for_an_hour_and_then_charged(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-10T09:00")
    began = len(events(sandbox))

    advance(sandbox, to=moment("2027-04-10T09:30"))
    assert (plan.latest.status, plan.latest.attempted) == ("draft", False)
    advance(sandbox, days=1)

    assert plan.latest.status == "paid"
    assert types_of(events(sandbox))[-len(RENEWAL) :] == RENEWAL
    assert began == len(FIRST_PAYMENT)
    paid = events(sandbox, "invoice.paid")[-1]
    assert 3600 <= paid.created - moment("2027-04-10T09:00") < 3700


def test_a_plan_of_the_31st_returns_to_the_31st(sandbox: Sandbox):
    plan = started(sandbox, on="2027-12-31T12:00")

    advance(sandbox, months=5)

    begun = [day(invoice.lines.data[0].period.start) for invoice in plan.invoices()][::-1]
    assert begun == ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]
    assert day(plan.item.current_period_end) == "2028-06-30"


def test_an_amount_is_changed_from_the_next_renewal_on(sandbox: Sandbox):
    plan = started(sandbox)
    product = plan.item.price.product

    plan.update(
        items=[
            {
                "id": plan.item.id,
                "price_data": {
                    "currency": "usd",
                    "product": product,
                    "recurring": {"interval": "month"},
                    "unit_amount": 4000,
                },
            }
        ],
        proration_behavior="none",
    )

    updated = events(sandbox, "customer.subscription.updated")[-1]
    assert updated.data.previous_attributes["items"]["data"][0]["price"]["unit_amount"] == 2500
    assert len(plan.invoices()) == 1
    advance(sandbox, days=32)
    assert plan.latest.amount_paid == 4000
    assert plan.item.price.product == product


@pytest.mark.parametrize(
    ("changes", "param"),
    [({"currency": "eur"}, "items[0][price_data][currency]"), ({"product": "prod_x"}, None)],
)
def test_another_currency_or_product_is_refused(sandbox: Sandbox, changes: dict, param: str | None):
    plan = started(sandbox)
    data = {
        "currency": "usd",
        "product": plan.item.price.product,
        "recurring": {"interval": "month"},
        "unit_amount": 4000,
        **changes,
    }

    with pytest.raises(stripe.InvalidRequestError) as refused:
        plan.update(items=[{"id": plan.item.id, "price_data": data}], proration_behavior="none")

    assert refused.value.param == (param or "items[0][price_data][product]")


def test_a_paused_plan_voids_its_invoices_until_the_day_it_resumes(sandbox: Sandbox):
    plan = started(sandbox, on="2027-10-05T09:00")

    plan.update(pause_collection={"behavior": "void", "resumes_at": moment("2027-12-20T00:00")})
    advance(sandbox, to=moment("2028-01-06T00:00"))

    statuses = [(day(invoice.created), invoice.status) for invoice in plan.invoices()][::-1]
    assert statuses == [
        ("2027-10-05", "paid"),
        ("2027-11-05", "void"),
        ("2027-12-05", "void"),
        ("2028-01-05", "paid"),
    ]
    assert plan.now.pause_collection is None
    assert len(plan.charges()) == 2
    resumed = [
        event
        for event in events(sandbox, "customer.subscription.updated")
        if "pause_collection" in event.data.previous_attributes
    ]
    assert [day(event.created) for event in resumed] == ["2027-12-20"]


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
)
def test_other_pauses_leave_what_they_say(sandbox: Sandbox, behavior: str, status: str):
    plan = started(sandbox)
    plan.update(pause_collection={"behavior": behavior})

    advance(sandbox, days=40)

    assert (plan.latest.status, plan.latest.auto_advance) == (status, False)
    assert plan.update(pause_collection="").pause_collection is None
    advance(sandbox, days=31)
    assert plan.latest.status == "paid"


def test_a_pause_that_came_after_the_draft_does_not_stop_it(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-10T09:00")
    advance(sandbox, to=moment("2027-04-10T09:10"))

    plan.update(pause_collection={"behavior": "void"})
    advance(sandbox, days=1)

    assert plan.latest.status == "paid"


def test_the_day_is_moved_by_a_trial_that_costs_nothing(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-10T09:00")

    plan.update(trial_end=moment("2027-04-25T09:00"), proration_behavior="none")

    moved = plan.now
    assert (moved.status, day(moved.billing_cycle_anchor)) == ("trialing", "2027-04-25")
    assert (plan.latest.status, plan.latest.total, plan.latest.billing_reason) == (
        "paid",
        0,
        "subscription_update",
    )
    advance(sandbox, to=moment("2027-04-23T00:00"))
    assert len(events(sandbox, "customer.subscription.trial_will_end")) == 1
    advance(sandbox, to=moment("2027-06-01T00:00"))
    paid = [(day(charge.created), charge.amount) for charge in plan.charges()][::-1]
    assert paid == [("2027-03-10", 2500), ("2027-04-25", 2500), ("2027-05-25", 2500)]
    assert plan.now.status == "active"


def test_a_cancelled_plan_is_over_at_once_and_charged_no_more(sandbox: Sandbox):
    plan = started(sandbox)

    ended = sandbox.stripe.v1.subscriptions.cancel(
        plan.id, {"cancellation_details": {"comment": "moved away", "feedback": "other"}}
    )
    advance(sandbox, months=3)

    assert (ended.status, ended.ended_at) == ("canceled", ended.canceled_at)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert ended.cancellation_details.comment == "moved away"
    assert len(plan.charges()) == 1
    assert sandbox.stripe.v1.subscriptions.list({"customer": plan.customer}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        plan.update(description="again")


def test_a_draft_of_a_cancelled_plan_is_still_charged_unless_it_is_told_not_to(sandbox: Sandbox):
    quiet, loud = started(sandbox, on="2027-03-10T09:00"), started(sandbox)
    advance(sandbox, to=moment("2027-04-10T09:30"))

    for plan in (quiet, loud):
        sandbox.stripe.v1.subscriptions.cancel(plan.id)
    sandbox.stripe.v1.invoices.update(quiet.latest.id, {"auto_advance": False})
    advance(sandbox, days=2)

    assert (quiet.latest.status, len(quiet.charges())) == ("draft", 1)
    assert (loud.latest.status, len(loud.charges())) == ("paid", 2)


def test_a_plan_may_stop_at_the_end_of_its_period_and_change_its_mind(sandbox: Sandbox):
    going, staying = started(sandbox), started(sandbox)

    asked = going.update(cancel_at_period_end=True)
    staying.update(cancel_at_period_end=True)
    kept = staying.update(cancel_at_period_end=False)
    advance(sandbox, days=33)

    assert (asked.status, asked.cancel_at) == ("active", going.item.current_period_end)
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    assert (going.now.status, len(going.charges())) == ("canceled", 1)
    assert (staying.now.status, len(staying.charges())) == ("active", 2)


def test_a_bank_debit_leaves_the_first_invoice_open_until_the_bank_answers(sandbox: Sandbox):
    plan = started(sandbox, method="bank_debit", currency="eur")
    session = sandbox.stripe.v1.checkout.sessions.retrieve(plan.session)
    assert (session.status, session.payment_status, plan.latest.status) == ("complete", "unpaid", "open")

    advance(sandbox, days=5)

    assert (plan.latest.status, plan.now.status) == ("paid", "active")
    assert "checkout.session.async_payment_succeeded" in types_of(events(sandbox))


def test_a_renewal_can_be_refunded_and_disputed_like_any_gift(sandbox: Sandbox):
    plan = started(sandbox)
    advance(sandbox, days=32)
    renewed, first = plan.charges()
    sandbox.control("/settle")

    refund = sandbox.stripe.v1.refunds.create({"charge": renewed.id})
    dispute = sandbox.control(f"/charges/{first.id}/dispute")

    assert (refund.status, dispute["status"]) == ("succeeded", "needs_response")
    sums = sandbox.stripe.v1.balance_transactions.list({"limit": 10}).data
    assert sorted(row.reporting_category for row in sums) == ["charge", "charge", "dispute", "refund"]
    assert plan.latest.status == "paid"


def test_the_same_key_replays_a_change_instead_of_repeating_it(sandbox: Sandbox):
    plan = started(sandbox)
    options: stripe.RequestOptions = {"idempotency_key": "pause-1"}
    for _ in range(2):
        sandbox.stripe.v1.subscriptions.update(plan.id, {"pause_collection": {"behavior": "void"}}, options)

    assert types_of(events(sandbox)).count("customer.subscription.updated") == 1

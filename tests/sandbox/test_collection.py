"""A renewal that fails: the bank's reason, Stripe's schedule and its end, the donor who puts it right."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Receiver, Sandbox, Start, wait_until
from tests.sandbox.monthly import Plan, advance, day, events, moment, started, types_of

ALWAYS_REFUSES = "4000000000000341"
ASKS_EVERY_TIME = "4000002760003184"


def failures(sandbox: Sandbox) -> list[str]:
    return [day(event.created) for event in events(sandbox, "invoice.payment_failed")]


def intent_of(plan: Plan) -> Any:
    expand = ["payments.data.payment.payment_intent"]
    invoice = plan.sandbox.stripe.v1.invoices.retrieve(plan.latest.id, {"expand": expand})
    return invoice.payments.data[0].payment.payment_intent  # type: ignore[union-attr]


def test_a_card_that_refuses_later_is_tried_four_times_and_left_past_due(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.card(ALWAYS_REFUSES)

    advance(sandbox, to=moment("2027-04-25T00:00"))

    assert failures(sandbox) == ["2027-04-01", "2027-04-04", "2027-04-09", "2027-04-16"]
    invoice = plan.latest
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("open", 4, None)
    assert (plan.now.status, invoice.auto_advance) == ("past_due", False)


def test_between_tries_the_invoice_says_when_the_next_one_is(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.card(ALWAYS_REFUSES)

    advance(sandbox, to=moment("2027-04-02T00:00"))

    assert (plan.latest.attempt_count, day(plan.latest.next_payment_attempt)) == (1, "2027-04-04")
    intent = intent_of(plan)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == "generic_decline"
    assert plan.charges()[0].status == "failed"


@pytest.mark.parametrize(
    ("then", "invoice", "subscription", "said"),
    [
        ("mark_uncollectible", "uncollectible", "past_due", "invoice.marked_uncollectible"),
        ("cancel", "open", "canceled", "customer.subscription.deleted"),
    ],
)
def test_the_end_of_the_schedule_is_what_the_account_chose(
    sandbox: Sandbox, then: str, invoice: str, subscription: str, said: str
):
    sandbox.control("/billing", {"then": then, "retry_days": [1, 1]})
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.card(ALWAYS_REFUSES)

    advance(sandbox, to=moment("2027-04-20T00:00"))

    assert (plan.latest.status, plan.now.status) == (invoice, subscription)
    assert day(events(sandbox, said)[-1].created) == "2027-04-03"
    if then == "cancel":
        details = plan.now.cancellation_details
        assert details is not None
        assert details.reason == "payment_failed"


def test_insufficient_funds_recover_by_themselves(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.orders("insufficient_funds", "insufficient_funds")

    advance(sandbox, to=moment("2027-04-05T00:00"))
    assert (plan.now.status, plan.latest.status) == ("past_due", "open")
    advance(sandbox, to=moment("2027-04-20T00:00"))

    assert [invoice.status for invoice in plan.invoices()] == ["paid"] * 2
    assert plan.now.status == "active"
    told = [
        event.data.previous_attributes.to_dict() for event in events(sandbox, "customer.subscription.updated")
    ]
    statuses = [previous["status"] for previous in told if "status" in previous]
    assert statuses == ["active", "past_due"]


def test_a_lost_card_is_not_asked_again_until_there_is_another(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.orders("lost_card")

    advance(sandbox, to=moment("2027-04-08T00:00"))
    asked = [charge.status for charge in plan.charges()]
    counted = plan.latest.attempt_count
    plan.card("5555555555554444")
    advance(sandbox, to=moment("2027-04-12T00:00"))

    assert asked == ["failed", "succeeded"]
    assert counted == 2
    assert (plan.latest.status, plan.now.status) == ("paid", "active")


def test_a_card_past_its_date_is_declined_as_expired_until_the_bank_renews_it(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    method = plan.card("4242424242424242", exp_month=4, exp_year=2027)

    advance(sandbox, to=moment("2027-04-20T00:00"))
    assert plan.latest.status == "paid"
    advance(sandbox, to=moment("2027-05-02T00:00"))
    assert intent_of(plan).last_payment_error.code == "expired_card"
    sandbox.control(f"/payment_methods/{method['id']}/reissue", {"exp_month": 4, "exp_year": 2031})

    sandbox.stripe.v1.invoices.pay(plan.latest.id)

    assert plan.now.status == "active"
    updated = events(sandbox, "payment_method.automatically_updated")[-1]
    assert updated.data.previous_attributes["card"]["exp_year"] == 2027


def test_a_bank_that_asks_again_is_answered_on_the_invoices_page(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00", card=ASKS_EVERY_TIME, authenticate=True)

    advance(sandbox, to=moment("2027-04-02T00:00"))

    types = types_of(events(sandbox))
    assert types.index("invoice.payment_action_required") < types.index("invoice.payment_failed")
    assert (intent_of(plan).status, plan.now.status) == ("requires_action", "past_due")
    assert intent_of(plan).last_payment_error.code == "authentication_required"

    told = sandbox.control(f"/invoices/{plan.latest.id}/authenticate")

    assert (told["outcome"], plan.latest.status, plan.now.status) == ("paid", "paid", "active")


def test_paying_through_the_api_raises_what_the_card_said_and_keeps_the_attempt(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.card(ALWAYS_REFUSES)
    advance(sandbox, to=moment("2027-04-02T00:00"))
    options: stripe.RequestOptions = {"idempotency_key": "again-1"}

    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            sandbox.stripe.v1.invoices.pay(plan.latest.id, {}, options)

    assert declined.value.code == "card_declined"
    assert declined.value.http_status == 402
    assert len(failures(sandbox)) == 2
    assert (plan.latest.attempt_count, day(plan.latest.next_payment_attempt)) == (1, "2027-04-04")


def test_a_new_card_of_the_customer_does_not_reach_a_plan_that_has_its_own(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    own = plan.now.default_payment_method
    session = sandbox.stripe.v1.billing_portal.sessions.create(
        {"customer": plan.customer, "flow_data": {"type": "payment_method_update"}}
    )

    given = sandbox.control(f"/portal/{session.id}/card", {"card": "5555555555554444"})

    customer = sandbox.stripe.v1.customers.retrieve(plan.customer)
    assert customer.invoice_settings is not None
    assert customer.invoice_settings.default_payment_method == given["id"]
    assert plan.now.default_payment_method == own
    assert types_of(events(sandbox))[-2:] == ["payment_method.attached", "customer.updated"]
    plan.update(default_payment_method=given["id"])
    advance(sandbox, to=moment("2027-04-02T00:00"))
    assert plan.charges()[0].payment_method == given["id"]


@pytest.mark.parametrize(
    ("portal_cancels", "status"), [("at_period_end", "active"), ("immediately", "canceled")]
)
def test_a_plan_is_cancelled_in_the_portal(sandbox: Sandbox, portal_cancels: str, status: str):
    sandbox.control("/billing", {"portal_cancels": portal_cancels})
    plan = started(sandbox)
    session = sandbox.stripe.v1.billing_portal.sessions.create(
        {
            "customer": plan.customer,
            "flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": plan.id}},
        }
    )

    sandbox.control(f"/portal/{session.id}/cancel", {"feedback": "too_expensive"})

    details = plan.now.cancellation_details
    assert details is not None
    assert (plan.now.status, details.feedback) == (status, "too_expensive")
    advance(sandbox, days=40)
    assert (plan.now.status, len(plan.charges())) == ("canceled", 1)


def test_a_debit_that_the_bank_refuses_days_later_is_tried_once_more(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00", method="bank_debit", currency="gbp")
    advance(sandbox, to=moment("2027-03-20T00:00"))
    plan.orders("insufficient_funds", "insufficient_funds")

    advance(sandbox, to=moment("2027-04-03T00:00"))
    assert (plan.latest.status, intent_of(plan).status, plan.now.status) == ("open", "processing", "active")
    advance(sandbox, to=moment("2027-04-25T00:00"))

    assert failures(sandbox) == ["2027-04-05", "2027-04-14"]
    assert (plan.latest.attempt_count, plan.now.status) == (2, "past_due")


def test_a_first_debit_that_fails_leaves_the_plan_past_due(sandbox: Sandbox):
    plan = started(sandbox, method="bank_debit")

    sandbox.control(f"/checkout/sessions/{plan.session}/bank_debit/fail")

    said = types_of(events(sandbox))
    assert "checkout.session.async_payment_failed" in said
    assert "invoice.payment_failed" in said
    assert (plan.now.status, plan.latest.status) == ("past_due", "open")


def test_an_open_invoice_can_be_voided_and_is_collected_no_more(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.card(ALWAYS_REFUSES)
    advance(sandbox, to=moment("2027-04-02T00:00"))

    voided = sandbox.stripe.v1.invoices.void_invoice(plan.latest.id)
    advance(sandbox, to=moment("2027-04-20T00:00"))

    assert (voided.status, failures(sandbox)) == ("void", ["2027-04-01"])
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.invoices.pay(voided.id)


def test_an_uncollectible_invoice_may_still_be_paid(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.orders("insufficient_funds")
    advance(sandbox, to=moment("2027-04-02T00:00"))

    forgiven = sandbox.stripe.v1.invoices.mark_uncollectible(plan.latest.id)
    paid = sandbox.stripe.v1.invoices.pay(forgiven.id)

    assert (forgiven.status, paid.status) == ("uncollectible", "paid")
    assert forgiven.status_details is not None


def test_the_days_are_told_in_their_order_while_the_clock_is_walked(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url, settle_after="2")
    plan = started(sandbox, on="2027-03-01T09:00")

    advance(sandbox, months=3)

    created = [received.event["created"] for received in receiver.got]
    days = [stamp // 86_400 for stamp in created]
    assert days == sorted(days)
    assert receiver.types().count("invoice.paid") == 3
    assert receiver.types().count("charge.updated") == 3
    assert plan.latest.status == "draft"


def test_an_endpoint_hears_only_what_it_listens_to(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)
    sandbox.stripe.v1.webhook_endpoints.update("we_sandbox1", {"enabled_events": ["invoice.paid"]})

    started(sandbox)

    wait_until(lambda: receiver.got)
    assert receiver.types() == ["invoice.paid"]


def test_payouts_leave_on_their_schedule(start: Start):
    sandbox = start(settle_after="2")
    sandbox.control("/billing", {"payout_days": 7})
    started(sandbox)

    advance(sandbox, days=40)

    assert [payout.amount for payout in sandbox.stripe.v1.payouts.list().data] == [2500 - 103] * 2


@pytest.mark.parametrize(
    "how", [{}, {"days": -1}, {"months": 0.5}, {"to": 1}, {"days": 1, "to": 2}, {"days": 9999}]
)
def test_a_clock_that_would_go_wrong_stays_where_it_is(sandbox: Sandbox, how: dict):
    status, answer = sandbox.try_control("/advance", how)

    assert status == 400, answer
    assert abs(sandbox.control("/clock", method="GET")["offset_seconds"]) < 1


def test_a_cancelled_plan_is_not_asked_for_what_it_still_owes(sandbox: Sandbox):
    plan = started(sandbox, on="2027-03-01T09:00")
    plan.orders("insufficient_funds")
    advance(sandbox, to=moment("2027-04-02T00:00"))

    sandbox.stripe.v1.subscriptions.cancel(plan.id)
    advance(sandbox, to=moment("2027-04-20T00:00"))

    assert (plan.latest.status, plan.latest.auto_advance) == ("open", False)
    assert [charge.status for charge in plan.charges()] == ["failed", "succeeded"]

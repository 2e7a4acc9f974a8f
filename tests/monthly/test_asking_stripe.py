"""Each deed of the gateway about a gift that repeats, at a Stripe that answers."""

from datetime import timedelta

import pytest

from payments.errors import StripeRefused
from payments.money import Money
from payments.monthly import days
from payments.stripe_gateway.billing import TryOutcome
from tests.monthly.running import Running, billing


def test_a_cancelled_subscription_is_over_and_says_so_when_asked_again(running: Running) -> None:
    first = billing().cancel(running.subscription_id, comment="ended by the donor")
    again = billing().cancel(running.subscription_id, comment="ended by the donor")

    assert first.is_over
    assert again.is_over
    assert first.canceled_at == again.canceled_at


def test_an_unknown_subscription_is_refused_and_not_taken_for_an_ended_one(running: Running) -> None:
    with pytest.raises(StripeRefused, match="resource_missing"):
        billing().cancel("sub_unknown", comment="ended")


def test_a_pause_voids_what_falls_into_it_and_ends_by_itself(running: Running) -> None:
    until = days.pause_end(running.at_stripe.next_charge_at, instalments=2)

    paused = billing().pause(running.subscription_id, until=until, key="pause:1")
    running.stripe_lives_on(months=4)
    running.stripe_lives_on(days=1)

    assert paused.pause_collection is not None
    assert paused.pause_collection.resumes_at == int(until.timestamp())
    assert running.charged() == [3000, 3000, 3000]
    assert len(running.invoices("void")) == 2


def test_a_resumed_subscription_is_charged_next_time(running: Running) -> None:
    until = days.pause_end(running.at_stripe.next_charge_at, instalments=6)
    billing().pause(running.subscription_id, until=until, key="pause:1")

    resumed = billing().resume(running.subscription_id, key="resume:1")
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)

    assert resumed.pause_collection is None
    assert running.charged() == [3000, 3000]


def test_another_amount_is_asked_from_the_next_invoice_on_and_nothing_now(running: Running) -> None:
    changed = billing().change_amount(running.subscription_id, monthly=Money(4200, "usd"), key="amount:1")
    at_once = running.charged()
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)

    assert changed.item.price.unit_amount == 4200
    assert at_once == [3000]
    assert running.charged() == [3000, 4200]


def test_another_day_moves_the_next_charge_and_costs_nothing_now(running: Running) -> None:
    later = running.at_stripe.next_charge_at + timedelta(days=3)

    moved = billing().charge_next_at(running.subscription_id, instant=later, key="day:1")
    at_once = running.charged()
    running.stripe_lives_on(to=later.timestamp() + 2 * 3600)

    assert moved.status == "trialing"
    assert moved.next_charge_at == later.replace(microsecond=0)
    assert at_once == [3000]
    assert running.charged() == [3000, 3000]
    assert running.at_stripe.billing_cycle_anchor == int(later.timestamp())


def test_what_a_bank_declines_is_an_answer_with_its_reason(running: Running) -> None:
    running.house.stripe.tell(
        f"customers/{running.customer_id}/next_attempts", outcomes=["insufficient_funds", "expired_card"]
    )
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)
    [open_invoice] = running.invoices("open")

    declined = billing().pay_again(open_invoice["id"], key="try:1")
    repeated = billing().pay_again(open_invoice["id"], key="try:1")
    paid = billing().pay_again(open_invoice["id"], key="try:2")
    paid_again = billing().pay_again(open_invoice["id"], key="try:3")

    assert declined == repeated
    assert (declined.outcome, declined.decline_code) == (TryOutcome.DECLINED, "expired_card")
    assert paid.outcome is TryOutcome.PAID
    assert paid_again.outcome is TryOutcome.PAID
    assert running.charged() == [3000, 3000]


def test_a_bank_that_wants_the_donor_is_no_decline(running: Running) -> None:
    running.house.stripe.tell(
        f"customers/{running.customer_id}/next_attempts",
        outcomes=["insufficient_funds", "authentication_required"],
    )
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)
    [open_invoice] = running.invoices("open")

    answer = billing().pay_again(open_invoice["id"], key="try:1")

    assert answer.outcome is TryOutcome.NEEDS_DONOR
    assert (billing().invoice(open_invoice["id"]).hosted_invoice_url or "").startswith("http")


def test_an_invoice_that_is_left_to_us_is_never_tried_by_stripe(running: Running) -> None:
    running.house.stripe.tell(
        f"customers/{running.customer_id}/next_attempts", outcomes=["insufficient_funds"]
    )
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)
    [open_invoice] = running.invoices("open")

    left = billing().leave_to_us(open_invoice["id"], key="ours:1")
    running.stripe_lives_on(days=20)

    assert left.auto_advance is False
    assert left.next_payment_attempt is None
    assert running.invoices("open")[0]["attempt_count"] == 1


def test_an_open_invoice_is_closed_once_however_often_it_is_asked(running: Running) -> None:
    running.house.stripe.tell(
        f"customers/{running.customer_id}/next_attempts", outcomes=["insufficient_funds"]
    )
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)
    [open_invoice] = running.invoices("open")

    first = billing().void(open_invoice["id"], key="void:1")
    again = billing().void(open_invoice["id"], key="void:2")

    assert first.status == again.status == "void"


def test_a_payment_leads_to_its_invoice_and_an_invoice_to_its_payment(running: Running) -> None:
    [invoice] = running.invoices("paid")

    known = billing().invoice(invoice["id"])
    assert known.stripe_payment_intent_id is not None
    [payment] = billing().payments_of_intent(known.stripe_payment_intent_id)

    assert payment["invoice"]["id"] == invoice["id"]


def test_a_card_page_is_a_new_one_each_time(running: Running) -> None:
    back = f"{running.house.url}/back"

    page = billing().card_page(running.customer_id, locale="ko", return_url=back)
    another = billing().card_page(running.customer_id, locale="ko", return_url=back)

    assert page.startswith("http")
    assert page != another


def test_the_card_given_on_that_page_is_charged_once_the_subscription_lets_go_of_its_own(
    running: Running,
) -> None:
    page = running.house.stripe.makes("billing_portal/sessions", customer=running.customer_id)
    running.house.stripe.tell(f"portal/{page['id']}/card", card="5555555555554444")

    billing().charge_the_new_card(running.subscription_id, key="card:1")
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)

    [charge, _] = running.house.stripe.list("charges")
    assert charge["payment_method_details"]["card"]["last4"] == "4444"

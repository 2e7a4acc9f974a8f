"""What giving every month is made of carries the keys that the pinned types declare, and no other."""

from __future__ import annotations

import pytest

from payments.sandbox import billing_api, customers_api, portal, subscription_changes
from payments.sandbox.checkout_parameters import CREATE
from tests.sandbox.conftest import Sandbox
from tests.sandbox.declared_types import declared
from tests.sandbox.monthly import advance, events, monthly, started
from tests.sandbox.test_shapes import check


def everything(sandbox: Sandbox) -> list:
    return [event.data.object for event in events(sandbox)]


def test_a_plan_its_invoices_and_their_payments_have_the_declared_fields(sandbox: Sandbox):
    plan = started(sandbox)
    advance(sandbox, days=35)

    stripe_v1 = sandbox.stripe.v1
    expand = ["latest_invoice.payments", "customer", "default_payment_method", "items.data.price.product"]
    check(stripe_v1.subscriptions.retrieve(plan.id, {"expand": expand}))
    check(*plan.invoices(expand=["data.payments.data.payment.payment_intent"]))
    payments = stripe_v1.invoice_payments.list({"limit": 100, "expand": ["data.invoice"]}).data
    check(*payments, *stripe_v1.products.list().data, *stripe_v1.prices.list().data)
    check(stripe_v1.checkout.sessions.retrieve(plan.session, {"expand": ["subscription", "invoice"]}))
    check(*events(sandbox), *everything(sandbox))
    assert len(payments) == 2


@pytest.mark.parametrize("outcome", ["insufficient_funds", "authentication_required", "lost_card"])
def test_a_failed_renewal_has_the_declared_fields(sandbox: Sandbox, outcome: str):
    plan = started(sandbox)
    plan.orders(*[outcome] * 4)

    advance(sandbox, days=50)

    check(*everything(sandbox), *plan.invoices(), plan.now)


@pytest.mark.parametrize("ending", ["leave_past_due", "mark_uncollectible", "cancel"])
def test_every_ending_of_the_retries_has_the_declared_fields(sandbox: Sandbox, ending: str):
    sandbox.control("/billing", {"then": ending, "retry_days": [1]})
    plan = started(sandbox)
    plan.card("4000000000000341")

    advance(sandbox, days=40)

    check(*everything(sandbox), plan.now, plan.latest)


def test_a_bank_debit_every_month_has_the_declared_fields(sandbox: Sandbox):
    plan = started(sandbox, method="bank_debit", currency="gbp")
    advance(sandbox, days=32)
    plan.orders("debit_not_authorized")
    advance(sandbox, days=32)

    check(*everything(sandbox), plan.now, *plan.invoices())


def test_changes_pauses_and_ends_have_the_declared_fields(sandbox: Sandbox):
    plan = started(sandbox)
    now = sandbox.control("/clock", method="GET")["now"]
    plan.update(pause_collection={"behavior": "void", "resumes_at": now + 40 * 86_400})
    plan.update(trial_end=now + 10 * 86_400, proration_behavior="none")
    advance(sandbox, days=11)
    plan.update(cancel_at_period_end=True, cancellation_details={"feedback": "too_expensive"})
    session = sandbox.stripe.v1.billing_portal.sessions.create(
        {
            "customer": plan.customer,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {
                    "type": "redirect",
                    "redirect": {"return_url": "https://charity.example"},
                },
            },
        }
    )
    sandbox.stripe.v1.subscriptions.cancel(plan.id)

    check(session, plan.now, *plan.invoices(), *everything(sandbox))
    check(sandbox.stripe.v1.customers.retrieve(plan.customer))
    check(*sandbox.stripe.v1.payment_methods.list({"customer": plan.customer}).data)


@pytest.mark.parametrize(
    ("module", "name", "spec"),
    [
        ("_subscription_update_params.py", "SubscriptionUpdateParams", subscription_changes.UPDATE),
        ("_subscription_cancel_params.py", "SubscriptionCancelParams", subscription_changes.CANCEL),
        ("_invoice_update_params.py", "InvoiceUpdateParams", billing_api.INVOICE_UPDATE),
        ("_invoice_pay_params.py", "InvoicePayParams", billing_api.INVOICE_PAY),
        ("_customer_create_params.py", "CustomerCreateParams", customers_api.CREATE),
        ("_customer_update_params.py", "CustomerUpdateParams", customers_api.UPDATE),
        ("billing_portal/_session_create_params.py", "SessionCreateParams", portal.CREATE),
    ],
)
def test_every_parameter_of_billing_is_known_and_no_other(module: str, name: str, spec: dict):
    assert set(declared(f"params/{module}", name).fields) == set(spec)


def test_every_parameter_of_subscription_data_is_known_and_no_other():
    shape = declared("params/checkout/_session_create_params.py", "SessionCreateParamsSubscriptionData")

    assert set(shape.fields) == set(CREATE["subscription_data"])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"payment_intent_data": {"description": "Gift"}}, "payment_intent_data"),
        ({"customer_creation": "always"}, "customer_creation"),
        ({"invoice_creation": {"enabled": True}}, "invoice_creation"),
        ({"mode": "payment"}, "subscription_data"),
        ({"mode": "payment", "subscription_data": None}, "line_items[0][price_data][recurring]"),
        ({"subscription_data": {"tip": 1}}, "subscription_data[tip]"),
    ],
)
def test_what_the_mode_does_not_take_is_refused(sandbox: Sandbox, changes: dict, param: str):
    form = flat({name: value for name, value in monthly(**changes).items() if value is not None})

    status, _, answer = sandbox.raw("POST", "/v1/checkout/sessions", form)

    assert (status, answer["error"]["param"]) == (400, param)


def flat(value: object, at: str = "") -> dict[str, str]:
    """The parameters in form encoding."""
    if isinstance(value, bool):
        return {at: str(value).lower()}
    inner = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else None
    if inner is None:
        return {at: str(value)}
    found: dict[str, str] = {}
    for name, one in inner.items():
        found |= flat(one, f"{at}[{name}]" if at else str(name))
    return found

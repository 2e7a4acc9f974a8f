"""A customer that is deleted, as Stripe deletes one: gone for good, with what it subscribed to."""

from __future__ import annotations

import pytest
import stripe

from tests.sandbox.conftest import Sandbox
from tests.sandbox.monthly import advance, events, started, types_of


def test_a_deleted_customer_is_in_no_list_and_answers_by_its_bare_id(sandbox: Sandbox):
    plan = started(sandbox)

    deleted = sandbox.stripe.v1.customers.delete(plan.customer)

    assert (deleted.id, deleted.object, deleted.deleted) == (plan.customer, "customer", True)
    assert sandbox.stripe.v1.customers.list().data == []
    assert sandbox.stripe.v1.customers.retrieve(plan.customer).to_dict() == deleted.to_dict()
    assert sandbox.stripe.v1.charges.list().data[0].customer == plan.customer


def test_what_it_subscribed_to_ends_at_once_and_is_charged_no_more(sandbox: Sandbox):
    plan = started(sandbox)

    sandbox.stripe.v1.customers.delete(plan.customer)
    said = types_of(events(sandbox))
    advance(sandbox, months=2)

    assert plan.now.status == "canceled"
    assert len(sandbox.stripe.v1.charges.list().data) == 1
    assert {"customer.subscription.deleted", "customer.deleted"} <= set(said)


def test_the_news_of_it_says_once_more_who_it_was(sandbox: Sandbox):
    plan = started(sandbox)

    sandbox.stripe.v1.customers.delete(plan.customer)

    [news] = [event for event in events(sandbox) if event.type == "customer.deleted"]
    assert (news.data.object["id"], news.data.object["email"]) == (plan.customer, "ann@example.org")


def test_a_second_time_there_is_no_such_customer(sandbox: Sandbox):
    plan = started(sandbox)
    sandbox.stripe.v1.customers.delete(plan.customer)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.customers.delete(plan.customer)

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")

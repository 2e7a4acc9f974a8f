"""Lists page, filter and expand as Stripe's do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Sandbox, gift, launch


@pytest.fixture(scope="module")
def seven_gifts() -> Iterator[Sandbox]:
    """Seven settled gifts of 1 to 7 dollars, ten seconds apart."""
    sandbox = launch()
    for dollars in range(1, 8):
        session = sandbox.stripe.v1.checkout.sessions.create(gift(amount=dollars * 100))
        sandbox.pay(session.id)
        sandbox.control("/settle")
        sandbox.control("/clock", {"advance_seconds": 10})
    yield sandbox
    sandbox.stop()


def amounts(answer: Any) -> list[int]:
    return [thing.amount for thing in answer.data]


def test_pages_go_newest_first_in_both_directions(seven_gifts: Sandbox):
    transactions = seven_gifts.stripe.v1.balance_transactions

    first = transactions.list({"limit": 3})
    second = transactions.list({"limit": 3, "starting_after": first.data[-1].id})
    third = transactions.list({"limit": 3, "starting_after": second.data[-1].id})
    back = transactions.list({"limit": 3, "ending_before": second.data[0].id})

    assert [amounts(page) for page in (first, second, third)] == [[700, 600, 500], [400, 300, 200], [100]]
    assert [page.has_more for page in (first, second, third)] == [True, True, False]
    assert amounts(back) == [700, 600, 500]
    assert [t.amount for t in transactions.list({"limit": 2}).auto_paging_iter()] == [*range(700, 0, -100)]


def test_a_list_is_filtered_by_time_type_and_source(seven_gifts: Sandbox):
    transactions = seven_gifts.stripe.v1.balance_transactions
    fourth = transactions.list({"limit": 100}).data[3]

    assert amounts(transactions.list({"created": {"gte": fourth.created}})) == [700, 600, 500, 400]
    assert amounts(transactions.list({"created": {"lt": fourth.created}})) == [300, 200, 100]
    assert amounts(transactions.list({"source": fourth.source})) == [400]
    assert amounts(transactions.list({"type": "payout"})) == []


def test_ids_are_expanded_where_asked(seven_gifts: Sandbox):
    listed: Any = seven_gifts.stripe.v1.balance_transactions.list(
        {"limit": 2, "expand": ["data.source.payment_intent"]}
    )

    assert listed.data[0].source.amount == 700
    assert listed.data[0].source.payment_intent.metadata["gift"] == "on the payment"
    with pytest.raises(stripe.InvalidRequestError):
        seven_gifts.stripe.v1.balance_transactions.list({"expand": ["source"]})
    with pytest.raises(stripe.InvalidRequestError):
        seven_gifts.stripe.v1.balance_transactions.retrieve(listed.data[0].id, {"expand": ["amount"]})


def test_who_asks_without_expansion_is_told_the_id_again(seven_gifts: Sandbox):
    transactions: Any = seven_gifts.stripe.v1.balance_transactions

    expanded = transactions.list({"limit": 1, "expand": ["data.source.payment_intent"]}).data[0]
    plain = transactions.list({"limit": 1}).data[0]

    assert plain.source == expanded.source.id
    charge = seven_gifts.stripe.v1.charges.retrieve(plain.source)
    assert charge.payment_intent == expanded.source.payment_intent.id


def test_a_session_is_found_by_its_payment_and_its_status(seven_gifts: Sandbox):
    sessions = seven_gifts.stripe.v1.checkout.sessions
    newest = sessions.list({"limit": 1}).data[0]

    assert [s.id for s in sessions.list({"payment_intent": str(newest.payment_intent)}).data] == [newest.id]
    assert len(sessions.list({"status": "complete"}).data) == 7
    assert sessions.list({"status": "open"}).data == []
    lines = sessions.line_items.list(newest.id)
    assert [(line.description, line.amount_total) for line in lines.data] == [
        ("Where it is needed most", 700)
    ]


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_holds_one_to_a_hundred(seven_gifts: Sandbox, limit: int):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        seven_gifts.stripe.v1.events.list({"limit": limit})

    assert refused.value.param == "limit"


def test_events_are_filtered_by_kinds_of_type(seven_gifts: Sandbox):
    events = seven_gifts.stripe.v1.events

    assert {e.type for e in events.list({"type": "charge.*", "limit": 100}).data} == {
        "charge.succeeded",
        "charge.updated",
    }
    with pytest.raises(stripe.InvalidRequestError):
        events.list({"type": "charge.updated", "types": ["charge.succeeded"]})

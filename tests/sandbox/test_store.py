"""What the sandbox remembers: as it was left, however much of it there is and wherever it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from payments.sandbox.store import Store
from tests.sandbox.conftest import Start
from tests.sandbox.monthly import Plan, advance, started

MANY = 6_000


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(":memory:" if request.param == "memory" else str(tmp_path / "things.sqlite3"))


def charge(number: int) -> dict:
    return {"id": f"ch_{number}", "amount": number, "customer": f"cus_{number % 3}", "inside": {"n": number}}


def test_what_cooled_down_is_read_as_it_was_written(store: Store):
    for number in range(MANY):
        store.save("charge", charge(number))
    store.commit()

    assert store.get("charge", "ch_0") == charge(0)
    assert [found["amount"] for found in store.where("charge", "customer", "cus_1")][:2] == [1, 4]
    assert [found["amount"] for found in store.newest_first("charge", after="ch_2")] == [1, 0]
    assert len(store.all("charge")) == MANY


def test_a_cold_thing_that_was_changed_stays_changed(store: Store):
    for number in range(MANY):
        store.save("charge", charge(number))
    store.commit()

    cold = store.get("charge", "ch_7")
    assert cold is not None
    cold["inside"]["n"] = 70
    store.save("charge", cold)
    store.commit()
    store.all("charge")
    store.commit()

    assert store.get("charge", "ch_7") == {**charge(7), "inside": {"n": 70}}


def test_a_roll_back_brings_back_what_was_changed_made_and_forgotten(store: Store):
    store.save("charge", charge(1))
    store.save("due", {"id": "settle:ch_1", "at": 5})
    store.commit()

    changed = store.get("charge", "ch_1")
    assert changed is not None
    changed["inside"]["n"] = 9
    store.save("charge", changed)
    store.save("charge", charge(2))
    store.forget("due", "settle:ch_1")
    store.roll_back()

    assert store.all("charge") == [charge(1)]
    assert store.get("due", "settle:ch_1") == {"id": "settle:ch_1", "at": 5}
    assert store.where("charge", "customer", "cus_2") == []


def test_a_roll_back_goes_no_further_than_the_last_commit(store: Store):
    store.save("charge", charge(1))
    store.commit()
    for inside in (2, 3):
        changed = store.get("charge", "ch_1")
        assert changed is not None
        changed["inside"]["n"] = inside
        store.save("charge", changed)
        if inside == 2:
            store.commit()
    store.save("event", {"id": "evt_1", "created": 1})
    store.save("delivery", {"id": "whd_1", "event": "evt_1", "status": "new"})
    store.roll_back()

    assert store.all("charge") == [{**charge(1), "inside": {"n": 2}}]
    assert [store.count(kind) for kind in ("event", "delivery")] == [0, 0]
    assert store.where("delivery", "event", "evt_1") == []


def test_a_roll_back_brings_back_what_was_replaced_unseen(store: Store):
    store.save("due", {"id": "retry:in_1", "at": 5})
    store.save("charge", charge(1))
    store.commit()

    store.save("due", {"id": "retry:in_1", "at": 9})
    store.save("charge", {**charge(1), "amount": 70})
    store.roll_back()

    assert store.get("due", "retry:in_1") == {"id": "retry:in_1", "at": 5}
    assert store.get("charge", "ch_1") == charge(1)


def test_what_is_forgotten_leaves_no_trace_in_the_lists(store: Store):
    for number in range(3_000):
        store.save("delivery", {"id": f"whd_{number}", "event": "evt_1", "status": "delivered"})
    store.commit()
    for number in range(2_999):
        store.forget("delivery", f"whd_{number}")
    store.commit()

    assert [found["id"] for found in store.where("delivery", "event", "evt_1")] == ["whd_2999"]
    assert [found["id"] for found in store.newest_first("delivery")] == ["whd_2999"]


def test_a_list_since_a_second_reads_no_further_back(store: Store):
    for number in range(10):
        store.save("charge", {**charge(number), "created": 100 + number})
    store.commit()

    assert [found["amount"] for found in store.newest_first("charge", since=107)] == [9, 8, 7]


def test_a_clock_that_was_put_back_hides_nothing(store: Store):
    for number, created in enumerate([500, 100, 200]):
        store.save("charge", {**charge(number), "created": created})
    store.commit()

    found = store.newest_first("charge", since=150)
    assert {thing["amount"] for thing in found if thing["created"] >= 150} == {0, 2}


def test_a_plan_survives_the_process_and_renews_in_the_next(start: Start, tmp_path: Path):
    data = str(tmp_path / "stripe.sqlite3")
    first = start("--data", data)
    plan = started(first, on="2027-01-31T10:00")
    plan.orders("insufficient_funds")
    first.control("/billing", {"retry_days": [2]})
    first.stop()

    second = start("--data", data)
    again = Plan(second, plan.session, plan.id, plan.customer)
    advance(second, months=2)

    assert [invoice.status for invoice in again.invoices()] == ["draft", "paid", "paid"]
    assert [charge.status for charge in again.charges()] == ["succeeded", "failed", "succeeded"]

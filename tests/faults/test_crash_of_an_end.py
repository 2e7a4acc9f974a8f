"""The end of a monthly gift, killed at every point: it ends once, and nothing is charged after it.

It is asked for in the very hour in which Stripe is about to charge, with a draft already made, because
there it has the most to do.
"""

import json
from dataclasses import dataclass
from itertools import count

import pytest
from sqlalchemy import text

from payments.database import transaction
from payments.dependencies import open_checkout
from payments.donations.wishes import Share, Wish
from payments.money import Money
from payments.monthly import changes
from payments.staff import people, tokens
from payments.staff.models import Role
from payments.stripe_gateway.client import gateway
from tests.faults.stage import Deadly, Stage, told
from workers.monthly import submit_changes

pytestmark = pytest.mark.slow


@dataclass
class Running:
    """A monthly gift whose second instalment is a draft."""

    id: str
    subscription_id: str


def a_running_gift(stage: Stage) -> Running:
    stage.stripe.control("reset")
    opened = open_checkout(
        Wish(
            amount=3000,
            currency="usd",
            frequency="monthly",
            shares=(Share("rescue", 3000),),
            cover_fees=False,
            donor_name="Ada Park",
            donor_email="ada@example.com",
            locale="en",
        ),
        key="the-first-month",
    )
    [session] = stage.stripe.listed("checkout/sessions")
    paid = stage.stripe.control(f"checkout/sessions/{session['id']}/pay", card="4242424242424242")
    next_charge_at = gateway().billing.subscription(paid["subscription"]).next_charge_at
    stage.stripe.control("advance", to=next_charge_at.timestamp() + 60)
    with transaction() as heard:
        id_ = heard.execute(
            _BEGUN, {**paid, "at": next_charge_at, "donation": opened.donation_id}
        ).scalar_one()
    return Running(id_, paid["subscription"])


_BEGUN = text("""
    update monthly_gifts
    set status = 'active', stripe_subscription_id = :subscription, stripe_customer_id = :customer,
        next_charge_at = :at
    where id = (select monthly_gift_id from donations where id = :donation)
    returning id
""")


def it_ended_once(stage: Stage, running: Running) -> None:
    """At Stripe, in our row, and in the donor's letterbox; two months later nothing more was charged."""
    ends = [e for e in stage.stripe.listed("events") if e["type"] == "customer.subscription.deleted"]
    assert len(ends) == 1
    stage.stripe.control("advance", months=2)
    assert [c["status"] for c in stage.stripe.listed("charges")] == ["succeeded"]
    assert sorted(i["status"] for i in stage.stripe.listed("invoices")) == ["paid", "void"]
    with transaction() as session:
        gift = changes.find(session, running.id)
        asked = session.execute(text("select kind, status from monthly_changes")).all()
        letters = session.scalars(text("select reference from outgoing_mails")).all()
    assert gift.status == "ended"
    assert [row.status for row in asked if row.kind == "cancel"] == ["done"]
    assert "requested" not in {row.status for row in asked}
    said = [reference.partition(":")[0] for reference in letters]
    assert sum(fact in {"monthly_cancelled", "monthly_ended"} for fact in said) == 1


def test_a_worker_killed_at_any_point_of_an_end_ends_it_once(stage: Stage, mortal: Deadly):
    stage.keep()

    for crash_at in count(1):
        stage.put_back()
        running = a_running_gift(stage)
        with transaction() as session:
            changes.cancel(session, running.id)
        death = mortal.run(deed="submit_changes", crash_at=crash_at)
        stage.bury()
        at_once = stage.findings_now()
        stage.let_time_pass()
        submit_changes()

        assert not at_once, told(death, at_once)
        it_ended_once(stage, running)
        if not death.was_killed:
            assert death.exit == 0
            break
    assert crash_at > 12, "hardly any point was found"


def test_an_api_killed_at_any_point_of_an_end_is_asked_again_and_ends_it_once(stage: Stage, mortal: Deadly):
    with transaction() as session:
        adam = people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])
        sue = people.add(session, email="sue@lp.example", name="Sue", roles=[Role.SUPPORT], by=adam)
        token = tokens.make(session, sue, days=1, by=adam)
    running = a_running_gift(stage)
    stage.keep()
    request = {
        "path": f"/api/v1/monthly-gifts/{running.id}/stop",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {token}"},
        "body": json.dumps({"reason": "she wrote"}),
    }

    for crash_at in count(1):
        stage.put_back()
        first = mortal.run(request=request, crash_at=crash_at)
        stage.bury()
        again = mortal.run(request=request)

        assert again.answer is not None
        assert again.answer[0] == 200, again.answer
        for table, what in (
            ("audit_log", "deed = 'monthly.stop'"),
            ("monthly_changes", "status = 'requested'"),
            ("outgoing_mails", "reference like 'monthly_ended:%'"),
        ):
            assert stage.count(f"select count(*) from {table} where {what}") == 1, told(first, [])  # noqa: S608
        if first.answer is not None:
            assert json.loads(first.answer[1])["ended_at"] == json.loads(again.answer[1])["ended_at"]
        if not first.was_killed:
            break
    assert crash_at > 10, "hardly any point was found"
    submit_changes()
    it_ended_once(stage, running)


def test_a_worker_killed_in_a_change_that_an_end_overtakes_leaves_the_end(stage: Stage, mortal: Deadly):
    """The change reaches Stripe or does not; the end that was asked for meanwhile is what stands."""
    stage.keep()

    for crash_at in count(1):
        stage.put_back()
        running = a_running_gift(stage)
        with transaction() as session:
            changes.change_amount(session, running.id, amount=Money(5000, "usd"))
        death = mortal.run(deed="submit_changes", crash_at=crash_at)
        stage.bury()
        with transaction() as session:
            changes.cancel(session, running.id)
        submit_changes()
        stage.let_time_pass()
        submit_changes()

        it_ended_once(stage, running)
        if not death.was_killed:
            break
    assert crash_at > 8, "hardly any point was found"

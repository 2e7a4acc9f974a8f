"""Law 6 for a whole year of a monthly gift: whatever order, duplication or delay its events have, the
promise, its gifts, the book and the receipts that are due end the same."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.donations.models import Organisation
from tests.journeys.what_stands import what_stands
from tests.monthly.plan_at_stripe import Plan
from tests.monthly.promises import terms
from tests.monthly.telling import Told, a_promise, applies, everything, hears

pytestmark = pytest.mark.timeout(300)

_OF_THE_PROMISE = {
    "promise": "select * from monthly_gifts order by id",
    "invoices": "select * from monthly_invoices order by stripe_invoice_id",
    "cards": "select * from cards_on_file order by stripe_customer_id",
    "shares": "select * from donation_allocations order by donation_id, position",
}
# When a row was written is what differs; in one transaction it does not.
_IN_ONE_QUESTION = "select " + ", ".join(  # noqa: S608 - the queries above
    f"(select coalesce(json_agg(row.*), '[]') from ({query}) as row)"  # noqa: S608
    for query in _OF_THE_PROMISE.values()
)


@pytest.fixture(autouse=True)
def _no_bells(organisation: Organisation, with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def a_year(session: Session) -> Plan:
    """Thirteen months: one instalment refused twice and then paid, a pause, a new amount, a new card, and
    the end."""
    gift, first = a_promise(session)
    gift.terms.append(terms(2, 4500, fund="general", valid_from=gift.created_at))
    session.flush()
    plan = Plan()
    plan.joins(first, gift)
    plan.days_pass(45)
    plan.expects("insufficient_funds", "try_again_later")
    plan.days_pass(45)
    plan.changes_amount(4500)
    plan.days_pass(92)
    plan.pauses(70)
    plan.days_pass(80)
    plan.gives_card("5555555555554444")
    plan.days_pass(140)
    plan.ends()
    return plan


def tell(session: Session, plan: Plan, told: Sequence[Told], cuts: Sequence[int]) -> dict[str, Any]:
    """Tell these in this order, applying what came at each cut. Nothing of it stays."""
    before = session.begin_nested()
    begins = 0
    for ends in [*cuts, len(told)]:
        hears(session, plan, told[begins:ends])
        begins = ends
        applies(session)
    answers = session.execute(text(_IN_ONE_QUESTION)).one()
    stands = dict(zip(_OF_THE_PROMISE, answers, strict=True)) | what_stands(session)
    before.rollback()
    session.expire_all()
    return stands


HISTORIES = 1000
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_year_told_in_any_muddle_ends_the_same(session: Session, part: int):
    plan = a_year(session)
    plan.says_again("invoice.paid")
    plan.says_again("customer.subscription.updated")
    history = everything(plan)

    expected = tell(session, plan, history, [])

    for seed in range(part, HISTORIES, PARTS):
        told, cuts = muddled(history, Random(seed))  # noqa: S311 - a muddle, not a secret
        assert tell(session, plan, told, cuts) == expected, f"told with seed {seed}"
    assert [gift["status"] for gift in expected["gifts"]] == ["paid"] * 12
    assert [gift["status"] for gift in expected["promise"]] == ["ended"]
    assert {row["amount"] for row in expected["gifts"]} == {3000, 4500}
    assert len(expected["receipts due"]) == 12
    assert {row["kind"] for row in expected["book"]} == {"gift"}
    assert expected["left to do"] == []


def muddled(history: Sequence[Told], chance: Random) -> tuple[list[Told], list[int]]:
    """All of it in some order, some of it twice, some of it late, and where the batches end."""
    told = [*history, *chance.sample(history, chance.randint(0, 10))]
    chance.shuffle(told)
    cuts = sorted(chance.sample(range(1, len(told)), chance.randint(0, 2)))
    return told, cuts

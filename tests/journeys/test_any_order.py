"""Law 6: whatever order, duplication or delay the events have, the same gift ends in the same state."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from payments.donations.models import Donation, Organisation
from payments.webhooks import inbox, process
from payments.webhooks.inbox import Delivery
from tests.factories import a_donation
from tests.journeys.stripe_history import StripeWorld, stripe_world
from tests.journeys.what_stands import what_stands

pytestmark = pytest.mark.timeout(300)

Plot = Callable[[StripeWorld, Donation], None]


@pytest.fixture(autouse=True)
def _no_bells(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def by_card(stripe: StripeWorld, gift: Donation) -> None:
    stripe.pays(stripe.opens(gift.id, gift.amount, gift.currency))
    stripe.settles()


def declined_then_paid(stripe: StripeWorld, gift: Donation) -> None:
    page = stripe.opens(gift.id, gift.amount, gift.currency)
    stripe.declines(page)
    stripe.pays(page, "5555555555554444")
    stripe.settles()


def declined_then_left(stripe: StripeWorld, gift: Donation) -> None:
    page = stripe.opens(gift.id, gift.amount, gift.currency)
    stripe.declines(page, "lost_card")
    stripe.expires(page)


def by_bank(stripe: StripeWorld, gift: Donation) -> None:
    page = stripe.opens(gift.id, gift.amount, gift.currency)
    stripe.takes_from_the_bank(page)
    stripe.bank_says_yes(page)
    stripe.settles()


def refused_by_bank(stripe: StripeWorld, gift: Donation) -> None:
    page = stripe.opens(gift.id, gift.amount, gift.currency)
    stripe.takes_from_the_bank(page)
    stripe.bank_says_no(page)


def left(stripe: StripeWorld, gift: Donation) -> None:
    stripe.expires(stripe.opens(gift.id, gift.amount, gift.currency))


ENDS: dict[Plot, str] = {
    by_card: "paid",
    declined_then_paid: "paid",
    declined_then_left: "expired",
    by_bank: "paid",
    refused_by_bank: "failed",
    left: "expired",
}


@pytest.mark.parametrize("plot", ENDS, ids=lambda plot: plot.__name__)
def test_every_order_of_a_gifts_events_ends_the_same(
    organisation: Organisation, session: Session, plot: Plot
):
    gift = a_donation(session, fee_cover=104)
    with stripe_world() as stripe:
        plot(stripe, gift)
        history = stripe.history()
    assert len(history) <= 6

    [ending] = endings_of(session, history)

    is_paid = ENDS[plot] == "paid"
    assert ending["gifts"][0]["status"] == ENDS[plot]
    assert ending["left to do"] == []
    assert (len(ending["receipts due"]), len(ending["movements"])) == (int(is_paid), int(is_paid))


def endings_of(session: Session, history: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The different things that stand after the permutations of a history: one, if the law holds.

    Told event by event, taken back, and told otherwise. Two orders of the same events that left the
    very same rows cannot end differently any more, so what follows is told after one of them only.
    """
    seen: list[tuple[frozenset[str], dict[str, Any]]] = []

    def told(so_far: frozenset[str]) -> Iterator[dict[str, Any]]:
        stands = so_far, what_stands(session)
        if stands in seen:
            return
        seen.append(stands)
        if len(so_far) == len(history):
            yield stands[1]
        for delivery in history:
            if delivery.stripe_event_id not in so_far:
                before = session.begin_nested()
                inbox.store(session, [delivery])
                process.apply_due(session)
                yield from told(so_far | {delivery.stripe_event_id})
                before.rollback()

    return list(told(frozenset()))


def test_a_gift_parked_by_one_order_is_parked_by_every_order(organisation: Organisation, session: Session):
    gift = a_donation(session, amount=2400)
    with stripe_world() as stripe:
        stripe.pays(stripe.opens(gift.id, 2500))
        stripe.settles()
        history = stripe.history()

    [ending] = endings_of(session, history)

    assert ending["gifts"][0]["status"] == "pending"
    assert {row["kind"] for row in ending["book"]} == {"unclassified"}
    assert len(ending["left to do"]) == 3


SEVERAL = [by_card, declined_then_paid, by_bank, refused_by_bank, left]


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """An order in which to tell everything with some of it twice, and where the batches end."""
    order = draw(st.permutations(range(23)))
    again = draw(st.lists(st.integers(0, 22), max_size=12))
    told = list(order)
    for which in again:
        told.insert(draw(st.integers(0, len(told))), which)
    cuts = draw(st.lists(st.integers(1, len(told)), max_size=10, unique=True))
    return told, sorted(cuts)


def test_several_gifts_told_in_any_muddle_end_the_same(organisation: Organisation, session: Session):
    with stripe_world() as stripe:
        for number, plot in enumerate(SEVERAL):
            plot(stripe, a_donation(session, amount=2500 + number, email=f"donor{number}@example.com"))
        stripe.says_again("charge.succeeded")
        history = stripe.history()
    assert len(history) == 23
    expected = tell(session, history, list(range(23)), [])

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(tellings())
    def claim(telling: tuple[list[int], list[int]]) -> None:
        assert tell(session, history, *telling) == expected

    claim()
    assert [gift["status"] for gift in expected["gifts"]].count("paid") == 3
    assert len(expected["receipts due"]) == 3
    assert expected["left to do"] == []


def tell(
    session: Session, history: Sequence[Delivery], order: Sequence[int], cuts: Sequence[int]
) -> dict[str, Any]:
    """Tell the history in this order, applying what came at each cut; the second of a pair of copies
    may come long after the first was done. Nothing of it stays."""
    before = session.begin_nested()
    begins = 0
    for ends in [*cuts, len(order)]:
        for which in order[begins:ends]:
            inbox.store(session, [history[which]])
        begins = ends
        process.apply_due(session)
    stands = what_stands(session)
    before.rollback()
    return stands


@pytest.mark.parametrize("declines", [("insufficient_funds", "lost_card"), ("lost_card", "expired_card")])
def test_of_two_refusals_the_later_is_remembered_in_any_order(
    organisation: Organisation, session: Session, declines: tuple[str, str]
):
    gift = a_donation(session)
    with stripe_world() as stripe:
        page = stripe.opens(gift.id, gift.amount)
        stripe.declines(page, declines[0])
        stripe.minutes_pass(2)
        stripe.declines(page, declines[1])
        history = stripe.history()

    [ending] = endings_of(session, history)

    assert ending["gifts"][0]["decline_code"] == declines[1]

"""A card the donor gives on Stripe's page: charged at once where something waits, and from then on."""

from sqlalchemy import func, select

from payments.clock import now
from payments.database import transaction
from payments.monthly import dunning, tries
from payments.monthly.models import MonthlyGift
from tests.monthly.instalments import Promise, days_later, letters_told, library, refusals
from workers import dunning as hands


def give_card(promise: Promise, number: str = "5555555555554444") -> str:
    """The donor gives a card on Stripe's page, and we hear of it."""
    page = library(promise.stripe).v1.billing_portal.sessions.create(
        {
            "customer": promise.customer,
            "return_url": "http://charity.example/monthly",
            "flow_data": {"type": "payment_method_update"},
        }
    )
    method = promise.stripe.tell(f"portal/{page.id}/card", card=number)
    hears_of_card(promise, method["id"])
    return str(method["id"])


def hears_of_card(promise: Promise, method: str) -> None:
    with transaction() as session:
        gift = session.get_one(MonthlyGift, promise.gift_id, with_for_update=True)
        dunning.method_given(session, gift, stripe_payment_method_id=method, given_at=now())


def test_a_new_card_is_charged_at_once_and_from_then_on(promise: Promise) -> None:
    invoice = promise.refused("expired_card")

    method = give_card(promise)
    hands.follow_refusals()
    promise.hears_of_payment(invoice)

    assert promise.latest_invoice()["status"] == "paid"
    assert promise.charges()[0]["payment_method"] == method
    assert letters_told() == ["refused_new_method", "recovered"]


def test_a_new_card_brings_a_lapsed_gift_back(promise: Promise) -> None:
    promise.refused("expired_card")
    days_later()
    assert promise.gift().status == "lapsed"

    method = give_card(promise)
    hands.follow_refusals()

    assert promise.gift().status == "active"
    assert promise.at_stripe()["pause_collection"] is None
    assert letters_told() == ["refused_new_method", "lapsed", "came_back"]

    promise.stripe.tell("advance", months=1, deliver=False)
    promise.stripe.tell("advance", seconds=2 * 3600, deliver=False)

    assert promise.charges()[0]["payment_method"] == method
    assert promise.charges()[0]["status"] == "succeeded"


def test_a_new_card_has_tries_of_its_own_but_not_without_end(promise: Promise) -> None:
    promise.refused(*["insufficient_funds"] * 20)
    days_later()

    for number in ("5555555555554444", "2223003122003222", "378282246310005", "6011111111111117"):
        give_card(promise, number)
        days_later()
        days_later()

    assert max(refusal.number for refusal in refusals()) == dunning.MOST_TRIES
    assert promise.gift().status in {"lapsed", "active"}
    assert len([charge for charge in promise.charges() if charge["status"] == "failed"]) == dunning.MOST_TRIES
    assert {refusal.tries for refusal in refusals() if refusal.number in {3, 5, 7}} == {1}


def test_a_card_that_is_given_again_while_stripe_is_away_is_told_of_later(promise: Promise) -> None:
    first = give_card(promise)
    with transaction() as session:
        taken = tries.take_new_method(session)
    assert taken is not None
    give_card(promise, "4242424242424242")
    hears_of_card(promise, first)

    with transaction() as session:
        tries.put_off_new_method(session, taken)

    with transaction() as session:
        waiting = tries.held_new_method(session, taken)
        assert (waiting.status, waiting.next_at > session.scalar(select(func.now()))) == ("waiting", True)

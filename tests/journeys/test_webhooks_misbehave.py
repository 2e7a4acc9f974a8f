"""Webhooks come twice, late, in any order, or never; the gift ends the same, and is receipted once."""

import json

import pytest
import requests

from tests.conftest import TEST_ENVIRONMENT
from tests.journeys.house import House
from tests.webhooks.signing import signed

pytestmark = pytest.mark.timeout(60)


def assert_whole(house: House) -> None:
    """The gift of $25.00 stands as it must: one receipt mailed, the book balanced to the cent."""
    assert len(house.mails()) == 1
    assert len(house.receipts()) == 1
    assert house.balances() == {
        "stripe_balance": 2397,
        "contributions:general": -2500,
        "processing_fees": 103,
    }
    assert house.the_book_ties()
    assert house.parked() == {}
    assert house.nothing_is_left_to_do()


@pytest.mark.parametrize("copies", [2, 3, 7])
def test_every_event_in_several_copies_changes_nothing_more(house: House, copies: int):
    house.webhooks_are("delivered", duplicate=copies - 1)
    gift = house.gives()
    house.pays(gift)
    house.stripe_settles()

    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert_whole(house)


def test_a_second_delivery_after_the_work_is_done_changes_nothing(house: House):
    house.webhooks_are("held")
    gift = house.gives()
    house.pays(gift)
    house.stripe_settles()
    house.the_held_webhooks_come(twice=True)
    house.the_workers_work()

    for event in house.stripe.list("events"):
        house.stripe.tell("webhooks/resend", event=event["id"])
    house.the_workers_work()

    assert_whole(house)


def test_webhooks_in_a_muddle_end_the_same(house: House):
    house.webhooks_are("held")
    gift = house.gives()
    house.declines(gift)
    house.pays(gift)
    house.stripe_settles()

    house.the_held_webhooks_come(shuffle=True)
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert_whole(house)


def test_when_every_webhook_is_lost_the_sweep_brings_the_gift_home(house: House):
    house.webhooks_are("dropped")
    gift = house.gives()
    house.pays(gift)
    house.stripe_settles()
    house.the_workers_work()

    house.they_sweep()
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert_whole(house)


def test_the_balance_transactions_alone_bring_a_lost_gift_home(house: House):
    house.webhooks_are("dropped")
    gift = house.gives()
    house.pays(gift)
    house.stripe_settles()

    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert_whole(house)


def test_the_sweep_finds_that_a_donor_left(house: House):
    house.webhooks_are("dropped")
    gift = house.gives()
    house.leaves(gift)

    house.they_sweep()
    house.the_workers_work()

    assert house.status_of(gift) == "expired"


def test_what_was_swept_and_then_comes_as_a_webhook_after_all_is_applied_once(house: House):
    house.webhooks_are("held")
    gift = house.gives()
    house.pays(gift)
    house.stripe_settles()
    house.they_sweep()
    house.the_workers_work()

    house.the_held_webhooks_come(shuffle=True)
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert_whole(house)


def test_an_event_of_a_type_we_do_not_know_is_stored_and_ignored(house: House):
    event = a_strange_event("lantern.lit", {"id": "ltn_1", "object": "lantern"})

    answer = delivered(house, event)
    house.the_workers_work()

    assert answer.status_code == 200
    assert house.stored() == ["lantern.lit"]
    assert house.nothing_is_left_to_do()


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"livemode": True}, "live mode event at a server of the other mode"),
        ({"account": "acct_someone_else"}, "event of account acct_someone_else, which is not ours"),
        ({"api_version": "2020-08-27"}, "API version 2020-08-27"),
    ],
)
def test_what_is_not_for_this_house_is_kept_with_the_reason_and_never_applied(
    house: House, lie: dict[str, object], reason: str
):
    gift = house.gives()
    house.webhooks_are("delivered", **lie)
    house.pays(gift)
    house.the_workers_work()

    parked = house.parked()
    assert parked["checkout.session.completed"].startswith(reason)
    assert house.status_of(gift) == "pending"

    replayed(house)
    house.the_workers_work()

    assert house.parked() == parked
    assert house.status_of(gift) == "pending"
    assert house.mails() == []


def test_a_poison_event_is_parked_and_the_good_ones_in_its_batch_are_applied(house: House):
    gifts = [house.gives(email=f"donor{number}@example.com") for number in range(3)]
    for gift in gifts[:2]:
        house.pays(gift)
    poison = a_strange_event("checkout.session.completed", {"id": "cs_x", "object": "checkout.session"})
    assert delivered(house, poison).status_code == 200
    house.pays(gifts[2])
    house.stripe_settles()

    house.the_workers_work()

    assert [house.status_of(gift) for gift in gifts] == ["paid"] * 3
    assert len(house.mails()) == 3
    assert list(house.parked()) == ["checkout.session.completed"]
    assert "CheckoutSession" in house.parked()["checkout.session.completed"]


def test_a_gift_charged_otherwise_than_asked_waits_for_a_person_and_its_money_in_suspense(house: House):
    house.webhooks_are("held")
    gift = house.gives(2500)
    house.pays(gift)
    house.stripe_settles()
    it_was_asked_for_less(gift.id)

    house.the_held_webhooks_come()
    house.the_workers_work()

    assert house.status_of(gift) == "pending"
    assert house.mails() == []
    assert all("asked for USD 24.00, Stripe says" in reason for reason in house.parked().values())
    assert house.balances() == {"stripe_balance": 2397, "suspense_unclassified": -2397}
    assert house.the_book_ties()


def test_money_that_is_no_gift_of_ours_is_totalled_apart_from_gifts(house: House):
    shop_sells_a_shirt(house)

    house.stripe_settles()
    house.the_workers_work()

    assert house.balances() == {
        "stripe_balance": 2912 - 114,
        "other_receipts": -2912,
        "processing_fees": 114,
    }
    assert house.mails() == []
    assert house.parked() == {}
    assert house.the_book_ties()


def test_with_no_broker_a_gift_waits_only_for_the_timetable(house: House, with_settings):
    with_settings(broker_url="redis://127.0.0.1:1/0")
    gift = house.gives()
    house.pays(gift)
    house.stripe_settles()
    house.the_webhooks_arrive()
    assert house.status_of(gift) == "pending"

    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert_whole(house)


def a_strange_event(type_: str, object_: dict[str, object]) -> dict[str, object]:
    from payments.stripe_gateway.shapes import API_VERSION

    return {
        "id": f"evt_{type_.replace('.', '_')}",
        "object": "event",
        "api_version": API_VERSION,
        "created": 1_764_000_000,
        "livemode": False,
        "type": type_,
        "data": {"object": object_},
    }


def delivered(house: House, event: dict[str, object]) -> requests.Response:
    body = json.dumps(event).encode()
    return requests.post(f"{house.url}/webhooks/stripe", data=body, headers=signed(body), timeout=15)


def replayed(house: House) -> None:
    from typer.testing import CliRunner

    from payments.cli import app

    assert CliRunner().invoke(app, ["events", "replay", "--all-parked"]).exit_code == 0


def it_was_asked_for_less(donation_id: str) -> None:
    from sqlalchemy import text

    from payments.database import transaction

    with transaction() as session:
        session.execute(text("update donations set amount = 2400 where id = :id").bindparams(id=donation_id))


def shop_sells_a_shirt(house: House) -> None:
    """Another program on the same Stripe account sells something for $29.12."""
    import stripe

    shop = stripe.StripeClient(
        TEST_ENVIRONMENT["STRIPE_SECRET_KEY"], base_addresses={"api": house.stripe.url}
    )
    price = {"currency": "usd", "unit_amount": 2912, "product_data": {"name": "A shirt"}}
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://shop.example/thanks",
            "line_items": [{"quantity": 1, "price_data": price}],
        }
    )
    house.stripe.tell(f"checkout/sessions/{session.id}/pay")

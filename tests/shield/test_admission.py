"""Who is let in to begin a gift, in calm and under attack."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import redis

from payments.clock import now
from payments.database import new_id, transaction
from payments.donations.models import Charge, DonationRequest
from payments.shield import admission, limits
from payments.shield.admission import Admission, Admitted
from payments.shield.attack import Signals, signals, watch
from payments.shield.puzzle import NOTHING, Proof
from payments.shield.windows import windows
from tests.conftest import Broker
from tests.factories import a_donation
from tests.shield.conftest import at, is_let_in, proven

pytestmark = pytest.mark.usefixtures("usual_numbers")


def a_page_from(address: str, **how: object) -> None:
    """The same, and the shield knows from where."""
    page = a_page(email=f"{uuid4()}@example.com", **how)  # type: ignore[arg-type]
    admission.remember(Admission(Admitted.PROVEN, at(address)), page)


def a_page(
    *, minutes_ago: float = 5, is_paid: bool = False, declines: int = 0, email: str = "a@b.org"
) -> str:
    """A gift whose page was opened some minutes ago, and what became of it; its id."""
    at_then = now() - timedelta(minutes=minutes_ago)
    with transaction() as session:
        gift = a_donation(
            session,
            email=email,
            created_at=at_then,
            stripe_checkout_session_id=new_id("cs"),
            **({"status": "paid", "paid_at": at_then, "gift_date": at_then.date()} if is_paid else {}),
        )
        for _ in range(declines):
            session.add(
                Charge(
                    stripe_charge_id=new_id("ch"),
                    donation_id=gift.id,
                    amount=gift.amount,
                    currency="usd",
                    status="failed",
                    charged_at=now(),
                    method="card",
                )
            )
        return gift.id


def many_pages(count: int, **how: object) -> None:
    for _ in range(count):
        a_page(**how)  # type: ignore[arg-type]


def seen() -> Signals:
    watch.forget()
    with transaction() as session:
        return signals(session)


# In calm


def test_a_few_programs_are_let_in_and_no_more() -> None:
    let_in = [is_let_in(number, address=f"198.51.{number}.1") for number in range(40)]

    assert sum(let_in) == 12


def test_who_pays_makes_room_for_the_next() -> None:
    many_pages(30, is_paid=True)  # by browsers with a proof: that makes no room for others
    for _ in range(20):
        windows().remember(a_page(is_paid=True), Admitted.WITHOUT_PROOF)

    let_in = [is_let_in(number, address=f"198.51.{number}.1") for number in range(80)]

    assert sum(let_in) == 12 + 2 * 20


def test_a_congregation_behind_one_address_gives_at_once_and_nobody_is_blocked() -> None:
    """250 browsers in ten minutes, all of them unpaid as yet."""
    assert all(is_let_in(number, proof=proven()) for number in range(250))


def test_one_address_has_an_end() -> None:
    let_in = [is_let_in(number, proof=proven()) for number in range(330)]

    assert sum(let_in) == 300
    assert is_let_in("else", address="198.51.100.1", proof=proven())


def test_so_have_its_neighbours_together(with_settings: Callable[..., None]) -> None:
    with_settings(checkouts_per_hour="4000")

    let_in = [is_let_in(number, address=f"203.0.113.{number % 200}", proof=proven()) for number in range(620)]

    assert sum(let_in) == 600


def test_one_network_of_ipv6_is_one_household_whatever_its_addresses() -> None:
    let_in = [is_let_in(number, address=f"2001:db8::{number + 1:x}", proof=proven()) for number in range(310)]

    assert sum(let_in) == 300


def test_one_email_address_has_an_end_however_it_is_written() -> None:
    let_in = [
        is_let_in(
            number,
            address=f"198.51.{number}.1",
            email="Ada@example.com" if number % 2 else "ada@EXAMPLE.com",
            proof=proven(),
        )
        for number in range(20)
    ]

    assert sum(let_in) == 10


@pytest.mark.parametrize(("per_hour", "in_a_minute"), [("60", 15), ("100", 25)])
def test_the_house_spends_no_more_than_it_was_told(
    with_settings: Callable[..., None], per_hour: str, in_a_minute: int
) -> None:
    with_settings(checkouts_per_hour=per_hour)

    let_in = [is_let_in(number, address=f"198.51.{number}.1", proof=proven()) for number in range(50)]

    assert sum(let_in) == in_a_minute


@pytest.mark.parametrize("is_attack", [False, True])
def test_who_waited_is_let_in_where_no_room_is_left_and_once_for_each_wait(is_attack: bool) -> None:
    if is_attack:
        many_pages(12)
    for number in range(12):
        is_let_in(number, address=f"198.51.{number}.1")
    waits = [Proof(f"puzzle-{number}", is_waited=True) for number in range(4)]

    let_in = [
        is_let_in(f"{turn}-{number}", address=f"198.18.{turn}.{number}", proof=proof)
        for turn in range(2)
        for number, proof in enumerate(waits)
    ]

    assert let_in == [True] * 4 + [False] * 4
    assert sum(is_let_in(f"m{n}", proof=Proof(f"more-{n}", is_waited=True)) for n in range(9)) == 2


def test_a_proof_is_good_for_two_gifts() -> None:
    proof = proven()

    let_in = [is_let_in(number, address=f"198.51.{number}.1", proof=proof) for number in range(40)]

    assert sum(let_in) == 2 + 12


def test_a_key_that_has_its_gift_is_neither_counted_nor_refused() -> None:
    with transaction() as session:
        gift = a_donation(session)
        session.add(
            DonationRequest(
                idempotency_key="known", request_sha256="0", donation_id=gift.id, caller_until=now()
            )
        )
    for number in range(20):
        is_let_in(number)
    assert not is_let_in("new")

    for proof in [proven(), NOTHING] * 25:
        again = admission.admit(key="known", email="a@b.org", origin=at("203.0.113.9"), proof=proof)
        admission.was_known(again)  # as the gift's own row will say

    assert windows().count(limits.HOUSEHOLD, "203.0.113.9/32") == 12


def test_a_key_whose_gift_is_being_begun_is_not_refused_though_its_row_is_not_there_yet() -> None:
    """Somebody presses a hundred times: the first is counted, and the others wait for its page."""
    for number in range(11):
        is_let_in(number)

    assert all(is_let_in("pressed") for _ in range(30))
    assert not is_let_in("another")


def test_who_is_turned_away_for_himself_uses_up_nobodys_room() -> None:
    for number in range(30):
        is_let_in(number, email="one@example.com", address=f"198.51.{number}.1", proof=proven())

    assert windows().count(limits.house_hour()) == 10
    assert windows().count(limits.TURNED_AWAY) == 20


# What is known of cards that were declined


def test_an_email_address_of_many_declined_cards_gets_little_room() -> None:
    many_pages(4, is_paid=True)
    a_page(declines=8, email="tester@example.com")
    a_page(declines=3, email="donor@example.com")

    assert sum(is_let_in(n, email="Tester@example.com", proof=proven()) for n in range(6)) == 2
    assert sum(is_let_in(f"d{n}", email="donor@example.com", proof=proven()) for n in range(6)) == 6
    assert windows().count(limits.house_hour()) == 2 + 6


def test_an_address_whose_gifts_are_declined_cards_gets_little_room() -> None:
    for _ in range(6):
        a_page_from("203.0.113.9", declines=2)

    assert sum(is_let_in(n, proof=proven()) for n in range(6)) == 3
    assert is_let_in("next door", address="203.0.113.10", proof=proven())


def test_declined_cards_among_many_gifts_that_are_paid_are_usual() -> None:
    for number in range(30):
        a_page_from("203.0.113.9", declines=number % 2, is_paid=number % 3 > 0)

    assert all(is_let_in(n, proof=proven()) for n in range(40))


# Attack


def test_a_day_of_many_gifts_is_no_attack() -> None:
    many_pages(30, is_paid=True)
    many_pages(20)
    many_pages(60, minutes_ago=0.5)
    many_pages(6, declines=1)

    assert not seen().is_attack
    assert seen().opened == 116


def test_page_after_page_that_nobody_pays_is_an_attack() -> None:
    many_pages(11)
    assert not seen().is_attack

    many_pages(1)

    assert seen().is_attack


def test_it_is_none_while_what_stripe_said_waits_to_be_applied(session: object) -> None:
    many_pages(30)
    with transaction() as books:
        books.connection().exec_driver_sql(
            "insert into stripe_events "
            "(stripe_event_id, type, source, body, is_live, created_at, received_at) values "
            "('evt_1', 'charge.succeeded', 'webhook', '', false, now(), now() - interval '5 minutes'); "
            "insert into stripe_event_queue (stripe_event_id) values ('evt_1')"
        )

    assert seen().is_told_late
    assert not seen().is_attack


def test_far_more_declined_cards_than_paid_gifts_are_an_attack() -> None:
    many_pages(2, is_paid=True)
    a_page(minutes_ago=100, declines=10)

    assert seen().declined == 10
    assert seen().is_attack


def test_a_flood_that_is_turned_away_is_an_attack_before_anybody_had_time_to_pay() -> None:
    for number in range(12 + 100):
        is_let_in(number, address=f"198.51.{number}.1")

    assert seen().is_flood


def test_under_attack_nobody_is_let_in_without_a_proof_and_addresses_get_less() -> None:
    many_pages(12)
    home = "203.0.113.9"

    assert not any(is_let_in(n, address=f"198.51.{n}.1") for n in range(20))
    assert sum(is_let_in(f"h{n}", address=home, proof=proven()) for n in range(60)) == 30
    assert is_let_in("elsewhere", address="198.51.100.7", proof=proven())


def test_under_attack_an_address_whose_gifts_are_paid_keeps_its_room() -> None:
    many_pages(400, minutes_ago=4)
    for _ in range(30):
        a_page_from("203.0.113.9", is_paid=True)

    assert seen().is_attack
    assert all(is_let_in(f"h{n}", proof=proven()) for n in range(100))


def test_under_attack_the_customers_of_one_telephone_company_who_pay_make_room_for_each_other() -> None:
    many_pages(400, minutes_ago=4)
    for number in range(30):
        a_page_from(f"203.0.113.{number}", is_paid=True)

    let_in = [is_let_in(f"h{n}", address=f"203.0.113.{n}", proof=proven()) for n in range(200)]

    assert sum(let_in) == 90 + 3 * 30


def test_while_the_broker_is_away_under_attack_who_paid_is_still_known(broker: Broker) -> None:
    many_pages(400, minutes_ago=4)
    for _ in range(30):
        a_page_from("203.0.113.9", is_paid=True)
    broker.freeze()

    assert sum(is_let_in(f"h{n}", proof=proven()) for n in range(70)) == (30 + 3 * 30) // 2


def test_an_attack_lasts_while_tries_are_turned_away_though_its_pages_are_long_gone(broker: Broker) -> None:
    many_pages(12)
    assert not is_let_in(0)
    with transaction() as session:
        session.connection().exec_driver_sql(
            "update donations set created_at = created_at - interval '1 hour'"
        )
    assert not seen().is_attack

    for _ in range(20):
        windows().note(limits.TURNED_AWAY)

    assert seen().is_attack


def test_a_broker_that_is_emptied_under_attack_lets_nobody_in(broker: Broker) -> None:
    for number in range(150):
        is_let_in(number, address=f"198.51.{number}.1")
    with redis.Redis.from_url(broker.url) as client:
        client.flushall()
    watch()._look_again_at = 0  # five seconds later

    assert not any(is_let_in(f"after-{n}", address=f"192.0.2.{n}") for n in range(15))

"""However often a gift is asked for, and however Stripe answers, it is asked of Stripe once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import text

from payments.database import transaction
from tests.journeys.house import House

pytestmark = pytest.mark.timeout(90)


def sessions(house: House) -> int:
    return len(house.stripe.list("checkout/sessions"))


def test_a_double_click_on_donate_is_one_gift_and_one_page(house: House):
    form = house.opens_the_donate_page()

    with ThreadPoolExecutor(2) as two_clicks:
        pages = set(two_clicks.map(house.presses_donate, [form, form]))

    assert len(pages) == 1
    assert len(house.gifts()) == 1
    assert sessions(house) == 1


def test_the_form_sent_again_after_paying_shows_the_thanks_instead_of_a_second_page(house: House):
    form = house.opens_the_donate_page()
    page = house.presses_donate(form)
    house.stripe.tell(f"checkout/sessions/{page.rpartition('/')[2]}/pay")
    house.the_workers_work()

    again = house.presses_donate(form)

    assert "/thank-you/" in again
    assert sessions(house) == 1


def test_two_pages_opened_apart_are_two_gifts(house: House):
    first = house.presses_donate(house.opens_the_donate_page())
    second = house.presses_donate(house.opens_the_donate_page())

    assert first != second
    assert len(house.gifts()) == 2


def test_a_hundred_parallel_posts_with_one_key_open_one_page_and_write_one_gift(house: House):
    with ThreadPoolExecutor(25) as many:
        answers = list(many.map(lambda _: house.asks_to_give(key="the-very-same-key"), range(100)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(house.gifts()) == 1
    assert sessions(house) == 1


def test_another_gift_under_the_same_key_is_refused_and_changes_nothing(house: House):
    first = house.asks_to_give(2500, key="the-very-same-key")

    other = house.asks_to_give(9900, key="the-very-same-key")

    assert first.status_code == 201
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert [gift.amount for gift in house.gifts()] == [2500]
    assert sessions(house) == 1


@pytest.mark.parametrize(
    ("trouble", "times", "said"),
    [("429", 1, "RateLimitError"), ("reset_before", 3, "no answer (ConnectionError)")],
)
def test_after_stripe_was_away_the_same_key_opens_the_one_page_at_once(
    house: House, trouble: str, times: int, said: str
):
    house.stripe.fails(trouble, times=times)
    away = house.asks_to_give(key="the-very-same-key")

    back = house.asks_to_give(key="the-very-same-key")

    assert away.status_code == 503
    assert away.headers["retry-after"] == "5"
    assert away.json()["type"] == "/problems/stripe-unavailable"
    assert said in away.json()["detail"]
    assert back.status_code == 201
    assert back.elapsed.total_seconds() < 5
    assert len(house.gifts()) == 1
    assert sessions(house) == 1


@pytest.mark.parametrize("lost_answers", [1, 3])
def test_a_page_that_stripe_opened_but_whose_answer_was_lost_is_found_again_by_the_same_key(
    house: House, lost_answers: int
):
    house.stripe.fails("reset_after", times=lost_answers)

    first = house.asks_to_give(key="the-very-same-key")
    answer = house.asks_to_give(key="the-very-same-key")

    assert first.status_code == (201 if lost_answers == 1 else 503)
    assert answer.status_code == 201
    assert len(house.gifts()) == 1
    assert sessions(house) == 1


def test_a_failure_that_stripe_remembers_under_the_key_is_passed_by_a_new_one(house: House):
    # Stripe keeps the first answer of a key, a 500 too, and repeats it for a day.
    house.stripe.fails("500", times=1)
    failed = house.asks_to_give(key="the-very-same-key")
    repeated = house.asks_to_give(key="the-very-same-key")

    fresh = house.asks_to_give(key="another-key-altogether")

    assert (failed.status_code, repeated.status_code, fresh.status_code) == (503, 503, 201)
    assert sessions(house) == 1


def test_a_caller_that_died_while_asking_is_relieved_by_the_next(house: House):
    house.stripe.fails("429", times=1)
    house.asks_to_give(key="the-very-same-key")
    somebody_is_asking(until="now() - interval '1 second'")

    answer = house.asks_to_give(key="the-very-same-key")

    assert answer.status_code == 201
    assert sessions(house) == 1


def somebody_is_asking(*, until: str) -> None:
    with transaction() as session:
        session.execute(text(f"update donation_requests set caller_until = {until}"))  # noqa: S608 - ours


def test_a_donor_hears_when_stripe_cannot_be_reached_and_the_form_can_be_sent_again(house: House):
    form = house.opens_the_donate_page()
    house.stripe.fails("429", times=1)
    refused = requests.post(
        f"{house.url}/donate", data=form, headers={"Sec-Fetch-Site": "same-origin"}, timeout=40
    )

    page = house.presses_donate(form)

    assert refused.status_code == 503
    assert "Ada Park" in refused.text
    assert page.startswith(house.stripe.url)
    assert sessions(house) == 1

"""A month that does not go through: the card is short, or expires, or the bank account is empty twice.

Stripe's clock is moved by the story; ours comes after, by the days that each row waits for.
"""

import re
from typing import Any

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.monthly.models import MonthlyGift
from tests.journeys.house import House
from tests.monthly.instalments import library

pytestmark = pytest.mark.timeout(120)


def joined(house: House, **how: Any) -> MonthlyGift:
    """Ada has joined: $30.00 a month, the first of them paid and thanked for."""
    gift = house.gives(3000, frequency="monthly", fund="rescue")
    if how.get("method") == "bank_debit":
        house.pays_from_the_bank(gift)
        house.the_bank_says_yes(gift)
    else:
        house.pays(gift)
    house.stripe_settles()
    house.the_workers_work()
    with transaction() as session:
        promise = session.scalars(select(MonthlyGift)).one()
    assert promise.status == "active"
    assert "/monthly/" in house.mails()[-1]["Text"]
    return promise


def bank_says(house: House, promise: MonthlyGift, *outcomes: str) -> None:
    """To the next tries, one each."""
    house.stripe.tell(f"customers/{promise.stripe_customer_id}/next_attempts", outcomes=list(outcomes))


def a_month_passes(house: House) -> None:
    """Stripe makes an invoice, and an hour later asks for its money."""
    house.stripe.tell("advance", months=1)
    house.stripe.tell("advance", seconds=2 * 3600)
    everybody_works(house)


def days_pass(house: House) -> None:
    """The day comes for which our next step waits."""
    with transaction() as session:
        session.execute(
            text("update monthly_refusals set due_at = now() - interval '1 second' where due_at is not null")
        )
        session.execute(text("update monthly_refusals set next_at = now() - interval '1 second'"))
    everybody_works(house)


def everybody_works(house: House) -> None:
    from workers.dunning import follow_refusals

    house.the_workers_work()
    for _ in range(2):
        follow_refusals()
        house.stripe_settles()
        house.the_workers_work()


def standing(house: House) -> str:
    with transaction() as session:
        return str(session.scalars(select(MonthlyGift.status)).one())


def subjects(house: House) -> list[str]:
    """Of every mail that is not a receipt, oldest first."""
    return [mail["Subject"] for mail in house.mails() if "receipt" not in mail["Subject"]]


def link_in(mail: dict[str, Any]) -> str:
    """The signed link with which this donor steers the gift."""
    found = re.search(r"/monthly/(\S+)", mail["Text"])
    assert found is not None
    return found[1]


def charges(house: House, status: str) -> int:
    return len([charge for charge in house.stripe.list("charges") if charge["status"] == status])


def test_a_card_that_is_short_pays_a_few_days_later_and_nobody_had_to_do_anything(house: House) -> None:
    promise = joined(house)
    bank_says(house, promise, "insufficient_funds", "insufficient_funds")

    a_month_passes(house)

    assert standing(house) == "behind"
    assert subjects(house)[0].startswith("Your monthly gift: we will try again on ")

    days_pass(house)
    assert charges(house, "failed") == 2
    days_pass(house)

    assert standing(house) == "active"
    assert subjects(house)[-1] == "Your monthly gift has arrived"
    assert len(subjects(house)) == 3
    assert len(house.receipts()) == 2
    assert house.balances()["contributions:rescue"] == -6000
    assert house.nothing_is_left_to_do()


def test_a_card_that_was_lost_is_replaced_and_the_same_gift_goes_on(house: House) -> None:
    promise = joined(house)
    bank_says(house, promise, "lost_card")
    a_month_passes(house)
    assert subjects(house) == ["Your monthly gift needs a new card"]
    said = house.mails()[-1]["Text"]
    assert "lost" not in said

    page = library(house.stripe).v1.billing_portal.sessions.create(
        {
            "customer": promise.stripe_customer_id or "",
            "return_url": "http://charity.example/",
            "flow_data": {"type": "payment_method_update"},
        }
    )
    house.stripe.tell(f"portal/{page.id}/card", card="5555555555554444")
    everybody_works(house)

    assert standing(house) == "active"
    assert subjects(house)[-1] == "Your monthly gift has arrived"
    assert "Mastercard ending 4444" in house.mails()[-2]["Text"] + house.mails()[-1]["Text"]
    assert len(house.receipts()) == 2

    a_month_passes(house)

    assert len(house.receipts()) == 3
    assert charges(house, "failed") == 1


def test_a_bank_account_that_is_empty_twice_is_left_alone(house: House) -> None:
    promise = joined(house, method="bank_debit")
    bank_says(house, promise, *["insufficient_funds"] * 9)

    a_month_passes(house)
    house.stripe.tell("advance", days=8)
    everybody_works(house)
    assert standing(house) == "behind"

    days_pass(house)
    house.stripe.tell("advance", days=8)
    everybody_works(house)

    assert standing(house) == "lapsed"
    assert subjects(house)[-1] == "Your monthly gift is resting"
    assert charges(house, "failed") == 2

    house.stripe.tell("advance", months=3)
    everybody_works(house)

    assert charges(house, "failed") == 2
    assert standing(house) == "lapsed"
    assert len(house.receipts()) == 1


def test_a_donor_whose_gift_had_come_to_rest_brings_it_back_from_the_mail(house: House) -> None:
    promise = joined(house)
    bank_says(house, promise, *["generic_decline"] * 3)
    a_month_passes(house)
    for _ in range(3):
        days_pass(house)
    assert standing(house) == "lapsed"
    token = link_in(house.mails()[-1])

    answer = house.http.post(
        f"{house.url}/monthly/{token}/come-back",
        headers={"Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
        timeout=15,
    )
    assert answer.status_code == 303
    everybody_works(house)
    a_month_passes(house)

    assert standing(house) == "active"
    assert "Welcome back" in subjects(house)
    assert len(house.receipts()) == 2
    assert charges(house, "failed") == 3


def test_a_gift_that_was_ended_in_stripes_dashboard_is_confirmed_to_its_donor(house: House) -> None:
    promise = joined(house)

    library(house.stripe).v1.subscriptions.cancel(promise.stripe_subscription_id or "")
    everybody_works(house)

    assert standing(house) == "ended"
    assert subjects(house) == ["Your monthly gift has ended"]
    assert "Nothing more will be charged." in house.mails()[-1]["Text"]

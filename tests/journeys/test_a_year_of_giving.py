"""A donor joins once and gives for a year: twelve instalments, each a gift with a receipt of its own."""

import itertools
import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.monthly.models import MonthlyGift
from tests.journeys.house import House

pytestmark = pytest.mark.timeout(180)


def test_a_donor_gives_monthly_for_a_year(house: House) -> None:
    gift = house.gives(3000, frequency="monthly", fund="rescue")
    house.pays(gift)
    house.stripe_settles()
    house.the_workers_work()

    for _ in range(11):
        house.stripe.tell("advance", months=1)
        house.stripe.tell("advance", seconds=2 * 3600)
        house.stripe_settles()
        house.the_workers_work()
    # The clock was shortened by February; a gift of the 29th, 30th or 31st keeps its day.
    house.stripe.tell("advance", days=3)
    house.stripe_settles()
    house.the_workers_work()

    with transaction() as session:
        promise = session.scalars(select(MonthlyGift)).one()
        instalments = session.execute(
            text("select amount, status, gift_date, monthly_gift_id from donations order by gift_date")
        ).all()
        funds = session.scalars(text("select distinct fund_id from donation_allocations")).all()
        numbers = session.scalars(text("select number from receipts order by issued_at, number")).all()
    assert promise.status == "active"
    assert [(row.amount, row.status) for row in instalments] == [(3000, "paid")] * 12
    assert {row.monthly_gift_id for row in instalments} == {promise.id}
    assert funds == ["rescue"]
    pauses = [later.gift_date - sooner.gift_date for sooner, later in itertools.pairwise(instalments)]
    assert all(timedelta(days=27) <= pause <= timedelta(days=32) for pause in pauses)
    assert len(set(numbers)) == 12
    receipts = [mail for mail in house.mails() if "receipt" in mail["Subject"]]
    assert len(receipts) == 12
    assert all(re.search(r"/monthly/\S+", mail["Text"]) for mail in receipts)
    assert house.the_book_ties()
    assert house.nothing_is_left_to_do()

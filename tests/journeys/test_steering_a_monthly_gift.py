"""What a donor does with a monthly gift from a mail, without a login: stops it, pauses it, raises it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from payments import clock
from payments.database import transaction
from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift
from tests.journeys.house import House

pytestmark = pytest.mark.timeout(120)


@dataclass
class Story:
    """One donor and her monthly gift, in a house that lives by Stripe's clock."""

    house: House
    clock_file: Path

    def it_is(self, year: int, month: int, day: int, hour: int = 15) -> None:
        """Everything that happens until then happens, and everybody does their work."""
        self.house.stripe.tell("advance", to=datetime(year, month, day, hour, tzinfo=UTC).timestamp())
        self.everybody_works()

    def everybody_works(self) -> None:
        """The workers, at Stripe's time."""
        from workers.monthly import end_disputed, give_back_after_end, submit_changes
        from workers.refunds import submit_refunds

        self.clock_file.write_text(str(int(self.house.stripe.ask("clock")["offset_seconds"])))
        self.house.stripe_settles()
        for _ in range(2):
            self.house.the_workers_work()
            end_disputed()
            submit_changes()
            give_back_after_end()
            submit_refunds()
            self.house.stripe_settles()
        self.house.the_workers_work()

    def joins(self, amount: int = 3000, **choices: Any) -> None:
        """Ada gives each month from today on; the first month is paid and thanked for."""
        gift = self.house.gives(amount, frequency="monthly", **choices)
        self.house.pays(gift)
        self.everybody_works()

    def the_link_in(self, mail: dict[str, Any]) -> str:
        """Where a mail says the gift can be changed or stopped."""
        found = re.search(r"http\S+/monthly/[\w-]+", mail["Text"])
        assert found is not None, mail["Text"]
        return found[0]

    def presses(self, link: str, button: str, **said: str) -> str:
        """The page after a button on it, without its markup."""
        answer = requests.post(
            f"{link}/{button}",
            data={"lang": "en", **said},
            headers={"Sec-Fetch-Site": "same-origin"},
            timeout=15,
        )
        assert answer.status_code == 200, answer.text
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    @property
    def gift(self) -> MonthlyGift:
        """As our row says it."""
        with transaction() as session:
            return session.scalars(select(MonthlyGift)).one()

    def gifts(self) -> list[tuple[str, int]]:
        """The day and the amount of everything given, the oldest first."""
        with transaction() as session:
            rows = session.scalars(
                select(Donation).where(Donation.status == "paid").order_by(Donation.gift_date)
            )
            return [(str(row.gift_date), row.amount) for row in rows]

    def subjects(self) -> list[str]:
        """Every mail that carries no receipt, oldest first."""
        return [mail["Subject"] for mail in self.house.mails() if not mail["Attachments"]]


@pytest.fixture
def story(house: House, tmp_path: Path) -> Iterator[Story]:
    """It is the 10th of November of next year, three in the afternoon of UTC."""
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    clock.follow(str(clock_file))
    told = Story(house, clock_file)
    told.it_is(YEAR, 11, 10)
    yield told
    clock.follow("")


YEAR = datetime.now(UTC).year + 1


def test_she_stops_it_from_an_old_mail_without_a_login_and_is_never_charged_again(story: Story) -> None:
    story.joins()
    first_mail = story.house.mails()[0]
    story.it_is(YEAR + 1, 2, 20)

    page = story.presses(story.the_link_in(first_mail), "stop")
    story.everybody_works()
    given = story.gifts()
    story.it_is(YEAR + 1, 12, 20)

    assert "ended" in page
    assert len(given) == 4
    assert story.gifts() == given
    assert story.gift.end_reason == "donor"
    assert story.subjects().count("Your monthly gift has been stopped") == 1
    assert [s["status"] for s in story.house.stripe.list("subscriptions?status=all")] == ["canceled"]
    assert story.house.the_book_ties()
    assert story.house.nothing_is_left_to_do()


def test_what_stripe_takes_before_it_hears_of_the_end_goes_back_by_itself(story: Story) -> None:
    """Stripe is away for days, just when the month is due."""
    story.joins()
    story.it_is(YEAR, 11, 12)
    link = story.the_link_in(story.house.mails()[0])

    story.presses(link, "stop")
    story.house.stripe.tell("advance", to=datetime(YEAR, 12, 12, tzinfo=UTC).timestamp())
    story.everybody_works()
    story.it_is(YEAR + 1, 3, 1)

    assert len(story.gifts()) == 2
    [back] = story.house.stripe.list("refunds")
    assert back["amount"] == 3000
    told = story.subjects()
    assert told.count("We have given $30.00 back to you") == 1
    assert told[-1].endswith("is no longer valid")
    assert story.house.balances()["contributions:general"] == -6000
    assert story.house.balances()["contribution_refunds:general"] == 3000
    assert story.house.the_book_ties()


def test_she_pauses_over_the_end_of_the_year_and_it_goes_on_by_itself(story: Story) -> None:
    story.joins()
    link = story.the_link_in(story.house.mails()[0])

    page = story.presses(link, "pause", months="2")
    story.everybody_works()
    story.it_is(YEAR + 1, 3, 20)

    assert f"February 10, {YEAR + 1}" in page
    assert story.gifts() == [
        (f"{YEAR}-11-10", 3000),
        (f"{YEAR + 1}-02-10", 3000),
        (f"{YEAR + 1}-03-10", 3000),
    ]
    assert story.gift.status == "active"
    assert [number[:7] for number in story.house.receipts()] == [
        f"US-{YEAR}",
        *[f"US-{YEAR + 1}"] * 2,
    ]
    assert story.house.nothing_is_left_to_do()


def test_she_raises_it_and_the_next_month_is_the_new_amount_for_the_same_funds(story: Story) -> None:
    story.joins(allocations=[{"fund": "general", "amount": 1000}, {"fund": "rescue", "amount": 2000}])
    link = story.the_link_in(story.house.mails()[0])

    page = story.presses(link, "amount", amount="45.00")
    story.everybody_works()
    story.it_is(YEAR, 12, 11)

    assert "$45.00" in page
    assert story.gifts() == [(f"{YEAR}-11-10", 3000), (f"{YEAR}-12-10", 4500)]
    balances = story.house.balances()
    assert (balances["contributions:general"], balances["contributions:rescue"]) == (-2500, -5000)
    assert "$45.00" in story.house.receipt_in(
        next(mail for mail in reversed(story.house.mails()) if mail["Attachments"])
    )


def test_she_moves_it_to_the_last_day_and_every_month_has_one_gift(story: Story) -> None:
    story.joins()
    link = story.the_link_in(story.house.mails()[0])

    story.presses(link, "day", day="31")
    story.everybody_works()
    for year, month in ((YEAR, 12), (YEAR + 1, 1), (YEAR + 1, 2), (YEAR + 1, 3)):
        story.it_is(year, month, 12)
    story.it_is(YEAR + 1, 4, 2)

    last_of_february = 29 if (YEAR + 1) % 4 == 0 else 28
    assert [day for day, _ in story.gifts()] == [
        f"{YEAR}-11-10",
        f"{YEAR}-12-31",
        f"{YEAR + 1}-01-31",
        f"{YEAR + 1}-02-{last_of_february}",
        f"{YEAR + 1}-03-31",
    ]
    assert story.house.nothing_is_left_to_do()


def test_a_bank_that_takes_one_month_back_ends_it_by_itself(story: Story) -> None:
    story.joins()
    [charge] = story.house.stripe.list("charges")
    dispute = story.house.stripe.tell(f"charges/{charge['id']}/dispute")
    story.house.stripe.tell(f"disputes/{dispute['id']}/close", outcome="lost")

    story.everybody_works()
    story.it_is(YEAR + 1, 2, 20)

    assert (story.gift.status, story.gift.end_reason) == ("ended", "dispute")
    assert len(story.gifts()) == 1
    assert story.house.the_book_ties()

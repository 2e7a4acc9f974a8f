"""An account with a history is taken over: proven to the cent, and nobody notices but the finance person."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift
from payments.receipts.models import DueReceipt, Receipt
from payments.settings import settings
from tests.adoption.platform import Platform
from tests.conftest import PROJECT


def test_two_years_are_taken_over_and_go_on_as_ours(platform: Platform) -> None:
    began = platform.begins(24) - timedelta(days=1)
    platform.lives(24)
    held = platform.house.stripe.list("balance_transactions")
    before = platform.asked()

    told = platform.is_adopted(began)

    # Proven, and Stripe was only asked.
    assert told["is_whole"], told["not_in_the_book"]
    assert told["agrees"]
    assert not (found := platform.everything_is_proven()), "\n".join(found)
    assert platform.house.parked() == {}
    asked = platform.asked()
    assert {method for method in asked if asked[method] != before.get(method, 0)} == {"GET"}
    balances = platform.house.balances()
    assert balances["stripe_balance"] == _at_stripe(platform)
    assert len(held) == 100, "there is more than a page of it"
    assert told["movements"] > len(held)

    # Whose gifts they are, for which fund; the rest is other receipts, and what nobody knows is listed.
    assert told["monthly_gifts"] == 3
    assert {each["kind"]: each["count"] for each in told["left_overs"]} == {
        "no_address": 1,
        "fund_unknown": 1,
        "no_rule": 1,
    }
    with transaction() as session:
        funds = dict(
            session.execute(
                text(
                    "select d.donor_name || ' ' || a.fund_id, count(*) from donations d"
                    " join donation_allocations a on a.donation_id = d.id group by 1"
                )
            ).all()
        )
        oldest = session.scalars(select(Donation).order_by(Donation.paid_at)).first()
        channels = set(session.scalars(select(Donation.channel)))
        statuses = dict(session.execute(select(MonthlyGift.donor_name, MonthlyGift.status)).all())
    assert funds["Dora rescue"] == funds["Dora general"] == 12
    assert set(funds) == {"Ada general", "Ben rescue", "Cho rescue", "Dora rescue", "Dora general"} | {
        "Emil general",
        "Finn general",
    }
    assert channels == {"adopted"}
    assert oldest is not None
    assert oldest.paid_at is not None
    assert oldest.paid_at - oldest.created_at < timedelta(hours=2)
    shown = platform.almoner("gifts", "show", oldest.id).text
    assert "given by another platform" in shown
    assert statuses == {"Ada": "active", "Ben": "active", "Cho": "active"}

    # No donor notices.
    platform.house.they_issue_and_send()
    assert platform.house.mails() == []
    with transaction() as session:
        assert session.scalars(select(Receipt.id)).all() == []
        assert session.scalars(select(DueReceipt.donation_id)).all() == []

    # Again, and nothing is there twice.
    counts = platform.counts()
    assert platform.is_adopted(began)["is_whole"]
    assert platform.counts() == counts

    # The next month is ours: received, receipted and thanked.
    platform.house.webhooks_are("delivered")
    platform.house.stripe.tell("advance", days=31)
    platform.house.stripe_settles()
    platform.house.the_workers_work()
    with transaction() as session:
        fresh = session.execute(
            select(Donation.donor_name, Donation.amount, Donation.status).where(Donation.channel == "online")
        ).all()
        receipted = session.scalars(select(Receipt.amount).order_by(Receipt.amount)).all()
    assert sorted(fresh) == [("Ada", 1500, "paid"), ("Ben", 2500, "paid"), ("Cho", 5000, "paid")]
    assert receipted == [1500, 2500, 5000]
    assert len(platform.house.mails()) == 3
    assert not (found := platform.everything_is_proven()), "\n".join(found)


def test_a_book_that_begins_in_the_middle_has_one_opening_balance(platform: Platform) -> None:
    platform.begins(2)
    platform.begins_plan("ada", 1500)
    platform.write_rules("none")
    oldest = platform.is_given("ida", 4000)
    platform.pays_out()
    early = platform.is_given("dora", 9000)
    late = platform.is_given("emil", 7000)
    platform.passes(20)
    platform.is_given("dora", 3000)
    middle = datetime.fromtimestamp(platform.house.stripe.ask("state")["now"], UTC) + timedelta(days=1)
    platform.passes(2)
    # Money from before goes back and goes to the bank within the book.
    platform.house.stripe.tell(f"charges/{early}/refund", amount=2000)
    dispute = platform.house.stripe.tell(f"charges/{late}/dispute", amount=7000)["id"]
    platform.house.stripe.tell(f"disputes/{dispute}/close", outcome="lost")
    payout = platform.pays_out()
    platform.passes(20)
    platform.is_given("emil", 5000)
    second = platform.pays_out()
    platform.catches_up()

    told = platform.is_adopted(middle)

    assert told["is_whole"], told["not_in_the_book"]
    assert told["agrees"]
    assert not (found := platform.everything_is_proven()), "\n".join(found)
    balances = platform.house.balances()
    assert balances["stripe_balance"] == _at_stripe(platform)
    assert -balances["opening_balance"] == 9000 + 7000 + 3000 - _fees(
        platform, early, late, platform.charges["dora 3000"]
    )
    assert balances["contribution_refunds"] == 2000
    assert balances["chargebacks"] == 7000
    with transaction() as session:
        gifts = session.scalars(select(Donation.amount).order_by(Donation.amount)).all()
    assert gifts == [1500, 5000]  # the plan's second month, the first being older than the book
    for each in (payout, second):
        shown = platform.almoner("payouts", "show", each, "--json").json
        assert shown["proof"] == "proven", shown["sentence"]

    # Months later something of a gift goes back of which nobody has ever heard here.
    platform.house.webhooks_are("delivered")
    platform.house.stripe.tell(f"charges/{oldest}/refund", amount=1000)
    platform.house.the_workers_work()
    platform.house.what_was_put_off_is_due()
    platform.house.the_workers_work()
    assert platform.house.balances()["contribution_refunds"] == 3000
    assert platform.house.nothing_is_left_to_do()
    assert not (found := platform.everything_is_proven()), "\n".join(found)


def test_killed_in_the_middle_it_goes_on_where_it_was(platform: Platform) -> None:
    began = platform.begins(5)
    platform.begins_plan("ada", 1500)
    platform.write_rules("none")
    for place in range(105):
        platform.is_given("dora", 2000 + place)
    platform.passes(40)

    _kill_after(platform, platform.words(began), read=100)
    with transaction() as session:
        half = session.execute(text("select count(*) from balance_transactions")).scalar_one()
    told = platform.is_adopted(began)

    assert half < 107
    assert told["is_whole"], told["not_in_the_book"]
    assert told["agrees"]
    assert (told["single_gifts"], told["instalments"]) == (105, 2)
    assert not (found := platform.everything_is_proven()), "\n".join(found)


def test_a_dry_run_tells_and_leaves_nothing(platform: Platform) -> None:
    began = platform.begins(2)
    platform.begins_plan("ada", 1500)
    platform.begins_plan("yves", 12_000, interval="year")
    platform.write_rules("none")
    platform.is_given("dora", 3000)
    platform.is_given("hana", 4200, metadata={}, description="Ticket")
    platform.passes(5)
    counts = platform.counts()

    told = platform.is_adopted(began, "--dry-run")

    assert (told["monthly_gifts"], told["single_gifts"], told["movements"]) == (1, 1, 4)
    assert {each["kind"] for each in told["left_overs"]} == {"not_monthly", "no_rule"}
    assert platform.counts() == counts


def _kill_after(platform: Platform, words: tuple[str, ...], *, read: int) -> None:
    """Run the command in a process of its own and kill it once so much is stored."""
    environment = os.environ | {
        "DATABASE_URL": settings().database_url,
        "STRIPE_API_BASE": platform.house.stripe.url,
        "BROKER_URL": "memory://",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "payments.cli", *words],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            with transaction() as session:
                done = session.execute(text("select coalesce(sum(read), 0) from adoption_lists")).scalar_one()
            if done >= read:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)


def _at_stripe(platform: Platform) -> int:
    from payments.stripe_gateway.client import gateway

    said = gateway().balance()
    return sum(part["amount"] for name in ("available", "pending") for part in said[name])


def _fees(platform: Platform, *charges: str) -> int:
    return sum(
        row["fee"] for row in platform.house.stripe.list("balance_transactions") if row["source"] in charges
    )

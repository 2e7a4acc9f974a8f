"""The same gift with nothing left out: a Celery worker in its own processes over a real broker."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import PROJECT, TEST_ENVIRONMENT, Broker
from tests.journeys.house import House
from tests.journeys.neighbours import PostOffice, Stripe, wait_until

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]


@pytest.fixture(scope="module")
def _worker(
    _own_database: str,
    _own_broker: Broker,
    front_door: str,
    stripe_next_door: Stripe,
    post_office: PostOffice,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[subprocess.Popen[bytes]]:
    """Prefork, two children, no timetable: it works when a bell rings and at no other time."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    environment = {
        "DATABASE_URL": _own_database,
        "BROKER_URL": _own_broker.url,
        "PUBLIC_BASE_URL": front_door,
        "STRIPE_API_BASE": stripe_next_door.url,
        "SMTP_URL": post_office.smtp_url,
        "LOG_LEVEL": "info",
    }
    command = [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "--pool", "prefork"]
    command += ["--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "info"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | TEST_ENVIRONMENT | environment,
            stdout=output,
            stderr=output,
        ) as worker,
    ):
        try:
            wait_until(lambda: b" ready" in log.read_bytes() or worker.poll() is not None, within=40)
            assert worker.poll() is None, log.read_text()
            yield worker
        finally:
            worker.terminate()
            worker.wait(timeout=20)


@pytest.fixture
def living_house(
    broker: Broker,
    _worker: subprocess.Popen[bytes],
    house: House,
    with_settings: Callable[..., None],
) -> House:
    """The house with its workers at work."""
    with_settings(broker_url=broker.url)
    return house


def test_a_gift_travels_through_the_whole_house_by_bells_alone(living_house: House):
    gift = living_house.gives(2500, fund="education")

    living_house.pays(gift)
    living_house.stripe_settles()

    [mail] = wait_until(living_house.mails, within=30)
    wait_until(lambda: "processing_fees" in living_house.balances(), within=30)
    assert living_house.status_of(gift) == "paid"
    assert "Education and mentoring" in living_house.receipt_in(mail)
    assert living_house.balances() == {
        "stripe_balance": 2397,
        "contributions:education": -2500,
        "processing_fees": 103,
    }
    wait_until(living_house.nothing_is_left_to_do)
    assert len(living_house.mails()) == 1
    assert living_house.the_book_ties()


def test_bells_that_a_wiped_broker_forgot_are_made_good_by_the_next_one(living_house: House, broker: Broker):
    first = living_house.gives(email="first@example.com")
    living_house.webhooks_are("held")
    living_house.pays(first)
    broker.flush()
    living_house.the_held_webhooks_come()
    broker.flush()
    living_house.webhooks_are("delivered")

    second = living_house.gives(email="second@example.com")
    living_house.pays(second)

    wait_until(lambda: len(living_house.mails()) == 2, within=30)
    assert [living_house.status_of(gift) for gift in (first, second)] == ["paid", "paid"]

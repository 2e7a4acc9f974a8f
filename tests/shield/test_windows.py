"""Counting with a broker, without one, and when it goes away in the middle."""

import time
from collections.abc import Callable

import pytest
import redis
import time_machine

from payments.shield.windows import Limit, Windows, _window, windows
from tests.conftest import Broker

SIX = Limit("six", 6, 600)


def taken(counters: Windows, limit: Limit = SIX, *, tries: int = 20, name: str = "x") -> int:
    return sum(counters.take(limit, name) for _ in range(tries))


def test_processes_count_together_at_the_broker(broker: Broker) -> None:
    one, other = Windows(broker.url, "a key"), Windows(broker.url, "a key")

    assert taken(one, tries=4) + taken(other) == 6
    assert (one.count(SIX, "x"), other.count(SIX, "x"), other.count(SIX, "y")) == (6, 6, 0)
    assert not one.has_room(SIX, "x")


@pytest.mark.parametrize("url", ["amqp://guest@127.0.0.1:1//", "memory://", "redis://127.0.0.1:1/0"])
def test_without_a_redis_each_process_counts_half_for_itself(url: str) -> None:
    assert taken(Windows(url, "a key")) == 3


def test_a_broker_that_freezes_in_the_middle_opens_no_door_and_holds_nobody_up(broker: Broker) -> None:
    counters = Windows(broker.url, "a key")
    before = taken(counters, tries=2)
    broker.freeze()

    began = time.monotonic()
    meanwhile = taken(counters)
    waited = time.monotonic() - began
    broker.thaw()

    assert (before, meanwhile) == (2, 3)
    assert waited < 2
    assert not counters.is_shared


def test_a_broker_that_is_back_is_asked_again(broker: Broker) -> None:
    counters = Windows(broker.url, "a key")
    broker.freeze()
    taken(counters)
    broker.thaw()
    counters._ask_again_at = 0  # ten seconds later

    assert taken(counters) == 6
    assert counters.is_shared


def test_an_emptied_broker_only_forgets(broker: Broker) -> None:
    counters = Windows(broker.url, "a key")
    taken(counters)
    broker.flush()

    assert taken(counters) == 6


@pytest.mark.parametrize("kind", ["broker", "memory"])
def test_what_is_counted_together_is_counted_everywhere_or_nowhere(broker: Broker, kind: str) -> None:
    counters = Windows(broker.url if kind == "broker" else "memory://", "a key")
    wide, narrow = Limit("wide", 100, 600), Limit("narrow", 4, 600)
    for _ in range(10):
        counters.take_all([(wide, ""), (narrow, "x")])

    let_in = 4 if kind == "broker" else 2
    assert counters.take_all([(wide, ""), (narrow, "x")]).refused == narrow
    assert counters.take_all([(narrow, "y"), (wide, "")]).refused is None
    assert (counters.count(wide), counters.count(narrow, "x")) == (let_in + 1, let_in)


@pytest.mark.parametrize("kind", ["broker", "memory"])
def test_what_is_given_back_was_never_counted(broker: Broker, kind: str) -> None:
    counters = Windows(broker.url if kind == "broker" else "memory://", "a key")
    asked = [(SIX, "x"), (Limit("wide", 100, 600), "")]

    for _ in range(20):
        assert counters.take_all(asked).refused is None
        counters.give_back(asked)

    assert [counters.count(limit, name) for limit, name in asked] == [0, 0]


def test_what_the_house_counts_is_what_the_library_counts(broker: Broker) -> None:
    counters = Windows(broker.url, "a key")
    library = counters._broker.counter  # type: ignore[union-attr]
    window, mark = _window(SIX, counters._mark("x"), counters._broker)  # type: ignore[arg-type]

    turns = [counters.take(SIX, "x") if n % 2 else library.hit(window, mark) for n in range(9)]

    assert turns == [True] * 6 + [False] * 3
    assert library.get_window_stats(window, mark).remaining == 0


def test_what_was_counted_before_counts_when_the_number_falls(broker: Broker) -> None:
    counters = Windows(broker.url, "a key")
    taken(counters, tries=4)

    assert not counters.take(SIX.of(3), "x")
    assert counters.take(SIX, "x")


def test_a_window_slides_and_does_not_end_all_at_once() -> None:
    counters = Windows("memory://", "a key")
    with time_machine.travel(1_800_000_000) as clock:
        assert taken(counters, Limit("ten", 20, 600)) == 10
        clock.shift(600)
        after_one = taken(counters, Limit("ten", 20, 600))
        clock.shift(1200)
        after_three = taken(counters, Limit("ten", 20, 600))

    assert after_one < 10
    assert after_three == 10


@pytest.mark.parametrize("kind", ["broker", "memory"])
def test_the_last_two_hundred_are_remembered(broker: Broker, kind: str) -> None:
    counters = Windows(broker.url if kind == "broker" else "memory://", "a key")
    for number in range(230):
        counters.remember(f"don_{number}", "home", "all of them")

    the_last = [f"don_{number}" for number in range(229, 29, -1)]
    assert counters.remembered("home", "another", "all of them") == [the_last, [], the_last]


def test_the_broker_holds_no_address_of_anybody(broker: Broker, with_settings: Callable[..., None]) -> None:
    windows().take(SIX, "ada@example.com")
    windows().remember("don_1", "203.0.113.9/32")

    with redis.Redis.from_url(broker.url) as client:
        keys = b" ".join(client.keys())
    assert b"almoner:shield:" in keys
    assert b"ada" not in keys
    assert b"203.0" not in keys

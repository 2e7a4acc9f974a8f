"""One value a process, whatever its threads do at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

from payments.once import once


def test_threads_that_ask_at_the_same_moment_get_the_same_one() -> None:
    together = Barrier(8)

    @once
    def made() -> object:
        return object()

    def ask() -> object:
        together.wait()
        return made()

    with ThreadPoolExecutor(8) as threads:
        answers = [asked.result() for asked in [threads.submit(ask) for _ in range(8)]]

    assert len(set(map(id, answers))) == 1


def test_what_is_made_while_all_is_forgotten_does_not_stay() -> None:
    world = ["old"]
    has_begun, may_end = Event(), Event()

    @once
    def made() -> str:
        seen = world[0]
        has_begun.set()
        may_end.wait(5)
        return seen

    with ThreadPoolExecutor(2) as threads:
        early = threads.submit(made)
        has_begun.wait(5)
        world[0] = "new"
        forgotten = threads.submit(made.forget)
        may_end.set()
        forgotten.result()

    assert early.result() == "old"
    assert made() == "new"


def test_a_value_that_could_not_be_made_is_tried_again() -> None:
    tries = []

    @once
    def made() -> int:
        tries.append(1)
        return 1 // (len(tries) - 1)

    for _ in range(2):
        try:
            made()
        except ZeroDivisionError:
            continue

    assert made() == 1
    assert len(tries) == 2

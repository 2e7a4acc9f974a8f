"""The puzzle by which a browser shows that it took a moment."""

import time

import pytest
import time_machine

from payments.shield import puzzle


def test_a_solved_puzzle_is_a_proof() -> None:
    ours = puzzle.make(8)

    assert puzzle.check(ours, puzzle.solve(ours)).is_solved


@pytest.mark.parametrize("answer", ["", "x", "-1", "1e3", "٣", "9" * 40])
def test_another_answer_shows_nothing(answer: str) -> None:
    assert not puzzle.check(puzzle.make(16), answer).is_solved


def test_only_our_own_puzzles_count_and_none_is_made_easier() -> None:
    ours = puzzle.make(8)
    easier = ours.replace(".08.", ".00.")

    for forged in ("", "nonsense", easier, ours[:-1] + ("0" if ours[-1] != "0" else "1"), "0" * 41):
        assert puzzle.check(forged, "0") == puzzle.NOTHING


def test_a_puzzle_is_good_for_some_hours() -> None:
    ours = puzzle.make(8)
    answer = puzzle.solve(ours)

    with time_machine.travel(time.time() + puzzle.LASTS_SECONDS + 5):
        assert puzzle.check(ours, answer) == puzzle.NOTHING


def test_who_waited_shows_that_too() -> None:
    ours = puzzle.make(30)

    assert not puzzle.check(ours, "").is_waited
    with time_machine.travel(time.time() + puzzle.WAITED_SECONDS):
        assert puzzle.check(ours, "").is_waited

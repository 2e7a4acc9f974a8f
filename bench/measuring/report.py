"""How a benchmark speaks: a table of what was measured, then each goal with its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Goal:
    """One claim, what was measured for it, and whether it held."""

    claim: str
    measured: str
    is_met: bool


def at_least(claim: str, measured: float, bound: float, *, unit: str = "x") -> Goal:
    """A goal that more is better."""
    return Goal(f"{claim} ≥ {_short(bound)}{unit}", f"{_short(measured)}{unit}", measured >= bound)


def at_most(claim: str, measured: float, bound: float, *, unit: str = "x") -> Goal:
    """A goal that less is better."""
    return Goal(f"{claim} ≤ {_short(bound)}{unit}", f"{_short(measured)}{unit}", measured <= bound)


def holds(claim: str, measured: str, is_met: bool) -> Goal:
    """A goal that is simply true or not."""
    return Goal(claim, measured, is_met)


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    for row in (heads, tuple("-" * width for width in widths), *rows):
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells).rstrip())
    print()


def conclude(goals: Sequence[Goal]) -> int:
    """Print the verdicts; the exit code is 0 only when every goal was met."""
    for goal in goals:
        print(f"  {'met   ' if goal.is_met else 'MISSED'}  {goal.claim}   (measured {goal.measured})")
    missed = sum(not goal.is_met for goal in goals)
    print(f"\n  {len(goals) - missed} of {len(goals)} goals met")
    return 1 if missed else 0


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def middle(values: Sequence[float]) -> float:
    """The median; of nothing, infinity, so that a rival that never answered cannot win."""
    return median(values) if values else float("inf")


def _short(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}" if value < 100 else f"{value:.0f}"

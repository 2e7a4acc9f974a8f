"""A year of monthly giving, from the webhook to the receipt's row: how fast, and in how much memory.

`almoner simulate` in a house of its own: sandbox, API, PostgreSQL with fsync on, and the worker's own
functions; first a small town, then 2,000 donors. The alternative beside it is what the usual worker would
need for as many events: one Celery task and one ORM transaction an event, measured in the same run and
multiplied.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from bench import drain
from bench.measuring import ground as on
from bench.measuring.report import at_least, at_most, conclude, holds, print_table

_SMALL, _WHOLE = 250, 2000
_THEIR_GIFTS = 60


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench simulate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundred donors for three months")
    options = parser.parse_args(argv)
    small, whole, months = (25, 100, 3) if options.quick else (_SMALL, _WHOLE, 12)
    years = [_lived(donors, months) for donors in (small, whole)]
    with on.ground() as standing:
        theirs = drain.tutorial(standing, "tutorial", _THEIR_GIFTS)
    print_table(
        ["town", "seconds", "instalments", "instalments/s", "events/s", "memory MiB"],
        [
            *(
                [
                    f"{year['donors']:,} donors, {months} months",
                    f"{year['seconds']:,.1f}",
                    f"{year['instalments']:,}",
                    f"{year['instalments'] / year['seconds']:,.0f}",
                    f"{year['events'] / year['seconds']:,.0f}",
                    f"{year['memory_mib']:,}",
                ]
                for year in years
            ),
            [
                "one task an event, scaled",
                f"{years[1]['events'] / theirs.rate:,.0f}",
                "",
                "",
                f"{theirs.rate:,.0f}",
                "",
            ],
        ],
    )
    print("  Theirs only applies events that are there already; ours makes, sends and stores them too.\n")
    return conclude(
        [
            at_most(f"{whole:,} donors × {months} months, seconds", years[1]["seconds"], 60, unit=" s"),
            at_most(
                "memory, the large town over the small", years[1]["memory_mib"] / years[0]["memory_mib"], 1.3
            ),
            at_least(
                "the usual worker takes longer by", years[1]["events"] / theirs.rate / years[1]["seconds"], 3
            ),
            holds("every law of the books", "proved at the end", all(not year["wrong"] for year in years)),
        ]
    )


def _lived(donors: int, months: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "payments.cli", "simulate", "--json"]
    command += ["--donors", str(donors), "--months", str(months)]
    done = subprocess.run(command, cwd=on.ROOT, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

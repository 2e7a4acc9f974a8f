"""How long it takes to match a whole book with Stripe's payouts and the bank, and to write out its journal.

`almoner reconcile` as an operator runs it, a process of its own, over books of three sizes in a scratch
database: first everything at once, then the round of every hour when there is nothing new. Beside it the
obvious loop over the ORM, measured on a part of the largest book and scaled; and the same for the journal,
written by PostgreSQL or by the ORM and the `csv` module.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from bench.measuring import banked_books
from bench.measuring import ground as on
from bench.measuring.payloads import WEBHOOK_SECRET
from bench.measuring.report import Goal, at_least, at_most, conclude, holds, middle, print_table

GIB = 1024**3
BYTES_A_GIFT = 6000
"""What a gift takes on disk with all its rows, indexes and log, generously."""
GIFTS_A_PAYOUT = 190
"""The last twentieth of the gifts is still at Stripe: 5,000 payouts of a million."""
_BROKEN = 100


@dataclass(slots=True)
class Round:
    """The rounds over one book: several times the first, and the one after it."""

    gifts: int
    movements: int
    payouts: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """PostgreSQL's CPU seconds."""
    again: float = 0.0
    peak_mib: float = 0.0
    matched: int = 0
    found: int = 0


@dataclass(slots=True)
class Writing:
    """The journal written to a file."""

    entries: int
    seconds: list[float]
    peak_mib: float
    bytes: int


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench reconcile", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 50,000 gifts: about a minute")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the median counts")
    options = parser.parse_args(argv)
    sizes = (2_000, 10_000, 50_000) if options.quick else (10_000, 100_000, 1_000_000)
    with on.ground() as standing:
        free = shutil.disk_usage(standing.folder).free
        if free < 1.5 * sizes[-1] * BYTES_A_GIFT:
            print(f"bench reconcile: {free / GIB:.1f} GiB free are too few", file=sys.stderr)
            return 2
        rounds = []
        for size in sizes:
            url = _book(standing, size)
            rounds.append(_reconciled(standing, url, size, times=options.rounds))
            if size != sizes[-1]:
                on.services.drop_database(standing.postgres, f"book{size}")
        banked_books.forget_matches(on.libpq_url(url))
        loop = _rival(standing, url, "reconcile_loop", 10 if options.quick else 20)
        written = _written(standing, url, times=options.rounds)
        by_orm = _rival(standing, url, "export_loop", 2_000 if options.quick else 20_000)
        found = _broken(standing, url)
    return _report(rounds, loop, written, by_orm, found=found, is_quick=options.quick)


def _book(standing: on.Ground, gifts: int) -> str:
    url = standing.database(f"book{gifts}")
    environment = _environment(standing, url)
    on.migrate(url, environment)
    charity = on.ROOT / "payments/local/organisation.toml"
    on.run([sys.executable, "-m", "payments.cli", "organisation", "load", str(charity)], environment)
    banked_books.write(on.libpq_url(url), gifts, payout_after=GIFTS_A_PAYOUT, say=_say)
    _say("")
    return url


def _reconciled(standing: on.Ground, url: str, gifts: int, *, times: int) -> Round:
    done = Round(gifts, *_counts(url))
    for turn in range(times):
        _say(f"reconciling {gifts:,} gifts: round {turn + 1} of {times}")
        if turn:
            banked_books.forget_matches(on.libpq_url(url))
        before = standing.postgres_cpu()
        answer, seconds, peak = _reconcile(standing, url)
        done.seconds.append(seconds)
        done.cpu.append(standing.postgres_cpu() - before)
        done.peak_mib = max(done.peak_mib, peak)
        done.matched, done.found = len(answer["matched"]), done.found + len(answer["exceptions"])
    answer, done.again, _ = _reconcile(standing, url)
    done.found += len(answer["exceptions"]) + len(answer["matched"])
    _say("")
    return done


def _reconcile(standing: on.Ground, url: str) -> tuple[dict, float, float]:
    """The answer, the seconds and the peak memory (MiB) of the process that asks."""
    output = standing.folder / "round.json"
    # Exit code 1 says that something is open.
    asked = ["payments.cli", "reconcile", "--json"]
    seconds, peak = _process(standing, url, asked, output=output, may_end_with={0, 1})
    if not output.stat().st_size:
        raise SystemExit("reconcile said nothing")
    return json.loads(output.read_text()), seconds, peak


def _process(
    standing: on.Ground, url: str, module: list[str], *, output: Path, may_end_with: Set[int] = frozenset({0})
) -> tuple[float, float]:
    with output.open("wb") as answer:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=on.ROOT,
            env=on.clean_environment(_environment(standing, url)),
            stdout=answer,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in may_end_with:
        raise SystemExit(f"{' '.join(module)} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def _rival(standing: on.Ground, url: str, name: str, sample: int) -> dict[str, float]:
    _say(f"{name} over {sample:,}")
    done = subprocess.run(
        [sys.executable, "-m", f"bench.rivals.{name}", str(sample)],
        cwd=on.ROOT,
        env=on.clean_environment(_environment(standing, url)),
        check=True,
        capture_output=True,
        text=True,
    )
    _say("")
    return json.loads(done.stdout)


def _written(standing: on.Ground, url: str, *, times: int) -> Writing:
    output = standing.folder / "journal.csv"
    seconds, peaks = [], []
    for turn in range(times):
        _say(f"writing the journal: round {turn + 1} of {times}")
        took, peak = _process(standing, url, ["bench.measuring.journal_out"], output=output)
        seconds.append(took)
        peaks.append(peak)
    size = output.stat().st_size
    output.unlink()
    _say("")
    return Writing(_count(url, "journal_entries"), seconds, max(peaks), size)


def _broken(standing: on.Ground, url: str) -> int:
    """How many of the errors planted now the next round finds, if it finds nothing else."""
    with psycopg.connect(on.libpq_url(url)) as owner:
        owner.execute("set session_replication_role = replica")
        lost = {
            row[0]
            for row in owner.execute(
                "update charges set donation_id = null where stripe_charge_id in"
                " (select stripe_charge_id from charges c join donations d on d.id = c.donation_id"
                " order by md5(c.stripe_charge_id) limit %s)"
                " returning (select id from donations where stripe_payment_intent_id ="
                " charges.stripe_payment_intent_id)",
                [_BROKEN],
            )
        }
    answer, _, _ = _reconcile(standing, url)
    found = {each["subject"] for each in answer["exceptions"]}
    return len(lost & found) if found <= lost else -1


def _report(
    rounds: list[Round],
    loop: dict[str, float],
    written: Writing,
    by_orm: dict[str, float],
    *,
    found: int,
    is_quick: bool,
) -> int:
    largest, middling = rounds[-1], rounds[-2]
    whole_loop = loop["seconds"] / loop["movements"] * largest.movements
    whole_orm = by_orm["seconds"] / by_orm["entries"] * written.entries
    print_table(
        ["everything matched", "seconds", "of them", "PostgreSQL CPU s", "µs/movement", "again", "peak MiB"],
        [
            *(
                [
                    f"almoner reconcile, {each.movements:,} movements, {each.payouts:,} payouts",
                    f"{middle(each.seconds):.1f}",
                    f"{min(each.seconds):.1f}–{max(each.seconds):.1f}",
                    f"{middle(each.cpu):.1f}",
                    f"{middle(each.seconds) / each.movements * 1e6:.1f}",
                    f"{each.again:.1f}",
                    f"{each.peak_mib:.0f}",
                ]
                for each in rounds
            ),
            _loop_row("ORM loop", loop["movements"], loop["seconds"]),
            _loop_row("ORM loop, scaled", largest.movements, whole_loop),
        ],
    )
    print_table(
        ["journal as CSV", "seconds", "of them", "µs/entry", "peak MiB", "MB"],
        [
            [
                f"COPY, {written.entries:,} entries",
                f"{middle(written.seconds):.1f}",
                f"{min(written.seconds):.1f}–{max(written.seconds):.1f}",
                f"{middle(written.seconds) / written.entries * 1e6:.1f}",
                f"{written.peak_mib:.0f}",
                f"{written.bytes / 1e6:.0f}",
            ],
            [
                f"ORM and csv, {by_orm['entries']:,} entries",
                f"{by_orm['seconds']:.1f}",
                "",
                f"{by_orm['seconds'] / by_orm['entries'] * 1e6:.1f}",
                "",
                "",
            ],
            [f"ORM and csv, scaled to {written.entries:,}", f"{whole_orm:.1f}", "", "", "", ""],
        ],
    )
    growth = (middle(largest.seconds) / largest.movements) / (middle(middling.seconds) / middling.movements)
    goals: list[Goal] = [
        at_most(
            f"{largest.movements:,} movements in {largest.payouts:,} payouts",
            middle(largest.seconds),
            5 if is_quick else 15,
            unit=" s",
        ),
        at_least(
            "the ORM loop takes longer by", whole_loop / middle(largest.seconds), 20 if is_quick else 100
        ),
        at_most("time a movement, ten times the movements", growth, 1.5),
        at_most("client memory", largest.peak_mib, 150, unit=" MiB"),
        at_most("client memory, largest book to smallest", largest.peak_mib / rounds[0].peak_mib, 1.3),
        at_least(
            "journal: ORM and csv take longer by",
            whole_orm / middle(written.seconds),
            2 if is_quick else 8,
        ),
        at_most("journal: client memory", written.peak_mib, 150, unit=" MiB"),
        holds(
            "every payout is matched",
            f"{largest.matched:,}",
            all(each.matched == each.payouts for each in rounds),
        ),
        holds(
            "no false alarm",
            f"{sum(each.found for each in rounds)} exceptions",
            not any(each.found for each in rounds),
        ),
        holds(f"{_BROKEN} planted errors, and no others, are found", f"{found}", found == _BROKEN),
    ]
    return conclude(goals)


def _loop_row(what: str, movements: float, seconds: float) -> list[str]:
    a_movement = f"{seconds / movements * 1e6:.1f}"
    return [f"{what}, {movements:,.0f} movements", f"{seconds:.1f}", "", "", a_movement, "", ""]


def _counts(url: str) -> tuple[int, int]:
    return _count(url, "balance_transactions"), _count(url, "payouts")


def _count(url: str, table: str) -> int:
    with psycopg.connect(on.libpq_url(url)) as connection:
        row = connection.execute(SQL("select count(*) from {}").format(Identifier(table))).fetchone()
    return int(row[0]) if row else 0


def _environment(standing: on.Ground, url: str) -> dict[str, str]:
    return on.our_environment(standing, url, broker=0, STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET)


def _say(what: str) -> None:
    """On a terminal, what is being done now."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

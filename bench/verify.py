"""How long the proof of a whole book takes, and that it grows with the book and its memory does not.

`almoner ledger verify` as an operator runs it, a process of its own, over books of three sizes in a
scratch database; beside it the obvious loop over the ORM, measured on a part of the largest book and
scaled. The documents of the receipts are short: hashing longer ones is the disk's and PostgreSQL's time.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.measuring import ground as on
from bench.measuring import written_books
from bench.measuring.payloads import WEBHOOK_SECRET
from bench.measuring.report import Goal, at_least, at_most, conclude, holds, middle, print_table

GIB = 1024**3
BYTES_A_GIFT = 6000
"""What a gift takes on disk with all its rows, indexes and log, generously."""


@dataclass(slots=True)
class Proof:
    """The runs over one book."""

    gifts: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """PostgreSQL's CPU seconds: two readers on two free cores need at least half of it."""
    peak_mib: float = 0.0
    findings: int = 0
    slowest: list[tuple[str, float]] = field(default_factory=list)


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench verify", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 50,000 gifts: about a minute")
    options = parser.parse_args(argv)
    sizes, sample = (
        ((2_000, 10_000, 50_000), 1_000) if options.quick else ((10_000, 100_000, 1_000_000), 5_000)
    )
    with on.ground() as standing:
        free = shutil.disk_usage(standing.folder).free
        if free < 1.5 * sizes[-1] * BYTES_A_GIFT:
            print(f"bench verify: {free / GIB:.1f} GiB free are too few", file=sys.stderr)
            return 2
        proofs = []
        for size in sizes:
            url = _book(standing, size)
            proofs.append(_proved(standing, url, size, rounds=3))
            if size != sizes[-1]:
                on.services.drop_database(standing.postgres, f"book{size}")
        on_disk = _size_of(url)
        loop = _loop(standing, url, sample)
        broken = _broken(standing, url, sizes[-1])
    return _report(proofs, loop, broken, on_disk=on_disk, is_quick=options.quick)


def _book(standing: on.Ground, gifts: int) -> str:
    name = f"book{gifts}"
    url = standing.database(name)
    environment = _environment(standing, url)
    on.migrate(url, environment)
    charity = on.ROOT / "payments/local/organisation.toml"
    on.run([sys.executable, "-m", "payments.cli", "organisation", "load", str(charity)], environment)
    written_books.write(on.libpq_url(url), gifts, say=_say)
    _say("")
    return url


def _proved(standing: on.Ground, url: str, gifts: int, *, rounds: int) -> Proof:
    proof = Proof(gifts)
    for turn in range(rounds):
        _say(f"proving {gifts:,} gifts: round {turn + 1} of {rounds}")
        before = standing.postgres_cpu()
        answer, seconds, peak = _verify(standing, url)
        proof.seconds.append(seconds)
        proof.cpu.append(standing.postgres_cpu() - before)
        proof.peak_mib = max(proof.peak_mib, peak)
        proof.findings += answer["count"]
        proof.slowest = sorted(answer["seconds"].items(), key=lambda found: -found[1])
    _say("")
    return proof


def _verify(standing: on.Ground, url: str, *options: str) -> tuple[dict, float, float]:
    """The answer, the seconds and the peak memory (MiB) of the process that asks."""
    output = standing.folder / "findings.json"
    with output.open("wb") as answer:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "payments.cli", "ledger", "verify", "--json", *options],
            cwd=on.ROOT,
            env=on.clean_environment(_environment(standing, url)),
            stdout=answer,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise SystemExit(f"verify ended with {process.returncode}")
    return _last_line(output), seconds, usage.ru_maxrss / 1024


def _last_line(output: Path) -> dict:
    """The totals, without reading a million findings into this process."""
    with output.open("rb") as answer:
        answer.seek(max(0, output.stat().st_size - 20_000))
        last = answer.read().decode().rsplit("\n", 2)[-2]
    return json.loads("{" + last.removeprefix("], "))


def _loop(standing: on.Ground, url: str, sample: int) -> dict[str, float]:
    _say(f"the ORM loop over {sample:,} gifts")
    done = subprocess.run(
        [sys.executable, "-m", "bench.rivals.verify_loop", str(sample)],
        cwd=on.ROOT,
        env=on.clean_environment(_environment(standing, url)),
        check=True,
        capture_output=True,
        text=True,
    )
    _say("")
    return json.loads(done.stdout)


def _broken(standing: on.Ground, url: str, gifts: int) -> Proof:
    """Every entry on the wrong day: as many findings as there are entries."""
    _say("breaking every entry")
    with psycopg.connect(on.libpq_url(url)) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("update journal_entries set effective_on = effective_on + 1")
    answer, seconds, peak = _verify(standing, url, "--kind", "entry_on_wrong_day")
    _say("")
    return Proof(gifts, [seconds], [], peak, answer["count"])


def _report(
    proofs: list[Proof], loop: dict[str, float], broken: Proof, *, on_disk: float, is_quick: bool
) -> int:
    largest, middling = proofs[-1], proofs[-2]
    whole_loop = loop["seconds"] / loop["gifts"] * largest.gifts
    rows = [
        [
            f"almoner ledger verify, {proof.gifts:,} gifts",
            f"{middle(proof.seconds):.1f}",
            f"{min(proof.seconds):.1f}–{max(proof.seconds):.1f}",
            f"{middle(proof.cpu):.1f}",
            f"{middle(proof.seconds) / proof.gifts * 1e6:.0f}",
            f"{proof.peak_mib:.0f}",
            str(proof.findings),
        ]
        for proof in proofs
    ]
    a_gift = loop["seconds"] / loop["gifts"] * 1e6
    rows.append(
        [
            f"ORM loop, {loop['gifts']:,} gifts",
            f"{loop['seconds']:.1f}",
            "",
            "",
            f"{a_gift:.0f}",
            "",
            str(loop["wrong"]),
        ]
    )
    rows.append(
        [f"ORM loop, scaled to {largest.gifts:,}", f"{whole_loop:.0f}", "", "", f"{a_gift:.0f}", "", ""]
    )
    print_table(
        ["proof", "seconds", "rounds", "PostgreSQL CPU s", "µs/gift", "client peak MiB", "findings"], rows
    )
    slowest = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in largest.slowest[:5])
    print(f"  The slowest laws of the largest book ({on_disk / GIB:.1f} GiB on disk): {slowest}.")
    print(
        f"  With every entry broken: {broken.findings:,} findings in {broken.seconds[0]:.1f} s,"
        f" peak {broken.peak_mib:.0f} MiB.\n"
    )
    growth = (middle(largest.seconds) / largest.gifts) / (middle(middling.seconds) / middling.gifts)
    goals: list[Goal] = [
        at_most(f"{largest.gifts:,} gifts", middle(largest.seconds), 10 if is_quick else 60, unit=" s"),
        at_most("time a gift, ten times the gifts", growth, 1.5),
        at_most("client memory, largest book to smallest", largest.peak_mib / proofs[0].peak_mib, 1.1),
        at_most("client memory, everything broken to nothing", broken.peak_mib / largest.peak_mib, 1.1),
        at_least("the ORM loop takes longer by", whole_loop / middle(largest.seconds), 10),
        holds(
            "no false alarm",
            f"{sum(p.findings for p in proofs)} findings",
            not any(p.findings for p in proofs),
        ),
        holds("every broken entry is found", f"{broken.findings:,}", broken.findings > largest.gifts),
    ]
    return conclude(goals)


def _size_of(url: str) -> float:
    with psycopg.connect(on.libpq_url(url)) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    return float(row[0]) if row else 0.0


def _environment(standing: on.Ground, url: str) -> dict[str, str]:
    return on.our_environment(standing, url, broker=0, STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET)


def _say(what: str) -> None:
    """On a terminal, what is being done now."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

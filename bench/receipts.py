"""What a year's end costs: 10,000 annual statements with their numbers and pages, and one page beside others.

Numbers are given by the very functions of the worker and of `almoner receipts annual`, in a process of its
own on a PostgreSQL with fsync on, first to the gifts of the year and then to its statements; afterwards both
registers must run from 1 without a gap, and the statements must list what the receipts come to. Then the
same process sets every statement's page.

One page is set by ours and by two others from the same words, each in one process of its own that has
rendered before the clock starts, and they take turns, so that a busy moment of the machine hits all.
WeasyPrint writes PDF/UA-1 in one turn and PDF/A-3a in the next, and the cheaper counts: ours does both
standards in one file. ReportLab writes no tagged page at all, so it is shown and not judged by. Ours is
timed with everything `render_pdf` does: formatting, both hashes, bytes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from bench.measuring import ground as on
from bench.measuring.ground import ROOT, rivals_python
from bench.measuring.payloads import WEBHOOK_SECRET
from bench.measuring.report import Goal, at_least, at_most, conclude, holds, middle, print_table
from payments.receipts import render, statements
from payments.receipts.content import EntityContent, ReceiptContent, ReceiptLine
from payments.receipts.page import page_of

WEASYPRINT_STANDARDS = ("pdf/ua-1", "pdf/a-3a")


@dataclass(slots=True)
class Contender:
    """One process that sets pages, and what was measured of it."""

    name: str
    process: subprocess.Popen[str]
    pages_a_round: int
    sample: Path
    variant: str = ""
    taken: int = 0
    cpu: list[float] = field(default_factory=list)
    """Milliseconds a page, one figure a round."""
    rates: list[float] = field(default_factory=list)
    peak_mib: float = 0.0


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench receipts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer statements, pages and rounds: about 30 s")
    options = parser.parse_args(argv)
    rounds = 3 if options.quick else 7
    ours_a_round, theirs_a_round = (100, 10) if options.quick else (300, 30)

    year = _year(500 if options.quick else 10_000)
    with tempfile.TemporaryDirectory(prefix="almoner-bench-receipts-") as name:
        folder = Path(name)
        pages = (rounds + 1) * max(ours_a_round, 2 * theirs_a_round)
        contents, twins = folder / "contents.jsonl", folder / "pages.jsonl"
        gifts = [_gift(place) for place in range(pages)]
        _write(contents, (gift.to_json() for gift in gifts))
        _write(twins, (page_of(gift) for gift in gifts))

        ours = Contender(
            "typst, PDF/A-2a + PDF/UA-1",
            _start([sys.executable, "-m", "bench.receipts", "--pages", contents, folder / "ours.pdf"]),
            ours_a_round,
            folder / "ours.pdf",
        )
        process = _start(
            [
                *(rivals_python(), "-m", "bench.rivals.weasyprint_page"),
                *(twins, Path(render.__file__).parent / "fonts", folder / "theirs.pdf"),
            ]
        )
        rivals = [
            Contender(f"WeasyPrint, {variant}", process, theirs_a_round, folder / "theirs.pdf", variant)
            for variant in WEASYPRINT_STANDARDS
        ]
        untagged = Contender(
            "ReportLab, untagged",
            _start(
                [
                    *(rivals_python(), "-m", "bench.rivals.reportlab_page"),
                    *(twins, Path(render.__file__).parent / "fonts", folder / "untagged.pdf"),
                ]
            ),
            theirs_a_round,
            folder / "untagged.pdf",
        )
        contenders = [ours, *rivals, untagged]
        try:
            for turn in range(rounds + 1):
                for contender in contenders:
                    _take_a_turn(contender, counts=turn > 0)
            goals = [*year, *_goals(ours, rivals), _is_untagged(untagged)]
            _print(contenders)
        finally:
            for contender in (ours, rivals[0], untagged):
                assert contender.process.stdin is not None  # noqa: S101
                contender.process.stdin.close()
                contender.process.wait(timeout=30)
    print(f"  One process each; medians of {rounds} interleaved rounds after one that is not counted.\n")
    return conclude(goals)


def _year(donors: int) -> list[Goal]:
    """A year of gifts numbered, its statements numbered and drawn, and how fast."""
    with on.ground() as standing:
        url = standing.database("numbers")
        environment = on.our_environment(standing, url, broker=1, STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET)
        on.migrate(url, environment)
        working = subprocess.Popen(
            [sys.executable, "-m", "bench.measuring.yearend", str(donors)],
            cwd=ROOT,
            env=on.clean_environment(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        standing.started.append(working)
        steps = [_step(working, standing, name) for name in ("receipts", "statements", "pages")]
        if working.wait():
            raise SystemExit("bench.measuring.yearend failed")
        with psycopg.connect(on.libpq_url(url)) as connection:
            checked = connection.execute(_CHECKED).fetchone() or ()
    print_table(
        ("in one process", "", "a second", "CPU µs each", "PostgreSQL's", "peak MiB"),
        [
            (
                step["name"],
                f"{step['done']:,}",
                f"{step['done'] / step['seconds']:,.0f}",
                f"{step['cpu'] / step['done'] * 1e6:,.0f}",
                f"{step['postgres'] / step['done'] * 1e6:,.0f}",
                f"{step['peak_kib'] / 1024:.0f}",
            )
            for step in steps
        ],
    )
    receipts, statements, pages = steps
    whole = (receipts["done"], statements["done"], pages["done"], True)
    return [
        at_least("statement numbers a second", statements["done"] / statements["seconds"], 10_000, unit=""),
        at_most("peak memory of the year", pages["peak_kib"] / 1024, 300, unit=" MiB"),
        holds(
            "no gap, each drawn, equal to the register",
            "yes" if checked == whole else str(checked),
            checked == whole,
        ),
    ]


_CHECKED = """
    select
        (select count(*) from receipts having min(sequence) = 1 and max(sequence) = count(*)),
        (select count(*) from giving_statements having min(sequence) = 1 and max(sequence) = count(*)),
        (select count(*) from statement_documents),
        (select sum(amount) from receipts) = (
            select sum((gift ->> 'amount_minor')::bigint)
            from giving_statements, jsonb_array_elements(content -> 'gifts') gift
        )
"""


def _step(working: subprocess.Popen[str], standing: on.Ground, name: str) -> dict[str, Any]:
    """Let it do one step; what it took there and in PostgreSQL."""
    assert working.stdin is not None  # noqa: S101
    assert working.stdout is not None  # noqa: S101
    ready = working.stdout.readline()
    before = standing.postgres_cpu()
    if ready:
        working.stdin.write("go\n")
        working.stdin.flush()
    done = working.stdout.readline()
    if not done:
        raise SystemExit(f"bench.measuring.yearend stopped with {working.wait()}")
    return json.loads(done) | {"name": name, "postgres": standing.postgres_cpu() - before}


def _take_a_turn(contender: Contender, *, counts: bool) -> None:
    """One round; the first only warms up."""
    asked = {"from": contender.taken, "to": contender.taken + contender.pages_a_round}
    contender.taken += contender.pages_a_round
    process = contender.process
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps(asked | {"variant": contender.variant}) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{contender.name} stopped with {process.wait()}")
    answer = json.loads(line)
    contender.peak_mib = answer["peak_kib"] / 1024
    if counts:
        contender.cpu.append(answer["cpu"] / contender.pages_a_round * 1000)
        contender.rates.append(contender.pages_a_round / answer["wall"])


def _goals(ours: Contender, rivals: Sequence[Contender]) -> list[Goal]:
    rival = min(rivals, key=lambda contender: middle(contender.cpu))
    ratio = middle(ours.cpu) / middle(rival.cpu)
    both = [_describe(ours.sample), _describe(rival.sample)]
    same = both[0] == both[1] == {"pages": 1, "tagged": True, "says_amount": True, "says_sentence": True}
    return [
        at_most("CPU a page, of WeasyPrint's", ratio, 1 / 8),
        at_most("peak memory of the pages", ours.peak_mib, 300, unit=" MiB"),
        holds("both wrote the same tagged page", "yes" if same else str(both), same),
    ]


def _is_untagged(contender: Contender) -> Goal:
    """The same words on one page, and no tags: what it costs less, it does not do."""
    found = _describe(contender.sample)
    same = found == {"pages": 1, "tagged": False, "says_amount": True, "says_sentence": True}
    return holds("ReportLab wrote the same words untagged", "yes" if same else str(found), same)


def _describe(pdf: Path) -> dict[str, Any]:
    """What a PDF library of neither side finds in the last page written."""
    import pypdf  # noqa: PLC0415 - only the judge needs it, not the contender's process

    reader = pypdf.PdfReader(pdf)
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    return {
        "pages": len(reader.pages),
        "tagged": "/StructTreeRoot" in reader.root_object,
        "says_amount": "257.50" in text,
        "says_sentence": "No goods or services were provided" in text,
    }


def _print(contenders: Sequence[Contender]) -> None:
    rows = [
        (
            contender.name,
            f"{middle(contender.cpu):.2f}",
            f"{min(contender.cpu):.2f}–{max(contender.cpu):.2f}",
            f"{middle(contender.rates):.0f}",
            f"{contender.peak_mib:.0f}",
            f"{middle(contender.cpu) / middle(contenders[0].cpu):.1f}",
        )
        for contender in contenders
    ]
    print_table(("one receipt", "CPU ms/page", "rounds", "pages/s", "peak MiB", "of ours"), rows)


def _gift(place: int) -> ReceiptContent:
    """One of many gifts: two languages, a name of its own, two funds and a fee cover."""
    return ReceiptContent(
        number=f"US-2026-{place:06}",
        kind="gift",
        issued_on=date(2026, 3, 4),
        gift_date=date(2026, 3, 3),
        locale="ko" if place % 2 else "en",
        donor_name=f"김영희 {place}" if place % 2 else f"Margaret O’Sullivan {place}",
        amount_minor=25_750,
        currency="usd",
        lines=(
            ReceiptLine(fund_name="Safe passage", amount_minor=20_000),
            ReceiptLine(fund_name="Where it is needed most", amount_minor=5_000),
            ReceiptLine(fund_name="", amount_minor=750, is_fee_cover=True),
        ),
        entity=EntityContent(
            legal_name="Open Harbor",
            address=("1200 Seaside Avenue, Suite 4", "Torrance, CA 90501", "USA"),
            tax_id="20-1234567",
            jurisdiction="US",
            website="https://www.example.org",
            email="giving@example.org",
            signatory_name="Hannah Song",
            signatory_title="Executive Director",
        ),
        statement_code="us_no_goods_or_services",
        statement_version=statements.current("us_no_goods_or_services").version,
        method_kind="card",
        card_brand="visa",
        last4=f"{place % 10_000:04}",
        verification_code="A7KQ-M2XP-9RTD",
        verification_url=f"https://give.example.org/verify/US-2026-{place:06}/A7KQ-M2XP-9RTD",
    )


def _start(command: Sequence[str | Path]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _set_pages(contents_file: str, sample_file: str) -> int:
    """Our side: render the rounds asked for on standard input, as the rival's program does."""
    lines = Path(contents_file).read_text(encoding="utf-8").splitlines()
    contents = [ReceiptContent.from_json(json.loads(line)) for line in lines]
    for line in sys.stdin:
        asked = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        for content in contents[asked["from"] : asked["to"]]:
            Path(sample_file).write_bytes(render.render_pdf(content).pdf)
        answer = {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pages"]:
        sys.exit(_set_pages(*sys.argv[2:]))
    sys.exit(main(sys.argv[1:]))

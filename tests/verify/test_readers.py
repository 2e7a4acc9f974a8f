"""Several readers of one instant: in order, whole, and no thread left behind."""

import threading

import psycopg
import pytest

from payments.verify.check import Check
from payments.verify.checks import CHECKS
from payments.verify.run import proving
from tests.verify.conftest import Seeded


def a_check(kind: str, rows: int) -> Check:
    """Finds as many breaches as asked for."""
    return Check(
        kind=kind,
        proves="Nothing.",
        says="{subject}.",
        remedy="Nothing.",
        sql=f"select array['{kind}' || n], null::text, null::bigint, null::bigint, null::text"  # noqa: S608
        f" from generate_series(1, {rows}) n",
    )


@pytest.mark.parametrize("readers", [1, 2, 3])
def test_findings_come_in_the_order_of_the_checks_and_all_of_them(seeded: Seeded, readers: int) -> None:
    checks = [a_check("a", 5000), a_check("b", 0), a_check("c", 4000), a_check("d", 1)]

    with proving(checks, readers=readers, url=seeded.url) as proofs:
        found = [(proof.check.kind, [one.subjects[0] for one in proof.findings()]) for proof in proofs]

    assert [(kind, len(subjects)) for kind, subjects in found] == [
        ("a", 5000),
        ("b", 0),
        ("c", 4000),
        ("d", 1),
    ]
    assert found[2][1] == [f"c{n}" for n in range(1, 4001)]


def test_all_readers_see_the_instant_of_the_first(seeded: Seeded) -> None:
    waits = Check(
        kind="waits", proves="", says="{subject}", remedy="", sql=a_check("w", 0).sql + ", pg_sleep(0.3)"
    )
    counts = [
        Check(
            kind=f"count {n}",
            proves="",
            says="{subject}",
            remedy="",
            sql="select array['x'], null::text, count(*), null::bigint, null::text from stripe_cursors",
        )
        for n in range(4)
    ]
    with proving([waits, *counts], readers=2, url=seeded.url) as proofs:
        with psycopg.connect(seeded.url.replace("+psycopg", "")) as other:
            other.execute("insert into stripe_cursors values ('passing by', now(), now())")
        found = [one.found for proof in proofs for one in proof.findings()]
    with psycopg.connect(seeded.url.replace("+psycopg", "")) as other:
        other.execute("delete from stripe_cursors")

    assert found == [0, 0, 0, 0]


def test_a_check_that_cannot_be_asked_is_an_error_and_never_silence(seeded: Seeded) -> None:
    broken = Check(kind="broken", proves="", says="", remedy="", sql="select 1 / 0")

    def ask_everything() -> None:
        with proving([a_check("a", 1), broken, *CHECKS], readers=2, url=seeded.url) as proofs:
            for proof in proofs:
                list(proof.findings())

    with pytest.raises(psycopg.errors.DivisionByZero):
        ask_everything()


def test_nobody_goes_on_reading_for_a_reader_who_has_left(seeded: Seeded) -> None:
    before = threading.active_count()

    with proving([a_check("a", 10_000_000)] * 3, readers=2, url=seeded.url) as proofs:
        next(next(proofs).findings())

    assert threading.active_count() == before

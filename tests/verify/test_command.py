"""`almoner ledger verify` as an operator or an auditor's script meets it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from typer.testing import CliRunner, Result

from payments.cli import app
from payments.database import libpq_url
from payments.verify.checks import CHECKS
from payments.verify.run import breaches, snapshot
from tests.verify.conftest import Seeded, writing_into


def ask(seeded: Seeded, *words: str) -> Result:
    """Run the command on the seeded database."""
    with writing_into(seeded.url):
        return CliRunner().invoke(app, ["ledger", "verify", *words])


@contextmanager
def broken(seeded: Seeded, statement: str, mended: str) -> Iterator[None]:
    """The database really changed, and put back."""
    _as_owner(seeded, statement)
    try:
        yield
    finally:
        _as_owner(seeded, mended)


def _as_owner(seeded: Seeded, statement: str) -> None:
    with psycopg.connect(libpq_url(seeded.url)) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute(statement)


LATER = "update journal_entries set effective_on = effective_on + 1 where kind = 'gift'"
SOONER = "update journal_entries set effective_on = effective_on - 1 where kind = 'gift'"


def test_a_whole_book_is_proved_with_exit_code_0(seeded: Seeded) -> None:
    done = ask(seeded)

    assert done.exit_code == 0
    assert f"{len(CHECKS)} laws proved" in done.stdout
    assert "nothing is wrong" in done.stdout


def test_a_broken_law_is_told_with_what_to_do_and_exit_code_1(seeded: Seeded) -> None:
    with broken(seeded, LATER, SOONER):
        done = ask(seeded)

    assert done.exit_code == 1
    assert "entry_on_wrong_day" in done.stdout
    assert "→ The day decides its month and its year" in done.stdout
    assert "in all; --json gives every one" in done.stdout


def test_a_script_gets_one_document_with_every_finding(seeded: Seeded) -> None:
    with broken(seeded, LATER, SOONER):
        done = ask(seeded, "--json")

    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert not answer["is_proven"]
    assert answer["count"] == len(answer["findings"]) > 200
    # One of the months whose days were moved was closed.
    assert {finding["kind"] for finding in answer["findings"]} == {
        "entry_on_wrong_day",
        "closed_month_changed",
    }
    assert answer["findings"][0].keys() == {
        *("kind", "subjects", "sentence", "remedy", "currency", "found", "expected")
    }
    assert answer["seconds"].keys() == {check.kind for check in CHECKS}


def test_a_whole_book_is_one_document_too(seeded: Seeded) -> None:
    done = ask(seeded, "--json", "--kind", "entry_without_moves", "--kind", "guard_missing")

    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert answer["is_proven"]
    assert answer["findings"] == []
    assert list(answer["seconds"]) == ["entry_without_moves", "guard_missing"]


def test_only_what_was_asked_for_is_proved(seeded: Seeded) -> None:
    with broken(seeded, LATER, SOONER):
        done = ask(seeded, "--kind", "receipt_numbers_have_gaps")

    assert done.exit_code == 0
    assert "1 law proved" in done.stdout


def test_an_unknown_kind_is_refused_before_anything_is_read(seeded: Seeded) -> None:
    done = ask(seeded, "--kind", "everything")

    assert done.exit_code == 2
    assert "no check is called everything" in done.output


def test_the_laws_can_be_read_without_being_proved(seeded: Seeded) -> None:
    done = ask(seeded, "--list", "--json")

    laws = json.loads(done.stdout)
    assert [law["kind"] for law in laws] == [check.kind for check in CHECKS]
    assert all(law["proves"].endswith(".") for law in laws)


def test_nothing_can_be_written_while_proving(seeded: Seeded) -> None:
    with snapshot(seeded.url) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("delete from stripe_event_queue")


def test_the_proof_is_read_under_the_role_of_the_program(seeded: Seeded) -> None:
    with snapshot(seeded.url) as connection:
        assert connection.execute("select current_user").fetchone() == ("almoner_app",)


def test_what_happens_meanwhile_is_not_seen(seeded: Seeded) -> None:
    [check] = [check for check in CHECKS if check.kind == "entry_on_wrong_day"]
    with snapshot(seeded.url) as connection:
        connection.execute("select 1")
        with broken(seeded, LATER, SOONER):
            assert not list(breaches(connection, check))


def test_every_law_has_a_name_of_its_own_and_tells_what_to_do() -> None:
    assert len({check.kind for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.proves.endswith("."), check.kind
        assert check.remedy.endswith("."), check.kind
        assert "{subject}" in check.says, check.kind

"""`almoner bank`: accounts, files and lines, for a person and for a script."""

from collections.abc import Callable

import pytest

from payments.reconciliation.statements import StatementRefused
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner
from tests.reconciliation.bank_files import SAMPLES, sample

FINN = ("--as", "finn@example.org")


@pytest.fixture
def giro(almoner: Almoner, finn: StaffMember) -> Almoner:
    """A terminal where the account `giro` is known."""
    said = almoner(
        "bank", "account", "add", "giro", "--entity", "us", "--currency", "EUR", "--name", "Giro [Bank]",
        "--number", "DE02 1203 0000 0000 2020 51", *FINN,
    )  # fmt: skip
    assert said.text == "giro: Giro [Bank], EUR; has no CSV profile.\n"
    return almoner


def test_a_file_is_imported_and_its_lines_are_listed(giro: Almoner):
    said = giro("bank", "import", str(SAMPLES / "camt053_v02.xml"), "--account", "giro", *FINN)
    listed = giro("bank", "lines", "--account", "giro")

    assert said.exit_code == 0
    assert "2 new lines, 2026-11-05 to 2026-11-05; 1 are only announced" in said.text
    assert "closes with €1,229.80" in said.text
    for part in ("STRIPE PAYMENTS EUROPE", "€242.30", "-€12.50", "STRIPE-A1B2C3", "2026-11-05"):
        assert part in listed.text, part


def test_json_tells_the_same_in_minor_units(giro: Almoner):
    file = str(SAMPLES / "camt053_v02.xml")
    told = giro("bank", "import", file, "--account", "giro", *FINN, "--json").json
    again = giro("bank", "import", file, "--account", "giro", *FINN, "--json").json
    lines = giro("bank", "lines", "--json", "--from", "2026-11-05", "--to", "2026-11-05").json

    assert told["closing"] == {"amount": 122980, "currency": "eur"}
    assert (told["new_lines"], told["left_out"], told["is_known_file"]) == (2, 1, False)
    assert (again["new_lines"], again["is_known_file"]) == (0, True)
    assert [line["amount"]["amount"] for line in lines] == [-1250, 24230]
    assert giro("bank", "lines", "--json", "--from", "2026-11-06").json == []


def test_csv_is_asked_how_it_is_written_and_then_read(giro: Almoner):
    asked = giro("bank", "import", str(SAMPLES / "german.csv"), "--account", "giro", *FINN)
    giro("bank", "account", "profile", "giro", str(SAMPLES / "german.toml"), *FINN)
    said = giro("bank", "import", str(SAMPLES / "german.csv"), "--account", "giro", *FINN)
    accounts = giro("bank", "account", "list", "--json").json

    assert isinstance(asked.error, StatementRefused)
    assert "almoner bank account profile" in str(asked.error)
    assert "5 new lines" in said.text
    assert accounts[0]["csv_profile"]["decimal"] == ","
    assert "Giro [Bank]" in giro("bank", "account", "list").text


def test_a_wrong_file_is_a_sentence_and_leaves_nothing(giro: Almoner, written: Callable[[bytes], str]):
    spoilt = written(sample("two_days.mt940").replace(b"1229,80", b"1229,81"))

    said = giro("bank", "import", spoilt, "--account", "giro", *FINN)

    assert isinstance(said.error, StatementRefused)
    assert giro("bank", "lines", "--json").json == []

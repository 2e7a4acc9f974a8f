"""Finn exports October at the terminal: map, file, manifest, list, and the same file again."""

import hashlib
import json
from pathlib import Path

import openpyxl
import pytest

from payments.cli.export import FileThere
from payments.reconciliation.exports.days import DaysUnclear, DayToCome
from payments.reconciliation.exports.maps import MapWrong, NotMapped
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner, Said
from tests.reconciliation.exports import small_book


@pytest.fixture
def finn_types(book: StaffMember, almoner: Almoner):
    """`almoner export …` as Finn."""

    def run(*words: str) -> Said:
        return almoner("export", *words, "--as", "finn@example.org")

    return run


def test_from_an_empty_map_to_the_file_in_the_folder(finn_types, almoner: Almoner, tmp_path: Path) -> None:
    refused = finn_types("xero", "--month", "2026-10", "--currency", "usd", "--out", str(tmp_path))
    assert isinstance(refused.error, NotMapped)
    assert list(tmp_path.iterdir()) == []
    form = almoner("export", "map", "show", "xero").text
    assert '# stripe_balance = ""' in form
    assert '# rescue = ""' in form
    filled = tmp_path / "xero.toml"
    named = [f'"{account}" = "{name}"' for account, name in small_book.ACCOUNTS.items()]
    funds = [f'{fund} = "{name}"' for fund, name in small_book.FUNDS.items()]
    filled.write_text("\n".join(["[accounts]", *named, "[funds]", *funds]), encoding="utf-8")
    assert "Version 1" in finn_types("map", "import", "xero", str(filled)).text
    assert "Version 2" in finn_types("map", "set", "xero", "options.currency", "usd").text

    made = finn_types("xero", "--month", "2026-10", "--currency", "usd", "--out", str(tmp_path), "--json")

    assert made.error is None
    file = Path(made.json["written_to"])
    assert file.name == "almoner-0001-xero-us-2026-10.csv"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == made.json["sha256"]
    manifest = json.loads(Path(f"{file}.manifest.json").read_text(encoding="utf-8"))
    assert manifest["totals"]["usd"]["debit"] == manifest["control"]["sums"]["usd"]["credit"]
    assert manifest["was_closed"] is False
    assert '"1360"' in almoner("export", "map", "show", "xero").text


def test_the_list_the_batch_and_the_same_file_again(finn_types, almoner: Almoner, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    said = finn_types("csv", "--until", "2026-10-31", "--granularity", "month", "--out", str(first)).text

    assert "debit = credit" in said
    assert "Written to" in said
    again = finn_types("again", "1", "--out", str(second), "--json")
    assert second.read_bytes() == first.read_bytes()
    assert again.json["number"] == 1
    assert "up to 2026-10-31" in almoner("export", "list").text
    assert "finn" in almoner("export", "show", "1").text.lower()
    assert [row["sha256"] for row in almoner("export", "list", "--target", "csv", "--json").json] == [
        again.json["sha256"]
    ]
    assert isinstance(finn_types("again", "1", "--out", str(second)).error, FileThere)


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        (("csv",), DaysUnclear),
        (("csv", "--month", "2026-11"), DayToCome),
        (("csv", "--until", "2026-11-03"), DayToCome),
        (("map", "set", "xero", "accounts.moon", "1"), MapWrong),
        (("map", "set", "xero", "moon", "1"), MapWrong),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    finn_types, words: tuple[str, ...], mistake: type
) -> None:
    assert isinstance(finn_types(*words).error, mistake)


def test_a_workbook_has_numbers_dates_and_texts_and_no_formula(finn_types, tmp_path: Path) -> None:
    file = tmp_path / "october.xlsx"

    finn_types("xlsx", "--month", "2026-10", "--out", str(file))

    book = openpyxl.load_workbook(file)
    headings, *rows = book.worksheets[0].iter_rows()
    column = {cell.value: place for place, cell in enumerate(headings)}
    assert {cell.data_type for row in rows for cell in row} == {"s", "n", "d"}
    debits = [row[column["debit"]].value for row in rows if row[column["currency"]].value == "usd"]
    credits = [row[column["credit"]].value for row in rows if row[column["currency"]].value == "usd"]
    assert round(sum(filter(None, debits)) * 100) == round(sum(filter(None, credits)) * 100) > 10000
    won = next(row for row in rows if row[column["currency"]].value == "krw")
    assert (won[column["debit"]].value, won[column["debit"]].number_format) == (30000, "#,##0")
    about = {row[0].value: row[1].value for row in book["Manifest"].iter_rows()}
    assert about["rows"] == str(len(rows))
    assert about["debit kwd"] == "12.910"

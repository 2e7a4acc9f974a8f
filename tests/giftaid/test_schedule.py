"""HMRC's spreadsheet: each rule of a line, and the file read back as HMRC reads it."""

import io
import zipfile
from datetime import date

import pytest
from defusedxml import ElementTree

from payments.giftaid import schedule
from payments.giftaid.schedule import Line, Person

TODAY = date(2026, 11, 24)
ANN = Person(title="Mrs", first_name="Ann", last_name="Lee", house="4", postcode="SW1A 1AA")
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def read_back(ods: bytes) -> tuple[str, list[list[str]]]:
    """The name of the sheet and its cells, by the text each shows."""
    with zipfile.ZipFile(io.BytesIO(ods)) as opened:
        content = ElementTree.fromstring(opened.read("content.xml"))
    (table,) = content.iter(f"{TABLE}table")
    rows = [
        ["".join(p.text or "" for p in cell.iter(f"{TEXT}p")) for cell in row.iter(f"{TABLE}table-cell")]
        for row in table.iter(f"{TABLE}table-row")
    ]
    return table.attrib[f"{TABLE}name"], rows


def test_every_cell_is_where_hmrc_looks_for_it():
    small = Line(day=date(2026, 3, 9), amount=90_050, aggregated="Small gifts of 2026-03")
    lines = [Line(day=date(2026, 3, 4), amount=1_234_567, person=ANN), small]

    name, rows = read_back(schedule.as_ods(lines, earliest=date(2026, 3, 1), over_claimed=250))

    assert name.startswith("R68GAD_V1_00_0")
    assert rows[12][3] == "01/03/26"
    assert rows[16][3] == "2.50"
    assert rows[24][1:] == ["1", "Mrs", "Ann", "Lee", "4", "SW1A 1AA", "", "", "04/03/26", "12345.67"]
    assert rows[25][1:] == ["2", *[""] * 5, "Small gifts of 2026-03", "", "09/03/26", "900.50"]
    assert len(rows) == 26


def test_nothing_over_claimed_leaves_its_cell_empty():
    line = Line(day=TODAY, amount=1, person=ANN)

    assert read_back(schedule.as_ods([line], earliest=TODAY, over_claimed=0))[1][16][3] == ""


def test_a_thousand_lines_end_in_the_last_row_that_hmrc_reads():
    lines = [Line(day=TODAY, amount=100, person=ANN)] * schedule.MOST_LINES

    rows = read_back(schedule.as_ods(lines, earliest=TODAY, over_claimed=0))[1]

    assert (len(rows), rows[-1][1]) == (1_024, "1000")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("s192bd", "S19 2BD"),
        ("sw1a  1aa", "SW1A 1AA"),
        ("gir0aa", "GIR 0AA"),
        ("x", "X"),
        ("M1 1AE", "M1 1AE"),
    ],
)
def test_a_postcode_is_kept_in_capitals_with_one_space(typed: str, kept: str):
    assert schedule.postcode(typed) == kept
    assert not schedule.wrong_with(Person(first_name="A", last_name="B", house="1", postcode=kept))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"title": "Doctor"}, "two to four letters"),
        ({"title": "M."}, "two to four letters"),
        ({"first_name": ""}, "first name is missing"),
        ({"last_name": "L" * 36}, "longer than 35"),
        ({"last_name": "김"}, "Latin letters"),
        ({"house": "4" * 41}, "longer than 40"),
        ({"house": "=1+1"}, "begins with a sign"),
        ({"postcode": "1234"}, "none of the United Kingdom"),
        ({"postcode": ""}, "none of the United Kingdom"),
    ],
)
def test_what_hmrc_would_refuse_of_a_person_is_refused_here_with_its_reason(
    changed: dict[str, str], says: str
):
    person = Person(**{name: getattr(ANN, name) for name in Person.__slots__} | changed)

    (fault,) = schedule.wrong_with(person)

    assert says in fault


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (Line(day=date(2026, 11, 25), amount=1, person=ANN), "a day to come"),
        (Line(day=TODAY, amount=0, person=ANN), "less than a penny"),
        (Line(day=TODAY, amount=100_001, aggregated="Small"), "at most 1,000 pounds"),
        (Line(day=TODAY, amount=1, aggregated="S" * 36), "longer than 35"),
        (Line(day=TODAY, amount=1, aggregated="Small", person=ANN), "names one person"),
        (Line(day=TODAY, amount=1), "names one person"),
    ],
)
def test_what_hmrc_would_refuse_of_a_line_is_refused_here(line: Line, says: str):
    (fault,) = schedule.wrong_on(line, today=TODAY)

    assert says in fault

"""A report drawn twice from one page: the print and the workbook say the same, exactly, and nothing else."""

from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest

from payments.money import Money
from payments.reconciliation.reports import exceptions, html, wording, workbook
from payments.reconciliation.reports.page import Column, Control, Kind, Page, Table, Tone

LINES = Table(
    name="Lines: all/of them",
    title="Every line",
    columns=[
        Column("Day", Kind.DAY),
        Column("What"),
        Column("Net", Kind.MONEY, is_summed=True),
        Column("Count", Kind.COUNT, is_summed=True),
    ],
    rows=[
        [date(2026, 10, 31), '=HYPERLINK("http://evil.example")', Money(12_345, "usd"), 1],
        [date(2026, 11, 1), "+1-555 <b>bold</b>", Money(-345, "usd"), 2],
    ],
    total="Total",
)
PAGE = Page(
    language="en",
    entity='Bread & "Roses" <Inc>',
    subject="Payout",
    title="po_1",
    verdict="Proven",
    tone=Tone.GOOD,
    sentence="It is.",
    facts=[("Made", datetime(2026, 11, 1, 3, 30, tzinfo=UTC)), ("Amount", Money(12_000, "usd"))],
    tables=[LINES],
    controls=[
        Control(what="Lines", one=Money(12_000, "usd"), against="Payout", other=Money(12_000, "usd")),
        Control(what="Count", one=3, against="List", other=4),
    ],
    time_zone="America/New_York",
)


def sheets(page: Page, **how: Any) -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(workbook.drawn(page)), **how)


def rows(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_words_stay_words_and_numbers_are_numbers():
    sheet = sheets(PAGE)["Lines  all of them"]
    first = sheet[6]

    assert [cell.data_type for cell in first] == ["d", "s", "n", "n"]
    assert [cell.value for cell in first] == [
        datetime.fromisoformat("2026-10-31"),
        '=HYPERLINK("http://evil.example")',
        123.45,
        1,
    ]
    assert (first[0].number_format, first[2].number_format) == ("yyyy-mm-dd", "#,##0.00_);-#,##0.00_)")
    assert sheet.freeze_panes == "B6"
    assert (sheet.print_title_rows, sheet.page_setup.fitToHeight) == ("$5:$5", 0)


@pytest.mark.parametrize(
    ("currency", "shape"), [("krw", "#,##0_);-#,##0_)"), ("kwd", "#,##0.000_);-#,##0.000_)")]
)
def test_a_currency_has_its_own_decimals_and_no_others(currency: str, shape: str):
    assert workbook.pattern(currency) == shape


def test_a_total_is_a_formula_over_the_lines_and_comes_to_our_own_sum():
    formulas = rows(sheets(PAGE)["Lines  all of them"])[-1]
    figures = rows(sheets(PAGE, data_only=True)["Lines  all of them"])[-1]

    assert formulas == ["Total", None, "=SUM($C$6:$C$7)", "=SUM($D$6:$D$7)"]
    assert figures == ["Total", None, 120, 3]


def test_two_currencies_are_never_added_up():
    mixed = replace(LINES, rows=[*LINES.rows, [date(2026, 11, 2), "Won", Money(50_000, "krw"), 1]])

    assert mixed.totals() == [
        ["Total KRW", None, Money(50_000, "krw"), None],
        ["Total USD", None, Money(12_000, "usd"), None],
    ]
    last = rows(sheets(replace(PAGE, tables=[mixed]))["Lines  all of them"])[-2:]
    assert [row[2] for row in last] == [50_000, 120]


def test_a_control_that_does_not_agree_is_told_by_a_word_and_not_only_by_a_colour():
    drawn = html.drawn(PAGE).decode()
    summary = rows(sheets(PAGE, data_only=True)["Summary"])

    assert "✗ differs" in drawn
    assert ["Count", 3, "List", 4, -1, "differs"] in summary
    assert ["Lines", 120, "Payout", 120, 0, "agrees"] in summary
    assert ["Made", datetime.fromisoformat("2026-10-31 23:30"), None, None, None, None] in summary


def test_the_page_fetches_nothing_and_repeats_what_was_typed_as_text():
    drawn = html.drawn(PAGE).decode()

    assert "Bread &amp; &#34;Roses&#34; &lt;Inc&gt;" in drawn
    assert "&lt;b&gt;bold&lt;/b&gt;" in drawn
    assert 'content: "Bread \\26  \\22 Roses\\22  \\3c Inc\\3e ' in drawn
    for outside in ("http://", "https://", "src=", "@import", "url("):
        assert outside not in drawn.replace("http://evil.example", "")


def test_every_table_has_its_caption_and_every_column_its_scope():
    drawn = html.drawn(PAGE).decode()

    assert drawn.count("<caption>") == drawn.count("<table") == 2
    assert drawn.count('scope="col"') == 6 + 4
    assert '<th scope="row">Total</th>' in drawn
    assert "counter(page)" in drawn


def test_the_same_page_is_the_same_bytes():
    assert html.drawn(PAGE) == html.drawn(PAGE)
    assert workbook.drawn(PAGE) == workbook.drawn(PAGE)
    with ZipFile(BytesIO(workbook.drawn(PAGE))) as parts:
        assert "2000-01-01T00:00:00Z" in parts.read("docProps/core.xml").decode()


def test_both_languages_have_every_word():
    def keys(words: dict[str, Any], above: str = "") -> set[str]:
        found = set()
        for key, value in words.items():
            found |= keys(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}"}
        return found

    assert keys(wording.words("en")) == keys(wording.words("ko"))


def test_a_large_report_is_written_out_as_it_comes_and_says_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook, "_LARGE", 1)
    assert rows(sheets(PAGE)["Lines  all of them"])[5:] == [
        [datetime.fromisoformat("2026-10-31"), '=HYPERLINK("http://evil.example")', 123.45, 1],
        [datetime.fromisoformat("2026-11-01"), "+1-555 <b>bold</b>", -3.45, 2],
        ["Total", None, "=SUM($C$6:$C$7)", "=SUM($D$6:$D$7)"],
    ]
    assert workbook.drawn(PAGE) == workbook.drawn(PAGE)


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_kind_that_may_be_found_has_a_name_and_says_what_it_means(language: str):
    words = wording.words(language)

    assert set(exceptions._KINDS) <= set(words["kind"]) & set(words["meaning"])

"""A report of finance's in a real browser: for everybody to read, and on paper with heads on every page."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from pypdf import PdfReader

from payments.money import Money
from payments.reconciliation.reports import html
from payments.reconciliation.reports.page import Tone
from tests.reconciliation.test_report_pages import LINES, PAGE


def test_a_report_is_readable_for_everybody_and_asks_for_nothing(chromium: Browser, tmp_path: Path):
    asked: list[str] = []
    nothing = replace(LINES, rows=[*LINES.rows, [date(2026, 11, 2), "Nothing", Money(0, "usd"), 0]])
    for tone in Tone:
        file = tmp_path / f"{tone}.html"
        file.write_bytes(html.drawn(replace(PAGE, tone=tone, tables=[nothing])))
        tab = chromium.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(file.as_uri())

        found = Axe().run(tab)

        assert found.violations_count == 0, found.generate_report()
        tab.close()
    assert {url.partition(":")[0] for url in asked} == {"file"}
    assert len(asked) == len(Tone)


def test_on_paper_every_page_has_the_heads_of_its_columns_and_its_number(chromium: Browser, tmp_path: Path):
    many = replace(LINES, rows=[*LINES.rows] * 60)
    file = tmp_path / "report.html"
    file.write_bytes(html.drawn(replace(PAGE, tables=[many])))
    tab = chromium.new_page()
    tab.goto(file.as_uri())

    pages = PdfReader(BytesIO(tab.pdf(prefer_css_page_size=True))).pages

    words = [" ".join(page.extract_text().split()) for page in pages]
    assert len(words) > 3
    for number, page in enumerate(words, start=1):
        assert f"Page {number} / {len(words)}" in page
        assert 'Bread & "Roses" <Inc>' in page
    assert all("Day What Net Count" in page for page in words[1:])
    assert sum("Total" in page for page in words) == 1, "a sum of all lines is no sum of a page"
    width, height = (float(side) for side in pages[0].mediabox[2:])
    assert (round(width), round(height)) == (842, 595), "A4, on its side"

"""A donor's page of all gifts in a real browser: no barrier, no script needed, and papers come as files."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from payments.database import transaction
from payments.donations.models import Organisation
from payments.receipts import annual
from tests.browser.conftest import DESKTOP, PHONE, opened
from tests.browser.test_giving import without_barriers
from tests.factories import NOON, a_donation
from tests.giving.links import a_link
from tests.monthly.promises import a_monthly_gift
from tests.receipts.register import settle_the_register
from tests.receipts.test_annual import us
from tests.receipts.test_issue import a_paid_gift


@pytest.fixture
def given(organisation: Organisation) -> None:
    """Two years of gifts, one under way, one refused, one each month, and a statement."""
    with transaction() as session:
        a_paid_gift(session, amount=2500, paid_at=NOON)
        a_paid_gift(session, amount=50_000, currency="krw", paid_at=NOON - timedelta(days=365))
        a_monthly_gift(session)
        for status in ("processing", "failed"):
            a_donation(session, status=status, created_at=NOON)
    settle_the_register()
    with transaction() as session:
        annual.number_next(session, us(session), 2026)
        annual.draw_next(session, us(session), 2026)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_has_a_barrier_that_axe_knows(
    chromium: Browser, site: str, given: None, lang: str, width: dict[str, int]
) -> None:
    with opened(chromium, site, viewport=width) as page:
        link = f"/giving/open/{a_link()}"
        for path in ("/giving", "/giving?ended=yes", "/giving/sent", link):
            page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            without_barriers(page)
        page.locator("main button").click()
        page.wait_for_url("**/giving/gifts**")
        without_barriers(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for path in (
            "/giving/gifts?year=2025",
            "/giving/summary?body=us&from=2026-02-01&until=2026-01-01",
            link,
        ):
            page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            without_barriers(page)


def test_a_donor_fetches_papers_and_leaves_with_the_keyboard_and_without_a_script(
    chromium: Browser, site: str, given: None
) -> None:
    with opened(chromium, site, java_script_enabled=False) as page:
        page.goto(f"/giving/open/{a_link()}?lang=en")
        page.get_by_role("button", name="See my gifts").press("Enter")
        expect(page.get_by_role("heading", name="What you gave in 2026")).to_be_visible()

        for name in ("Receipt US-2026-000001 (PDF)", "Statement of 2026, US-A-2026-000001 (PDF)"):
            with page.expect_download() as file:
                page.get_by_role("link", name=name).press("Enter")
            assert Path(file.value.path()).read_bytes().startswith(b"%PDF")
        page.get_by_label("From").fill("2025-01-01")
        with page.expect_download() as file:
            page.get_by_role("button", name="Fetch the summary").press("Enter")
        assert file.value.suggested_filename.startswith("gifts-2025-01-01-")

        page.get_by_role("button", name="Sign out").press("Enter")
        expect(page.get_by_role("heading", name="All your gifts")).to_be_visible()
        page.go_back()
        expect(page.get_by_text("Receipt US-2026-000001")).to_have_count(0)

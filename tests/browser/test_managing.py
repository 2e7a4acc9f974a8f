"""The donor's own page of a monthly gift in a real browser: no barrier, and no script needed."""

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from payments.clock import now
from payments.database import transaction
from payments.monthly import links
from payments.supporters import donors
from tests.browser.conftest import DESKTOP, PHONE, opened
from tests.browser.test_giving import without_barriers
from tests.factories import NOON
from tests.monthly.promises import a_monthly_gift

STANDINGS = [
    {"status": "active"},
    {"status": "behind"},
    {"status": "paused", "is_paused": True, "paused_until": NOON + timedelta(days=60)},
    {"status": "lapsed", "lapsed_at": NOON},
    {"status": "ended", "ended_at": NOON, "end_reason": "donor"},
    {"status": "pending"},
]


def a_link(**given: object) -> str:
    with transaction() as session:
        gift = a_monthly_gift(session, **given)
        email = donors.email_of(session, gift.donor_id)
        return f"/monthly/{links.token(gift.id, email, expires_at=now() + NOT_LONG)}"


NOT_LONG = timedelta(days=1)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_standing_has_a_barrier_that_axe_knows(
    chromium: Browser, site: str, lang: str, width: dict[str, int]
) -> None:
    with opened(chromium, site, viewport=width) as page:
        for path in [*(a_link(**given) for given in STANDINGS), "/monthly/sent"]:
            page.goto(f"{path}?lang={lang}")
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            without_barriers(page)


def test_a_gift_is_paused_and_stopped_with_the_keyboard_and_without_a_script(
    chromium: Browser, site: str
) -> None:
    with opened(chromium, site, java_script_enabled=False) as page:
        page.goto(f"{a_link()}?lang=en")

        page.get_by_text("Let it rest for a while").focus()
        page.keyboard.press("Enter")
        page.get_by_label("For how long").select_option("3")
        page.get_by_role("button", name="Let it rest").press("Enter")
        expect(page.get_by_text("Nothing is charged until March 15, 2027.")).to_be_visible()

        page.get_by_role("button", name="Stop my monthly gift").press("Enter")
        expect(page.get_by_role("heading", name="Your monthly gift has ended")).to_be_visible()

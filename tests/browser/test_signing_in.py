"""From the invitation to the console and back in a real browser: no barrier, and no script needed."""

import pytest
from playwright.sync_api import Browser, Page, expect

from payments.database import transaction
from payments.staff import links, people
from payments.staff.models import Role
from tests.browser.conftest import DESKTOP, PHONE, opened
from tests.browser.test_giving import without_barriers
from tests.staff.app import code_of

PASSWORD = "four lanterns on the road"  # noqa: S105 - of nobody's


@pytest.fixture
def invitation(site: str) -> str:
    """The first person's, made at the machine."""
    with transaction() as session:
        adam = people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])
        return links.invite(session, adam, by=adam).removeprefix(site)


def signs_in(page: Page, code: str) -> None:
    page.get_by_label("E-mail address").fill("adam@lp.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code").fill(code)
    page.keyboard.press("Enter")


def test_the_whole_way_without_a_script(chromium: Browser, site: str, invitation: str) -> None:
    with opened(chromium, site, java_script_enabled=False) as page:
        page.goto(invitation)
        page.get_by_role("button", name="Begin").press("Enter")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("Once more").fill(PASSWORD)
        page.get_by_role("button", name="Go on").press("Enter")
        page.get_by_text("The app cannot read it?").click()
        secret = page.locator("details code").inner_text()
        page.get_by_label("The code that the app shows now").fill(code_of(secret, half_minutes=-1))
        page.keyboard.press("Enter")
        expect(page.locator(".codes code")).to_have_count(10)

        page.goto("/console/account")
        page.get_by_role("button", name="Sign out").press("Enter")
        expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()
        signs_in(page, "000000")
        expect(page.get_by_role("alert")).to_contain_text("is not right")
        signs_in(page, code_of(secret))
        expect(page.get_by_role("alert")).to_have_count(0)
        page.goto("/console/account")
        expect(page.get_by_text("this one")).to_be_visible()


@pytest.mark.parametrize(("lang", "width"), [("en", DESKTOP), ("ko", PHONE)], ids=["desktop", "phone"])
def test_no_page_on_the_way_has_a_barrier_that_axe_knows(
    chromium: Browser, site: str, invitation: str, lang: str, width: dict[str, int]
) -> None:
    with opened(chromium, site, viewport=width) as page:
        for path in ("/console/sign-in", "/console/welcome/used", invitation):
            page.goto(f"{path}?lang={lang}")
            without_barriers(page)
        page.locator("main button").click()
        page.locator("#new_password").fill("short")
        page.locator("#again").fill(PASSWORD)
        page.locator("main form").evaluate("form => form.noValidate = true")
        page.locator("main button").click()
        without_barriers(page)
        page.locator("#new_password").fill(PASSWORD)
        page.locator("#again").fill(PASSWORD)
        page.locator("main button").click()
        page.locator("summary").click()
        without_barriers(page)
        secret = page.locator("details code").inner_text()
        page.locator("#code").fill(code_of(secret))
        page.locator("main form button").click()
        without_barriers(page)
        page.goto("/console/account")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        without_barriers(page)

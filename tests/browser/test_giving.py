from base64 import b64encode
from datetime import date

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select, update

from payments.database import transaction
from payments.donations.models import Donation, DonationStatus
from tests.browser.conftest import DESKTOP, PHONE, opened
from tests.factories import NOON, a_donation


def fill_in(page: Page) -> None:
    page.get_by_label("Rescue and resettlement").check()
    page.get_by_label("Your name").fill("Ada Park")
    page.get_by_label("E-mail address").fill("ada@example.com")


def amount(page: Page, label: str) -> Locator:
    """The amount that is on the page now; the other currencies' and frequencies' are hidden."""
    return page.get_by_label(label, exact=True).filter(visible=True)


def a_gift(status: DonationStatus) -> str:
    is_paid = status == DonationStatus.PAID
    day = {"paid_at": NOON, "gift_date": date(2026, 11, 24)} if is_paid else {}
    with transaction() as session:
        return a_donation(session, status=status, **day).id


def settle(gift: str, status: DonationStatus) -> None:
    with transaction() as session:
        session.execute(update(Donation).where(Donation.id == gift).values(status=status))


def test_the_button_leads_to_stripes_page_past_our_own_guards(
    chromium: Browser, site: str, stripe_pages: str, is_scripted: bool
) -> None:
    with opened(chromium, site, java_script_enabled=is_scripted) as page:
        page.goto("/donate")
        fill_in(page)

        page.get_by_role("button", name="Donate Now").click()
        page.wait_for_url(f"{stripe_pages}/**")

        expect(page.get_by_text("$50.00").first).to_be_visible()


def test_the_whole_form_can_be_filled_in_with_the_keyboard(page: Page, stripe_pages: str) -> None:
    page.goto("/donate?lang=en")

    page.get_by_label("USD US dollars").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(amount(page, "$100")).to_be_checked()
    page.get_by_label("Your name").focus()
    page.keyboard.type("Ada Park")
    page.keyboard.press("Tab")
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stripe_pages}/**")

    with transaction() as session:
        assert session.scalars(select(Donation.amount)).one() == 10_000


def test_changing_the_currency_changes_the_amounts_even_without_a_script(
    chromium: Browser, site: str, is_scripted: bool
) -> None:
    with opened(chromium, site, java_script_enabled=is_scripted) as page:
        page.goto("/donate")
        expect(amount(page, "$50")).to_be_visible()

        page.get_by_label("KRW").check()

        expect(amount(page, "₩50,000")).to_be_visible()
        expect(amount(page, "$50")).to_be_hidden()


def test_choosing_monthly_changes_the_amounts_and_the_words_even_without_a_script(
    chromium: Browser, site: str, is_scripted: bool
) -> None:
    with opened(chromium, site, java_script_enabled=is_scripted) as page:
        page.goto("/donate")
        expect(page.get_by_role("heading", name="Walk someone to freedom")).to_be_visible()
        expect(amount(page, "$15")).to_be_hidden()

        page.get_by_label("Each month", exact=True).check()

        expect(page.get_by_role("heading", name="Join Liberty and give monthly")).to_be_visible()
        expect(amount(page, "$15")).to_be_visible()
        expect(amount(page, "$250")).to_be_hidden()
        expect(page.get_by_role("button", name="Give monthly")).to_be_visible()
        page.get_by_label("KRW").check()
        expect(amount(page, "₩10,000")).to_be_visible()
        expect(amount(page, "$15")).to_be_hidden()


def test_the_sum_on_the_page_is_the_sum_that_is_asked_for(page: Page, stripe_pages: str) -> None:
    page.goto("/donate")
    fill_in(page)

    page.get_by_role("radio", name="Another amount").check()
    expect(amount(page, "Your own amount in US dollars")).to_be_focused()
    page.keyboard.type("1,234.56")
    page.get_by_label("Add $37.19 so that the card fee").check()
    expect(page.locator("#sum")).to_have_text("$1,271.75")
    page.get_by_role("button", name="Donate Now").click()
    page.wait_for_url(f"{stripe_pages}/**")

    with transaction() as session:
        assert session.scalars(select(Donation.amount)).one() == 127_175


def test_a_double_click_gives_once(page: Page, stripe_pages: str) -> None:
    page.goto("/donate")
    fill_in(page)

    page.get_by_role("button", name="Donate Now").dblclick()
    page.wait_for_url(f"{stripe_pages}/**")

    with transaction() as session:
        session.scalars(select(Donation)).one()


def test_errors_are_read_out_first_and_lead_to_their_fields(page: Page) -> None:
    page.goto("/donate")
    page.get_by_label("E-mail address").fill("ada@")

    page.get_by_role("button", name="Donate Now").click()

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Your name")).to_have_accessible_description(
        "Please tell us your name, in at most 200 letters."
    )
    page.get_by_role("link", name="Please check the e-mail address").click()
    expect(page.get_by_label("E-mail address")).to_be_focused()
    expect(page.get_by_label("E-mail address")).to_have_value("ada@")


def test_the_news_comes_by_itself_when_the_gift_is_paid(
    chromium: Browser, site: str, is_scripted: bool
) -> None:
    gift = a_gift(DonationStatus.PENDING)
    with opened(chromium, site, java_script_enabled=is_scripted) as page:
        page.goto(f"/thank-you/{gift}?lang=en")
        expect(page.get_by_role("heading", name="Your gift is being confirmed")).to_be_visible()

        settle(gift, DonationStatus.PAID)

        expect(page.get_by_role("heading", name="Thank you")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("Because of you")).to_be_visible()
        expect(page).to_have_title("Thank you · Lantern Path")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_has_a_barrier_that_axe_knows(
    chromium: Browser, site: str, lang: str, width: dict[str, int]
) -> None:
    gifts = [a_gift(status) for status in DonationStatus]
    with opened(chromium, site, viewport=width) as page:
        page.goto(f"/donate?lang={lang}")
        without_barriers(page)
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_be_visible()
        without_barriers(page)
        for path in [*(f"/thank-you/{gift}" for gift in gifts), "/nowhere", f"/donate?cancelled={gifts[0]}"]:
            page.goto(path + ("&" if "?" in path else "?") + f"lang={lang}")
            without_barriers(page)


def without_barriers(page: Page) -> None:
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("width", [320, 390, 600, 800, 980, 1280, 1920])
def test_the_words_on_the_picture_can_be_read(chromium: Browser, site: str, lang: str, width: int) -> None:
    with opened(chromium, site, viewport={"width": width, "height": 900}) as page:
        page.goto(f"/donate?lang={lang}")
        words = [page.locator(".scene h1").bounding_box(), page.locator(".story").bounding_box()]
        page.locator(".scene-words").evaluate("words => { words.style.visibility = 'hidden' }")
        page.locator(".stars").evaluate("stars => { stars.style.visibility = 'hidden' }")
        shot = page.screenshot()

    assert lightest_behind(chromium, shot, words) <= LIGHTEST_UNDER_WHITE


LIGHTEST_UNDER_WHITE = 1.05 / 4.5 - 0.05
"""The relative luminance at which white text still has the contrast of 4.5 that WCAG asks for."""


def lightest_behind(chromium: Browser, shot: bytes, boxes: list[dict[str, float] | None]) -> float:
    """The relative luminance of the lightest pixel in these boxes of a screenshot."""
    page = chromium.new_page()
    lightest = page.evaluate(
        """async ([png, boxes]) => {
            const image = new Image();
            image.src = "data:image/png;base64," + png;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            const linear = (c) => c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4;
            let lightest = 0;
            for (const box of boxes) {
                const pixels = canvas.getImageData(box.x, box.y, box.width, box.height).data;
                for (let i = 0; i < pixels.length; i += 4) {
                    const [red, green, blue] = pixels.slice(i, i + 3);
                    const light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
                    lightest = Math.max(lightest, light);
                }
            }
            return lightest;
        }""",
        [b64encode(shot).decode(), boxes],
    )
    page.close()
    return float(lightest)

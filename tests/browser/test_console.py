"""A newcomer's way in: twenty-five dollars given on the page, and followed in the console to the bank."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from payments.database import transaction
from payments.receipts.models import Receipt
from payments.staff import people, sessions
from payments.staff.models import StaffMember
from tests.browser.conftest import PHONE, opened
from tests.cli.conftest import almoner
from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door
from tests.journeys.house import House
from tests.offline.papers import a_cheque, taken_in
from tests.reconciliation.conftest import finn, treasury
from tests.reconciliation.treasury import Treasury

__all__ = [
    "_doorstep",
    "almoner",
    "finn",
    "front_door",
    "house",
    "post_office",
    "stripe_next_door",
    "treasury",
]


def signed_in(page: Page, house: House, finn: StaffMember) -> None:
    with transaction() as session:
        token = sessions.begin(session, people.find(session, finn.email), way="test", browser="")
    page.context.add_cookies([{"name": "almoner-staff", "value": token, "url": house.url}])


def gives(page: Page) -> None:
    """On the donate page, and on Stripe's."""
    page.goto("/donate")
    page.get_by_label("Rescue and resettlement").check()
    page.get_by_role("radio", name="Another amount").check()
    page.locator("#own-usd").fill("25")
    page.get_by_label("Your name").fill("Ada Park")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Donate Now").click()
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_label("Expiry").fill("12/30")
    page.get_by_label("CVC").fill("123")
    page.get_by_label("Name on card").fill("Ada Park")
    page.get_by_role("button", name="$25.00").click()
    page.wait_for_url("**/thank-you/**")


def reaches_the_bank(treasury: Treasury, statement: Path) -> None:
    """Stripe pays out, and the bank's statement is imported."""
    treasury.house.stripe_settles()
    treasury.everybody_works()
    payout = treasury.stripe_pays_out(paid=True)
    treasury.everybody_works()
    days = ("--from", "2020-01-01", "--to", "2099-12-31")
    treasury.almoner("sandbox", "bank-statement", *days, "--out", str(statement))
    treasury.types("bank", "import", str(statement), "--account", treasury.bank.account)
    treasury.reconciles()
    assert treasury.payout(payout)["status"] == "paid"


@pytest.mark.timeout(240)
def test_twenty_five_dollars_are_followed_from_the_button_to_the_line_of_the_bank(
    chromium: Browser,
    treasury: Treasury,
    finn: StaffMember,
    tmp_path: Path,
) -> None:
    house = treasury.house
    with opened(chromium, house.url, java_script_enabled=False) as page:
        gives(page)
        reaches_the_bank(treasury, tmp_path / "bank.xml")
        signed_in(page, house, finn)

        page.goto("/console?lang=en")
        page.get_by_role("link", name="Gifts", exact=True).click()
        page.get_by_role("link", name="don_").first.click()
        way = page.get_by_role("list", name="The way of the money")
        expect(way.get_by_role("heading")).to_have_text(
            [
                "The donor pressed Donate",
                "Stripe's page was opened",
                "The charge succeeded",
                "Stripe credited it",
                "In the book",
                "Paid out, among other money",
                "On the bank's statement",
            ]
        )
        way.get_by_role("link", name="bln_").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("$23.97")
        page.get_by_role("link", name="po_").first.click()
        expect(page.get_by_text("proven", exact=True)).to_be_visible()
        page.get_by_role("link", name="don_").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("$25.00")
        with transaction() as session:
            number = session.scalars(select(Receipt.number)).one()

        # Found by the number that stands on the receipt, with the keyboard alone.
        page.get_by_label("Find").first.focus()
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("$25.00")


SCREENS = (
    *("", "/gifts", "/payouts", "/bank", "/bank/lines", "/exceptions", "/money-back", "/book"),
    *("/book/stripe_balance", "/book/entries/1", "/months", "/receipts", "/monthly"),
)


@pytest.mark.timeout(240)
def test_every_screen_is_readable_for_everybody_and_never_wider_than_a_telephone(
    chromium: Browser, treasury: Treasury, finn: StaffMember
) -> None:
    gift = treasury.a_paid_gift(2500, fund="rescue")
    payout = treasury.stripe_pays_out(paid=True)
    treasury.everybody_works()
    treasury.the_bank_says((treasury.arrives_on(payout), 2397, "STRIPE TRANSFER"))
    treasury.reconciles()
    waits = taken_in(finn, a_cheque()).donation.id
    more = (
        *("/offline", "/offline/record", f"/gifts/{waits}/take-back"),
        *(f"/gifts/{gift.id}", f"/payouts/{payout}", f"/bank/lines/{treasury.bank.lines[0].id}"),
        *(
            "/suspense",
            "/months/2026-11/close",
            "/bank/import",
            f"/bank/lines/{treasury.bank.lines[0].id}/unmatch",
        ),
        *(f"/receipts/{receipt_of(gift.id)}/copy", "/refunds", f"/gifts/{gift.id}/refund"),
    )
    with opened(chromium, treasury.house.url, viewport=PHONE) as page:
        signed_in(page, treasury.house, finn)
        for lang in ("en", "ko"):
            for screen in (*SCREENS, *more):
                page.goto(f"/console{screen}?lang={lang}")
                is_for_everybody(page, screen)
            # The page of the second click, which asks for a password and a code here.
            page.locator("#note").fill("-")
            page.locator("form.deed button").click()
            is_for_everybody(page, "before the second click")


def receipt_of(gift_id: str) -> str:
    with transaction() as session:
        return session.scalars(select(Receipt.id).where(Receipt.donation_id == gift_id)).one()


def is_for_everybody(page: Page, what: str) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, f"{what}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], what

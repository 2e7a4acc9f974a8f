"""The newsletter's pages in a real browser: no barrier, no script needed, and the box on another site."""

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESKTOP, PHONE, opened
from tests.browser.test_giving import without_barriers
from tests.newsletter.conftest import (
    ADA,
    a_question,
    a_subscriber,
    log,
    newest_token,
    reader,
    stop_token,
    the_worker_answers,
)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_has_a_barrier_that_axe_knows(
    chromium: Browser, site: str, lang: str, width: dict[str, int]
) -> None:
    question = f"/confirm/{a_question()}"
    a_subscriber("bea@example.com")
    done = f"/confirm/{newest_token('bea@example.com')}"
    with opened(chromium, site, viewport=width) as page:
        for path in ("", "/sent", question, done, "/confirm/x", f"/stop/{stop_token()}", "/stop/x"):
            page.goto(f"/newsletter{path}?lang={lang}")
            without_barriers(page)


def test_a_reader_subscribes_and_leaves_with_the_keyboard_and_without_a_script(
    chromium: Browser, site: str
) -> None:
    with opened(chromium, site, java_script_enabled=False) as page:
        page.goto("/newsletter?lang=en")
        page.get_by_label("E-mail address").press_sequentially(ADA)
        page.keyboard.press("Enter")
        expect(page.get_by_text("You are not subscribed yet")).to_be_visible()

        the_worker_answers()
        page.goto(f"/newsletter/confirm/{newest_token()}?lang=en")
        page.get_by_role("button", name="Yes, send me the newsletter").press("Enter")
        expect(page.get_by_role("heading", name="Awesome! You're subscribed!")).to_be_visible()

        page.goto(f"/newsletter/stop/{stop_token()}?lang=en")
        page.get_by_role("button", name="Unsubscribe").press("Enter")
        expect(page.get_by_role("heading", name="You are off the list")).to_be_visible()
    assert reader().standing == "withdrawn"


BOX = """<!doctype html><html lang="en"><title>A charity</title>
<form id="newsletter" method="post" action="{site}/newsletter">
<input type="hidden" name="lang" value="en"><input type="hidden" name="page" value="/stories">
<label>E-mail address <input type="email" name="email" required></label><button>Subscribe</button>
<p id="answer" role="status"></p></form>
<script>
const box = document.getElementById("newsletter"), answer = document.getElementById("answer");
box.addEventListener("submit", async (event) => {{
  event.preventDefault();
  try {{
    const said = await fetch("{site}/api/v1/newsletter", {{method: "POST",
      headers: {{"Content-Type": "application/json"}},
      body: JSON.stringify({{email: box.email.value, locale: "en", page: location.href}})}});
    const words = (await said.json()).detail;
    answer.textContent = said.ok ? words : "Oh no! Looks like something went wrong. " + words;
  }} catch {{ answer.textContent = "Oh no! Looks like something went wrong."; }}
}});
</script></html>"""


@pytest.fixture
def charitys_site(site: str, with_settings: Callable[..., None]) -> Iterator[str]:
    """The charity's own static site, at another origin, with our box on its page."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(BOX.format(site=site).encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://localhost:{server.server_address[1]}"
    with_settings(newsletter_origins=origin)
    yield origin
    server.shutdown()
    server.server_close()


def test_the_box_stands_on_the_charitys_own_site(
    chromium: Browser, charitys_site: str, is_scripted: bool
) -> None:
    with opened(chromium, charitys_site, java_script_enabled=is_scripted) as page:
        page.goto("/stories?from=ada@example.com")
        page.get_by_label("E-mail address").fill(ADA)
        page.get_by_role("button", name="Subscribe").click()

        expect(page.get_by_text("You are not subscribed yet")).to_be_visible()
        assert ("/newsletter/sent" in page.url) is not is_scripted
    the_worker_answers()
    [asked] = log()
    assert (asked.source, asked.page) == ("site", f"{charitys_site}/stories")


def test_the_box_on_a_strangers_site_does_nothing(
    chromium: Browser, charitys_site: str, with_settings: Callable[..., None], is_scripted: bool
) -> None:
    with_settings(newsletter_origins="")
    browser = opened(chromium, charitys_site, java_script_enabled=is_scripted)
    with browser as page:
        page.goto("/stories")
        page.get_by_label("E-mail address").fill(ADA)
        page.get_by_role("button", name="Subscribe").click()

        refused = (
            "Oh no! Looks like something went wrong." if is_scripted else "This form came from somewhere else"
        )
        expect(page.get_by_text(refused)).to_be_visible()
        browser.complaints.clear()  # the browser itself complains that it may not
    the_worker_answers()
    assert not log()

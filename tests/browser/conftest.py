"""Our application and the sandbox as real servers, and a real browser before them."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from payments.app import create_app
from payments.donations.models import Organisation
from payments.pages.headers import HtmlProblems
from tests.pages.stripe_nearby import sandbox

CHROMIUM = Path("/usr/bin/chromium")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stripe_pages() -> Iterator[str]:
    with sandbox() as address:
        yield address


@pytest.fixture
def site(organisation: Organisation, stripe_pages: str, with_settings: Callable[..., None]) -> Iterator[str]:
    """Our application listening on a free port, with the sandbox as its Stripe."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # so that a browser that is quicker than the server waits for it
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with_settings(stripe_api_base=stripe_pages, public_base_url=address)
    server = uvicorn.Server(uvicorn.Config(HtmlProblems(create_app()), log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield address
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest.fixture(params=["script", "no script"])
def is_scripted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "script")


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """A desktop browser that speaks English and fails the test when the page logs an error."""
    with opened(chromium, site) as page:
        yield page


class opened:
    """A fresh browser window; anything the console complains of fails the test."""

    def __init__(self, chromium: Browser, site: str, **options: object) -> None:
        settings: dict[str, object] = {"base_url": site, "locale": "en-US", "viewport": DESKTOP}
        self.context: BrowserContext = chromium.new_context(**(settings | options))
        self.complaints: list[str] = []

    def __enter__(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type == "error" and "the server responded with a status of 4" not in message.text
                else None
            ),
        )
        return page

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert not self.complaints

"""A browser without scripts: it sends what a browser sends and follows nothing by itself."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from payments.app import create_app
from payments.donations.models import Organisation
from payments.pages.headers import HtmlProblems
from tests.pages.steering import a_gift
from tests.pages.stripe_nearby import sandbox

FROM_OUR_PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="session")
def stripe_pages() -> Iterator[str]:
    """A sandbox for the whole run."""
    with sandbox() as address:
        yield address


@pytest.fixture
def donor(organisation: Organisation, with_settings: Callable[..., None]) -> TestClient:
    """A donor's browser before our application, with Stripe out of reach."""
    return browser()


@pytest.fixture
def donor_near_stripe(
    organisation: Organisation, stripe_pages: str, with_settings: Callable[..., None]
) -> TestClient:
    """The same with the sandbox as Stripe."""
    with_settings(stripe_api_base=stripe_pages)
    return browser()


@pytest.fixture
def gift_id(organisation: object) -> str:
    """Ada's $30.00 a month, running."""
    return a_gift()


def browser() -> TestClient:
    return TestClient(
        HtmlProblems(create_app()),
        base_url="http://127.0.0.1:8000",
        headers=FROM_OUR_PAGE,
        follow_redirects=False,
        raise_server_exceptions=False,
    )

"""The JSON API as a client meets it, with or without Stripe next door."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from payments.app import create_app
from payments.donations.models import Organisation
from tests.journeys import neighbours
from tests.journeys.neighbours import Stripe


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Stripe]:
    with neighbours.stripe() as sandbox:
        yield sandbox


@pytest.fixture
def stripe(_sandbox: Stripe, with_settings: Callable[..., None]) -> Stripe:
    """Stripe within reach, empty."""
    _sandbox.forget_everything()
    with_settings(stripe_api_base=_sandbox.url, broker_url="memory://")
    return _sandbox


@pytest.fixture
def bare_client(database: str, with_settings: Callable[..., None]) -> TestClient:
    """A client before a house with no charity in it."""
    with_settings(broker_url="memory://")
    return TestClient(create_app(), raise_server_exceptions=False)


@pytest.fixture
def client(bare_client: TestClient, organisation: Organisation) -> TestClient:
    """A client before the charity's house."""
    return bare_client

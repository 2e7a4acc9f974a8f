"""Our own server with people behind its desk; nobody next door is needed."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from payments.donations.models import Organisation


@pytest.fixture
def server(organisation: Organisation, with_settings: Callable[..., None]) -> Iterator[TestClient]:
    """The whole application."""
    from payments.app import create_app

    with_settings(broker_url="memory://")
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client

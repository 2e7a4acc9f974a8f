"""The house of the stories: started once for this worker, emptied for each of them."""

import socket
from collections.abc import Callable, Iterator

import pytest

from payments.donations.models import Organisation
from tests.conftest import TEST_ENVIRONMENT
from tests.journeys import neighbours
from tests.journeys.house import House, settled_in
from tests.journeys.neighbours import PostOffice, Stripe


@pytest.fixture(scope="session")
def _doorstep() -> Iterator[socket.socket]:
    """Where our server will listen; Stripe must know before either of them runs."""
    with neighbours.free_socket() as listener:
        yield listener


@pytest.fixture(scope="session")
def stripe_next_door(_doorstep: socket.socket) -> Iterator[Stripe]:
    """A sandbox that sends its webhooks to our door."""
    door = f"{neighbours.address_of(_doorstep)}/webhooks/stripe={TEST_ENVIRONMENT['STRIPE_WEBHOOK_SECRET']}"
    with neighbours.stripe("--webhook", door, "--retry-base", "0.2") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def post_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostOffice]:
    """A mail server that keeps what it gets."""
    with neighbours.post_office(tmp_path_factory.mktemp("mail")) as office:
        yield office


@pytest.fixture(scope="session")
def front_door(_own_database: str, _doorstep: socket.socket) -> Iterator[str]:
    """Our server, for the whole run."""
    from payments.app import create_app

    with neighbours.serving(create_app(), _doorstep) as url:
        yield url


@pytest.fixture
def house(
    organisation: Organisation,
    front_door: str,
    stripe_next_door: Stripe,
    post_office: PostOffice,
    with_settings: Callable[..., None],
) -> House:
    """Everybody at home, and nothing has happened yet."""
    return settled_in(front_door, stripe_next_door, post_office, with_settings)

"""A stage for faults: each module starts its small Stripe and its mail catcher once."""

import os
from collections.abc import Callable, Iterator

import pytest

from payments.donations.models import Organisation
from tests.conftest import as_owner
from tests.faults.stage import API_KEY, Deadly, Mailroom, SmallStripe, Stage, a_process, deadly


@pytest.fixture(scope="package")
def small_stripe() -> Iterator[SmallStripe]:
    with (
        a_process(
            "payments.sandbox",
            "--port",
            "0",
            "--api-key",
            API_KEY,
            "--settle-after",
            "0",
            says=r"(http://\S+)",
        ) as where,
        SmallStripe(where[1]) as stripe,
    ):
        yield stripe


@pytest.fixture(scope="package")
def mailroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailroom]:
    folder = tmp_path_factory.mktemp("mail")
    options = ("--smtp-port", "0", "--http-port", "0", "--data", str(folder))
    with a_process("payments.sandbox.mail_catcher", *options, says=r"(http://\S+) smtp (\S+)") as where:
        yield Mailroom(smtp_url=f"smtp://{where[2]}", web_url=where[1], folder=folder)


@pytest.fixture
def stage(
    organisation: Organisation,
    database: str,
    small_stripe: SmallStripe,
    mailroom: Mailroom,
    with_settings: Callable[..., None],
) -> Iterator[Stage]:
    """An empty world with the tests' charity in it. The broker is one that nobody listens to."""
    with_settings(stripe_api_base=small_stripe.url, smtp_url=mailroom.smtp_url, broker_url="memory://")
    small_stripe.control("reset")
    mailroom.empty()
    with as_owner(database) as owner:
        built = Stage(database, stripe=small_stripe, mailroom=mailroom, owner=owner)
        yield built
        built.forget_what_was_kept()


@pytest.fixture(scope="package")
def mortal(_own_database: str, small_stripe: SmallStripe, mailroom: Mailroom) -> Iterator[Deadly]:
    """A process that dies on order; it sees the same world as the stage."""
    world = {
        "DATABASE_URL": _own_database,
        "STRIPE_API_BASE": small_stripe.url,
        "SMTP_URL": mailroom.smtp_url,
        "BROKER_URL": "memory://",
        "PGAPPNAME": "mortal",
        "LOG_LEVEL": "error",
    }
    with deadly({**os.environ, **world}) as process:
        yield process

"""A terminal before a house in which one gift was given, paid, booked and receipted."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from payments.cli import app
from payments.database import transaction
from payments.donations.models import Donation, Organisation
from payments.receipts import documents, issue
from payments.receipts.models import Receipt
from payments.webhooks import inbox, process
from payments.webhooks.inbox import Delivery
from tests.factories import a_donation
from tests.journeys.stripe_history import delivery_of, stripe_world
from tests.webhooks.conftest import an_event


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    exit_code: int
    text: str
    error: BaseException | None

    @property
    def json(self) -> Any:
        """The one document of `--json`."""
        return json.loads(self.text)


Almoner = Callable[..., Said]


@pytest.fixture
def almoner(database: str, with_settings: Callable[..., None]) -> Almoner:
    """`almoner(…)` in this process; errors come back instead of being printed by `main`."""
    with_settings(broker_url="memory://")
    runner = CliRunner()

    def run(*words: str) -> Said:
        result = runner.invoke(app, list(words))
        error = result.exception if not isinstance(result.exception, SystemExit) else None
        return Said(result.exit_code, result.output, error)

    return run


@dataclass(frozen=True)
class Story:
    """What there is to find."""

    gift: str
    receipt: str
    events: list[Delivery]
    poison: str


@pytest.fixture
def story(organisation: Organisation, almoner: Almoner) -> Story:
    """A paid gift of $26.04 for two dollars' worth of names, and an event that nobody can read."""
    poison = delivery_of(an_event("evt_poison", "checkout.session.completed"))
    with stripe_world() as stripe, transaction() as session:
        gift = a_donation(session, amount=2604, fee_cover=104, fund="rescue", name="Ada [b]Park[/b]")
        page = stripe.opens(gift.id, gift.amount)
        stripe.declines(page)
        stripe.pays(page)
        stripe.settles()
        events = stripe.history()
        inbox.store(session, [*events, poison])
    with transaction() as session:
        process.apply_due(session)
    with transaction() as session:
        issue.issue_due(session)
        documents.write_due(session)
        number = session.scalars(select(Receipt.number)).one()
        assert session.scalars(select(Donation.status)).one() == "paid"
    return Story(gift.id, number, events, poison.stripe_event_id)

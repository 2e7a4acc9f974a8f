"""A charity with its book, and a small Stripe that speaks to it through the real inbox."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Donation, Fund, Organisation
from payments.ledger.balances import balances, tie_out
from payments.ledger.models import JournalEntry, JournalMove
from payments.webhooks import inbox
from payments.webhooks.models import QueuedEvent
from payments.webhooks.process import apply_due
from tests.factories import a_donation
from tests.money_moves.small_stripe import SmallStripe


class Charity:
    """What a finance person can do and see."""

    def __init__(self) -> None:
        self.stripe = SmallStripe()

    def gift(self, *funds: tuple[str, int], currency: str = "usd", **given: Any) -> Donation:
        """A gift a donor has begun; by default $25.00 for the general fund."""
        with transaction() as session:
            return a_donation(session, parts=funds, currency=currency, **given)

    def paid_gift(
        self, *funds: tuple[str, int], fee: int = 103, **given: Any
    ) -> tuple[Donation, dict[str, Any]]:
        """A gift and the charge that paid it."""
        donation = self.gift(*funds, **given)
        return donation, self.stripe.charge(donation.amount, fee, gift=donation, currency=donation.currency)

    def hears(self, *, shuffled_by: random.Random | None = None, twice: bool = False) -> None:
        """Everything Stripe has to say arrives and is applied, whatever has to wait for what."""
        news = self.stripe.news()
        if shuffled_by is not None:
            shuffled_by.shuffle(news)
        for delivery in news:
            self.stores([delivery])
            if shuffled_by is not None:
                self.applies()
        self.applies()
        if twice:
            self.stores(news)
            self.applies()

    def says(self, news: Sequence[inbox.Delivery]) -> None:
        """These arrive, and are applied."""
        self.stores(news)
        self.applies()

    def stores(self, deliveries: Sequence[inbox.Delivery]) -> None:
        """These arrive and wait."""
        with transaction() as session:
            inbox.store(session, deliveries)

    def applies(self) -> None:
        """The workers work until a round changes nothing."""
        while True:
            with transaction() as session:
                session.execute(text("update stripe_event_queue set next_at = now()"))
                if not apply_due(session).done:
                    return

    def waiting(self) -> list[str]:
        """Why what is still in the queue is there."""
        with transaction() as session:
            rows = session.scalars(select(QueuedEvent)).all()
        return [row.parked_reason or row.last_error or "" for row in rows]

    def balances(self) -> dict[str, int]:
        """Account, with its fund where it has one and its currency where it is not dollars: what
        stands there, debit positive. What is nothing is left out."""
        found = {}
        with transaction() as session:
            rows = balances(session)
            proofs = tie_out(session)
        assert all(proof.is_proven for proof in proofs)
        for row in rows:
            if row.balance.minor:
                name = f"{row.account}:{row.fund_id}" if row.fund_id else str(row.account)
                currency = row.balance.currency
                found[name if currency == "usd" else f"{currency} {name}"] = row.balance.minor
        return found

    def entries(self, kind: str) -> list[tuple[str, list[tuple[str, str, int]]]]:
        """Each entry of a kind in the order of writing: its description, and from, to, amount."""
        with transaction() as session:
            found = session.scalars(
                select(JournalEntry).where(JournalEntry.kind == kind).order_by(JournalEntry.number)
            ).all()
            return [
                (
                    entry.description,
                    [
                        (str(move.from_account), str(move.to_account), move.amount)
                        for move in session.scalars(
                            select(JournalMove)
                            .where(JournalMove.reference == entry.reference)
                            .order_by(JournalMove.position)
                        )
                    ],
                )
                for entry in found
            ]


@pytest.fixture
def charity(organisation: Organisation, with_settings: Callable[..., None]) -> Charity:
    """The charity of the tests, with a fund it only passes on."""
    with_settings(broker_url="memory://")
    with transaction() as session:
        session.add(
            Fund(
                id="partner",
                entity_id="us",
                name={"en": "For our partner"},
                description={"en": "Passed on whole."},
                is_restricted=True,
                is_agency=True,
                position=9,
            )
        )
    return Charity()

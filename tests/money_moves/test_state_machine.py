"""Every deed in every order: after each step the book says what a model of a few lines says.

The model knows nothing of the rules. It keeps what Stripe did to each charge, and says in closed form
what must stand in each account. At the end the same facts are told again to an empty book, in another
order and some of them twice, and every account must stand as before.

MONEY_MOVES_EXAMPLES=1000 looks longer.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.database import engine, new_id
from payments.donations.models import Fund, Organisation
from payments.ledger.balances import balances
from payments.ledger.models import JournalMove
from payments.webhooks import inbox
from payments.webhooks.models import QueuedEvent
from payments.webhooks.process import apply_due
from tests.factories import a_donation
from tests.money_moves.model import Told
from tests.money_moves.small_stripe import SmallStripe, Thing

EXAMPLES = int(os.environ.get("MONEY_MOVES_EXAMPLES", "8"))
STEPS = 25
FUNDS = ("general", "rescue", "education", "partner")


Wish = tuple[list[tuple[str, int]], int, int]
WISHES = st.tuples(
    st.lists(st.tuples(st.sampled_from(FUNDS), st.integers(50, 20_000)), min_size=1, max_size=3),
    st.sampled_from([0, 0, 59, 333]),
    st.sampled_from([0, 0, 40]),
)
"""Parts by fund, fee cover, benefit."""


class MoneyMoves(RuleBasedStateMachine):
    """Deeds of donors, banks, Stripe and shops."""

    def __init__(self) -> None:
        super().__init__()
        self.stripe = SmallStripe()
        self.told: list[Told] = []
        self.gifts: list[dict[str, Any]] = []
        self.payouts: list[Thing] = []
        self.heard: list[inbox.Delivery] = []
        self.won_rate = 73
        self.reserved = 0
        self.unknown: Counter[str] = Counter()
        self.session = self.an_empty_book()

    def an_empty_book(self) -> Session:
        """All of an example is one transaction, which is never committed."""
        session = Session(engine())
        session.add(
            Fund(
                id="partner",
                entity_id="us",
                name={"en": "For our partner"},
                description={"en": ""},
                is_restricted=True,
                is_agency=True,
                position=9,
            )
        )
        session.flush()
        return session

    # Deeds. One rule for all of them: Hypothesis leaves whole rules out of an example, and a chain of a
    # refund, its failure and a lost dispute needs them together.

    @initialize(data=st.data(), chance=st.randoms(use_true_random=False))
    def two_gifts_are_given(self, data: st.DataObject, chance: random.Random) -> None:
        """One in dollars, one in won."""
        for currency in ("usd", "krw"):
            self.gives(data.draw(WISHES), currency, chance)
        self.hears(chance)

    @rule(data=st.data(), chance=st.randoms(use_true_random=False))
    def something_happens(self, data: st.DataObject, chance: random.Random) -> None:
        """Most often to a charge that is there."""
        turns = [(told, turn) for told in self.told for turn, may in self.turns(told).items() if may]
        kinds = ["a turn"] * 6 if turns else []
        kinds += ["a gift", "a sale"] if len(self.told) < 6 else []
        kind = data.draw(st.sampled_from([*kinds, "Stripe's own", "the rate", "said again"]))
        if kind == "a turn":
            told, turn = data.draw(st.sampled_from(turns))
            turn(told, chance)
        elif kind == "a gift":
            self.gives(data.draw(WISHES), chance.choice(["usd", "krw"]), chance)
        elif kind == "a sale":
            self.a_shop_sells(data.draw(st.integers(50, 9_000)), chance.choice(["usd", "krw"]))
        elif kind == "Stripe's own":
            self.stripe_moves_its_own(data.draw(st.integers(-900, 900).filter(bool)), chance)
        elif kind == "the rate":
            self.won_rate = data.draw(st.integers(60, 90))
        else:
            self.apply_again(self.session, chance.sample(self.heard, min(5, len(self.heard))))
        self.hears(chance)

    def gives(self, wish: Wish, currency: str, chance: random.Random) -> None:
        """A gift for one or several funds, perhaps with its fee covered, perhaps with a benefit."""
        parts, fee_cover, benefit = list(dict(wish[0]).items()), wish[1], wish[2]
        facts = {
            "id": new_id("don"),
            "parts": parts,
            "fee_cover": fee_cover,
            "benefit_amount": benefit,
            "currency": currency,
        }
        self.gifts.append(facts)
        donation = a_donation(self.session, **facts)
        lines, sold = [], benefit
        for fund, part in parts:
            taken = min(sold, part)
            sold -= taken
            lines.append((f"agency_obligations:{fund}" if fund == "partner" else fund, part - taken))
        lines += [("contributions_fee_cover", fee_cover), ("benefits_exchanged", benefit)]
        settled = self.in_dollars(donation.amount) if currency == "krw" else donation.amount
        charge = self.stripe.charge(
            donation.amount, chance.randint(0, 60), gift=donation, currency=currency, settled=settled
        )
        self.told.append(Told(charge, settled, [line for line in lines if line[1]], is_ours=True))

    def a_shop_sells(self, amount: int, currency: str) -> None:
        """Foreign money on the same account."""
        settled = self.in_dollars(amount) if currency == "krw" else amount
        charge = self.stripe.charge(amount, 7, currency=currency, settled=settled)
        self.told.append(Told(charge, settled, [("other_receipts", amount)], is_ours=False))

    def stripe_moves_its_own(self, amount: int, chance: random.Random) -> None:
        """A payout to the bank or from it, one that fails, a fee and its correction, a reserve held or
        let go, and next year's category."""
        deed = chance.choice(["pays out", "payout fails", "bills", "reserves", "invents"])
        if deed == "pays out":
            self.payouts.append(self.stripe.payout(amount))
        elif deed == "payout fails" and self.payouts:
            self.stripe.payout_fails(self.payouts.pop(chance.randrange(len(self.payouts))))
        elif deed == "bills":
            self.stripe.moves(chance.choice(["fee", "network_cost", "tax"]), amount)
        elif deed == "reserves":
            change = -self.reserved or abs(amount)
            self.reserved += change
            self.stripe.moves("risk_reserved_funds", -change)
        elif deed == "invents":
            currency, fee = chance.choice(["usd", "krw"]), chance.randint(0, 20)
            self.stripe.moves("a_new_one", amount, fee, currency=currency)
            self.unknown[currency] += fee - amount

    # What can happen to a charge

    def turns(self, told: Told) -> dict[Callable[[Told, random.Random], None], bool]:
        is_lost = any(dispute["status"] == "lost" for dispute, _, _ in told.disputes)
        is_free = told.open_dispute is None and told.returned_at is None
        return {
            self.refunded: told.refundable > 0,
            self.refund_comes_back: any(refund["status"] == "succeeded" for refund, _ in told.refunds),
            self.disputed: is_free and not is_lost,
            self.decided: told.open_dispute is not None,
            self.asked_about: not told.disputes,
            self.returned: is_free and not told.disputes and len(told.refunds) > 1,
        }

    def refunded(self, told: Told, chance: random.Random) -> None:
        """All that is left, or a part; again after one that failed."""
        amount = chance.choice([told.refundable, chance.randint(1, told.refundable)])
        refund = self.stripe.refund(told.charge, amount, settled=-self.settled(told, amount))
        told.refunds.append((refund, self.stripe.balance_transactions[-1]["created"]))

    def refund_comes_back(self, told: Told, chance: random.Random) -> None:
        """It failed, weeks later perhaps, or was cancelled before it left."""
        refund = chance.choice([refund for refund, _ in told.refunds if refund["status"] == "succeeded"])
        row = self.stripe.refund_fails(
            refund,
            settled=self.settled(told, refund["amount"]),
            status=chance.choice(["failed", "failed", "failed", "canceled"]),
        )
        told.failures[refund["id"]] = row["created"]

    def disputed(self, told: Told, chance: random.Random) -> None:
        """All of a charge, even where a part was refunded, or a part."""
        amount = chance.choice([told.given, chance.randint(1, told.given)])
        taken = self.settled(told, amount)
        dispute = self.stripe.dispute(told.charge, amount, settled=-taken)
        told.disputes.append((dispute, self.stripe.balance_transactions[-1]["created"], taken))
        if chance.random() < 0.5:
            self.stripe.moves("fee", -1500, source=dispute)

    def decided(self, told: Told, chance: random.Random) -> None:
        """For the charity or for the donor."""
        assert told.open_dispute is not None
        dispute = told.open_dispute[0]
        is_won = chance.random() < 0.4
        self.stripe.closes(dispute, "won" if is_won else "lost")
        if is_won:
            self.stripe.reinstated(dispute, settled=self.settled(told, dispute["amount"]))

    def asked_about(self, told: Told, chance: random.Random) -> None:
        """An inquiry, opened and closed."""
        self.stripe.closes(self.stripe.inquiry(told.charge), "warning_closed")

    def returned(self, told: Told, chance: random.Random) -> None:
        """A debit, days after the bank had said yes."""
        row = self.stripe.debit_returned(told.charge, settled=-self.settled(told, told.given))
        told.returned_at = row["created"]

    def settled(self, told: Told, amount: int) -> int:
        """At today's rate, where it is in won."""
        return self.in_dollars(amount) if told.charge["currency"] == "krw" else amount

    # What must be true after each

    @invariant()
    def the_book_is_what_the_model_says(self) -> None:
        assert self.waiting(self.session) == 0
        assert self.standing(self.session) == self.expected()

    @invariant()
    def each_entry_is_in_one_currency_and_no_more_goes_back_than_was_given(self) -> None:
        mixed = select(JournalMove.reference).group_by(JournalMove.reference)
        assert not self.session.scalars(mixed.having(func.count(JournalMove.currency.distinct()) > 1)).all()
        for told in self.told:
            refunded, lost, owed, _ = told.stands()
            assert 0 <= owed <= refunded + lost <= told.given

    def teardown(self) -> None:
        """Told again to an empty book, in another order, some of it twice."""
        self.session.execute(text("set constraints all immediate"))
        before = self.standing(self.session)
        self.session.rollback()
        self.session.close()
        again = self.an_empty_book()
        for facts in self.gifts:
            a_donation(again, **facts)
        chance = random.Random(len(self.heard))  # noqa: S311 - an order, not a secret
        news = self.heard + chance.sample(self.heard, len(self.heard) // 3)
        chance.shuffle(news)
        for first in range(4):
            self.apply_again(again, news[first::4])
        assert self.waiting(again) == 0
        after = self.standing(again)
        again.rollback()
        again.close()
        assert after == before

    # How

    def in_dollars(self, won: int) -> int:
        return max(1, round(won * self.won_rate / 1000))

    def hears(self, chance: random.Random) -> None:
        """The news of a deed come in any order, in one or two batches."""
        news = self.stripe.news()
        self.heard += news
        chance.shuffle(news)
        cut = chance.randint(0, len(news))
        for part in (news[:cut], news[cut:]):
            self.apply_again(self.session, part)

    def apply_again(self, session: Session, news: list[inbox.Delivery]) -> None:
        """Stored, queued even where it was stored before, and applied until a round changes nothing."""
        if not news:
            return
        inbox.store(session, news)
        for stripe_event_id in {delivery.stripe_event_id for delivery in news}:
            if session.get(QueuedEvent, stripe_event_id) is None:
                session.add(QueuedEvent(stripe_event_id=stripe_event_id))
        session.flush()
        while True:
            session.execute(text("update stripe_event_queue set next_at = now()"))
            done = apply_due(session).done
            session.expunge_all()
            if not done or not self.waiting(session):
                return

    def waiting(self, session: Session) -> int:
        return session.scalar(select(func.count()).select_from(QueuedEvent)) or 0

    def standing(self, session: Session) -> dict[str, int]:
        return {
            f"{row.balance.currency} {row.account}" + (f":{row.fund_id}" if row.fund_id else ""): (
                row.balance.minor
            )
            for row in balances(session)
            if row.balance.minor
        }

    def expected(self) -> dict[str, int]:
        """What stands in each account, from what Stripe did; FX and expenses by what is left over."""
        book: Counter[str] = Counter()
        rows = self.stripe.balance_transactions
        for row in rows:
            book[f"{row['currency']} stripe_balance"] += row["net"]
            category = row["reporting_category"]
            if category in {"payout", "payout_reversal"}:
                book["usd payouts_in_transit"] -= row["amount"]
            elif category == "risk_reserved_funds":
                book["usd stripe_reserve"] -= row["amount"]
            elif category == "fee" and row["source"] is not None:
                book["usd dispute_fees"] -= row["net"]
            elif category in {"fee", "network_cost", "tax"}:
                book["usd stripe_service_fees"] -= row["net"]
            elif category in {"dispute", "dispute_reversal"}:
                book["usd dispute_fees"] += row["fee"]
            elif category != "a_new_one":
                book["usd processing_fees"] += row["fee"]
        for currency, net in self.unknown.items():
            book[f"{currency} suspense_unclassified"] += net
        for told in self.told:
            told.expects(book)
        book["usd fx_gain_loss"] -= sum(amount for name, amount in book.items() if name.startswith("usd "))
        return {name: amount for name, amount in book.items() if amount}


@pytest.mark.slow
@pytest.mark.timeout(60 * 60)
def test_whatever_moves_in_whatever_order_the_book_says_what_happened(
    organisation: Organisation, with_settings: Callable[..., None]
) -> None:
    with_settings(broker_url="memory://")

    run_state_machine_as_test(
        MoneyMoves,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""October 2026 of a small charity, as Stripe and the bank tell it; with every kind of payout in it."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from payments.database import transaction
from payments.donations.models import Donation
from payments.receipts.issue import issue_due
from payments.reconciliation import reconcile, stripe_balance
from payments.reconciliation.months import Month, month_named
from payments.webhooks import inbox
from payments.webhooks.process import apply_due
from tests.factories import a_donation
from tests.money_moves.small_stripe import SmallStripe, Thing
from tests.reconciliation.bank_files import mt940
from tests.reconciliation.treasury import Bank


class Stripe(SmallStripe):
    """Pays out by itself, and says what is in it."""

    def __init__(self) -> None:
        super().__init__()
        self._paid_out: set[str] = set()

    def it_is(self, month: int, day: int, hour: int = 20) -> None:
        """The clock is there; at eight in the evening UTC it is noon or one o'clock in Los Angeles."""
        self.now = int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp())

    def pays_everything_out(self, arrives: date, currency: str = "usd") -> Thing:
        """An automatic payout of what is there."""
        carried = [
            row
            for row in self.balance_transactions
            if row["currency"] == currency and row["id"] not in self._paid_out
        ]
        payout = self._keep(
            "po",
            object="payout",
            amount=sum(row["net"] for row in carried),
            currency=currency,
            status="paid",
            created=self.now,
            arrival_date=int(datetime(arrives.year, arrives.month, arrives.day, tzinfo=UTC).timestamp()),
            automatic=True,
            method="standard",
            reconciliation_status="completed",
            statement_descriptor=None,
            trace_id=None,
            failure_code=None,
            balance_transaction=None,
            failure_balance_transaction=None,
            original_payout=None,
            reversed_by=None,
        )
        own = self.moves("payout", -payout["amount"], source=payout, currency=currency)
        payout["balance_transaction"] = own["id"]
        self._paid_out.update(row["id"] for row in (*carried, own))
        self.say("payout.paid", payout)
        with transaction() as session:
            inbox.store(session, [inbox.of_payout_list(payout, [*carried, own])])
        return payout

    def holds(self) -> dict[str, Any]:
        """`GET /v1/balance`."""
        return {
            "object": "balance",
            "available": [{"amount": net, "currency": currency} for currency, net in self.nets().items()],
            "pending": [],
        }


class October:
    """What happened."""

    def __init__(self, bank: Bank) -> None:
        self.stripe = Stripe()
        self.bank = bank
        self.payouts: dict[str, Thing] = {}
        self.charges: dict[str, Thing] = {}
        self._happens()

    def _happens(self) -> None:
        self.stripe.it_is(10, 6)
        self.given("ada", 2500, fee=103)
        self.given("ben", 10000, fee=320)
        self.stripe.it_is(10, 9)
        self.payouts["arrived"] = self.stripe.pays_everything_out(date(2026, 10, 13))
        self.stripe.it_is(10, 20)
        self.given("cho", 50000, fee=1900, currency="krw")
        self.given("dan", 9000, fee=291)
        self.stripe.it_is(10, 22)
        self.payouts["by hand"] = self.stripe.payout(2000)
        self.stripe.it_is(10, 24)
        self.payouts["failed"] = self.stripe.pays_everything_out(date(2026, 10, 27))
        self.stripe.it_is(10, 28)
        self.stripe.payout_fails(self.payouts["failed"])
        self.stripe.it_is(10, 30)
        self.given("eve", 4000, fee=146)
        self.payouts["over the end"] = self.stripe.pays_everything_out(date(2026, 11, 3))
        # The last evening of October in Los Angeles, and November in UTC.
        self.stripe.it_is(11, 1, 5)
        self.given("fay", 700, fee=50)
        self.hears()
        arrived, by_hand = self.payouts["arrived"]["amount"], self.payouts["by hand"]["amount"]
        self.bank.takes_in(
            mt940(
                [
                    (date(2026, 10, 1), []),
                    (date(2026, 10, 13), [(arrived, "STRIPE PAYOUT")]),
                    (date(2026, 10, 15), [(-90000, "RENT")]),
                    (date(2026, 10, 23), [(by_hand, "STRIPE PAYOUT")]),
                    (date(2026, 11, 3), [(self.payouts["over the end"]["amount"], "STRIPE PAYOUT")]),
                    (date(2026, 11, 4), []),
                ],
                opening=500000,
                currency="USD",
            )
        )
        self.looks()

    def given(self, name: str, amount: int, *, fee: int, currency: str = "usd") -> Donation:
        """A gift to the general fund that is paid and settled."""
        with transaction() as session:
            gift = a_donation(session, amount=amount, currency=currency, name=name.title())
        self.charges[name] = self.stripe.charge(
            amount, fee, gift=gift, currency=currency, settled_in=currency
        )
        return gift

    def hears(self) -> None:
        """Everything is heard of, booked and receipted."""
        with transaction() as session:
            inbox.store(session, self.stripe.news())
        done = 1
        while done:
            with transaction() as session:
                session.execute(text("update stripe_event_queue set next_at = now() where next_at > now()"))
                done = apply_due(session, limit=500).done
        with transaction() as session:
            issue_due(session)

    def looks(self, at: datetime = datetime(2026, 11, 25, 12, tzinfo=UTC)) -> None:
        """Stripe is asked what it holds, and a round of reconciliation is gone."""
        with transaction() as session:
            stripe_balance.note(session, self.stripe.holds(), asked_at=at)
        with transaction() as session:
            reconcile.reconcile(session)

    @property
    def month(self) -> Month:
        """Ours."""
        with transaction() as session:
            return month_named(session, "2026-10")

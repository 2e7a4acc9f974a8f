"""A Stripe of a hundred lines: it keeps charges, refunds, disputes and payouts, and says of each deed
the events and balance transactions that Stripe would say. No network, no clock but its own.

Amounts are minor units. `settled` amounts are in the settlement currency, signed as at Stripe.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from payments.database import new_id
from payments.donations.models import Donation
from payments.stripe_gateway.shapes import API_VERSION, Envelope, as_bytes, read
from payments.webhooks import inbox
from payments.webhooks.inbox import Delivery

Thing = dict[str, Any]

BEGIN = 1_795_521_600
"""24 November 2026, noon UTC."""


class SmallStripe:
    """Deeds in, deliveries out."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.balance_transactions: list[Thing] = []
        self._things: dict[str, Thing] = {}
        self._paid_out: set[str] = set()
        self._said: list[Delivery | Thing] = []

    def a_day_passes(self, days: int = 1) -> None:
        """Nothing else happens."""
        self.now += days * 86_400

    # Money that comes

    def charge(
        self,
        amount: int = 2500,
        fee: int = 103,
        *,
        gift: Donation | None = None,
        currency: str = "usd",
        settled: int | None = None,
        settled_in: str = "usd",
        method: str = "card",
        is_settled: bool = True,
    ) -> Thing:
        """A payment that succeeded, of a gift or of something foreign."""
        charge = self._keep(
            "ch",
            object="charge",
            amount=amount,
            currency=currency,
            status="succeeded",
            payment_intent=new_id("pi"),
            metadata={"donation": gift.id} if gift is not None else {"shop": "mugs"},
            failure_code=None,
            payment_method_details={"type": method, method: {"brand": "visa", "last4": "4242"}},
            balance_transaction=None,
        )
        self.say("charge.succeeded", charge)
        if is_settled:
            self.settle(charge, fee, settled=settled, settled_in=settled_in)
        return charge

    def settle(
        self, charge: Thing, fee: int, *, settled: int | None = None, settled_in: str = "usd"
    ) -> Thing:
        """The charge's own balance transaction, often a moment later."""
        gross = charge["amount"] if settled is None else settled
        row = self.moves("charge", gross, fee, source=charge, currency=settled_in)
        charge["balance_transaction"] = row["id"]
        self.say("charge.updated", charge)
        return row

    def debit_returned(self, charge: Thing, *, settled: int | None = None) -> Thing:
        """A bank takes a debit back after it had said yes."""
        charge.update(status="failed", failure_code="debit_not_authorized")
        gross = -charge["amount"] if settled is None else settled
        return self.moves("charge_failure", gross, type="payment_failure_refund", source=charge)

    # Money that goes back

    def refund(self, charge: Thing, amount: int, *, settled: int | None = None, **given: Any) -> Thing:
        """A refund that left."""
        refund = self._keep(
            "re",
            object="refund",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            status="succeeded",
            reason="requested_by_customer",
            failure_reason=None,
            balance_transaction=None,
            failure_balance_transaction=None,
            metadata={},
        )
        row = self.moves("refund", -amount if settled is None else settled, source=refund, **given)
        refund["balance_transaction"] = row["id"]
        self.say("refund.created", refund)
        return refund

    def refund_fails(
        self, refund: Thing, *, settled: int | None = None, status: str = "failed", **given: Any
    ) -> Thing:
        """The money of a refund comes back, perhaps weeks later; or it is cancelled before it left."""
        reason = "lost_or_stolen_card" if status == "failed" else None
        refund.update(status=status, failure_reason=reason)
        back = refund["amount"] if settled is None else settled
        row = self.moves("refund_failure", back, source=refund, **given)
        refund["failure_balance_transaction"] = row["id"]
        self.say("refund.failed" if status == "failed" else "refund.updated", refund)
        return row

    def dispute(
        self,
        charge: Thing,
        amount: int | None = None,
        *,
        fee: int = 1500,
        settled: int | None = None,
        **given: Any,
    ) -> Thing:
        """A donor's bank takes the money; the fee is taken with it."""
        dispute = self._dispute(charge, amount, "needs_response")
        self.moves(
            "dispute",
            -dispute["amount"] if settled is None else settled,
            fee,
            type="adjustment",
            source=dispute,
            **given,
        )
        self.say("charge.dispute.created", dispute)
        self.say("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def inquiry(self, charge: Thing) -> Thing:
        """A question before a dispute: no money moves."""
        inquiry = self._dispute(charge, None, "warning_needs_response")
        self.say("charge.dispute.created", inquiry)
        return inquiry

    def closes(self, dispute: Thing, status: str) -> None:
        """The bank has decided: `lost`, `won`, `warning_closed`. Only a win moves money, by itself."""
        dispute["status"] = status
        self.say("charge.dispute.closed", dispute)

    def reinstated(self, dispute: Thing, *, settled: int | None = None, fee: int = 0, **given: Any) -> Thing:
        """A won dispute's money comes back; its fee does not."""
        back = dispute["amount"] if settled is None else settled
        row = self.moves("dispute_reversal", back, fee, type="adjustment", source=dispute, **given)
        self.say("charge.dispute.funds_reinstated", dispute)
        return row

    # Money that goes elsewhere

    def payout(self, amount: int, *, currency: str = "usd", arrives_after: int = 0, **given: Any) -> Thing:
        """Money on its way to the bank; negative when Stripe debits the bank."""
        facts = {
            "status": "paid",
            "automatic": False,
            "method": "standard",
            "reconciliation_status": "not_applicable",
            "statement_descriptor": None,
            "trace_id": None,
        }
        payout = self._keep(
            "po",
            object="payout",
            amount=amount,
            currency=currency,
            arrival_date=self.now + arrives_after * 86_400,
            failure_code=None,
            balance_transaction=None,
            failure_balance_transaction=None,
            original_payout=None,
            reversed_by=None,
            **{**facts, **given},
        )
        row = self.moves("payout", -amount, source=payout, currency=currency)
        payout["balance_transaction"] = row["id"]
        self.say("payout.paid", payout)
        return payout

    def pays_out(self, currency: str = "usd", **given: Any) -> Thing:
        """An automatic payout of whatever is available and was in none before, and Stripe's list of it."""
        carried = [
            row
            for row in self.balance_transactions
            if row["currency"] == currency
            and row["available_on"] <= self.now
            and row["reporting_category"] != "payout"
            and row["id"] not in self._paid_out
        ]
        self._paid_out.update(row["id"] for row in carried)
        payout = self.payout(
            sum(row["net"] for row in carried),
            currency=currency,
            automatic=True,
            reconciliation_status="completed",
            **given,
        )
        own = self.balance_transactions[-1]
        self._said.append(inbox.of_payout_list(payout, [*carried, own]))
        return payout

    def payout_fails(self, payout: Thing) -> Thing:
        """After it had been called paid."""
        payout.update(status="failed", failure_code="account_closed")
        row = self.moves(
            "payout_reversal",
            payout["amount"],
            type="payout_failure",
            source=payout,
            currency=payout["currency"],
        )
        payout["failure_balance_transaction"] = row["id"]
        self.say("payout.failed", payout)
        return row

    def moves(
        self,
        category: str,
        amount: int,
        fee: int = 0,
        *,
        type: str = "",
        source: Thing | None = None,
        currency: str = "usd",
        description: str | None = None,
    ) -> Thing:
        """One balance transaction."""
        self.now += 60
        row: Thing = {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "type": type or category,
            "reporting_category": category,
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": currency,
            "exchange_rate": None,
            "created": self.now,
            "available_on": self.now + 2 * 86_400,
            "description": description,
            "source": None if source is None else source["id"],
        }
        self.balance_transactions.append(row)
        self._said.append(row)
        return row

    # What it says

    def say(self, event_type: str, thing: Mapping[str, Any]) -> None:
        """An event with the thing as it is now."""
        self.now += 1
        event = {
            "id": new_id("evt"),
            "object": "event",
            "type": event_type,
            "created": self.now,
            "livemode": False,
            "api_version": API_VERSION,
            "data": {"object": deepcopy(dict(thing))},
        }
        body = as_bytes(event)
        self._said.append(inbox.of_event(read(Envelope, body), body, source="webhook"))

    def news(self) -> list[Delivery]:
        """Everything said since the last time; what is fetched comes with its source as it is now."""
        said, self._said = self._said, []
        return [item if isinstance(item, Delivery) else self._fetched(item) for item in said]

    def things(self, prefix: str) -> list[Thing]:
        """Everything of one kind, by the beginning of its id, in the order in which it came to be."""
        return [thing for thing_id, thing in self._things.items() if thing_id.startswith(f"{prefix}_")]

    def nets(self) -> dict[str, int]:
        """The sum of `net` of all balance transactions, by currency."""
        totals: dict[str, int] = {}
        for row in self.balance_transactions:
            totals[row["currency"]] = totals.get(row["currency"], 0) + row["net"]
        return totals

    def _fetched(self, row: Thing) -> Delivery:
        source = deepcopy(self._things.get(row["source"] or "", row["source"]))
        return inbox.of_balance_transaction({**row, "source": source})

    def _dispute(self, charge: Thing, amount: int | None, status: str) -> Thing:
        return self._keep(
            "dp",
            object="dispute",
            amount=charge["amount"] if amount is None else amount,
            currency=charge["currency"],
            charge=charge["id"],
            reason="fraudulent",
            status=status,
            evidence_details={"due_by": self.now + 7 * 86_400},
        )

    def _keep(self, prefix: str, **facts: Any) -> Thing:
        self.now += 1
        thing = {"id": new_id(prefix), "created": self.now, "livemode": False, **facts}
        self._things[thing["id"]] = thing
        return thing

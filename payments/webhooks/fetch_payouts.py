"""Asking Stripe about payouts: how each stands, and what it carries. Every answer goes into the inbox.

The list of a payout is read to its end before any of it counts; each balance transaction in it is stored
by itself as well, so that one the usual reading missed comes in this way.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from payments.reconciliation.payouts import Due
from payments.stripe_gateway.client import StripeGateway
from payments.webhooks import inbox
from payments.webhooks.inbox import Delivery
from payments.webhooks.sweep import Fetched


def answers(
    stripe: StripeGateway, due: Due, *, completed: Callable[[list[Fetched]], list[Fetched]]
) -> Iterator[list[Delivery]]:
    """What Stripe says of a payout, a page at a time; its list comes last and whole. `completed` gives a
    page of balance transactions what they do not say themselves."""
    payout = stripe.payout(due.stripe_payout_id)
    yield [inbox.of_payout(payout)]
    if due.is_listed or not payout["automatic"] or payout["reconciliation_status"] != "completed":
        return
    carried: list[Mapping[str, Any]] = []
    for page in stripe.carried_by(due.stripe_payout_id):
        carried += ({"id": each["id"], "net": each["net"]} for each in page)
        yield [inbox.of_balance_transaction(each) for each in completed(page)]
    yield [inbox.of_payout_list(payout, carried)]

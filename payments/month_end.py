"""What closing a month needs beforehand: Stripe asked what it holds, and a round of reconciliation gone.

Shared by the terminal and the API. Each is kept in a transaction of its own, whatever comes of the rest, and
none is open while Stripe thinks.
"""

from payments.clock import now
from payments.database import transaction
from payments.errors import StripeRefused, StripeUnavailable
from payments.reconciliation import reconcile as rounds
from payments.reconciliation import stripe_balance
from payments.stripe_gateway.client import gateway


def look_anew() -> str | None:
    """Why Stripe was not asked for its balance, and None where it answered. If it did not, the checklist
    says since when it was not asked."""
    trouble = None
    asked_at = now()
    try:
        said = gateway().balance()
    except (StripeUnavailable, StripeRefused) as refusal:
        trouble = str(refusal)
    else:
        with transaction() as session:
            stripe_balance.note(session, said, asked_at=asked_at)
    with transaction() as session:
        rounds.reconcile(session)
    return trouble

"""Every way a payout may go, in one house: failed and carried on, negative, by hand, and on the statement."""

from dataclasses import dataclass

from tests.reconciliation.test_matching import DAY, a_payout
from tests.reconciliation.test_payouts import charge_of
from tests.reconciliation.treasury import Treasury


@dataclass(frozen=True)
class Town:
    """The payouts, by what became of them."""

    failed: str
    carries_it: str
    manual: str
    negative: str


def a_town(treasury: Treasury) -> Town:
    """Gifts in two currencies, refunds and a dispute, and four payouts of them."""
    treasury.a_paid_gift(5000, email="ben@example.com")
    refunded = treasury.a_paid_gift(9000, email="cho@example.com")
    treasury.house.stripe.tell(f"charges/{charge_of(refunded.id)}/refund", amount=1500)
    failed, day, sent = a_payout(treasury, 12_345, statement_descriptor="EXAMPLE RELIEF")
    treasury.house.stripe.tell(f"payouts/{failed}/fail", code="account_closed")
    treasury.everybody_works()
    disputed = treasury.a_paid_gift(4000)
    carries_it, later, amount = a_payout(treasury, 2500, statement_descriptor="EXAMPLE RELIEF")
    treasury.a_paid_gift(8000, email="ben@example.com")
    treasury.house.stripe.tell("clock", advance_seconds=3 * 86400)
    manual = treasury.house.stripe.tell("payouts", currency="usd", automatic=False, amount=5000)["id"]
    treasury.house.stripe.tell(f"charges/{charge_of(disputed.id)}/dispute")
    treasury.everybody_works()
    negative = treasury.stripe_pays_out()
    treasury.everybody_works()
    treasury.the_bank_says(
        (day, sent, "EXAMPLE RELIEF PAYOUT"),
        (day + DAY, -sent, "EXAMPLE RELIEF RETURNED"),
        (later + DAY, amount, "EXAMPLE RELIEF PAYOUT"),
        (later + DAY, 5000, "CREDIT"),
        (later + DAY, 777, "=cmd|' /C calc'!A0"),
    )
    treasury.reconciles()
    return Town(failed=failed, carries_it=carries_it, manual=manual, negative=negative)

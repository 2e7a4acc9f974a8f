"""Papers as they lie on the desk, and the book they are written into."""

from datetime import date
from typing import Any

from payments.database import transaction
from payments.donations.offline import Channel
from payments.donations.recording import Paper
from payments.donations.wishes import Share
from payments.ledger.balances import balances
from payments.money import Money
from payments.receipts import owing
from payments.staff.models import StaffMember

RECEIVED = date(2026, 11, 20)
POSTED = date(2026, 11, 17)


def a_cheque(**changes: Any) -> Paper:
    """$100.00 for the rescue fund, posted on the 17th and received on the 20th."""
    facts: dict[str, Any] = {
        "channel": Channel.CHEQUE,
        "amount": Money(10_000, "usd"),
        "donor_name": "Ada Park",
        "received_on": RECEIVED,
        "document_number": "1234",
    } | changes
    facts.setdefault("shares", (Share("rescue", facts["amount"].minor),))
    return Paper(**facts)


def taken_in(by: StaffMember, paper: Paper, **more: Any) -> owing.TakenIn:
    """In a transaction of its own."""
    with transaction() as session:
        return owing.take_in(session, paper, payer_email=more.pop("email", "ada@example.com"), by=by, **more)


def book() -> dict[str, int]:
    """Account, with its fund where it has one: what stands there, debit positive."""
    with transaction() as session:
        return {
            f"{row.account}:{row.fund_id}" if row.fund_id else row.account.value: row.balance.minor
            for row in balances(session)
            if row.balance
        }

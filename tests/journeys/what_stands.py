"""Everything that a history leaves behind, as one value that two histories can be compared by."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

# All that a handler reads. Left out is only what tells when a row was written, and in which order.
_LEFT_BEHIND = {
    "gifts": "select * from donations order by id",
    "charges": "select * from charges order by stripe_charge_id",
    "movements": "select * from balance_transactions order by stripe_balance_transaction_id",
    "book": (
        "select e.reference, e.kind, e.entity_id, e.donation_id, e.effective_on, e.occurred_at, "
        "e.description, m.from_account, m.to_account, m.amount, m.currency, m.fund_id "
        "from journal_entries e join journal_moves m using (reference) order by e.reference, m.position"
    ),
    "receipts due": "select donation_id from due_receipts order by 1",
    "left to do": "select stripe_event_id, parked_reason from stripe_event_queue order by 1",
}
_IN_ONE_QUESTION = "select " + ", ".join(  # noqa: S608 - the queries above
    f"(select coalesce(json_agg(row.*), '[]') from ({query}) as row)"  # noqa: S608
    for query in _LEFT_BEHIND.values()
)


def what_stands(session: Session) -> dict[str, list[dict[str, Any]]]:
    """The gifts, the charges, the book, what is owed and what is parked."""
    answers = session.execute(text(_IN_ONE_QUESTION)).one()
    return dict(zip(_LEFT_BEHIND, answers, strict=True))

"""Writing into the book. There is one way in, and none to change what stands there."""

from collections.abc import Sequence

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.ledger.models import JournalEntry, JournalMove
from payments.ledger.rules import Entry


def post(session: Session, entries: Sequence[Entry]) -> None:
    """Add the entries, whole or not at all. A reference that stands already is refused by its key.

    An entry whose movement came to nothing (all amounts zero) has no moves and is not an entry.
    """
    entries = [entry for entry in entries if entry.moves]
    if not entries:
        return
    session.execute(
        insert(JournalEntry),
        [
            {
                "reference": entry.reference,
                "kind": entry.kind,
                "entity_id": entry.books.entity_id,
                "donation_id": entry.donation_id,
                "effective_on": entry.effective_on,
                "occurred_at": entry.occurred_at,
                "description": entry.description,
            }
            for entry in entries
        ],
    )
    session.execute(
        insert(JournalMove),
        [
            {
                "reference": entry.reference,
                "position": position,
                "from_account": move.from_account.value,
                "to_account": move.to_account.value,
                "amount": move.amount,
                "currency": entry.currency,
                "fund_id": move.fund_id,
            }
            for entry in entries
            for position, move in enumerate(entry.moves)
        ],
    )

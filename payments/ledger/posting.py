"""Writing into the book. There is one way in, and none to change what stands there."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.rules import Entry

# A statement a table, however many rows: each column travels as one list. What belongs into a closed month
# counts for the first open day instead. The function waits for a closing that is under way and reads what
# it left; until this transaction ends, no other begins.
_ENTRIES = text("""
    with closed as materialized (select * from almoner_closed_books())
    insert into journal_entries
        (reference, kind, entity_id, donation_id, effective_on, occurred_at, description)
    select reference, kind, entity_id, donation_id,
        greatest(effective_on, (select closed_through + 1 from closed where closed.entity_id = e.entity_id)),
        occurred_at, description
    from unnest(
        cast(:references as text[]), cast(:kinds as text[]), cast(:entity_ids as text[]),
        cast(:donation_ids as text[]), cast(:effective_on as date[]),
        cast(:occurred_at as timestamptz[]), cast(:descriptions as text[])
    ) as e (reference, kind, entity_id, donation_id, effective_on, occurred_at, description)
""")
_MOVES = text("""
    insert into journal_moves
        (reference, position, from_account, to_account, amount, currency, fund_id)
    select * from unnest(
        cast(:references as text[]), cast(:positions as smallint[]), cast(:from_accounts as text[]),
        cast(:to_accounts as text[]), cast(:amounts as bigint[]), cast(:currencies as text[]),
        cast(:fund_ids as text[])
    )
""")


def post(session: Session, entries: Sequence[Entry]) -> None:
    """Add the entries, whole or not at all. A reference that stands already is refused by its key.

    An entry of a month that is closed counts for the first day that is open, and still says when it
    happened. An entry whose movement came to nothing (all amounts zero) has no moves and is not an entry.
    """
    entries = [entry for entry in entries if entry.moves]
    if not entries:
        return
    session.flush()  # the gifts they are about may still be on their way
    session.execute(
        _ENTRIES,
        {
            "references": [entry.reference for entry in entries],
            "kinds": [entry.kind for entry in entries],
            "entity_ids": [entry.books.entity_id for entry in entries],
            "donation_ids": [entry.donation_id for entry in entries],
            "effective_on": [entry.effective_on for entry in entries],
            "occurred_at": [entry.occurred_at for entry in entries],
            "descriptions": [entry.description for entry in entries],
        },
    )
    moves = [(entry, position, move) for entry in entries for position, move in enumerate(entry.moves)]
    session.execute(
        _MOVES,
        {
            "references": [entry.reference for entry, _, _ in moves],
            "positions": [position for _, position, _ in moves],
            "from_accounts": [move.from_account.value for _, _, move in moves],
            "to_accounts": [move.to_account.value for _, _, move in moves],
            "amounts": [move.amount for _, _, move in moves],
            "currencies": [entry.currency for entry, _, _ in moves],
            "fund_ids": [move.fund_id for _, _, move in moves],
        },
    )

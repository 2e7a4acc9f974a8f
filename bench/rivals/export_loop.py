"""`python -m bench.rivals.export_loop ENTRIES`: the obvious way to write the journal into a file.

The ORM reads the entries with their moves in the order of the book, a thousand at a time, and the `csv`
module writes two rows a move.
"""

import csv
import json
import sys
import time
from collections import defaultdict
from tempfile import TemporaryFile

from sqlalchemy import select
from sqlalchemy.orm import Session

import payments.models  # noqa: F401 - every table, so that each finds the ones it names
from payments.database import engine
from payments.ledger.models import JournalEntry, JournalMove
from payments.money import exponent

_AT_ONCE = 1000


def main(count: int) -> None:
    """Write the first entries; print how long it took and how many rows there are."""
    with Session(engine()) as session, TemporaryFile("w", newline="") as file:
        table = csv.writer(file)
        began = time.perf_counter()
        written = rows = 0
        last = -1
        while written < count:
            entries = session.scalars(
                select(JournalEntry)
                .where(JournalEntry.number > last)
                .order_by(JournalEntry.number)
                .limit(min(_AT_ONCE, count - written))
            ).all()
            if not entries:
                break
            for row in _rows(session, entries):
                table.writerow(row)
                rows += 1
            written += len(entries)
            last = entries[-1].number
            session.expunge_all()
        file.flush()
        seconds = time.perf_counter() - began
    print(json.dumps({"entries": written, "rows": rows, "seconds": seconds}))


def _rows(session: Session, entries: list[JournalEntry]) -> list[list[object]]:
    moves: dict[str, list[JournalMove]] = defaultdict(list)
    for move in session.scalars(
        select(JournalMove)
        .where(JournalMove.reference.in_([entry.reference for entry in entries]))
        .order_by(JournalMove.reference, JournalMove.position)
    ):
        moves[move.reference].append(move)
    rows: list[list[object]] = []
    for entry in entries:
        line = 0
        for move in moves[entry.reference]:
            amount = f"{move.amount / 10 ** exponent(move.currency):.{exponent(move.currency)}f}"
            for account, debit, credit in ((move.to_account, amount, ""), (move.from_account, "", amount)):
                line += 1
                rows.append(
                    [
                        *(entry.number, line, entry.effective_on, entry.entity_id, entry.kind),
                        *(entry.reference, entry.donation_id, str(account), move.fund_id, move.currency),
                        *(debit, credit, _harmless(entry.description)),
                    ]
                )
    return rows


def _harmless(words: str) -> str:
    """No cell that a spreadsheet would take for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


if __name__ == "__main__":
    main(int(sys.argv[1]))

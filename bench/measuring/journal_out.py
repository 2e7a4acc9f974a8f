"""`python -m bench.measuring.journal_out`: the whole journal to the standard output, as a batch writes it."""

import sys
from datetime import date

from sqlalchemy import text

from payments.database import transaction
from payments.reconciliation.exports.journal import Chosen
from payments.reconciliation.exports.journal_csv import stream


def main() -> None:
    """Every entry of the body that is paid online."""
    with transaction() as session:
        session.execute(text("set local statement_timeout = '20min'"))  # as a batch does
        for piece in stream(session, Chosen(entity_id="us", last_day=date.max)):
            sys.stdout.buffer.write(piece)


if __name__ == "__main__":
    main()

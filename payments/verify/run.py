"""Asking the checks of a live database: one snapshot, read only, and no more memory for more gifts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from payments.database import SESSION_OPTIONS, libpq_url
from payments.settings import settings
from payments.verify.check import Check, Finding, finding

# The last setting of a name counts: a proof over millions of rows may take its time, and sorts in
# memory what it can. It holds no lock that a gift would wait for.
_OPTIONS = (
    f"{SESSION_OPTIONS} -c default_transaction_read_only=on"
    " -c default_transaction_isolation=repeatable\\ read"
    " -c statement_timeout=0 -c idle_in_transaction_session_timeout=600000"
    " -c work_mem=128MB -c jit=off"
)
_ROWS_AT_A_TIME = 500


@contextmanager
def snapshot(url: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A connection on which everything asked belongs to one instant and nothing can be written."""
    with psycopg.connect(
        libpq_url(url or settings().database_url), connect_timeout=5, options=_OPTIONS
    ) as connection:
        yield connection
        connection.rollback()


def breaches(connection: psycopg.Connection[Any], check: Check) -> Iterator[Finding]:
    """What a check finds, as it comes: not through a cursor of the server, which would forbid it to
    read with several processes."""
    with connection.cursor() as cursor:
        statement = check.sql.encode()  # bytes: a statement of ours, without parameters
        for row in cursor.stream(statement, size=_ROWS_AT_A_TIME):
            yield finding(check, row)

"""Asking the checks of a live database: one snapshot, read only, and no more memory for more gifts."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from payments.database import SESSION_OPTIONS, libpq_url
from payments.settings import settings
from payments.verify.check import Check, Finding, finding

# The last setting of a name counts: a proof over millions of rows may take its time, and sorts in
# memory what it can. It holds no lock that a gift would wait for. Tables are read and joined whole: where
# the planner guesses that a few rows are wanted, looking each up by itself takes minutes for seconds.
_OPTIONS = (
    f"{SESSION_OPTIONS} -c default_transaction_read_only=on"
    " -c default_transaction_isolation=repeatable\\ read"
    " -c statement_timeout=0 -c idle_in_transaction_session_timeout=600000"
    " -c work_mem=128MB -c jit=off -c enable_nestloop=off -c enable_indexscan=off -c enable_mergejoin=off"
)
_ROWS_AT_A_TIME = 500


@contextmanager
def snapshot(url: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A connection on which everything asked belongs to one instant and nothing can be written."""
    with psycopg.connect(
        libpq_url(url or settings().database_url), connect_timeout=5, options=_OPTIONS
    ) as connection:
        yield connection


def breaches(connection: psycopg.Connection[Any], check: Check) -> Iterator[Finding]:
    """What a check finds, as it comes: not through a cursor of the server, which would forbid it to
    read with several processes."""
    with connection.cursor() as cursor:
        statement = check.sql.encode()  # bytes: a statement of ours, without parameters
        for row in cursor.stream(statement, size=_ROWS_AT_A_TIME):
            yield finding(check, row)


_HELD_BACK = 1000
"""How many findings a reader may be ahead of whoever reads them."""


@dataclass(slots=True)
class Proof:
    """One check being asked. Its findings come while it is asked; then its seconds are known."""

    check: Check
    seconds: float = 0.0
    _found: queue.Queue[Finding | BaseException | None] = field(
        default_factory=lambda: queue.Queue(_HELD_BACK)
    )

    def findings(self) -> Iterator[Finding]:
        """Each finding once, until there are no more; what went wrong while asking is raised here."""
        while (found := self._found.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found


@contextmanager
def proving(checks: Sequence[Check], *, readers: int, url: str | None = None) -> Iterator[Iterator[Proof]]:
    """The checks in their order, asked by several readers at once who all see the same instant."""
    proofs = [Proof(check) for check in checks]
    with ExitStack() as stack:
        first = stack.enter_context(snapshot(url))
        connections = [first]
        if readers > 1:
            [instant] = first.execute("select pg_export_snapshot()").fetchone() or [""]
            for _ in range(readers - 1):
                other = stack.enter_context(snapshot(url))
                other.execute(sql.SQL("set transaction snapshot {}").format(instant))
                connections.append(other)
        is_over = threading.Event()
        turn = iter(proofs)  # a list's iterator gives each to one thread only
        threads = [
            threading.Thread(target=_ask, args=(connection, turn, is_over), daemon=True)
            for connection in connections
        ]
        for thread in threads:
            thread.start()
        try:
            yield iter(proofs)
        finally:
            is_over.set()
            for connection, thread in zip(connections, threads, strict=True):
                if thread.is_alive():
                    connection.cancel_safe(timeout=5)
                thread.join()


def _ask(connection: psycopg.Connection[Any], turn: Iterator[Proof], is_over: threading.Event) -> None:
    """One reader: take the next check, ask it, until there is none or nobody listens any more."""
    for proof in turn:
        began = time.monotonic()
        try:
            for found in breaches(connection, proof.check):
                _hand_over(proof, found, is_over)
        except BaseException as trouble:  # whatever it was, whoever reads the findings must hear of it
            _hand_over(proof, trouble, is_over)
            return
        finally:
            proof.seconds = time.monotonic() - began
        _hand_over(proof, None, is_over)
        if is_over.is_set():
            return


def _hand_over(proof: Proof, found: Finding | BaseException | None, is_over: threading.Event) -> None:
    while not is_over.is_set():
        try:
            proof._found.put(found, timeout=0.2)
        except queue.Full:
            continue
        return

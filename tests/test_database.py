"""The pool: what it hands out is alive."""

import time

from sqlalchemy import Connection, text

from payments.database import transaction


def _backend() -> int:
    with transaction() as session:
        return int(session.execute(text("select pg_backend_pid()")).scalar_one())


def test_a_connection_that_postgresql_has_ended_is_replaced_before_it_is_handed_out(
    database: str, owner: Connection
):
    before = _backend()
    assert _backend() == before

    owner.execute(text("select pg_terminate_backend(:pid)"), {"pid": before})
    until = time.monotonic() + 5
    alive = text("select count(*) from pg_stat_activity where pid = :pid")
    while owner.scalar(alive, {"pid": before}) and time.monotonic() < until:
        time.sleep(0.01)

    assert _backend() != before

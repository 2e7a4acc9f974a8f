"""The books that the benchmarks write are in order, for us and for the loops beside us."""

import json

import pytest

from bench.measuring import banked_books
from bench.rivals import export_loop, reconcile_loop
from payments.database import libpq_url, transaction
from payments.reconciliation import reconcile
from payments.verify.run import snapshot
from tests.verify.conftest import everything_found, told


@pytest.mark.usefixtures("organisation")
def test_a_banked_book_is_matched_whole_and_without_alarm(database: str, capsys: pytest.CaptureFixture[str]):
    banked_books.write(libpq_url(database), 400, payout_after=40, say=lambda _: None)

    reconcile_loop.main(100)
    export_loop.main(50)
    with transaction() as session:
        done = reconcile.reconcile(session)
        again = reconcile.reconcile(session)
    with snapshot(database) as connection:
        broken = everything_found(connection)

    theirs, written = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert not broken, told(broken)
    assert (len(done.matched), list(done.open)) == (9, [])
    assert (len(again.matched), list(again.open)) == (0, [])
    assert (theirs["payouts"], theirs["wrong"]) == (9, 0)
    assert (written["entries"], written["rows"] >= 100) == (50, True)

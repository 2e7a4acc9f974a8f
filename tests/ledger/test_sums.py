"""Sums of months: whatever is summed up so far, what is read is what the journal has at this moment."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payments.database import new_id, transaction
from payments.ledger import posting, sums
from payments.ledger.accounts import Account
from payments.ledger.balances import balances
from payments.ledger.rules import Books, Entry, Move
from payments.reconciliation.month_tables import trial_balance
from payments.reconciliation.months import month_named
from workers.reconciliation import sum_up

pytestmark = pytest.mark.usefixtures("organisation")

ACCOUNTS = (Account.STRIPE_BALANCE, Account.CONTRIBUTIONS, Account.PROCESSING_FEES, Account.BANK)


@pytest.fixture(autouse=True)
def few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "WORTH_IT", 1)
    monkeypatch.setattr(sums, "AT_ONCE", 25)


def some_entries(chance: Random, count: int) -> list[Entry]:
    """Over a year, of two bodies, in two currencies, with funds and without."""
    made = []
    for _ in range(count):
        entity_id, zone = chance.choice([("us", "America/Los_Angeles"), ("kr", "Asia/Seoul")])
        one, other = chance.sample(ACCOUNTS, 2)
        fund = chance.choice(["rescue", "general", None])
        made.append(
            Entry(
                reference=new_id("test"),
                kind="gift",
                books=Books(entity_id=entity_id, time_zone=zone),
                occurred_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(8000)),
                currency=chance.choice(["usd", "krw"]),
                description="",
                moves=tuple(Move(one, other, chance.randrange(1, 10**6), fund) for _ in range(2)),
            )
        )
    return made


def what_is_read(session: Session) -> list[object]:
    months = [month_named(session, f"2026-{n:02}", entity) for n in range(1, 13) for entity in ("us", "kr")]
    return [balances(session), *(trial_balance(session, month) for month in months)]


def summed(session: Session) -> int:
    return session.scalar(text("select through from ledger_summed_up")) or 0


@pytest.mark.parametrize("seed", range(5))
def test_what_is_read_is_the_same_however_far_it_is_summed_up(seed: int, owner: Connection) -> None:
    chance = Random(seed)  # noqa: S311 - no secret
    for _ in range(6):
        with transaction() as session:
            posting.post(session, some_entries(chance, chance.randrange(1, 40)))
        if chance.random() < 0.6:
            sum_up()
    with transaction() as session:
        so_far = what_is_read(session)
        posted = session.scalar(text("select max(number) from journal_entries"))
        assert sum(line.balance.minor for line in balances(session)) == 0

    owner.exec_driver_sql("delete from ledger_month_sums; delete from ledger_summed_up")
    owner.commit()
    with transaction() as session:
        assert what_is_read(session) == so_far
    sum_up()
    sum_up()
    with transaction() as session:
        assert what_is_read(session) == so_far
        assert summed(session) == posted


def test_while_somebody_posts_nothing_is_summed_up_past_them() -> None:
    chance = Random(1)  # noqa: S311 - no secret
    with transaction() as session:
        posting.post(session, some_entries(chance, 3))
    with transaction() as slow:
        posting.post(slow, some_entries(chance, 3))
        with transaction() as other, pytest.raises(OperationalError, match="lock timeout"):
            sums.settled(other)
        sum_up()
        before = what_is_read(slow)
    with transaction() as session:
        assert summed(session) == 0
        assert what_is_read(session) == before


def test_a_small_book_needs_no_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "WORTH_IT", 10**12)
    with transaction() as session:
        posting.post(session, some_entries(Random(2), 30))  # noqa: S311 - no secret

    sum_up()

    with transaction() as session:
        assert summed(session) == 0

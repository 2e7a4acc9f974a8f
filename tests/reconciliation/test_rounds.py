"""The round that nobody has to remember: by the clock, once, and told to whoever asks how the house is."""

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text

from payments import checkup_reconciliation
from payments.api.health import _FromTheDatabase
from payments.database import transaction
from payments.jobs import Bell
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.models import BankMatch, ReconciliationRound
from payments.staff.models import StaffMember
from payments.webhooks import inbox
from tests.journeys.neighbours import wait_until
from tests.money_moves.small_stripe import SmallStripe
from tests.reconciliation.test_matching import a_payout
from tests.reconciliation.treasury import Treasury
from workers import reconciliation as hands
from workers.schedule import SCHEDULE


def gone_rounds() -> list[ReconciliationRound]:
    with transaction() as session:
        return list(session.scalars(select(ReconciliationRound).order_by(ReconciliationRound.id)))


def how_it_is() -> dict[str, tuple[bool, str]]:
    with transaction() as session:
        return {
            check.name: (check.is_well, check.finding)
            for check in checkup_reconciliation.reconciliation(session)
        }


def test_the_worker_goes_the_round_once_however_often_it_is_rung(treasury: Treasury):
    _, day, amount = a_payout(treasury)
    treasury.the_bank_says((day, amount, "STRIPE TRANSFER"), (day, 700, "WHO KNOWS"))

    hands.reconcile()
    hands.reconcile()

    [one] = gone_rounds()
    assert (one.matched, one.opened, one.open, one.blocks_close) == (1, 1, 1, 1)
    with transaction() as session:
        assert session.scalars(select(BankMatch.kind)).all() == ["payout"]
    assert SCHEDULE["reconcile"]["task"] == Bell.RECONCILE.value


def test_nobody_goes_a_round_beside_another(treasury: Treasury):
    with transaction() as somebody:
        rounds.reconcile(somebody)

        hands.reconcile()

    assert len(gone_rounds()) == 1


def test_a_round_waits_for_another_however_short_a_lock_is_waited_for_elsewhere(finn: StaffMember):
    begun = threading.Event()

    def another() -> None:
        with transaction() as session:
            rounds.reconcile(session)
            begun.set()
            wait_until(_somebody_waits)

    beside = threading.Thread(target=another)
    beside.start()
    begun.wait(10)
    with transaction() as session:
        session.execute(text("set local lock_timeout = '1ms'"))
        rounds.reconcile(session)
        assert session.scalar(text("show lock_timeout")) == "5s"
    beside.join()

    assert len(gone_rounds()) == 2


def _somebody_waits() -> bool:
    with transaction() as session:
        waiting = text("select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        return bool(session.scalar(waiting))


@pytest.mark.parametrize("said", [{"net": 12.5}, {"net": "much"}, {"currency": None}, {"net": 10**30}])
def test_a_movement_of_unknown_shape_is_found_and_stops_no_round(finn: StaffMember, said: dict[str, Any]):
    strange = SmallStripe().moves("charge", 2500) | said
    with transaction() as session:
        inbox.store(session, [inbox.of_balance_transaction(strange)])
        session.execute(
            text("update stripe_event_queue set parked_reason = 'unknown shape', parked_at = now()")
        )

    with transaction() as session:
        [found] = rounds.reconcile(session).open

    assert (found.kind, found.subject_id, found.amount) == ("movement_not_booked", strange["id"], None)
    assert "Stripe moved ? with" in found.sentence


def test_an_empty_house_has_nothing_to_reconcile(database: str):
    hands.reconcile()

    assert gone_rounds() == []


def test_the_doctor_and_the_metrics_tell_what_keeps_a_month_open(treasury: Treasury):
    a_payout(treasury)
    fresh = how_it_is()
    with transaction() as session:
        session.execute(text("update payouts set listed_at = null, arrives_on = arrives_on - 10"))
    treasury.the_bank_says((date(2026, 11, 2), 100, "INTEREST"))
    treasury.reconciles()

    told = how_it_is()
    metrics = {each.name: each.samples[0].value for each in _FromTheDatabase().collect() if each.samples}

    assert fresh["reconciliation"] == (True, "no round yet")
    assert told["reconciliation"] == (True, "the last round 0 minutes ago")
    assert told["payouts"] == (False, "1 that could not be proven in time")
    not_well, finding = told["exceptions"]
    assert not_well is False
    assert f"{metrics['almoner_exceptions_open']:.0f} open" in finding
    assert metrics["almoner_exceptions_blocking"] >= 2
    assert metrics["almoner_payouts_not_proven"] == 1


def test_the_doctor_misses_a_round_that_nobody_went(treasury: Treasury, owner):
    treasury.reconciles()
    with transaction() as session:
        session.execute(
            text("""
            insert into reconciliation_rounds (ended_at, matched, opened, gone, open, blocks_close)
            values (now() - interval '4 hours', 0, 0, 0, 0, 0)
            """)
        )

    assert how_it_is()["reconciliation"] == (False, "the last round 240 minutes ago")

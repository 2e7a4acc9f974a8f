"""Killed at every point, one after the other: nothing is lost and nothing is done twice.

Each test puts the same state back, lets a process die at its first, second, third … point until one
ends by itself, and after every death lets a healthy process finish and checks all laws.
"""

from collections.abc import Callable
from itertools import count

import pytest

from tests.faults.stage import Deadly, Stage, told
from workers.receipts import issue_receipts, write_documents
from workers.webhooks import apply_events, pull_balance_transactions, sweep_events

pytestmark = pytest.mark.slow


def a_gift_was_paid(stage: Stage) -> None:
    stage.give(key="first-gift")


def a_gift_was_heard_of(stage: Stage, method: str) -> None:
    stage.give(key="first-gift", method=method)
    sweep_events()


def its_events_were_applied(stage: Stage) -> None:
    a_gift_was_heard_of(stage, "card")
    apply_events()


def its_money_was_fetched(stage: Stage) -> None:
    its_events_were_applied(stage)
    pull_balance_transactions()


def its_money_was_booked(stage: Stage) -> None:
    its_money_was_fetched(stage)
    apply_events()


def its_receipt_was_numbered(stage: Stage) -> None:
    its_money_was_booked(stage)
    issue_receipts()


def its_page_was_set(stage: Stage) -> None:
    its_receipt_was_numbered(stage)
    write_documents()


PREPARED: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "the events of a card gift": ("apply_events", lambda stage: a_gift_was_heard_of(stage, "card")),
    "the events of a delayed gift": ("apply_events", lambda stage: a_gift_was_heard_of(stage, "bank")),
    "the list of events": ("sweep_events", a_gift_was_paid),
    "the list of balance transactions": ("pull_balance_transactions", its_events_were_applied),
    "the money of a gift": ("apply_events", its_money_was_fetched),
    "a receipt": ("issue_receipts", its_money_was_booked),
    "its page": ("write_documents", its_receipt_was_numbered),
    "a mail": ("send_mail", its_page_was_set),
}


@pytest.mark.parametrize("work", PREPARED)
def test_a_worker_killed_at_any_point_loses_nothing_and_doubles_nothing(
    work: str, stage: Stage, mortal: Deadly
):
    deed, prepare = PREPARED[work]
    prepare(stage)
    stage.keep()

    for crash_at in count(1):
        stage.put_back()
        stage.let_time_pass()
        death = mortal.run(deed=deed, crash_at=crash_at)
        stage.bury()
        at_once = stage.findings_now()
        stage.finish(after=deed)
        # The mail server may have said yes to a sender that died before it could note it.
        doubled = 1 if deed == "send_mail" and death.was_killed else 0
        findings = at_once + stage.findings_at_rest(may_be_doubled=doubled)

        assert not findings, told(death, findings)
        assert stage.count("select count(*) from receipts") == 1
        if not death.was_killed:
            assert death.exit == 0
            break
    assert crash_at > 6, "hardly any point was found"

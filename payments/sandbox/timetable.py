"""What happens by itself when its time comes on the sandbox's clock: expiry, settlement, availability, the
balance transactions that come after what caused them, payouts, renewals and their retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from payments.sandbox import (
    balance,
    bank_returns,
    billing,
    checkout,
    collection,
    disputes,
    payments,
    payouts,
    refunds,
    subscriptions,
)
from payments.sandbox.store import Thing
from payments.sandbox.world import Asking, World


def _expire(world: World, session_id: str) -> None:
    session = world.find("checkout.session", session_id)
    if session["status"] == "open":
        checkout.expire(world, session)


def _settle(world: World, charge_id: str) -> None:
    charge = world.find("charge", charge_id)
    if charge["status"] == "succeeded" and charge["balance_transaction"] is None:
        balance.settle(world, charge)


def _make_available(world: World, transaction_id: str) -> None:
    balance.make_available(world, world.find("balance_transaction", transaction_id))
    if world.money.refunds == "need_balance":
        refunds.balance_grew(world)


def _pay_payout(world: World, payout_id: str) -> None:
    payouts.arrive(world, world.find("payout", payout_id))


BOOKINGS: dict[str, Callable[[World, str], None]] = {
    "book_refund": refunds.book,
    "book_refund_return": refunds.book_return,
    "book_withdrawal": disputes.book_withdrawal,
    "book_reversal": disputes.book_reversal,
    "book_return": bank_returns.book_return,
}
DEEDS: dict[str, Callable[[World, str], None]] = {
    "expire": _expire,
    "settle": _settle,
    "make_available": _make_available,
    "pay_payout": _pay_payout,
    "schedule_payouts": payouts.on_schedule,
    "renew": billing.renew,
    "finalize": collection.finalize_and_collect,
    "retry": collection.retry,
    "resume": billing.resume_collection,
    "trial_will_end": subscriptions.trial_will_end,
    "debit": payments.bank_answers,
    **BOOKINGS,
}


def book_all(world: World) -> None:
    """Every balance transaction still owed to refunds, disputes and returned debits, oldest first."""
    for due in world.store.all("due"):
        if due["deed"] in BOOKINGS:
            world.store.forget("due", due["id"])
            BOOKINGS[due["deed"]](world, due["subject"])


def do_what_is_due(world: World) -> float | None:
    """Do everything whose time has come, earliest first; seconds until the next, or None."""
    while (due := world.next_due()) is not None:
        if due["at"] > world.moment():
            return float(due["at"]) - world.moment()
        do_one(world, due)
        world.commit()
    return None


def do_one(world: World, due: Thing) -> None:
    """One deed; the caller commits."""
    world.asking = Asking()
    world.store.forget("due", due["id"])
    DEEDS[due["deed"]](world, due["subject"])


async def run(world: World, bell: asyncio.Event) -> None:
    """Until cancelled: do what is due, then sleep until the next thing or the bell (a commit)."""
    while True:
        bell.clear()
        pause = do_what_is_due(world)
        try:
            await asyncio.wait_for(bell.wait(), pause)
        except TimeoutError:
            continue

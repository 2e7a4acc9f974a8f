"""What happens by itself when its time comes on the sandbox's clock: expiry, settlement, availability."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from payments.sandbox import balance, checkout
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


DEEDS: dict[str, Callable[[World, str], None]] = {
    "expire": _expire,
    "settle": _settle,
    "make_available": _make_available,
}


def do_what_is_due(world: World) -> float | None:
    """Do everything whose time has come, earliest first; seconds until the next, or None."""
    world.asking = Asking()
    while (due := world.next_due()) is not None:
        if due["at"] > world.moment():
            return float(due["at"]) - world.moment()
        world.store.forget("due", due["id"])
        DEEDS[due["deed"]](world, due["subject"])
        world.commit()
    return None


async def run(world: World, bell: asyncio.Event) -> None:
    """Until cancelled: do what is due, then sleep until the next thing or the bell (a commit)."""
    while True:
        bell.clear()
        pause = do_what_is_due(world)
        try:
            await asyncio.wait_for(bell.wait(), pause)
        except TimeoutError:
            continue

"""The clock moved forward step by step: everything that comes due on the way is done at its own time.

While it is walked the clock shows the time of what is being done, so that what happens on the 31st says so.
Webhooks leave as it goes; after each day the walk waits until every one that left was answered or refused,
so that the receiver lives through the days in their order.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from payments.sandbox.billing_calendar import months_later
from payments.sandbox.errors import Refusal
from payments.sandbox.events import forget_old
from payments.sandbox.timetable import do_one
from payments.sandbox.world import World

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox

_DAY = 24 * 3600
_MOST_YEARS = 20
# What a float may lose of an instant, so that the clock never stops a hair before the time it was sent to.
_A_MOMENT = 0.001
_BREATH = 100
"""So many deeds are done before others (the API, the sender) get their turn."""


def distance(world: World, given: dict[str, Any]) -> float:
    """How many seconds `{"days": n}`, `{"months": n}`, `{"seconds": n}` or `{"to": unix}` is from now."""
    asked = {name: given[name] for name in ("days", "months", "seconds", "to") if name in given}
    if len(asked) != 1:
        raise Refusal("Give one of `days`, `months`, `seconds` or `to`.", param="days")
    name, value = asked.popitem()
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Refusal(f"`{name}` must be a number, not negative.", param=name)
    if name == "months" and value != int(value):
        raise Refusal("`months` must be a whole number.", param="months")
    if name == "months" and value > _MOST_YEARS * 12:
        raise Refusal(f"At most {_MOST_YEARS} years at once.", param=name)
    seconds = float(value)
    if name == "days":
        seconds = value * float(_DAY)
    elif name == "months":
        seconds = float(months_later(world.now(), int(value)) - world.now())
    elif name == "to":
        seconds = value - world.moment() + _A_MOMENT
    if seconds < 0:
        raise Refusal("The clock only moves forward.", param=name)
    if seconds > _MOST_YEARS * 366 * _DAY:
        raise Refusal(f"At most {_MOST_YEARS} years at once.", param=name)
    return seconds


async def advance(sandbox: Sandbox, seconds: float, *, deliver: bool = True) -> dict[str, Any]:
    """Walk so far and say what happened on the way."""
    world = sandbox.world
    if world.is_walked:
        raise Refusal("The clock is being moved already.", status=409)
    events, done = world.events_made, 0
    day = int(world.moment() // _DAY)
    began, walked = world.moment(), 0.0
    to = began + seconds
    world.stand_still_at(began)
    try:
        while (due := world.next_due()) is not None and due["at"] <= to:
            if int(due["at"] // _DAY) > day:
                day = int(due["at"] // _DAY)
                await _end_of_day(sandbox, deliver=deliver)
                continue
            world.stand_still_at(max(world.moment(), float(due["at"])))
            do_one(world, due)
            done += 1
            if done % _BREATH == 0:
                await _breathe(world)
        world.stand_still_at(to)
        await _end_of_day(sandbox, deliver=deliver)
        walked = seconds
    except BaseException:
        world.store.roll_back()
        walked = world.moment() - began
        raise
    finally:
        world.run_on(later=walked)
        sandbox.bell.set()
    return {
        "now": world.now(),
        "date": datetime.fromtimestamp(world.now(), UTC).isoformat(),
        "offset_seconds": world.offset,
        "deeds": done,
        "events": world.events_made - events,
    }


def day_of(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


async def _breathe(world: World) -> None:
    world.commit()
    await asyncio.sleep(0)


async def _end_of_day(sandbox: Sandbox, *, deliver: bool) -> None:
    sandbox.world.tell_the_time()
    await _breathe(sandbox.world)
    if deliver:
        await sandbox.sender.wait_until_tried()
    forget_old(sandbox.world)
    sandbox.world.commit()

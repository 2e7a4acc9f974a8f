"""The sender of events: signs like Stripe, keeps what is undelivered, retries with growing pauses.

Several deliveries are under way at once, so no order is promised, as at Stripe. It can be told to hold, drop,
duplicate, shuffle or delay, and to lie about the version, the mode and the account.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import hmac
import logging
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from payments.sandbox.errors import Refusal
from payments.sandbox.events import as_text, owe
from payments.sandbox.store import Thing
from payments.sandbox.wire import Wire
from payments.sandbox.world import World

log = logging.getLogger("payments.sandbox.webhooks")
_LONGEST_WAIT = 60.0
_SHUFFLED_WITHIN = 0.2


@dataclass
class Manners:
    """How events are sent; kept across restarts."""

    mode: str = "deliver"
    duplicate: int = 0
    shuffle: bool = False
    delay_ms: int = 0
    api_version: str | None = None
    livemode: bool | None = None
    account: str | None = None
    drop_types: list[str] = field(default_factory=list)


def signature(body: bytes, secrets_: list[str], *, at: int) -> str:
    """`t=...,v1=...`, one v1 a live secret, as Stripe does while a secret is being rolled."""
    signed = f"{at}.".encode() + body
    parts = [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets_]
    return ",".join([f"t={at}", *(f"v1={part}" for part in parts)])


class Sender:
    def __init__(self, world: World) -> None:
        self.world = world
        self.manners = Manners(**(world.store.fact("manners") or {}))
        self._bell = asyncio.Event()
        self._tried = asyncio.Event()
        self._wire = Wire()
        self._queue: list[tuple[float, str]] = []
        self._hands: set[asyncio.Task[None]] = set()
        self._random = random.Random()  # noqa: S311 - shuffling deliveries is no secret
        for delivery in world.store.all("delivery"):
            if delivery["status"] in ("pending", "new"):
                self._take(delivery)
        world.on_commit.append(self.take_new)

    def secrets_of(self, endpoint_id: str) -> list[str]:
        kept = self.world.store.fact(f"secrets:{endpoint_id}")
        return list(kept or [])

    def take_new(self) -> None:
        """Called after each commit: what was just emitted is sent, held or dropped."""
        fresh = self.world.store.new_deliveries()
        for delivery in fresh:
            self._admit(delivery)
        if fresh:
            self.world.store.commit()
            self._bell.set()

    def _admit(self, delivery: Thing) -> None:
        manners = self.manners
        if manners.mode == "drop" or delivery["type"] in manners.drop_types:
            delivery["status"] = "dropped"
            self.world.store.save("delivery", delivery)
            return
        if manners.mode == "hold":
            delivery["status"] = "held"
            self.world.store.save("delivery", delivery)
            return
        event = self.world.find("event", delivery["event"])
        endpoint = self.world.find("webhook_endpoint", delivery["endpoint"])
        copies = [owe(self.world, event, endpoint, extra=True) for _ in range(manners.duplicate)]
        for one in [delivery, *copies]:
            self._take(one)
        self.world.store.new_deliveries()

    def _take(self, delivery: Thing) -> None:
        pause = self.manners.delay_ms / 1000
        if self.manners.shuffle:
            pause += self._random.uniform(0, _SHUFFLED_WITHIN)
        # Not saved: after a restart a new one is taken like one that is pending.
        delivery["status"] = "pending"
        if not delivery["attempts"]:
            delivery["next_at"] = time.time() + pause
        heapq.heappush(self._queue, (delivery["next_at"], delivery["id"]))

    async def run(self) -> None:
        """Until cancelled: give what is due to as many hands as may be, then sleep until more is."""
        while True:
            self._bell.clear()
            pause = None
            for delivery in self._due(self.world.options.in_flight - len(self._hands)):
                hand = asyncio.create_task(self._work(delivery))
                self._hands.add(hand)
                hand.add_done_callback(self._finished)
            if self._queue and len(self._hands) < self.world.options.in_flight:
                pause = max(self._queue[0][0] - time.time(), 0)
            try:
                await asyncio.wait_for(self._bell.wait(), pause)
            except TimeoutError:
                continue

    def _due(self, most: int) -> list[Thing]:
        """The deliveries whose time has come, taken out of the queue."""
        taken: list[Thing] = []
        now = time.time()
        while len(taken) < most and self._queue and self._queue[0][0] <= now:
            delivery = self.world.store.get("delivery", heapq.heappop(self._queue)[1])
            if delivery is not None and delivery["status"] == "pending":
                taken.append(delivery)
        return taken

    async def _work(self, delivery: Thing) -> None:
        """One delivery after the other, for as long as some are due."""
        due = [delivery]
        while due:
            await self._deliver(due[0])
            due = self._due(1)

    async def wait_until_tried(self) -> None:
        """Until every delivery that may leave now has been answered or refused at least once."""
        until = time.monotonic() + _LONGEST_WAIT
        while time.monotonic() < until and (self._hands or self._has_untried()):
            self._tried.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tried.wait(), 0.05)

    def _has_untried(self) -> bool:
        now = time.time() + self.manners.delay_ms / 1000 + _SHUFFLED_WITHIN
        for next_at, delivery_id in self._queue:
            delivery = self.world.store.get("delivery", delivery_id)
            if delivery is not None and not delivery["attempts"] and next_at <= now:
                return True
        return False

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._hands.discard(task)
        self._bell.set()
        if not self._hands:
            self._tried.set()

    async def _deliver(self, delivery: Thing) -> None:
        endpoint = self.world.store.get("webhook_endpoint", delivery["endpoint"])
        if endpoint is None or endpoint["status"] != "enabled":
            delivery["status"] = "failed"
            self.world.store.save("delivery", delivery)
            self.world.store.commit()
        elif self.world.store.get("event", delivery["event"]) is not None:
            await self.attempt(delivery)

    async def attempt(self, delivery: Thing) -> bool:
        """One POST. A 2xx is delivered; anything else waits twice as long as before, up to the limit."""
        endpoint = self.world.find("webhook_endpoint", delivery["endpoint"])
        status, error = await self._post(delivery, endpoint)
        delivery["attempts"].append({"at": time.time(), "status": status, "error": error})
        delivered = status is not None and 200 <= status < 300
        if delivered:
            self._mark_delivered(delivery)
        elif len(delivery["attempts"]) >= self.world.options.retry_limit:
            delivery["status"] = "failed"
        else:
            pause = self.world.options.retry_base * 2 ** (len(delivery["attempts"]) - 1)
            delivery.update(
                status="pending", next_at=time.time() + min(pause, self.world.options.retry_longest)
            )
            heapq.heappush(self._queue, (delivery["next_at"], delivery["id"]))
            self._bell.set()
        if self.world.store.get("delivery", delivery["id"]) is delivery:
            self.world.store.save("delivery", delivery)
            self.world.store.commit()
        return delivered

    def _mark_delivered(self, delivery: Thing) -> None:
        first_time = delivery["status"] != "delivered"
        delivery["status"] = "delivered"
        event = self.world.store.get("event", delivery["event"])
        if event is not None and first_time and not delivery["extra"] and event["pending_webhooks"] > 0:
            event["pending_webhooks"] -= 1
            self.world.store.save("event", event)

    def body(self, event: Thing) -> bytes:
        """The event as sent, with the lies the sender was told to tell."""
        manners = self.manners
        told = {
            "api_version": manners.api_version,
            "livemode": manners.livemode,
            "account": manners.account,
        }
        lies = {name: value for name, value in told.items() if value is not None}
        return as_text(event, lies).encode()

    async def _post(self, delivery: Thing, endpoint: Thing) -> tuple[int | None, str | None]:
        body = self.body(self.world.find("event", delivery["event"]))
        signed = signature(body, self.secrets_of(endpoint["id"]), at=int(time.time()))
        try:
            return await self._wire.post(endpoint["url"], body, signed), None
        except (OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"[:200]

    def set_manners(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Replace how events are sent; what is left out goes back to its default."""
        known = set(asdict(Manners()))
        strange = set(wanted) - known
        if strange:
            raise Refusal(f"Unknown: {', '.join(sorted(strange))}. Known: {', '.join(sorted(known))}")
        manners = Manners(**wanted)
        if manners.mode not in ("deliver", "hold", "drop"):
            raise Refusal("Invalid mode: must be one of deliver, hold, or drop", param="mode")
        self.manners = manners
        self.world.store.set_fact("manners", asdict(manners))
        return asdict(manners)

    async def flush(self, *, shuffle: bool, order: list[str] | None, twice: bool = False) -> list[Thing]:
        """Send what is held, one after the other, and answer when every one was answered."""
        held = [d for d in self.world.store.all("delivery") if d["status"] == "held"]
        if order is not None:
            places = {event_id: place for place, event_id in enumerate(order)}
            held.sort(key=lambda d: places.get(d["event"], len(places)))
        if shuffle:
            self._random.shuffle(held)
        for delivery in held:
            await self.attempt(delivery)
            if twice:
                await self._post(delivery, self.world.find("webhook_endpoint", delivery["endpoint"]))
        return [told(delivery) for delivery in held]

    async def resend(self, event_id: str) -> list[Thing]:
        event = self.world.find("event", event_id, param="event")
        sent = []
        for endpoint in self.world.store.all("webhook_endpoint"):
            delivery = owe(self.world, event, endpoint, extra=True)
            delivery["status"] = "pending"
            self.world.store.new_deliveries()
            delivered = await self.attempt(delivery)
            if delivered:
                self._forgive(event, endpoint)
            sent.append(told(delivery))
        return sent

    def _forgive(self, event: Thing, endpoint: Thing) -> None:
        """A resend that arrived settles what the endpoint was still owed for that event."""
        for owed in self.world.store.where("delivery", "event", event["id"]):
            if owed["endpoint"] == endpoint["id"] and not owed["extra"] and owed["status"] != "delivered":
                self._mark_delivered(owed)
                self.world.store.save("delivery", owed)
        self.world.store.commit()

    async def stop(self) -> None:
        for hand in self._hands:
            hand.cancel()
        await asyncio.gather(*self._hands, return_exceptions=True)
        await self._wire.close()


def told(delivery: Thing) -> Thing:
    """A delivery as the control endpoints show it."""
    last = delivery["attempts"][-1] if delivery["attempts"] else {}
    return {**delivery, "last_status": last.get("status"), "last_error": last.get("error")}

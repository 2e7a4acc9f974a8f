"""How often something happened lately, counted for all processes together.

Sliding windows of the `limits` library, kept at the broker when it is a Redis or Valkey. Without one, and
while it is away, each process counts for itself, with half of every number: losing the count must not
open the door, and must not shut it either. Names are stored as keyed hashes, because the broker holds no
address of anybody.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import structlog
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from payments.once import once
from payments.settings import settings

log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

_PREFIX = "almoner:shield"
_PATIENCE_SECONDS = 0.25
"""For the broker's answer: a donor waits meanwhile."""
_LEFT_ALONE_SECONDS = 10.0
"""How long a broker that did not answer is not asked again."""
_ENDLESS = 1_000_000_000
_REMEMBERED = 200
_REMEMBERED_SECONDS = 3600
_MOST_NAMES = 5_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many times in so many seconds."""

    name: str
    at_most: int
    seconds: int

    def of(self, at_most: int) -> "Limit":
        """The same window with another number: what was counted before counts on."""
        return replace(self, at_most=at_most)


class _Window(RateLimitItemPerSecond):
    """A window whose count does not depend on how many are allowed: that changes under attack."""

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Its name in the store."""
        return "/".join([self.namespace, *map(str, identifiers)])


class _Store(Protocol):
    """Where counts are kept."""

    counter: SlidingWindowCounterRateLimiter
    share: int
    """By what every limit is divided here."""

    def remember(self, mark: str, value: str) -> None: ...

    def remembered(self, mark: str) -> list[str]: ...


class Windows:
    """The counters of all processes, or of this one while there is no broker to keep them."""

    def __init__(self, broker_url: str, secret_key: str) -> None:
        self._broker = _AtTheBroker(url) if (url := _redis_url(broker_url)) else None
        self._here = _Here()
        self._key = hmac.digest(secret_key.encode(), b"card testing shield", "sha256")
        self._ask_again_at = 0.0

    @property
    def is_shared(self) -> bool:
        """Whether the count is kept at the broker now."""
        return self._broker is not None and time.monotonic() >= self._ask_again_at

    def take(self, limit: Limit, name: str = "") -> bool:
        """Count one more, unless there is no room for it; whether there was."""
        return self._ask(lambda store: store.counter.hit(_window(limit, store), self._mark(name)))

    def has_room(self, limit: Limit, name: str = "") -> bool:
        """Whether one more could be counted."""
        return self._ask(lambda store: store.counter.test(_window(limit, store), self._mark(name)))

    def note(self, limit: Limit, name: str = "") -> None:
        """Count one more in any case."""
        self.take(limit.of(_ENDLESS), name)

    def count(self, limit: Limit, name: str = "") -> int:
        """How many there were in the window."""
        window = _Window(_ENDLESS, limit.seconds, limit.name)
        left = self._ask(lambda store: store.counter.get_window_stats(window, self._mark(name)).remaining)
        return _ENDLESS - left

    def remember(self, name: str, value: str) -> None:
        """Keep one more value under a name for an hour, at most two hundred of them."""
        self._ask(lambda store: store.remember(self._mark(name), value))

    def remembered(self, name: str) -> list[str]:
        """What was kept under it, the newest first."""
        return self._ask(lambda store: store.remembered(self._mark(name)))

    def _mark(self, name: str) -> str:
        if not name:
            return "all"
        return hmac.digest(self._key, name.encode("utf-8", "surrogatepass"), "sha256").hex()[:24]

    def _ask(self, question: Callable[[_Store], T]) -> T:
        if self._broker is not None and self.is_shared:
            try:
                return question(self._broker)
            except (RedisError, OSError) as trouble:
                self._ask_again_at = time.monotonic() + _LEFT_ALONE_SECONDS
                log.warning("limits are counted in this process alone", trouble=type(trouble).__name__)
        return question(self._here)


class _AtTheBroker:
    """For all processes."""

    share = 1

    def __init__(self, url: str) -> None:
        pool: ConnectionPool = ConnectionPool.from_url(
            url,
            socket_timeout=_PATIENCE_SECONDS,
            socket_connect_timeout=_PATIENCE_SECONDS,
            # Once more at once, for a connection that a restarted broker has forgotten; never a pause.
            retry=Retry(NoBackoff(), 1),
        )
        self.counter = SlidingWindowCounterRateLimiter(
            RedisStorage(url, connection_pool=pool, key_prefix=_PREFIX)
        )
        self._client = Redis(connection_pool=pool)

    def remember(self, mark: str, value: str) -> None:
        key = f"{_PREFIX}:remembered/{mark}"
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.lpush(key, value)
            pipeline.ltrim(key, 0, _REMEMBERED - 1)
            pipeline.expire(key, _REMEMBERED_SECONDS)
            pipeline.execute()

    def remembered(self, mark: str) -> list[str]:
        kept = self._client.lrange(f"{_PREFIX}:remembered/{mark}", 0, _REMEMBERED - 1)
        return [value.decode() if isinstance(value, bytes) else value for value in kept]


class _Here:
    """For this process alone."""

    share = 2

    def __init__(self) -> None:
        self.counter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._kept: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    def remember(self, mark: str, value: str) -> None:
        self._kept[mark] = (time.time(), [value, *self.remembered(mark)][:_REMEMBERED])
        while len(self._kept) > _MOST_NAMES:
            self._kept.popitem(last=False)

    def remembered(self, mark: str) -> list[str]:
        kept_at, values = self._kept.get(mark, (0.0, []))
        return values if time.time() - kept_at < _REMEMBERED_SECONDS else []


def _window(limit: Limit, store: _Store) -> _Window:
    at_most = max(1, limit.at_most // store.share) if limit.at_most else 0
    return _Window(at_most, limit.seconds, limit.name)


def _redis_url(broker_url: str) -> str | None:
    """The address as the one library reads it that we have for both; None for another kind of broker."""
    scheme, _, rest = broker_url.partition("://")
    spoken = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}.get(scheme)
    return f"{spoken}://{rest}" if spoken else None


@once
def windows() -> Windows:
    """The counters of this process."""
    return Windows(settings().broker_url, settings().secret_key.get_secret_value())

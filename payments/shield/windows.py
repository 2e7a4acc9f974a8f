"""How often something happened lately, counted for all processes together.

Sliding windows of the `limits` library, kept at the broker when it is a Redis or Valkey. Without one, and
while it is away, each process counts for itself, with half of every number: losing the count must not
open the door, and must not shut it either. Names are stored as keyed hashes, because the broker holds no
address of anybody.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
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
REMEMBERED = 200
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


Asked = Sequence[tuple[Limit, str]]
"""Limits, each with whom it counts; an empty name counts everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of counting: each of them once more, or none."""

    refused: Limit | None = None
    """The first that had no room; then nothing was counted."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """By a limit's name: where it stands now."""
    remembered: Sequence[list[str]] = ()
    share: int = 1
    """By what every limit is divided where it was counted."""

    def fits(self, limit: Limit) -> bool:
        """Whether what was counted under its name, if anything, is within this limit too."""
        return self.counts.get(limit.name, 0) <= _allowed(limit, self.share)


class _Window(RateLimitItemPerSecond):
    """A window whose count does not depend on how many are allowed: that changes under attack."""

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Its name in the store."""
        return "/".join([self.namespace, *map(str, identifiers)])


_Marked = Sequence[tuple[_Window, str]]


_Memo = list[tuple[str, str]]
"""Marks, each with a value to keep under it."""


class _Store(Protocol):
    """Where counts are kept."""

    counter: SlidingWindowCounterRateLimiter
    share: int

    def take_all(
        self, asked: _Marked, lists: Sequence[str], memo: _Memo
    ) -> tuple[int | None, list[int], list[list[str]]]: ...

    def give_back(self, asked: _Marked) -> None: ...


class Windows:
    """The counters of all processes, or of this one while there is no broker to keep them."""

    def __init__(self, broker_url: str, secret_key: str) -> None:
        self._broker = _AtTheBroker(url) if (url := _redis_url(broker_url)) else None
        self._here = _Here()
        self._key = hmac.digest(secret_key.encode(), b"card testing shield", "sha256")
        self._ask_again_at = 0.0
        self._memo: _Memo = []

    @property
    def is_shared(self) -> bool:
        """Whether the count is kept at the broker now."""
        return self._broker is not None and time.monotonic() >= self._ask_again_at

    def take(self, limit: Limit, name: str = "") -> bool:
        """Count one more, unless there is no room for it; whether there was."""
        return self.take_all([(limit, name)]).refused is None

    def take_all(self, asked: Asked, *, lists: Sequence[str] = ()) -> Taken:
        """Count one more of each, or of none; with it comes what is remembered under the names in `lists`.
        One exchange with the broker."""
        marked = [(limit, self._mark(name)) for limit, name in asked]
        marks = [self._mark(name) for name in lists]
        memo, self._memo = self._memo, []

        def question(store: _Store) -> Taken:
            windows = [_window(limit, mark, store) for limit, mark in marked]
            place, counts, remembered = store.take_all(windows, marks, memo)
            return Taken(
                refused=None if place is None else asked[place][0],
                counts={limit.name: count for (limit, _), count in zip(asked, counts, strict=True)},
                remembered=remembered,
                share=store.share,
            )

        return self._ask(question)

    def give_back(self, asked: Asked) -> None:
        """Count one less of each, where one more was counted a moment ago and should not have been."""
        marked = [(limit, self._mark(name)) for limit, name in asked]
        self._ask(lambda store: store.give_back([_window(*each, store) for each in marked]))

    def has_room(self, limit: Limit, name: str = "") -> bool:
        """Whether one more could be counted."""
        mark = self._mark(name)
        return self._ask(lambda store: store.counter.test(*_window(limit, mark, store)))

    def note(self, limit: Limit, name: str = "") -> None:
        """Count one more in any case."""
        self.take(limit.of(_ENDLESS), name)

    def count(self, limit: Limit, name: str = "") -> int:
        """How many there were in the window."""
        window = _Window(_ENDLESS, limit.seconds, limit.name)
        left = self._ask(lambda store: store.counter.get_window_stats(window, self._mark(name)).remaining)
        return _ENDLESS - left

    def remember(self, value: str, *names: str) -> None:
        """Keep one more value under each of these names for an hour, at most two hundred of them: here at
        once, for when the broker is away, and there along with what is asked next, so that nobody waits."""
        memo = [(self._mark(name), value) for name in names]
        self._here.keep(memo)
        self._memo += memo

    def remembered(self, *names: str) -> Sequence[list[str]]:
        """What was kept under each, the newest first."""
        return self.take_all([], lists=names).remembered

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
        client = Redis(connection_pool=pool)
        self._take_all = client.register_script(_TAKE_ALL)
        self._give_back = client.register_script(_GIVE_BACK)

    def take_all(
        self, asked: _Marked, lists: Sequence[str], memo: _Memo
    ) -> tuple[int | None, list[int], list[list[str]]]:
        keys = [key for each in asked for key in (_current(*each), f"{_current(*each)}/-1")]
        keys += [_list(mark) for mark in (*lists, *(mark for mark, _ in memo))]
        numbers = [number for window, _ in asked for number in (window.amount, window.get_expiry())]
        sizes = (len(asked), len(lists), REMEMBERED, _REMEMBERED_SECONDS)
        place, counts, remembered = self._take_all(keys, [*sizes, *numbers, *(value for _, value in memo)])
        return (
            place - 1 if place else None,
            list(counts),
            [[value.decode() for value in kept] for kept in remembered],
        )

    def give_back(self, asked: _Marked) -> None:
        self._give_back([_current(*each) for each in asked], [])


def _current(window: _Window, mark: str) -> str:
    return f"{_PREFIX}:{{{window.key_for(mark)}}}"


def _list(mark: str) -> str:
    return f"{_PREFIX}:remembered/{mark}"


_TAKE_ALL = """
    -- The library's own windows, under its own keys, but all of a gift's in one exchange.
    local windows, lists, most, kept_for = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
    for place = 2 * windows + lists + 1, #KEYS do
        redis.call('lpush', KEYS[place], ARGV[4 + place - lists])
        redis.call('ltrim', KEYS[place], 0, most - 1)
        redis.call('expire', KEYS[place], kept_for)
    end
    local counts, remembered, refused = {}, {}, 0
    for place = 1, windows do
        local current, previous = KEYS[2 * place - 1], KEYS[2 * place]
        local limit, expiry = tonumber(ARGV[3 + 2 * place]), ARGV[4 + 2 * place] * 1000
        local left = redis.call('pttl', current)
        if left > 0 and left < expiry then
            redis.call('rename', current, previous)
            redis.call('set', current, 0, 'PX', left + expiry)
        end
        local before = tonumber(redis.call('get', previous)) or 0
        local of_before = math.max(0, redis.call('pttl', previous))
        local now = tonumber(redis.call('get', current)) or 0
        counts[place] = math.floor(before * of_before / expiry) + now + 1
        if refused == 0 and counts[place] > limit then
            refused = place
        end
    end
    for place = 1, refused == 0 and windows or 0 do
        if redis.call('exists', KEYS[2 * place - 1]) == 1 then
            redis.call('incr', KEYS[2 * place - 1])
        else
            redis.call('set', KEYS[2 * place - 1], 1, 'PX', ARGV[4 + 2 * place] * 2000)
        end
    end
    for place = 1, lists do
        remembered[place] = redis.call('lrange', KEYS[2 * windows + place], 0, -1)
    end
    return {refused, counts, remembered}
"""
_GIVE_BACK = """
    for _, key in ipairs(KEYS) do
        if (tonumber(redis.call('get', key)) or 0) > 0 then
            redis.call('decr', key)
        end
    end
"""


class _Here:
    """For this process alone."""

    share = 2

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self.counter = SlidingWindowCounterRateLimiter(self._storage)
        self._kept: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()
        self._turn = Lock()

    def take_all(
        self, asked: _Marked, lists: Sequence[str], memo: _Memo
    ) -> tuple[int | None, list[int], list[list[str]]]:
        with self._turn:
            counts = [self._count(*each) + 1 for each in asked]
            full = [place for place, (window, _) in enumerate(asked) if counts[place] > window.amount]
            if not full:
                for window, mark in asked:
                    self.counter.hit(window, mark)
        return (full[0] if full else None), counts, [self._values(mark) for mark in lists]

    def keep(self, memo: _Memo) -> None:
        """At once, whichever store is asked next; so what comes along with a question is here already."""
        with self._turn:
            for mark, value in memo:
                self._kept[mark] = (time.time(), [value, *self._values(mark)][:REMEMBERED])
                self._kept.move_to_end(mark)
            while len(self._kept) > _MOST_NAMES:
                self._kept.popitem(last=False)

    def give_back(self, asked: _Marked) -> None:
        for window, mark in asked:
            key, seconds = window.key_for(mark), window.get_expiry()
            self._storage.decr(self._storage.sliding_window_keys(key, seconds, time.time())[1])

    def _count(self, window: _Window, mark: str) -> int:
        endless = _Window(_ENDLESS, window.multiples, window.namespace)
        return _ENDLESS - self.counter.get_window_stats(endless, mark).remaining

    def _values(self, mark: str) -> list[str]:
        kept_at, values = self._kept.get(mark, (0.0, []))
        return values if time.time() - kept_at < _REMEMBERED_SECONDS else []


def _window(limit: Limit, mark: str, store: _Store) -> tuple[_Window, str]:
    return _Window(_allowed(limit, store.share), limit.seconds, limit.name), mark


def _allowed(limit: Limit, share: int) -> int:
    return max(1, limit.at_most // share) if limit.at_most else 0


def _redis_url(broker_url: str) -> str | None:
    """The address as the one library reads it that we have for both; None for another kind of broker."""
    scheme, _, rest = broker_url.partition("://")
    spoken = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}.get(scheme)
    return f"{spoken}://{rest}" if spoken else None


@once
def windows() -> Windows:
    """The counters of this process."""
    return Windows(settings().broker_url, settings().secret_key.get_secret_value())

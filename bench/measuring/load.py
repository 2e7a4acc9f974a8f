"""The load generator: requests written beforehand, sent over keep-alive connections, nothing parsed
but the status and the length of the answer.

Two ways to load a server. *Closed*: every connection sends its next request when the last was
answered; that finds the rate at which the server is saturated. *Steady*: requests fall due at a fixed
pace whether or not the server keeps up, and the wait counts from the moment a request was due, so a
server that stalls cannot hide it by slowing its clients down.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(slots=True)
class Outcome:
    """What became of the requests, by their place in the list that was sent."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    """How long each answered request took, in the order of the answers."""
    cut: int = 0
    """Connections that ended under a request that had no answer yet."""
    elapsed: float = 0.0

    @property
    def accepted(self) -> list[int]:
        """Places of the requests that were answered with a 2xx."""
        return [place for place, status in self.statuses.items() if 200 <= status < 300]

    @property
    def rate(self) -> float:
        """Accepted requests a second."""
        return len(self.accepted) / self.elapsed if self.elapsed else 0.0


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, run: "_Run") -> None:
        self.run = run
        self.transport: asyncio.Transport | None = None
        self.place: int | None = None
        self.since = 0.0
        self.heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.run.ready(self)

    def send(self, place: int, since: float) -> None:
        assert self.transport is not None  # noqa: S101
        self.place, self.since = place, since
        self.transport.write(self.run.requests[place])

    def data_received(self, data: bytes) -> None:
        heard = self.heard + data if self.heard else data
        if not _is_whole(heard):
            self.heard = heard
            return
        self.heard = b""
        if self.place is None:
            return
        place, self.place = self.place, None
        self.run.answered(place, int(heard[9:12]), perf_counter() - self.since)
        if b"onnection: close" in heard[:512]:
            assert self.transport is not None  # noqa: S101
            self.transport.close()
            return
        self.run.ready(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.place is not None:
            self.run.outcome.cut += 1
            self.place = None
        self.run.lost(self)


class _Run:
    """The requests of one run and the connections they go over."""

    def __init__(self, requests: Sequence[bytes], port: int) -> None:
        self.requests = requests
        self.port = port
        self.outcome = Outcome()
        self.over = asyncio.Event()
        self.open: set[_Connection] = set()
        self.dialling: set[asyncio.Task[None]] = set()

    def ready(self, connection: _Connection) -> None:
        raise NotImplementedError

    def answered(self, place: int, status: int, seconds: float) -> None:
        self.outcome.statuses[place] = status
        self.outcome.seconds.append(seconds)

    def lost(self, connection: _Connection) -> None:
        self.open.discard(connection)
        if not self.over.is_set():
            self.dial()

    def dial(self) -> None:
        task = asyncio.get_running_loop().create_task(self._dial())
        self.dialling.add(task)
        task.add_done_callback(self.dialling.discard)

    async def _dial(self) -> None:
        connection = _Connection(self)
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", self.port)
        except OSError:
            self.refused()
            return
        self.open.add(connection)

    def refused(self) -> None:
        self.over.set()

    async def hang_up(self) -> None:
        self.over.set()
        for task in list(self.dialling):
            task.cancel()
        for connection in list(self.open):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)


class _Closed(_Run):
    def __init__(self, requests: Sequence[bytes], port: int) -> None:
        super().__init__(requests, port)
        self.next_place = 0

    def ready(self, connection: _Connection) -> None:
        if self.next_place < len(self.requests) and not self.over.is_set():
            place = self.next_place
            self.next_place += 1
            connection.send(place, perf_counter())

    def answered(self, place: int, status: int, seconds: float) -> None:
        super().answered(place, status, seconds)
        self.look_whether_over()

    def lost(self, connection: _Connection) -> None:
        self.look_whether_over()
        super().lost(connection)

    def look_whether_over(self) -> None:
        if len(self.outcome.statuses) + self.outcome.cut >= len(self.requests):
            self.over.set()


class _Steady(_Run):
    def __init__(self, requests: Sequence[bytes], port: int) -> None:
        super().__init__(requests, port)
        self.idle: deque[_Connection] = deque()
        self.due: deque[tuple[int, float]] = deque()

    def ready(self, connection: _Connection) -> None:
        if self.due:
            connection.send(*self.due.popleft())
        else:
            self.idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)
        super().lost(connection)

    def fall_due(self, place: int, since: float) -> None:
        if self.idle:
            self.idle.popleft().send(place, since)
        else:
            self.due.append((place, since))


async def saturate(
    requests: Sequence[bytes],
    *,
    port: int,
    connections: int,
    at_most: float,
    interrupt: tuple[float, Callable[[], None]] | None = None,
) -> Outcome:
    """Send every request as fast as the server answers, or as many as it answers in `at_most` seconds.

    `interrupt` is something to do to the server after so many seconds, such as killing it.
    """
    run = _Closed(requests, port)
    began = perf_counter()
    for _ in range(connections):
        run.dial()
    if interrupt is not None:
        asyncio.get_running_loop().call_later(*interrupt)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(run.over.wait(), at_most)
    run.outcome.elapsed = perf_counter() - began
    await run.hang_up()
    return run.outcome


async def keep_pace(
    requests: Sequence[bytes], *, port: int, connections: int, per_second: float, patience: float = 5.0
) -> Outcome:
    """Send one request every `1 / per_second` seconds; wait at most `patience` for the last answers."""
    run = _Steady(requests, port)
    for _ in range(connections):
        run.dial()
    while len(run.open) < connections and not run.over.is_set():
        await asyncio.sleep(0.01)
    began = perf_counter()
    for place in range(len(requests)):
        due = began + place / per_second
        wait = due - perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        run.fall_due(place, due)
    until = perf_counter() + patience
    while len(run.outcome.statuses) < len(requests) and perf_counter() < until:
        await asyncio.sleep(0.01)
    run.outcome.elapsed = perf_counter() - began
    await run.hang_up()
    return run.outcome


def _is_whole(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    if length := _LENGTH.search(answer, 0, end + 2):
        return len(answer) >= end + 4 + int(length[1])
    if _CHUNKED.search(answer, 0, end + 2):
        return answer.endswith(b"0\r\n\r\n")
    return True

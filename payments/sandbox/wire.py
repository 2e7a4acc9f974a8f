"""A plain HTTP/1.1 POST over connections that are kept open between events, as Stripe's own sender does.

A receiver that closes after each answer gets a new connection each time.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

_ANSWER_WITHIN = 20.0
_LONGEST_HEAD = 64_000
_LONGEST_BODY = 1_000_000


class Wire:
    """Closed lines are found out and replaced; the rest of what may go wrong is the caller's to hear."""

    def __init__(self) -> None:
        self._addresses: dict[str, Address] = {}

    async def post(self, url: str, body: bytes, signed: str) -> int:
        """The answer's status; an OSError when none came in time, a ValueError when it was not HTTP."""
        address = self._addresses.get(url)
        if address is None:
            address = self._addresses[url] = Address.of(url)
        message = b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (address.head, signed.encode(), len(body), body)
        while address.idle:
            line = address.idle.pop()
            if line.is_open:
                try:
                    return await line.ask(message)
                except ConnectionError:
                    break
        return await (await address.new_line()).ask(message)

    async def close(self) -> None:
        """Hang up everywhere."""
        for address in self._addresses.values():
            for line in address.idle:
                line.hang_up()
        self._addresses.clear()
        await asyncio.sleep(0)


@dataclass
class Address:
    """Where events go, and the lines there that wait for the next one."""

    host: str
    port: int
    secure: ssl.SSLContext | None
    head: bytes
    """What each request begins with, up to its signature."""
    idle: list[Line] = field(default_factory=list)

    @classmethod
    def of(cls, url: str) -> Address:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*\r\n"
            "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-cache\r\n"
            "Stripe-Signature: "
        )
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(parts.hostname or "", parts.port or (443 if secure else 80), secure, head.encode())

    async def new_line(self) -> Line:
        async with asyncio.timeout(_ANSWER_WITHIN):
            _, line = await asyncio.get_running_loop().create_connection(
                lambda: Line(self.idle), self.host, self.port, ssl=self.secure
            )
        return line


class Line(asyncio.Protocol):
    """One connection, one request at a time.

    No stream and no task of its own: an event costs one write, one read and one future.
    """

    def __init__(self, idle: list[Line]) -> None:
        self.is_open = False
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._got = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    async def ask(self, message: bytes) -> int:
        """The answer's status. The line is idle again afterwards, or closed."""
        self._answer = self._loop.create_future()
        patience = self._loop.call_later(_ANSWER_WITHIN, self._fail, TimeoutError("no answer in time"))
        self._transport.write(message)
        try:
            status = await self._answer
        except asyncio.CancelledError:
            self.hang_up()
            raise
        finally:
            patience.cancel()
            self._answer = None
        if self.is_open:
            self._idle.append(self)
        return status

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            if len(self._got) > _LONGEST_HEAD:
                self._fail(ValueError("not an HTTP answer"))
            return
        head = self._got[:end].lower()
        words = head.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            self._fail(ValueError("not an HTTP answer"))
            return
        length = _field(head, b"content-length")
        stays = words[0] == b"http/1.1" and b"close" not in _field(head, b"connection") and length.isdigit()
        stays = stays and int(length) <= _LONGEST_BODY
        missing = end + 4 + int(length) - len(self._got) if stays else 0
        if missing > 0:
            return
        self._got = b""
        if not stays or missing < 0:
            self.hang_up()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(int(words[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionError(f"the line was closed without an answer{f': {exc}' if exc else ''}"))

    def _fail(self, why: Exception) -> None:
        self.hang_up()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(why)

    def hang_up(self) -> None:
        self.is_open = False
        self._transport.close()


def _field(head: bytes, name: bytes) -> bytes:
    """The value of a field in a head of lower case letters, or nothing."""
    _, found, rest = head.partition(b"\r\n%b:" % name)
    return rest.split(b"\r\n", 1)[0].strip() if found else b""

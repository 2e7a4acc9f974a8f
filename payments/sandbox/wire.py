"""A plain HTTP/1.1 POST over connections that are kept open between events, as Stripe's own sender does.

A receiver that closes after each answer gets a new connection each time.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_LONGEST_BODY = 1_000_000


class Wire:
    def __init__(self) -> None:
        self._idle: dict[str, list[Line]] = {}

    async def post(self, url: str, body: bytes, signed: str) -> int:
        """The answer's status. A kept connection that turns out to be closed is replaced by a new one."""
        parts = urlsplit(url)
        idle = self._idle.setdefault(f"{parts.scheme}://{parts.netloc}", [])
        while idle:
            line = idle.pop()
            if line[0].at_eof() or line[1].is_closing():
                line[1].close()
                continue
            try:
                return await self._exchange(line, idle, parts, body, signed)
            except (ConnectionError, asyncio.IncompleteReadError):
                break
        return await self._exchange(await _open(parts), idle, parts, body, signed)

    async def _exchange(
        self, line: Line, idle: list[Line], parts: SplitResult, body: bytes, signed: str
    ) -> int:
        reader, writer = line
        kept = False
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            head = (
                f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*\r\n"
                "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-cache\r\n"
                f"Stripe-Signature: {signed}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            status, kept = await _answer(reader)
            return status
        finally:
            if kept:
                idle.append(line)
            else:
                writer.close()

    async def close(self) -> None:
        for idle in self._idle.values():
            for _, writer in idle:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        self._idle.clear()


async def _open(parts: SplitResult) -> Line:
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    return await asyncio.open_connection(parts.hostname, port, ssl=secure)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether the connection can carry another request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = head[0].split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError("not an HTTP answer")
    fields = dict(line.lower().split(":", 1) for line in head[1:] if ":" in line)
    length = fields.get("content-length", "").strip()
    stays = words[0] == "HTTP/1.1" and "close" not in fields.get("connection", "") and length.isdigit()
    if stays and int(length) <= _LONGEST_BODY:
        await reader.readexactly(int(length))
        return int(words[1]), True
    return int(words[1]), False

"""The hot path: verify, store once, answer after the commit, ring the bell.

A raw ASGI callable in front of the application, because a route inside it costs several times as
much. Requests that arrive together share one statement and one commit; a lone request waits for
nobody. Stripe hears 200 only once the event is durably stored, so whatever it never hears it sends
again.
"""

import asyncio
import hashlib
import json
import logging
import re
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import psycopg
from prometheus_client import Counter

from payments.database import SESSION_OPTIONS, libpq_url
from payments.errors import UnreadableStripeObject
from payments.jobs import Bell, ring_now
from payments.settings import Settings
from payments.stripe_gateway import signatures
from payments.stripe_gateway.shapes import Envelope, NotJson, read
from payments.webhooks.inbox import STORE, UNREADABLE, Delivery, of_event, parameters

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)

PATH = "/webhooks/stripe"
LARGEST_BODY = 512 * 1024
_FLUSH = 256
_STORE_WITHIN = 5.0
_BETWEEN_RINGS = 0.2
"""Seconds. The first event rings at once; under load one ring serves many, and a thread that rings
takes the interpreter from the one that answers."""
_BUSY = 8
_GATHER_SECONDS = 0.002
"""After a batch of more than `_BUSY` the next one is gathered for a moment: half as many commits, an
eighth less CPU an event at saturation. A quiet server never waits."""

_answers = Counter("almoner_webhook_answers_total", "Deliveries by our answer", ["answer"])
_stored = _answers.labels("stored")
_refused = {
    status: _answers.labels(name)
    for status, name in ((400, "refused"), (405, "not_post"), (413, "too_large"), (503, "unavailable"))
}
_is_plain = re.compile(r"[!-~]{1,255}").fullmatch


class StoreUnavailable(Exception):
    """The database did not take the batch in time; Stripe is asked to come again."""


class WebhookDoor:
    """`POST /webhooks/stripe`; everything else goes on to the application behind it."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._secrets = settings.webhook_secrets
        self._inbox = _SharedCommit(libpq_url(settings.database_url))
        self._bell = _Bell()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing_with(send))
            return
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            await _answer(send, 405, b'{"detail":"POST only"}')
            return
        body = await _body(scope, receive)
        if body is None:
            await _answer(send, 413, b'{"detail":"larger than any Stripe event"}')
            return
        try:
            signatures.verify(body, _signature(scope), self._secrets)
            delivery = _delivery(body)
        except (signatures.SignatureRefused, NotJson) as refusal:
            log.warning("webhook refused", extra={"reason": str(refusal)})
            await _answer(send, 400, json.dumps({"detail": str(refusal)}).encode())
            return
        try:
            await self._inbox.store(delivery)
        except StoreUnavailable:
            await _answer(send, 503, b'{"detail":"please send it again"}')
            return
        _stored.inc()
        await send(_OK_START)
        await send(_OK_BODY)
        if delivery.is_queued:
            self._bell.ring()

    def _closing_with(self, send: Send) -> Send:
        async def goodbye(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self._inbox.disconnect()
            await send(message)

        return goodbye


def _delivery(body: bytes) -> Delivery:
    """A signed body as it is stored. What we cannot place is kept under its hash and parked."""
    try:
        envelope = read(Envelope, body)
        texts = (envelope.id, envelope.type, envelope.data.object.id, envelope.account, envelope.api_version)
        if all(text is None or _is_plain(text) for text in texts):
            return of_event(envelope, body, source="webhook")
        reason = "an id or type in it is not plain text"
    except NotJson:
        raise
    except UnreadableStripeObject as unreadable:
        reason = str(unreadable)
    return Delivery(
        stripe_event_id=f"unread:{hashlib.sha256(body).hexdigest()}",
        source="webhook",
        type=UNREADABLE,
        object_id=None,
        account=None,
        is_live=False,
        api_version=None,
        created=0,
        body=body,
        parked_reason=reason,
    )


class _SharedCommit:
    """Collects the deliveries of concurrent requests and stores them with one statement."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[tuple[Delivery, asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def store(self, delivery: Delivery) -> None:
        """Return once the delivery is committed, or raise `StoreUnavailable`."""
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, committed))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await committed

    async def _flush(self) -> None:
        stored = 0
        while self._waiting:
            if stored > _BUSY and len(self._waiting) < _FLUSH:
                await asyncio.sleep(_GATHER_SECONDS)
            batch, self._waiting = self._waiting[:_FLUSH], self._waiting[_FLUSH:]
            stored = len(batch)
            try:
                async with asyncio.timeout(_STORE_WITHIN):
                    await self._write([delivery for delivery, _ in batch])
            except (TimeoutError, psycopg.Error, OSError) as trouble:
                log.warning("inbox unavailable", extra={"trouble": type(trouble).__name__})
                await self.disconnect()
                # Whoever came meanwhile is asked to come again too: each batch waiting in its turn for a
                # database that hangs, the queue would grow faster than it is turned away.
                behind, self._waiting = self._waiting, []
                for _, committed in (*batch, *behind):
                    if not committed.done():
                        committed.set_exception(StoreUnavailable())
            else:
                for _, committed in batch:
                    if not committed.done():
                        committed.set_result(None)

    async def _write(self, deliveries: list[Delivery]) -> None:
        values = parameters(deliveries)
        if self._connection is not None:
            try:
                await self._connection.execute(STORE, values, prepare=True)
                return
            except psycopg.OperationalError:
                # Gone while it lay idle, after a failover perhaps. Storing twice is storing once.
                if not self._connection.closed:
                    raise
        self._connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, options=f"{SESSION_OPTIONS} -c statement_timeout=4000"
        )
        await self._connection.execute(STORE, values, prepare=True)

    async def disconnect(self) -> None:
        """Let the connection go; the next delivery makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Closing, not reusing: a statement that timed out may still be on its way.
            await connection.close()


class _Bell:
    """Rings in a thread of its own: a broker that hangs must not hold up a single delivery."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Ask for a ring; many requests within a moment become one."""
        if not self._wanted.is_set():
            self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            ring_now(Bell.APPLY_EVENTS)
            pause.wait(_BETWEEN_RINGS)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The raw body, or None when it is larger than any event may be."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:12]) > LARGEST_BODY:
            return None
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body if len(body) <= LARGEST_BODY else None
    parts = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _signature(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"stripe-signature":
            return bytes(value).decode("latin-1")
    return ""


# Stripe reads the status alone; an answer without a body is one write less.
_OK_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"0")],
}
_OK_BODY: Message = {"type": "http.response.body", "body": b""}


async def _answer(send: Send, status: int, body: bytes) -> None:
    _refused[status].inc()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

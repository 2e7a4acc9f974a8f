"""The sandbox as an ASGI application: the API with its manners (keys, versions, faults), the control door,
the pages, and the two tasks that run beside them."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from payments.sandbox import API_VERSION, control, explore, pages, portal_pages, shapes, timetable
from payments.sandbox.answers import Route as ApiRoute
from payments.sandbox.api import find_route
from payments.sandbox.errors import Refusal
from payments.sandbox.faults import Fault, next_fault, refusal_for
from payments.sandbox.forms import decode
from payments.sandbox.idempotency import IdempotencyKeys, fingerprint
from payments.sandbox.webhooks import Sender
from payments.sandbox.world import Asking, World
from payments.sandbox.writing import written

_LONGEST_HANG = 60.0


@dataclass
class Sandbox:
    """Everything the doors need: the world and what stands around it."""

    world: World
    sender: Sender
    faults: list[Fault] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Asked:
    """One API request as it came in."""

    request: Request
    method: str
    path: str
    text: str
    """The form body of a POST, the query string of anything else."""
    request_id: str

    @property
    def key(self) -> str | None:
        return self.request.headers.get("idempotency-key") if self.method == "POST" else None


class Api:
    """`/v1`, answering as Stripe's servers do before any resource is asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.keys = IdempotencyKeys(sandbox.world.store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        method, path = request.method, request.url.path
        self.world.asked[method] = self.world.asked.get(method, 0) + 1
        request_id = self.world.new_id("req", length=14)
        fault = next_fault(self.sandbox.faults, method, path)
        latency = self.world.options.latency_ms + (fault.latency_ms if fault else 0)
        text = (await request.body()).decode("utf-8", "replace") if method == "POST" else request.url.query
        if fault is not None and fault.kind in ("timeout_before", "reset_before"):
            await _break_off(scope, receive, hang=fault.kind == "timeout_before")
            return
        asked = Asked(request, method, path, text, request_id)
        status, body, headers = await self._answer(asked, fault, pause=latency / 1000)
        if fault is not None and fault.kind in ("timeout_after", "reset_after"):
            await _break_off(scope, receive, hang=fault.kind == "timeout_after")
            return
        headers["Request-Id"] = request_id
        headers["Stripe-Version"] = API_VERSION
        response = Response(body, status_code=status, media_type="application/json", headers=headers)
        await response(scope, receive, send)

    async def _answer(
        self, asked: Asked, fault: Fault | None, *, pause: float
    ) -> tuple[int, str, dict[str, str]]:
        headers: dict[str, str] = {}
        running = False
        try:
            self._check_caller(asked.request)
            struck = refusal_for(fault.kind) if fault is not None else None
            if struck is not None and struck.status == 429:
                raise struck
            tree = decode(asked.text)
            if asked.key is not None:
                headers["Idempotency-Key"] = asked.key
                kept = self.keys.begin(asked.key, asked.method, asked.path, tree)
                if kept is not None:
                    headers["Idempotent-Replayed"] = "true"
                    headers["Original-Request"] = kept["request_id"]
                    return kept["status"], kept["body"], headers
                running = True
            if pause:
                await asyncio.sleep(pause)
            status, body = self._execute(asked, tree, struck)
            return status, body, headers
        except Refusal as refusal:
            if refusal.status == 429 or refusal.code == "idempotency_key_in_use":
                headers["Stripe-Should-Retry"] = "false" if refusal.status == 429 else "true"
            return refusal.status, written(refusal.body()), headers
        finally:
            if running and asked.key is not None:
                self.keys.end(asked.key)

    def _execute(self, asked: Asked, tree: dict[str, Any], struck: Refusal | None) -> tuple[int, str]:
        """Run the deed and keep its answer under the key, in one commit; a refusal leaves nothing behind."""
        self.world.asking = Asking(asked.request_id, asked.key)
        try:
            if struck is not None:
                status, body = struck.status, written(struck.body())
            else:
                route, thing_id = find_route(asked.method, asked.path)
                status, body = self._do(route, tree, thing_id)
            if asked.key is not None:
                self.keys.keep(
                    asked.key,
                    {
                        "asked": fingerprint(asked.method, asked.path, tree),
                        "request_id": asked.request_id,
                        "status": status,
                        "body": body,
                        "created": self.world.now(),
                    },
                )
            self.world.commit()
        except BaseException:
            self.world.store.roll_back()
            raise
        finally:
            self.world.asking = Asking()
        return status, body

    def _do(self, route: ApiRoute, tree: dict[str, Any], thing_id: str) -> tuple[int, str]:
        try:
            return 200, written(route.answer(self.world, tree, thing_id))
        except Refusal as refusal:
            if not refusal.took_effect:
                raise
            return refusal.status, written(refusal.body())

    def _check_caller(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        scheme, _, api_key = given.partition(" ")
        if not api_key or scheme.lower() != "bearer":
            raise Refusal(
                "You did not provide an API key. You need to provide your API key in the Authorization "
                "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
            )
        if not hmac.compare_digest(api_key.strip().encode(), self.world.options.api_key.encode()):
            raise Refusal(f"Invalid API Key provided: {api_key[:8]}****", status=401)
        version = request.headers.get("stripe-version")
        if version != API_VERSION:
            raise Refusal(
                f"Invalid Stripe API version: {version}. This sandbox speaks {API_VERSION} only.",
                code="api_version_invalid",
            )


async def _break_off(scope: Scope, receive: Receive, *, hang: bool) -> None:
    """Never answer: stay silent until the caller goes (or a minute), then cut the connection."""
    if hang:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_HANG):
                while (await receive())["type"] != "http.disconnect":
                    continue
    transport = scope.get("extensions", {}).get("sandbox.transport", {}).get("transport")
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)


def build(world: World) -> Starlette:
    """The application; its lifespan runs the sender and the timetable."""
    sandbox = Sandbox(world, Sender(world))
    world.on_commit.append(sandbox.bell.set)
    for place, endpoint in enumerate(world.options.endpoints):
        _register(world, f"we_sandbox{place + 1}", endpoint.url, endpoint.secret)
    gone = {f"we_sandbox{place + 1}" for place in range(len(world.options.endpoints), 100)}
    for known in world.store.all("webhook_endpoint"):
        if known["id"] in gone and known["status"] == "enabled":
            known["status"] = "disabled"
            world.store.save("webhook_endpoint", known)
    world.store.commit()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(sandbox.sender.run()),
            asyncio.create_task(timetable.run(world, sandbox.bell)),
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await sandbox.sender.stop()
        world.store.close()

    api = Api(sandbox)
    routes: list[BaseRoute] = [
        Route("/v1/{rest:path}", endpoint=api, methods=["GET", "POST", "DELETE"]),
        *control.routes(sandbox),
        *pages.routes(sandbox),
        *portal_pages.routes(sandbox),
        *explore.routes(sandbox),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _register(world: World, endpoint_id: str, url: str, secret: str) -> None:
    kept = world.store.get("webhook_endpoint", endpoint_id)
    if kept is None:
        kept = shapes.webhook_endpoint(world, endpoint_id=endpoint_id, url=url, api_version=API_VERSION)
    kept.update(url=url, status="enabled")
    world.store.save("webhook_endpoint", kept)
    world.store.set_fact(f"secrets:{endpoint_id}", [secret])

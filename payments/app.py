"""The application: the webhook door in front, then the JSON API and the donors' pages.

`uvicorn payments.app:app`. Settings are checked here, so a process with a missing secret never
starts to listen.
"""

import gc
import re
import time
from pathlib import Path

import structlog
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from payments import clock, logs
from payments.api import (
    auditing,
    bank,
    donations,
    donor_merges,
    donors,
    exceptions,
    exports,
    funds,
    health,
    mail_reports,
    monthly_gifts,
    months,
    newsletter,
    offline_gifts,
    payouts,
    problems,
    refunds,
    stripe_reports,
)
from payments.database import new_id
from payments.giving.sessions import LookIsOver
from payments.pages import all_gifts, give, manage, readers, verification
from payments.pages.console import account, door, people, sign_in, welcome
from payments.pages.headers import HtmlProblems, SameOriginForms, SecurityHeaders
from payments.pages.newsletter_sites import BoxElsewhere
from payments.settings import settings
from payments.staff.sessions import SignInNeeded
from payments.webhooks.receive import App, Message, Receive, Scope, Send, WebhookDoor

log = structlog.stdlib.get_logger(__name__)

_LARGEST_REQUEST = 64 * 1024


def create_app() -> App:
    """The whole ASGI application, for a server or a test."""
    logs.configure()
    clock.follow(settings().sandbox_clock)
    inside = FastAPI(
        title="Almoner",
        summary="Donation processing that nonprofits can trust with their donors' money.",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        # It would send on to whatever the Host header says, and from HTTPS to HTTP with a donor's link.
        redirect_slashes=False,
        max_body_size=_LARGEST_REQUEST,
    )
    problems.install(inside)
    inside.add_exception_handler(SignInNeeded, sign_in.sign_in_needed)
    inside.add_exception_handler(LookIsOver, all_gifts.link_needed)
    for resource in (
        *(donations, newsletter, funds, monthly_gifts, refunds, offline_gifts, donor_merges, donors),
        *(payouts, bank, exceptions, stripe_reports, months, exports, auditing),
    ):
        inside.include_router(resource.router, prefix="/api/v1")
    inside.include_router(health.router)
    inside.include_router(mail_reports.router)
    inside.include_router(give.router)
    inside.include_router(manage.router)
    inside.include_router(all_gifts.router)
    inside.include_router(readers.router)
    inside.include_router(verification.router)
    for way_in in (sign_in, welcome, account, people):
        inside.include_router(way_in.router)
    inside.include_router(door.router)
    inside.mount("/static", StaticFiles(directory=Path(give.__file__).parent / "static"), name="static")
    walls = SameOriginForms(HtmlProblems(problems.TooLarge(inside)))
    guarded = SecurityHeaders(BoxElsewhere(walls))
    # Outermost: a delivery pays for nothing but its own storing.
    return WebhookDoor(Requests(guarded), settings())


_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Requests:
    """Gives each request an id, which its log lines, its answer and its problems carry."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode() if _PLAIN_ID.fullmatch(given) else new_id("req")
        scope["request_id"] = request_id
        logs.bind(request_id=request_id)
        began = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                # A new message: what is behind us may send the same one to everybody.
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            route = scope.get("route")
            log.info(
                "request",
                method=scope["method"],
                # The route's pattern, never the address: that may hold what a donor typed.
                route=getattr(route, "path", "unknown"),
                status=status,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
            )
            logs.unbind_all()


app = create_app()
# What was loaded by now lives as long as the process: the collector need not walk it at every turn.
gc.freeze()

"""Three walls around the pages: what a browser may do with them, who may send their forms, and that a
person who meets an error is answered by a page.

Plain ASGI, so that they cost next to nothing on the webhook path and can be read in one go.
"""

from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from payments.pages import newsletter_sites
from payments.pages.look import STATIC, error_page, static_address
from payments.pages.newsletter_sites import origin_of
from payments.settings import settings

STRIPE_PAGES = ("https://checkout.stripe.com", "https://billing.stripe.com", "https://invoice.stripe.com")
"""Where a form of ours may lead. A browser applies `form-action` to the redirect after the POST too,
so without these the donor presses Donate and nothing happens."""

_LOOPBACK = ("http://127.0.0.1:*", "http://localhost:*")


class SecurityHeaders:
    """Adds to every response what it did not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = _headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", _keeping(scope))
            await send(message)

        await self.app(scope, receive, send_guarded)


def _headers() -> dict[str, str]:
    may_lead_to = [*STRIPE_PAGES]
    if base := settings().stripe_api_base:
        # A sandbox: its pages may be reached under another name than its API.
        may_lead_to += [origin_of(base), *_LOOPBACK]
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": " ".join(["'self'", *may_lead_to]),
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if settings().public_base_url.startswith("https://"):
        headers["strict-transport-security"] = "max-age=31536000"
    return headers


def _keeping(scope: Scope) -> str:
    """Static files named by their content may be kept; everything else may be about a person.

    Under another release's name, while old and new processes stand side by side, a file is only lent: kept
    for ever, the old one would stay in a browser under the new one's name.
    """
    if not scope["path"].startswith("/static/"):
        return "no-store"
    asked = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
    return "public, max-age=31536000, immutable" if asked in _by_content() else "no-cache"


@cache
def _by_content() -> frozenset[str]:
    return frozenset(static_address(file.name) for file in STATIC.iterdir())


class SameOriginForms:
    """Refuses a changing request that a browser sends for another site.

    Browsers say where a request comes from (`Sec-Fetch-Site`, else `Origin`, else `Referer`) and no
    page can make them lie, so the forms need no token and nobody is locked out by an expired one.
    Webhooks are signed; a JSON body or an Authorization header cannot be sent across origins unasked. The
    newsletter box may stand on the charity's own site, and a mail program's button comes from no page at all.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or not _is_guarded(scope)
            or _comes_from_here(Request(scope))
            or await run_in_threadpool(newsletter_sites.may_send, Request(scope))
        ):
            await self.app(scope, receive, send)
            return
        refusal = await run_in_threadpool(error_page, Request(scope), 403)
        await refusal(scope, receive, send)


class HtmlProblems:
    """Turns a problem+json answer into a page for a browser that asked for one.

    Every error is decided in one place, in the API's table; this only changes who can read it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_for_a_person(scope):
            await self.app(scope, receive, send)
            return
        is_replaced = False

        async def send_readable(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and _is_problem(message):
                is_replaced = True
                drawn = await run_in_threadpool(
                    error_page, Request(scope), message["status"], is_decided=True
                )
                _keep(message, drawn.headers)
                await drawn(scope, receive, send)
            elif not is_replaced:
                await send(message)

        await self.app(scope, receive, send_readable)


def _is_for_a_person(scope: Scope) -> bool:
    if scope["path"].startswith(("/api/", "/webhooks/")):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def _is_problem(start: Message) -> bool:
    """A problem, or the bare words the framework itself answers with (413 comes before any handler)."""
    kind = Headers(raw=start.get("headers", [])).get("content-type", "")
    return start["status"] >= 400 and kind.startswith(("application/problem+json", "text/plain"))


def _keep(start: Message, headers: MutableHeaders) -> None:
    for name, value in Headers(raw=start["headers"]).items():
        if name not in {"content-type", "content-length"}:
            headers[name] = value


def _is_guarded(scope: Scope) -> bool:
    if scope["method"] in {"GET", "HEAD", "OPTIONS", "TRACE"} or scope["path"].startswith("/webhooks/"):
        return False
    if scope["path"].startswith("/api/"):
        headers = Headers(scope=scope)
        if "authorization" in headers:
            return False
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        return not (content_type == "application/json" or content_type.endswith("+json"))
    return True


def _comes_from_here(request: Request) -> bool:
    if site := request.headers.get("sec-fetch-site"):
        return site in {"same-origin", "none"}
    source = request.headers.get("origin") or request.headers.get("referer")
    if not source:
        return False
    try:
        return origin_of(source) in {origin_of(settings().public_base_url), origin_of(str(request.base_url))}
    except ValueError:  # no address at all, such as `http://[`
        return False

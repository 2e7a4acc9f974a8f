"""The charity's own site, where the newsletter box may stand: it may send the form to us and read our answer.

Which sites those are is said by the organisation's `website` and by NEWSLETTER_ORIGINS. Nothing else of ours
may be sent or read from another site, and no browser brings along anything that knows its user.
"""

from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from payments.database import transaction
from payments.donations import organisation as charity
from payments.settings import settings

_BOX = "/newsletter"
_API = "/api/v1/newsletter"
_STOP = "/newsletter/stop/"
_REMEMBERED_SECONDS = 600


def may_send(request: Request) -> bool:
    """Whether this form may come from elsewhere. The link that stops is proof enough by itself: a mail
    program's own button sends it from no page at all (RFC 8058)."""
    if request.url.path.startswith(_STOP):
        return True
    return request.url.path == _BOX and is_the_charitys(request.headers.get("origin", ""))


def is_the_charitys(origin: str) -> bool:
    """Whether the charity's pages stand there, as far as anybody can say now."""
    if origin in settings().newsletter_sites:
        return True
    try:
        with transaction() as session:
            return bool(origin) and origin == origin_of(charity.the_organisation(session).website)
    except (SQLAlchemyError, charity.OrganisationNotLoaded, ValueError):
        return False


def origin_of(url: str) -> str:
    """`https://example.org` of whatever stands there. Raises ValueError for what is no address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class BoxElsewhere:
    """Lets the charity's own pages ask `/api/v1/newsletter` and read what it says, as browsers want it said
    (CORS). To every other site nothing is said, and its browser refuses by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http" or scope["path"] != _API:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin", "")
        if not origin or not await run_in_threadpool(is_the_charitys, origin):
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_before(origin))(scope, receive, send)
            return

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = origin
                headers.add_vary_header("origin")
            await send(message)

        await self.app(scope, receive, send_readable)


def _before(origin: str) -> dict[str, str]:
    """What a browser asks before it sends JSON to another site."""
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type, idempotency-key",
        "access-control-max-age": str(_REMEMBERED_SECONDS),
        "vary": "origin",
    }

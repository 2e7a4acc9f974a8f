"""The mail inbox as a person sees it, and as a program does through Mailpit's API."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from payments.sandbox.caught_mail import Mail, Mailbox, Part, detail, summary
from payments.sandbox.postman import MOODS, STAGES, Postman

TEMPLATES = Path(__file__).with_name("mail_templates")

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# A mail may say anything: no scripts, no requests to other machines, no navigation of our page.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; sandbox"


def web(mailbox: Mailbox, postman: Postman) -> Starlette:
    """The pages and the API over one mailbox."""
    app = Starlette(routes=ROUTES, middleware=[Middleware(SameSiteOnly)])
    app.state.mailbox, app.state.postman = mailbox, postman
    return app


class SameSiteOnly:
    """No other web site may make the visitor's browser delete mail or change the mood here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        from_afar = headers.get(b"sec-fetch-site", b"none") not in {b"none", b"same-origin"}
        if scope["type"] == "http" and scope["method"] not in {"GET", "HEAD"} and from_afar:
            await PlainTextResponse("asked from another site", 403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def show_list(request: Request) -> Response:
    wanted = request.query_params.get("q", "").strip()
    return page(request, "list.html", wanted=wanted, mails=search(mailbox_of(request), wanted))


async def show_message(request: Request) -> Response:
    mail = asked_for(request)
    mailbox_of(request).mark(mail, is_read=True)
    views = [name for name, there in (("html", mail.html), ("text", mail.text)) if there]
    views += ["headers", "source"]
    view = request.query_params.get("view", views[0])
    return page(request, "message.html", mail=mail, detail=detail(mail), views=views, view=view)


async def show_html(request: Request) -> Response:
    mail = asked_for(request)
    shown = mail.html
    for part in mail.parts:
        if part.content_id:
            shown = shown.replace(f"cid:{part.content_id}", f"/api/v1/message/{mail.id}/part/{part.number}")
    return HTMLResponse(shown, headers={"Content-Security-Policy": MAIL_POLICY})


async def delete_from_page(request: Request) -> Response:
    mailbox_of(request).remove([request.path_params["id"]] if "id" in request.path_params else [])
    return RedirectResponse("/", 303)


async def style(_: Request) -> Response:
    return Response((TEMPLATES / "inbox.css").read_bytes(), media_type="text/css")


async def list_messages(request: Request) -> Response:
    mailbox = mailbox_of(request)
    found = search(mailbox, request.query_params.get("query", ""))
    start, limit = number(request, "start", 0), number(request, "limit", 50)
    chosen = found[start : start + limit]
    return JSONResponse(
        {
            "total": len(mailbox),
            "unread": mailbox.unread,
            "count": len(chosen),
            "messages_count": len(found),
            "messages_unread": sum(not mail.is_read for mail in found),
            "start": start,
            "tags": [],
            "messages": [summary(mail) for mail in chosen],
        }
    )


async def delete_messages(request: Request) -> Response:
    wish = await json_body(request)
    mailbox_of(request).remove(wish.get("IDs") or [])
    return PlainTextResponse("ok")


async def mark_messages(request: Request) -> Response:
    wish = await json_body(request)
    mailbox, ids = mailbox_of(request), wish.get("IDs") or []
    for mail in [mail for mail in mailbox if not ids or mail.id in ids]:
        mailbox.mark(mail, is_read=bool(wish.get("Read")))
    return PlainTextResponse("ok")


async def get_message(request: Request) -> Response:
    mail = asked_for(request)
    mailbox_of(request).mark(mail, is_read=True)
    return JSONResponse(detail(mail))


async def get_headers(request: Request) -> Response:
    headers: dict[str, list[str]] = {}
    for name, value in asked_for(request).message.items():
        headers.setdefault(name, []).append(str(value))
    return JSONResponse(headers)


async def get_raw(request: Request) -> Response:
    return PlainTextResponse(asked_for(request).raw, headers={"X-Content-Type-Options": "nosniff"})


async def get_part(request: Request) -> Response:
    wanted = request.path_params["part"]
    part = next((part for part in asked_for(request).parts if part.number == wanted), None)
    if part is None:
        raise HTTPException(404, "part not found")
    return part_response(part, download="download" in request.query_params)


async def change_mood(request: Request) -> Response:
    wish = await json_body(request)
    mood, times, at = wish.get("mood"), wish.get("times"), wish.get("at", "data")
    if mood not in MOODS or at not in STAGES or not (times is None or (type(times) is int and times > 0)):
        offered = f"mood is one of {', '.join(sorted(MOODS))}; times a positive number or absent"
        raise HTTPException(422, f"{offered}; at is one of {', '.join(sorted(STAGES))}")
    postman_of(request).set_mood(mood, times=times, at=at)
    return await tell_mood(request)


async def tell_mood(request: Request) -> Response:
    postman = postman_of(request)
    return JSONResponse({"mood": postman.mood, "times": postman.times, "at": postman.at})


async def well(_: Request) -> Response:
    return PlainTextResponse("ok")


def page(request: Request, name: str, **facts: Any) -> HTMLResponse:
    """One of our own pages; it loads nothing but its style sheet and the letter's frame."""
    rendered = _templates.get_template(name).render(mailbox=mailbox_of(request), **facts)
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(rendered, headers=headers)


def asked_for(request: Request) -> Mail:
    """The message named in the address."""
    mail = mailbox_of(request).find(request.path_params["id"])
    if mail is None:
        raise HTTPException(404, "message not found")
    return mail


def mailbox_of(request: Request) -> Mailbox:
    mailbox: Mailbox = request.app.state.mailbox
    return mailbox


def postman_of(request: Request) -> Postman:
    postman: Postman = request.app.state.postman
    return postman


def search(mailbox: Mailbox, wanted: str) -> list[Mail]:
    """The mails that hold every word in an address, the subject or the text; all of them for no words."""
    words = wanted.lower().replace('"', " ").split()
    plain = [word.removeprefix("to:").removeprefix("from:").removeprefix("subject:") for word in words]
    return [mail for mail in mailbox if all(word in mail.searchable for word in plain)]


def part_response(part: Part, *, download: bool) -> Response:
    """A PDF opens in the browser's own viewer; whatever else could act as a page is boxed in."""
    kind = "attachment" if download else "inline"
    headers = {
        "Content-Disposition": f"{kind}; filename*=UTF-8''{quote(part.file_name)}",
        "X-Content-Type-Options": "nosniff",
    }
    if part.content_type != "application/pdf":
        headers["Content-Security-Policy"] = MAIL_POLICY
    return Response(part.content, media_type=part.content_type, headers=headers)


async def json_body(request: Request) -> dict[str, Any]:
    try:
        wish = json.loads(await request.body() or b"{}")
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(wish, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return wish


def number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, "")
    return int(value) if value.isdecimal() else default


def readable_size(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"


_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_templates.filters["size"] = readable_size

ROUTES = [
    Route("/", show_list),
    Route("/delete-all", delete_from_page, methods=["POST"]),
    Route("/inbox.css", style),
    Route("/message/{id}", show_message),
    Route("/message/{id}/html", show_html),
    Route("/message/{id}/delete", delete_from_page, methods=["POST"]),
    Route("/api/v1/messages", list_messages),
    Route("/api/v1/messages", delete_messages, methods=["DELETE"]),
    Route("/api/v1/messages", mark_messages, methods=["PUT"]),
    Route("/api/v1/search", list_messages),
    Route("/api/v1/message/{id}", get_message),
    Route("/api/v1/message/{id}/headers", get_headers),
    Route("/api/v1/message/{id}/raw", get_raw),
    Route("/api/v1/message/{id}/part/{part}", get_part),
    Route("/_mail/mood", change_mood, methods=["POST"]),
    Route("/_mail/mood", tell_mood),
    Route("/livez", well),
    Route("/readyz", well),
]

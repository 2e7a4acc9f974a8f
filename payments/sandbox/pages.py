"""What a donor sees: the payment page, the bank's question, and the receipt.

Plain forms, no JavaScript. What is typed into the card fields is looked at and forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from payments.sandbox import payments
from payments.sandbox.cards import Card, digits_only, look_up, passes_luhn, with_expiry
from payments.sandbox.cheat_sheet import TEST_CARDS
from payments.sandbox.currencies import spoken
from payments.sandbox.errors import Refusal
from payments.sandbox.payments import Outcome, Payer
from payments.sandbox.store import Thing
from payments.sandbox.words import DECLINES_KO, WORDS, language
from payments.sandbox.world import World

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_EXPIRY = re.compile(r"^\s*([0-9]{1,2})\s*[/ -]?\s*(?:20)?([0-9]{2})\s*$")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["spoken"] = spoken

Page = Callable[["Sandbox", Request], Awaitable[Response]]


def routes(sandbox: Sandbox) -> list[Route]:
    table: tuple[tuple[str, str, Page], ...] = (
        ("GET", "/c/pay/{id}", _show_pay),
        ("POST", "/c/pay/{id}", _pay),
        ("GET", "/c/pay/{id}/authenticate", _show_challenge),
        ("POST", "/c/pay/{id}/authenticate", _answer_challenge),
        ("GET", "/receipts/{id}", _receipt),
    )
    return [Route(path, door(sandbox, page), methods=[method]) for method, path, page in table]


def door(sandbox: Sandbox, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            response = await page(sandbox, request)
            sandbox.world.commit()
        except Refusal as refusal:
            sandbox.world.store.roll_back()
            return render(
                "message.html", status=refusal.status, lang="en", title=str(refusal), more="", links=[]
            )
        except BaseException:
            sandbox.world.store.roll_back()
            raise
        return response

    return answer


def render(template: str, *, status: int = 200, lang: str, **values: Any) -> HTMLResponse:
    html = _templates.get_template(template).render(lang=lang, w=WORDS[lang], **values)
    return HTMLResponse(html, status_code=status, headers=HEADERS)


def _language(session: Thing, request: Request) -> str:
    return language(session["locale"], request.headers.get("accept-language", ""))


async def form(request: Request) -> dict[str, str]:
    raw = (await request.body())[:20_000].decode("utf-8", "replace")
    return {name: values[-1].strip() for name, values in parse_qs(raw, keep_blank_values=True).items()}


def _session(world: World, request: Request) -> Thing:
    return world.find("checkout.session", request.path_params["id"])


async def _show_pay(sandbox: Sandbox, request: Request) -> Response:
    return _pay_page(sandbox.world, request, _session(sandbox.world, request), typed={}, wrong={})


def _pay_page(
    world: World, request: Request, session: Thing, *, typed: dict[str, str], wrong: dict[str, str]
) -> Response:
    lang = _language(session, request)
    if session["status"] != "open":
        return _closed_page(world, session, lang)
    order = world.find("order", session["id"])
    tried = _tried_before(world, session)
    verb = {"donate": "give", "book": "book"}.get(session["submit_type"] or "", "pay")
    return render(
        "pay.html",
        status=422 if wrong else 200,
        lang=lang,
        merchant=world.options.merchant,
        session=session,
        lines=order["lines"],
        said=None if wrong else _said(order, lang),
        email=typed.get("email") or session["customer_email"] or tried.get("email") or "",
        fixed_email=bool(session["customer_email"]),
        name=typed.get("name") or tried.get("name") or "",
        method=typed.get("method", session["payment_method_types"][0]),
        takes_card="card" in session["payment_method_types"],
        takes_bank=any(type_ != "card" for type_ in session["payment_method_types"]),
        wrong=wrong,
        verb=WORDS[lang][verb].format(amount=spoken(session["amount_total"], session["currency"])),
        test_cards=TEST_CARDS,
    )


def _tried_before(world: World, session: Thing) -> dict[str, str | None]:
    """Name and e-mail of a declined attempt, so that the donor need not type them again."""
    intent = payments.intent_of(world, session)
    if intent is None or intent["last_payment_error"] is None:
        return {}
    billing: dict[str, str | None] = intent["last_payment_error"]["payment_method"]["billing_details"]
    return billing


def _said(order: Thing, lang: str) -> str | None:
    """The last decline in the donor's language."""
    said = order["said"]
    if said is None:
        return None
    if lang == "ko":
        key = said["decline_code"] if said["decline_code"] in DECLINES_KO else said["code"]
        return DECLINES_KO.get(key, str(said["message"]))
    return str(said["message"])


def _closed_page(world: World, session: Thing, lang: str) -> Response:
    words = WORDS[lang]
    paid = session["status"] == "complete"
    target = _success_url(session) if paid else session["cancel_url"]
    links = [(target, f"{words['return']} {world.options.merchant}")] if target else []
    return render(
        "message.html",
        status=200 if paid else 410,
        lang=lang,
        title=words["paid_title" if paid else "expired_title"],
        more=words["paid_more" if paid else "expired_more"],
        links=links,
    )


def _success_url(session: Thing) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


async def _pay(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    session = _session(world, request)
    lang = _language(session, request)
    typed = await form(request)
    if session["status"] != "open":
        return _closed_page(world, session, lang)
    if session["customer_email"]:
        typed["email"] = session["customer_email"]
    if typed.get("test_card"):
        typed |= {"method": "card", "number": typed["test_card"], "expiry": "12 / 34", "cvc": "123"}
        typed["name"] = typed.get("name") or "Test Donor"
        typed["email"] = typed.get("email") or "donor@example.org"
    wrong, card = _check(world, session, typed)
    if wrong:
        return _pay_page(
            world, request, session, typed=typed, wrong={k: WORDS[lang][v] for k, v in wrong.items()}
        )
    payer = Payer(email=typed["email"], name=typed["name"])
    if card is None:
        outcome = payments.pay_by_bank(world, session, payer)
    else:
        outcome = payments.pay_by_card(world, session, card, payer)
    return _after(session, outcome)


def _after(session: Thing, outcome: Outcome) -> Response:
    """Paid or under way: back to the charity. Declined: the page again, with the reason."""
    if outcome.word == "needs_authentication":
        target = f"/c/pay/{session['id']}/authenticate"
    elif outcome.word == "declined":
        target = f"/c/pay/{session['id']}"
    else:
        target = _success_url(session)
    return RedirectResponse(target, status_code=303, headers=HEADERS)


def _check(world: World, session: Thing, typed: dict[str, str]) -> tuple[dict[str, str], Card | None]:
    """What is wrong with the form, by field, as keys of the words; and the card, when it is to be one."""
    wrong: dict[str, str] = {}
    if not _EMAIL.match(typed.get("email", "")) or len(typed["email"]) > 320:
        wrong["email"] = "err_email"
    if not typed.get("name") or len(typed["name"]) > 200:
        wrong["name"] = "err_name"
    method = typed.get("method") or session["payment_method_types"][0]
    if method != "card":
        return wrong, None
    wrong_card, card = check_card(world, typed)
    wrong |= wrong_card
    return (wrong, None) if wrong else ({}, card)


def check_card(world: World, typed: dict[str, str]) -> tuple[dict[str, str], Card | None]:
    """What is wrong with the card's fields, as keys of the words; and the card, when nothing is."""
    wrong: dict[str, str] = {}
    number = digits_only(typed.get("number", ""))
    card = look_up(number)
    if not number.isdigit():
        wrong["number"] = "err_number"
    elif not passes_luhn(number):
        wrong["number"] = "err_luhn"
    elif card is None:
        wrong["number"] = "err_not_test"
    month, year = _expiry(typed.get("expiry", ""))
    if not 1 <= month <= 12:
        wrong["expiry"] = "err_expiry"
    elif (year, month) < _year_and_month(world):
        wrong["expiry"] = "err_expired"
    cvc = typed.get("cvc", "")
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        wrong["cvc"] = "err_cvc"
    if wrong or card is None:
        return wrong, None
    return {}, with_expiry(card, month=month, year=year, fingerprint=world.fingerprint(number))


def _expiry(text: str) -> tuple[int, int]:
    match = _EXPIRY.match(text)
    return (int(match[1]), 2000 + int(match[2])) if match else (0, 0)


def _year_and_month(world: World) -> tuple[int, int]:
    today = world.date()
    return today.year, today.month


async def _show_challenge(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    session = _session(world, request)
    lang = _language(session, request)
    if session["status"] != "open":
        return _closed_page(world, session, lang)
    if world.find("order", session["id"])["pending"] is None:
        return RedirectResponse(f"/c/pay/{session['id']}", status_code=303, headers=HEADERS)
    return render("authenticate.html", lang=lang, merchant=world.options.merchant, session=session)


async def _answer_challenge(sandbox: Sandbox, request: Request) -> Response:
    session = _session(sandbox.world, request)
    typed = await form(request)
    if session["status"] != "open":
        return _closed_page(sandbox.world, session, _language(session, request))
    outcome = payments.authenticate(sandbox.world, session, passes=typed.get("answer") == "complete")
    return _after(session, outcome)


async def _receipt(sandbox: Sandbox, request: Request) -> Response:
    """Where a charge's `receipt_url` leads; the charity's own receipt is the one that counts."""
    charge = sandbox.world.find("charge", request.path_params["id"])
    amount = spoken(charge["amount"], charge["currency"])
    return render(
        "message.html",
        lang="en",
        title=f"Receipt for {amount}",
        more=f"Paid to {sandbox.world.options.merchant}. A stand-in for Stripe's receipt; no money moved.",
        links=[],
    )

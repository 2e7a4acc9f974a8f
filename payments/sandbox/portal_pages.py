"""What a donor who gives every month sees at Stripe: the portal behind a short-lived address, and the page of
an invoice whose payment failed.

Plain forms, no JavaScript. What is typed into the card fields is looked at and forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from payments.sandbox import collection, invoices, portal, subscription_changes, subscriptions
from payments.sandbox.cheat_sheet import TEST_CARDS
from payments.sandbox.errors import Refusal
from payments.sandbox.pages import HEADERS, Page, check_card, door, form, render
from payments.sandbox.store import Thing
from payments.sandbox.walk import day_of
from payments.sandbox.words import DECLINES_KO, WORDS, language
from payments.sandbox.world import World

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox


def routes(sandbox: Sandbox) -> list[Route]:
    table: tuple[tuple[str, str, Page], ...] = (
        ("GET", "/p/session/{key}", _show_portal),
        ("POST", "/p/session/{key}/card", _save_card),
        ("POST", "/p/session/{key}/cancel", _cancel),
        ("GET", "/i/{id}", _show_invoice),
        ("POST", "/i/{id}/pay", _pay_invoice),
        ("POST", "/i/{id}/authenticate", _answer_bank),
        ("GET", "/i/{id}/pdf", _invoice_pdf),
    )
    return [Route(path, door(sandbox, page), methods=[method]) for method, path, page in table]


def _lang(locale: str | None, request: Request) -> str:
    return language(locale, request.headers.get("accept-language", ""))


async def _show_portal(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    session = portal.session_behind(world, request.path_params["key"])
    return _portal_page(world, request, session, wrong={}, said=None)


def _portal_page(
    world: World, request: Request, session: Thing, *, wrong: dict[str, str], said: str | None
) -> Response:
    lang = _lang(session["locale"], request)
    flow = session["flow"] or {"type": None, "subscription_cancel": None}
    chosen = (flow["subscription_cancel"] or {}).get("subscription")
    theirs = world.store.where("subscription", "customer", session["customer"])
    return render(
        "portal.html",
        status=422 if wrong or said else 200,
        lang=lang,
        merchant=world.options.merchant,
        key=request.path_params["key"],
        flow=flow["type"],
        back=_after(session) or session["return_url"],
        plans=[_plan(lang, plan) for plan in theirs if chosen in (None, plan["id"])],
        feedback=[(word, word.replace("_", " ")) for word in subscription_changes.FEEDBACK],
        wrong={name: WORDS[lang][word] for name, word in wrong.items()},
        said=said,
        test_cards=TEST_CARDS,
    )


def _plan(lang: str, plan: Thing) -> dict[str, Any]:
    words = WORDS[lang]
    state = words["plan_active"].format(date=day_of(subscriptions.the_item(plan)["current_period_end"]))
    if subscriptions.is_over(plan):
        state = words["plan_over"]
    elif plan["cancel_at"] is not None:
        state = words["plan_ending"].format(date=day_of(plan["cancel_at"]))
    return {
        "id": plan["id"],
        "name": plan["description"] or words["plan_title"],
        "amount": subscriptions.amount_of(plan),
        "currency": plan["currency"],
        "state": state,
        "stops": subscriptions.is_over(plan) or plan["cancel_at"] is not None,
    }


def _after(session: Thing) -> str | None:
    """Where the donor goes when the flow is done, if the charity said."""
    after = (session["flow"] or {}).get("after_completion") or {}
    return (after.get("redirect") or {}).get("return_url")


def _done(world: World, request: Request, session: Thing, title: str) -> Response:
    """Back to the charity when it asked for that, else a page that says what happened."""
    target = _after(session)
    if target is not None:
        return RedirectResponse(target, status_code=303, headers=HEADERS)
    lang = _lang(session["locale"], request)
    message = ((session["flow"] or {}).get("after_completion") or {}).get("hosted_confirmation") or {}
    words = WORDS[lang]
    links = [(session["return_url"], f"{words['return']} {world.options.merchant}")]
    return render(
        "message.html",
        lang=lang,
        title=words[title],
        more=message.get("custom_message") or "",
        links=links if session["return_url"] else [],
    )


async def _save_card(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    session = portal.session_behind(world, request.path_params["key"])
    wrong, card = check_card(world, _with_test_card(await form(request)))
    if card is None:
        return _portal_page(world, request, session, wrong=wrong, said=None)
    try:
        portal.change_card(world, session, card)
    except Refusal:
        said = WORDS[_lang(session["locale"], request)]["refused_card"]
        return _portal_page(world, request, session, wrong={}, said=said)
    return _done(world, request, session, "card_saved")


def _with_test_card(typed: dict[str, str]) -> dict[str, str]:
    if typed.get("test_card"):
        return {**typed, "number": typed["test_card"], "expiry": "12 / 34", "cvc": "123"}
    return typed


async def _cancel(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    session = portal.session_behind(world, request.path_params["key"])
    typed = await form(request)
    portal.cancel(
        world,
        session,
        typed.get("subscription", ""),
        feedback=typed.get("feedback") or None,
        comment=typed.get("comment") or None,
    )
    return _done(world, request, session, "stop_done")


async def _show_invoice(sandbox: Sandbox, request: Request) -> Response:
    invoice = sandbox.world.find("invoice", request.path_params["id"])
    return _invoice_page(sandbox.world, request, invoice, wrong={})


def _invoice_page(world: World, request: Request, invoice: Thing, *, wrong: dict[str, str]) -> Response:
    lang = _lang(None, request)
    words = WORDS[lang]
    title = words["bill_title"].format(date=day_of(invoice["created"]))
    if invoice["status"] not in ("open", "uncollectible"):
        more = words["bill_paid" if invoice["status"] == "paid" else "bill_void"]
        return render("message.html", lang=lang, title=title, more=more, links=[])
    intent = invoices.intent_of(world, invoice)
    return render(
        "invoice.html",
        status=422 if wrong else 200,
        lang=lang,
        merchant=world.options.merchant,
        invoice=invoice,
        title=title,
        asks=intent is not None and intent["status"] == "requires_action",
        said=_said(intent, lang),
        wrong={name: words[word] for name, word in wrong.items()},
        verb=words["pay"],
        test_cards=TEST_CARDS,
    )


def _said(intent: Thing | None, lang: str) -> str | None:
    """What the bank said last, in the donor's language."""
    error = (intent or {}).get("last_payment_error")
    if error is None:
        return None
    if lang == "ko":
        return DECLINES_KO.get(error.get("decline_code") or "") or DECLINES_KO.get(
            error["code"], WORDS[lang]["bill_failed"]
        )
    return str(error["message"])


async def _pay_invoice(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    invoice = world.find("invoice", request.path_params["id"])
    wrong, card = check_card(world, _with_test_card(await form(request)))
    if card is None:
        return _invoice_page(world, request, invoice, wrong=wrong)
    portal.pay_invoice(world, invoice, card=card)
    return RedirectResponse(f"/i/{invoice['id']}", status_code=303, headers=HEADERS)


async def _answer_bank(sandbox: Sandbox, request: Request) -> Response:
    invoice = sandbox.world.find("invoice", request.path_params["id"])
    typed = await form(request)
    collection.authenticate(sandbox.world, invoice, passes=typed.get("answer") == "complete")
    return RedirectResponse(f"/i/{invoice['id']}", status_code=303, headers=HEADERS)


async def _invoice_pdf(sandbox: Sandbox, request: Request) -> Response:
    """Where `invoice_pdf` leads; the charity's own receipt is the one that counts."""
    invoice = sandbox.world.find("invoice", request.path_params["id"])
    return render(
        "message.html",
        lang="en",
        title=f"Invoice {invoice['number']}",
        more="A stand-in for Stripe's PDF; no money moved.",
        links=[(f"/i/{invoice['id']}", "Its page")],
    )

"""Into the console and out of it: cookies, links, where one lands, and that no page is left open."""

import re
from collections.abc import Callable, Iterator, Sequence

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from payments.app import create_app
from payments.database import transaction
from payments.pages.console.sign_in import own_path
from payments.staff import links, sessions
from payments.staff.models import StaffMember
from tests.pages.conftest import browser

WAYS_IN = ("/console/sign-in", "/console/sign-out", "/console/welcome")
"""Where somebody has business who is not signed in."""


@pytest.fixture
def link(organisation: object, finn: StaffMember, with_settings: Callable[..., None]) -> str:
    """The path of a link of the demo's for Finn."""
    with_settings(app_env="demo")
    with transaction() as session:
        return links.into_the_demo(session, finn.email).removeprefix("http://127.0.0.1:8000")


def inside(app: object) -> FastAPI:
    """The application behind its walls."""
    while not isinstance(app, FastAPI):
        app = getattr(app, "_app", None) or app.app
    return app


def routes_of(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, APIRoute]]:
    """Every route with its whole address, whatever was included in what."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, route
        elif included := getattr(route, "original_router", None):
            yield from routes_of(included.routes, prefix + route.include_context.prefix)


def console_pages() -> list[tuple[str, str]]:
    """Every method and address of the console, with something in place of what it asks for."""
    found = routes_of(inside(create_app()).routes)
    return [
        (method, re.sub(r"\{[^}]+\}", "x", path))
        for path, route in found
        if path.startswith("/console")
        for method in sorted(route.methods)
    ]


def test_no_page_of_the_console_opens_to_a_stranger(organisation: object) -> None:
    stranger = browser()
    pages = [(method, path) for method, path in console_pages() if not path.startswith(WAYS_IN)]

    answers = {(method, path): stranger.request(method, path) for method, path in pages}

    assert {path for _, path in pages} >= {"/console/account"}
    for asked, answer in answers.items():
        assert answer.status_code == 303, asked
        assert answer.headers["location"].startswith("/console/sign-in"), asked


def test_a_link_shows_a_button_and_only_the_button_uses_it_up(link: str) -> None:
    scanner, finns = browser(), browser()

    assert [scanner.request(method, link).status_code for method in ("GET", "HEAD", "GET")] == [200, 405, 200]
    shown = finns.get(link)
    assert "Finn" in shown.text
    assert not shown.cookies
    entered = finns.post(link)

    assert entered.status_code == 303
    assert "Finn" in finns.get(entered.headers["location"]).text
    assert browser().post(link).status_code == 410
    assert browser().get(link).status_code == 410


def test_another_sites_form_does_not_sign_in_or_out(link: str) -> None:
    finns = browser()
    finns.post(link)

    refused = finns.post("/console/sign-out", headers={"sec-fetch-site": "cross-site"})

    assert refused.status_code == 403
    assert finns.get("/console/account").status_code == 200


def test_over_http_the_cookie_is_for_scripts_and_other_sites_unreachable(link: str) -> None:
    given = browser().post(link).headers["set-cookie"]

    assert re.fullmatch(r"almoner-staff=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", given)


def test_over_https_the_cookie_is_bound_to_this_host(link: str, with_settings: Callable[..., None]) -> None:
    with_settings(public_base_url="https://give.example.org")

    given = browser().post(link).headers["set-cookie"]

    assert re.fullmatch(r"__Host-almoner-staff=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", given)


def test_a_cookie_that_was_planted_before_is_worth_nothing_after(link: str, finn: StaffMember) -> None:
    with transaction() as session:
        planted = sessions.begin(session, finn, way="test", browser="")
    victim = browser()
    victim.cookies.set("almoner-staff", planted)

    entered = victim.post(link)

    assert planted not in entered.headers["set-cookie"]
    attacker = browser()
    attacker.cookies.set("almoner-staff", planted)
    assert attacker.get("/console/account").status_code == 303


def test_signed_out_is_out_for_whoever_kept_the_cookie(link: str) -> None:
    finns, thief = browser(), browser()
    finns.post(link)
    thief.cookies.update(finns.cookies)

    left = finns.post("/console/sign-out")

    assert left.headers["location"] == "/console/sign-in"
    assert 'almoner-staff=""' in left.headers["set-cookie"]
    assert thief.get("/console/account").status_code == 303


def test_where_somebody_was_is_remembered_when_they_must_sign_in(organisation: object) -> None:
    asked = browser().get("/console/account?lang=ko")
    from_gifts = {"referer": "http://127.0.0.1:8000/console/gifts"}
    sent = browser().post("/console/account/elsewhere", headers=from_gifts)

    assert asked.headers["location"] == "/console/sign-in?next=%2Fconsole%2Faccount%3Flang%3Dko"
    assert sent.headers["location"] == "/console/sign-in?next=%2Fconsole%2Fgifts"


@pytest.mark.parametrize(
    ("wanted", "is_taken"),
    [
        ("/console", True),
        ("/console/", True),
        ("/console/months/2026-10", True),
        ("/console/gifts?status=paid&q=%EA%B9%80", True),
        (None, False),
        ("", False),
        ("/", False),
        ("/donate", False),
        ("console", False),
        ("//evil.example/console", False),
        ("///evil.example", False),
        ("/\\evil.example", False),
        ("\\\\evil.example", False),
        ("https://evil.example/console", False),
        ("javascript:alert(1)", False),
        ("/console//evil.example", False),
        ("/console\\evil.example", False),
        ("/console@evil.example", False),
        ("/consoles", False),
        ("/console/%0d%0aSet-Cookie:x", False),
        ("/console\r\nSet-Cookie: x=y", False),
        ("/console\n", False),
        ("/console?next=//evil.example", False),
        ("/console#//evil.example", False),
        ("/console/" + "x" * 500, False),
    ],
)
def test_only_pages_of_the_console_are_led_back_to(wanted: str | None, is_taken: bool) -> None:
    assert (own_path(wanted) == wanted) is is_taken


def test_an_error_in_the_console_leads_back_to_the_console(organisation: object) -> None:
    answer = browser().get("/console/nowhere")

    assert answer.status_code == 404
    assert "To the console" in answer.text

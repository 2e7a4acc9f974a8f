"""The box: what it answers, from where it may be sent, and that it alone subscribes nobody."""

import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import structlog
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.clock import now
from payments.database import transaction
from payments.donations.models import Organisation
from payments.mail.models import OutgoingMail
from payments.supporters.newsletter.models import NewsletterRequest
from tests.newsletter.conftest import (
    ADA,
    a_question,
    a_subscriber,
    is_known,
    log,
    mails,
    reader,
    stop_token,
    the_worker_answers,
    words,
)
from tests.pages.conftest import browser
from tests.pages.form import FILLED_IN, hidden_fields

SITE = "https://lanternpath.example"
API = "/api/v1/newsletter"


def waiting() -> list[NewsletterRequest]:
    with transaction() as session:
        return list(session.scalars(select(NewsletterRequest)))


def test_typing_an_address_is_answered_the_same_whether_it_is_known(visitor: TestClient) -> None:
    a_subscriber()

    known, unknown = (
        visitor.post("/newsletter", data={"lang": "en", "email": email})
        for email in ("ADA@example.com", "nobody@example.com")
    )

    assert (known.status_code, known.headers["location"]) == (303, "/newsletter/sent?lang=en")
    assert (known.headers["location"], known.text) == (unknown.headers["location"], unknown.text)


def test_the_box_claims_no_subscription(visitor: TestClient) -> None:
    visitor.post("/newsletter", data={"lang": "en", "email": ADA})
    the_worker_answers()

    page = visitor.get("/newsletter/sent?lang=en").text

    assert "You are not subscribed yet" in page
    assert "Awesome!" not in page
    assert reader().standing == "asked"


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "ada@exa mple.com"])
def test_what_is_no_address_is_asked_for_again(visitor: TestClient, typed: str) -> None:
    answer = visitor.post("/newsletter", data={"lang": "en", "email": typed})

    assert answer.status_code == 422
    assert "Oh no! Looks like something went wrong." in answer.text
    assert "Please check the e-mail address." in answer.text
    assert not waiting()


def test_a_confirmed_address_reads_that_it_is_subscribed(visitor: TestClient) -> None:
    address = f"/newsletter/confirm/{a_question()}"

    shown = visitor.get(f"{address}?lang=en")
    assert reader().standing == "asked", "to look is not to say yes"
    said = visitor.post(address, data={"lang": "en", "answer": "yes"})
    after = visitor.get(said.headers["location"])

    assert "Yes, send me the newsletter" in shown.text
    assert said.status_code == 303
    assert "Awesome! You're subscribed!" in after.text
    assert reader().standing == "subscribed"


def test_the_two_sentences_have_their_korean(visitor: TestClient) -> None:
    address = f"/newsletter/confirm/{a_question(locale='ko')}"

    visitor.post(address, data={"lang": "ko", "answer": "yes"})

    assert "좋아요! 구독이 완료되었습니다!" in visitor.get(f"{address}?lang=ko").text
    assert "앗! 문제가 생긴 것 같습니다." in visitor.get("/newsletter/confirm/x?lang=ko").text


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t[1:], lambda t: t + "A", lambda t: "x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_not_whole_says_what_to_do(visitor: TestClient, spoil, method: str) -> None:
    address = f"/newsletter/confirm/{spoil(a_question())}?lang=en"

    answer = visitor.request(method, address, data={"answer": "yes"} if method == "POST" else None)

    assert answer.status_code == 404
    assert "Oh no! Looks like something went wrong." in answer.text
    assert "type your address once more" in answer.text
    assert reader().standing == "asked"


def test_somebody_who_did_not_ask_says_so_and_is_left_in_peace(visitor: TestClient) -> None:
    address = f"/newsletter/confirm/{a_question()}"

    said = visitor.post(address, data={"lang": "en", "answer": "no"})

    assert "Thank you for telling us" in visitor.get(said.headers["location"]).text
    assert reader().standing == "declined"
    visitor.post("/newsletter", data={"email": ADA})
    the_worker_answers()
    assert [fact for fact, _, _ in mails()] == ["newsletter_confirm"]


def test_an_old_no_is_not_shown_to_who_said_yes_since(visitor: TestClient) -> None:
    address = f"/newsletter/confirm/{a_question()}"
    visitor.post(address, data={"answer": "no"})
    with time_machine.travel(now() + timedelta(days=31)):
        a_subscriber()

    assert "Awesome! You're subscribed!" in visitor.get(f"{address}?lang=en").text


def test_the_link_that_stops_works_from_a_mail_programs_button(visitor: TestClient) -> None:
    a_subscriber()
    address = f"/newsletter/stop/{stop_token()}"
    for header in ("sec-fetch-site", "accept"):
        del visitor.headers[header]

    assert visitor.get(address).status_code == 200
    assert reader().standing == "subscribed"
    answer = visitor.post(address, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200, "a redirect would not be followed"
    assert reader().standing == "withdrawn"
    assert words()[-1] == ("withdrawn", "one_click")


def test_the_button_may_also_be_sent_as_multipart(visitor: TestClient) -> None:
    a_subscriber()

    answer = visitor.post(f"/newsletter/stop/{stop_token()}", files={"List-Unsubscribe": (None, "One-Click")})

    assert answer.status_code == 200
    assert words()[-1] == ("withdrawn", "one_click")


def test_a_link_that_stops_nobody_says_what_to_do(visitor: TestClient) -> None:
    answer = visitor.post("/newsletter/stop/x", data={"lang": "en"})

    assert answer.status_code == 404
    assert "mailto:giving@lanternpath.example" in answer.text


def test_who_was_forgotten_is_off_the_list_as_well(visitor: TestClient) -> None:
    from payments.supporters.newsletter import links

    answer = visitor.post(f"/newsletter/stop/{links.stop_token('nlr_gone')}", data={"lang": "en"})

    assert "You are off the list" in answer.text


# Beside a gift


def test_the_box_beside_a_gift_is_not_ticked(visitor: TestClient) -> None:
    page = visitor.get("/donate?lang=en").text

    [box] = [line for line in page.splitlines() if 'name="newsletter"' in line]
    assert "checked" not in box


def test_a_gift_subscribes_nobody(donor_near_stripe: TestClient) -> None:
    page = donor_near_stripe.get("/donate")

    answer = donor_near_stripe.post("/donate", data=hidden_fields(page.text) | FILLED_IN)
    the_worker_answers()

    assert answer.status_code == 303
    assert not waiting()
    assert not is_known()
    assert not mails()


def test_the_ticked_box_beside_a_gift_only_asks(donor_near_stripe: TestClient) -> None:
    page = donor_near_stripe.get("/donate?lang=en").text
    form = hidden_fields(page) | FILLED_IN

    first = donor_near_stripe.post("/donate", data=form | {"newsletter": "yes"})
    again = donor_near_stripe.post("/donate", data=form)
    the_worker_answers()

    assert first.headers["location"] == again.headers["location"], "the tick is no part of the gift"
    assert [(fact, to) for fact, to, _ in mails()] == [("newsletter_confirm", ADA)]
    assert reader().standing == "asked"
    [asked] = log()
    assert (asked.source, asked.page, asked.wording_version) == ("donate", "/donate", 1)
    shown = " ".join(re.sub("<[^>]*>", " ", page).split())
    assert asked.wording in shown


# From the charity's own site


def from_site(client: TestClient, origin: str = SITE) -> TestClient:
    client.headers.update({"sec-fetch-site": "cross-site", "origin": origin})
    return client


def test_the_charitys_own_site_may_send_the_form(visitor: TestClient) -> None:
    answer = from_site(visitor).post(
        "/newsletter",
        data={"email": ADA, "lang": "ko", "wording": "1", "page": "/stories?who=ada@example.com"},
    )
    the_worker_answers()

    assert answer.headers["location"] == "/newsletter/sent?lang=ko"
    [asked] = log()
    assert (asked.source, asked.page, asked.wording_version) == ("site", f"{SITE}/stories", 1)
    assert asked.wording is None, "what another page shows we have not seen"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://lanternpath.example", "http://["])
def test_no_other_site_may(visitor: TestClient, origin: str) -> None:
    answer = from_site(visitor, origin).post("/newsletter", data={"email": ADA})

    assert answer.status_code == 403
    assert not waiting()


def test_sites_that_are_named_may_too(organisation: Organisation, with_settings: Callable[..., None]) -> None:
    with_settings(newsletter_origins="https://www.lanternpath.example, https://lanternpath.test")

    for origin in ("https://www.lanternpath.example", "https://lanternpath.test"):
        assert from_site(browser(), origin).post("/newsletter", data={"email": ADA}).status_code == 303


def test_the_charitys_site_may_send_no_other_form(visitor: TestClient) -> None:
    token = a_question()
    site = from_site(visitor)

    for path in ("/donate", f"/newsletter/confirm/{token}", "/giving"):
        assert site.post(path, data={"email": ADA, "answer": "yes"}).status_code == 403
    assert reader().standing == "asked"


def test_a_script_of_the_charitys_site_may_read_the_answer(visitor: TestClient) -> None:
    site = from_site(visitor)

    before = site.options(
        API,
        headers={
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    answer = site.post(API, json={"email": ADA, "locale": "ko", "page": f"{SITE}/"})
    refused = site.post(API, json={"email": "ada"})

    assert before.status_code == 204
    assert before.headers["access-control-allow-origin"] == SITE
    assert before.headers["access-control-allow-methods"] == "POST"
    assert "content-type" in before.headers["access-control-allow-headers"]
    assert answer.status_code == 202
    assert answer.headers["access-control-allow-origin"] == SITE
    assert "origin" in answer.headers["vary"]
    assert "아직 구독이 시작되지 않았습니다" in answer.json()["detail"]
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, SITE)
    assert refused.json()["type"] == "/problems/newsletter-address-unfit"


def test_to_another_site_nothing_is_said(visitor: TestClient) -> None:
    elsewhere = from_site(visitor, "https://evil.example")

    for answer in (
        elsewhere.options(API, headers={"access-control-request-method": "POST"}),
        elsewhere.post(API, json={"email": ADA}),
        from_site(visitor).get("/api/v1/funds"),
    ):
        assert "access-control-allow-origin" not in answer.headers


def test_a_program_asks_with_or_without_a_key(visitor: TestClient) -> None:
    key = {"Idempotency-Key": "the-very-same-key"}

    answers = [visitor.post(API, json={"email": ADA}, headers=headers) for headers in (key, {})]
    the_worker_answers()

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(mails()) == 1


# What nobody else learns


@pytest.fixture
def telling_all(with_settings: Callable[..., None]) -> Iterator[None]:
    """Every line is logged; afterwards the log is as quiet as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with_settings(log_level="debug")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_no_address_is_in_a_log_line_or_an_address_line(
    organisation: Organisation, telling_all: None, capsys: pytest.CaptureFixture[str]
) -> None:
    visitor = browser()

    sent = visitor.post("/newsletter", data={"email": ADA})
    visitor.post(API, json={"email": ADA})
    token = a_question("bea@example.com")
    said = visitor.post(f"/newsletter/confirm/{token}", data={"answer": "yes"})
    visitor.post(f"/newsletter/stop/{stop_token('bea@example.com')}")

    lines = [line for line in capsys.readouterr().err.splitlines() if '"logger": "httpx2"' not in line]
    told = "\n".join([*lines, sent.headers["location"], said.headers["location"]])
    assert '"route": "/newsletter/confirm/{token}"' in told
    for secret in (ADA, "bea@", "%40", token):
        assert secret not in "\n".join(lines)
    assert "example.com" not in said.headers["location"] + sent.headers["location"]


def test_no_page_shows_an_address(visitor: TestClient) -> None:
    token = a_question()

    for path in (f"confirm/{token}", f"stop/{stop_token()}", "sent"):
        page = visitor.get(f"/newsletter/{path}?lang=en")
        assert ADA not in page.text
        assert page.headers["x-robots-tag"] == "noindex, nofollow"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_pages_are_drawn_in_both_languages(visitor: TestClient, lang: str) -> None:
    token = a_question()

    for path in ("", "/sent", f"/confirm/{token}", f"/stop/{stop_token()}"):
        answer = visitor.get(f"/newsletter{path}?lang={lang}")
        assert answer.status_code == 200
        assert f'<html lang="{lang}"' in answer.text
        assert " style=" not in answer.text


def test_the_outbox_alone_holds_the_address_beside_the_list(visitor: TestClient) -> None:
    a_question()

    with transaction() as session:
        assert session.scalars(select(OutgoingMail.to_address)).all() == [ADA]
    assert ADA not in str([vars(entry) for entry in log()])

"""The doors: what whoever is turned away is told, and that nobody is told more."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select

from payments.app import create_app
from payments.database import transaction
from payments.donations.models import Donation
from payments.shield import limits, puzzle
from payments.shield.windows import windows
from tests.journeys import neighbours
from tests.journeys.neighbours import Stripe
from tests.pages.form import FILLED_IN, hidden_fields
from tests.pages.steering import a_gift, changes_of, token_of

DONOR = "203.0.113.9"
FORM = {**FILLED_IN, "frequency": "once", "lang": "en"}


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Stripe]:
    with neighbours.stripe() as sandbox:
        yield sandbox


@pytest.fixture
def stripe(usual_numbers: None, _sandbox: Stripe, with_settings: Callable[..., None]) -> Stripe:
    _sandbox.forget_everything()
    with_settings(stripe_api_base=_sandbox.url)
    return _sandbox


@pytest.fixture
def client(stripe: Stripe) -> TestClient:
    """A donor's program or browser, connected from an address of the internet."""
    return knocking_from(DONOR)


def knocking_from(address: str) -> TestClient:
    return TestClient(
        create_app(),
        base_url="http://127.0.0.1:8000",
        follow_redirects=False,
        raise_server_exceptions=False,
        client=(address, 50000),
    )


def begins(client: TestClient, *, key: str = "", email: str = "", **headers: str) -> Response:
    """A gift, by the API."""
    wish = {
        "amount": 500,
        "currency": "usd",
        "fund": "general",
        "donor": {"name": "Ada Park", "email": email or f"{uuid4()}@example.com"},
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/api/v1/donations", json=wish, headers={"Idempotency-Key": key or str(uuid4()), **named}
    )


def presses(client: TestClient, path: str = "/donate", **form: str) -> Response:
    """A button, in a browser."""
    return client.post(
        path,
        data=form,
        headers={
            "Accept": "text/html",
            "Accept-Language": "en",
            "Sec-Fetch-Site": "same-origin",
        },
    )


def gifts_and_pages(stripe: Stripe) -> tuple[int, int]:
    with transaction() as session:
        gifts = session.scalar(select(func.count()).select_from(Donation)) or 0
    return gifts, len(stripe.list("checkout/sessions"))


def no_room_without_proof() -> None:
    for _ in range(12):
        windows().note(limits.without_proof())


def test_a_program_is_told_to_come_back_later_and_nothing_else(client: TestClient, stripe: Stripe) -> None:
    no_room_without_proof()

    answer = begins(client)

    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "300"
    assert answer.json()["type"] == "/problems/too-many-tries"
    assert gifts_and_pages(stripe) == (0, 0)


def test_no_answer_tells_which_limit_it_was(client: TestClient, stripe: Stripe) -> None:
    def told(answer: Response) -> tuple[object, ...]:
        body = {name: said for name, said in answer.json().items() if name != "instance"}
        return answer.status_code, answer.headers["retry-after"], body

    for limit, name in (
        (limits.HOUSEHOLD, f"{DONOR}/32"),
        (limits.NEIGHBOURHOOD, "198.51.100.0/24"),
        (limits.EMAIL, "ada@example.com"),
        (limits.without_proof(12), ""),
    ):
        for _ in range(limit.at_most):
            windows().note(limit, name)
    answers = [
        begins(client, Proof_Of_Work=a_proof()),
        begins(knocking_from("198.51.100.1"), Proof_Of_Work=a_proof()),
        begins(knocking_from("192.0.2.1"), email="Ada@example.com", Proof_Of_Work=a_proof()),
        begins(knocking_from("192.0.2.1")),
    ]

    assert [told(answer) for answer in answers] == [told(answers[0])] * 4
    assert answers[0].status_code == 429
    assert gifts_and_pages(stripe) == (0, 0)


def a_proof() -> str:
    sent = puzzle.make(4)
    return f"{sent}:{puzzle.solve(sent)}"


def test_a_program_with_a_proof_is_let_in(client: TestClient, stripe: Stripe) -> None:
    no_room_without_proof()
    asked = client.get("/api/v1/donations/puzzle").json()["puzzle"]

    answer = begins(client, Proof_Of_Work=f"{asked}:{puzzle.solve(asked)}")

    assert answer.status_code == 201


def test_a_key_that_has_its_gift_gets_it_again_however_many_tries_there_were(
    client: TestClient, stripe: Stripe
) -> None:
    first = begins(client, key="the-same-key", email="ada@example.com")
    no_room_without_proof()
    assert begins(client).status_code == 429

    again = [begins(client, key="the-same-key", email="ada@example.com") for _ in range(15)]

    assert {answer.json()["id"] for answer in again} == {first.json()["id"]}
    assert gifts_and_pages(stripe) == (1, 1)


def test_a_wish_that_cannot_be_taken_is_not_counted(client: TestClient) -> None:
    for _ in range(15):
        assert begins(client, email="no address").status_code == 422

    assert begins(client).status_code == 201


def test_a_browser_is_asked_to_press_once_more_and_keeps_what_was_typed(
    client: TestClient, stripe: Stripe
) -> None:
    no_room_without_proof()

    answer = presses(client, **FORM)
    again = hidden_fields(answer.text)
    solved = presses(client, **FORM | again | {"proof": puzzle.solve(again["puzzle"])})

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "20"
    assert "One more press, please" in answer.text
    assert 'value="ada@example.com"' in answer.text
    assert solved.status_code == 303
    assert solved.headers["location"].startswith(stripe.url)


@pytest.mark.parametrize(("lang", "said"), [("en", "A moment, please"), ("ko", "잠시만 기다려 주세요")])
def test_a_browser_behind_an_address_of_too_many_tries_is_told_so_in_its_language(
    client: TestClient, stripe: Stripe, lang: str, said: str
) -> None:
    for _ in range(300):
        windows().note(limits.HOUSEHOLD, f"{DONOR}/32")
    sent = puzzle.make(4)

    answer = presses(client, **FORM | {"lang": lang, "puzzle": sent, "proof": puzzle.solve(sent)})

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "300"
    assert said in answer.text
    assert gifts_and_pages(stripe) == (0, 0)


def test_who_is_counted_is_the_one_behind_the_trusted_proxy(
    stripe: Stripe, with_settings: Callable[..., None]
) -> None:
    with_settings(trusted_proxies="127.0.0.1, 10.0.0.0/8")
    proxy = knocking_from("127.0.0.1")

    begins(proxy, X_Forwarded_For=f"192.0.2.250, {DONOR}, 10.1.2.3")
    begins(knocking_from("198.51.100.1"), X_Forwarded_For="192.0.2.251")

    counted = [
        name
        for name in (DONOR, "192.0.2.250", "192.0.2.251", "198.51.100.1", "127.0.0.1", "10.1.2.3")
        if windows().count(limits.HOUSEHOLD, f"{name}/32")
    ]
    assert counted == [DONOR, "198.51.100.1"]


def test_a_proxy_that_nobody_named_is_told_of_and_blocks_nobody(
    stripe: Stripe, with_settings: Callable[..., None]
) -> None:
    proxy = knocking_from("172.18.0.1")
    for _ in range(300):
        windows().note(limits.HOUSEHOLD, "172.18.0.1/32")

    assert begins(proxy, X_Forwarded_For=DONOR).status_code == 201

    checks = {check["name"]: check for check in proxy.get("/readyz").json()["checks"]}
    assert not checks["proxies"]["is_well"]
    assert "TRUSTED_PROXIES" in checks["proxies"]["remedy"]


def test_the_webhook_door_is_never_limited(client: TestClient) -> None:
    no_room_without_proof()
    for _ in range(600):
        windows().note(limits.HOUSEHOLD, f"{DONOR}/32")
        windows().note(limits.NEIGHBOURHOOD, "203.0.113.0/24")

    answers = {client.post("/webhooks/stripe", content=b"{}").status_code for _ in range(200)}

    assert answers == {400}


def test_wrong_staff_tokens_from_one_address_have_an_end(client: TestClient) -> None:
    def tries(client: TestClient) -> int:
        return client.get("/api/v1/refunds", headers={"Authorization": f"Bearer alm_{uuid4()}"}).status_code

    assert [tries(client) for _ in range(23)] == [401] * 20 + [429] * 3
    assert tries(knocking_from("198.51.100.1")) == 401
    assert client.get("/api/v1/funds").status_code == 200


def test_receipts_cannot_be_guessed_for_long(client: TestClient) -> None:
    answers = [
        client.get(f"/verify?number=US-2026-{n:06}&code=A000-0000-0000").status_code for n in range(32)
    ]

    assert answers == [200] * 30 + [429] * 2
    assert client.get("/verify").status_code == 200


def test_links_cannot_be_asked_for_without_end(client: TestClient) -> None:
    for_one = [presses(client, "/giving", email="Ada@example.com", lang="ko") for _ in range(6)]
    from_one = [presses(client, "/giving", email=f"{n}@example.com").status_code for n in range(30)]

    assert [answer.status_code for answer in for_one] == [303] * 5 + [429]
    assert "잠시만 기다려 주세요" in for_one[-1].text
    assert from_one.count(303) == 30 - 6


def test_newsletters_cannot_be_asked_for_without_end(client: TestClient) -> None:
    for_one = [presses(client, "/newsletter", email="Ada@example.com", lang="ko") for _ in range(6)]
    from_one = [presses(client, "/newsletter", email=f"{n}@example.com").status_code for n in range(30)]

    assert [answer.status_code for answer in for_one] == [303] * 5 + [429]
    assert "잠시만 기다려 주세요" in for_one[-1].text
    assert from_one.count(303) == 30 - 6


def test_nor_by_a_program(client: TestClient) -> None:
    asked = [client.post("/api/v1/newsletter", json={"email": f"{n}@example.com"}) for n in range(31)]
    box = presses(client, "/newsletter", email="one-more@example.com")

    assert [answer.status_code for answer in asked] == [202] * 30 + [429]
    assert asked[-1].json()["type"] == "/problems/too-many-tries"
    assert box.status_code == 429, "one place is one place, at whichever door"


def test_one_link_does_not_steer_without_end(client: TestClient) -> None:
    monthly_gift_id = a_gift()
    token = token_of(monthly_gift_id)

    answers = [
        presses(client, f"/monthly/{token}/{'pause' if n % 2 else 'resume'}", months="1") for n in range(32)
    ]

    assert [answer.status_code for answer in answers[-2:]] == [429, 429]
    assert len(changes_of(monthly_gift_id)) <= 30


@pytest.mark.parametrize("deed", ["card", "pay"])
def test_one_link_does_not_open_pages_at_stripe_without_end(client: TestClient, deed: str) -> None:
    token = token_of(a_gift())

    answers = [presses(client, f"/monthly/{token}/{deed}").status_code for _ in range(12)]

    assert answers[-2:] == [429, 429]
    assert 429 not in answers[:10]


def test_an_attack_is_told_to_whoever_watches(client: TestClient) -> None:
    for n in range(12 + 100):
        begins(knocking_from(f"198.51.{n}.1"))

    ready = client.get("/readyz").json()
    metrics = knocking_from("127.0.0.1").get("/metrics").text

    told = next(check for check in ready["checks"] if check["name"] == "card testing")
    assert ready["status"] == "degraded"
    assert told["finding"].startswith("under attack: 12 pages opened in ten minutes, 0 of them paid")
    assert "100 tries turned away" in told["finding"]
    assert "almoner_under_attack 1.0" in metrics
    assert "almoner_tries_turned_away_ten_minutes 100.0" in metrics

"""With a password and a code: from the invitation on, by forms alone."""

import re
import statistics
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.staff.models import AuditEntry, StaffMember
from tests.pages.conftest import browser
from tests.pages.form import hidden_fields
from tests.pages.staff_browser import PASSWORD, Person, invited, welcomed
from tests.staff.app import code_of, secret_on

pytestmark = pytest.mark.usefixtures("organisation")


def deeds() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)))


def test_from_the_invitation_to_the_console_in_three_steps(finn: StaffMember, adam: StaffMember) -> None:
    client = browser()
    invitation = invited(finn, adam)

    assert "Welcome, Finn" in client.get(invitation).text
    assert client.post(invitation).headers["location"] == "/console/welcome"
    assert "Step 1 of 2" in client.get("/console/welcome").text
    client.post("/console/welcome", data={"new_password": PASSWORD, "again": PASSWORD})
    step = client.get("/console/welcome").text
    assert "<svg" in step
    assert client.get("/console/account").status_code == 303
    shown = client.post("/console/welcome", data={"code": code_of(secret_on(step))})

    assert len(re.findall(r"<code>\w{5}-\w{5}</code>", shown.text)) == 10
    assert "by a link of the demo" not in client.get("/console/account").text
    assert deeds()[2:] == [
        *("staff.invite", "staff.password", "staff.second_factor", "staff.recovery_codes", "staff.sign_in")
    ]
    assert browser().post(invitation).status_code == 410


def test_an_invitation_opens_nothing_but_the_welcome(finn: StaffMember, adam: StaffMember) -> None:
    client = browser()
    client.post(invited(finn, adam))

    assert client.get("/console/account").status_code == 303
    assert client.get("/console/welcome").status_code == 200


def test_the_welcome_of_a_stranger_opens_nothing(finn: StaffMember, adam: StaffMember) -> None:
    stranger, insider = browser(), welcomed(finn, adam)

    for client in (stranger, insider.client):
        assert client.get("/console/welcome").status_code == 410
        typed = {"new_password": "another one of mine", "again": "another one of mine"}
        assert client.post("/console/welcome", data=typed).status_code == 410
        assert client.post("/console/welcome", data={"code": "123456"}).status_code == 410


def test_the_welcome_begins_a_new_session_for_the_console(finn: StaffMember, adam: StaffMember) -> None:
    them = Person(finn.email)
    them.client.post(invited(finn, adam))
    before = them.client.cookies["almoner-staff"]
    them.client.post("/console/welcome", data={"new_password": PASSWORD, "again": PASSWORD})
    them.secret = secret_on(them.client.get("/console/welcome").text)

    them.client.post("/console/welcome", data={"code": them.code()})

    assert them.client.cookies["almoner-staff"] != before
    planted = browser()
    planted.cookies.set("almoner-staff", before)
    assert planted.get("/console/account").status_code == 303
    assert planted.get("/console/welcome").status_code == 410


@pytest.mark.parametrize(
    ("typed", "again", "said"),
    [
        ("short", "short", "at least 12 characters"),
        ("password1234", "password1234", "tried first"),
        ("finn of the sea", "finn of the sea", "leave your name"),
        ("four lanterns on the road", "four lanterns on a road", "not the same"),
    ],
)
def test_a_password_that_is_not_taken_is_told_why(
    finn: StaffMember, adam: StaffMember, typed: str, again: str, said: str
) -> None:
    client = browser()
    client.post(invited(finn, adam))

    answer = client.post("/console/welcome", data={"new_password": typed, "again": again})

    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{typed}"' not in answer.text


def test_signing_in_asks_for_password_and_code_and_begins_a_new_session(
    finn: StaffMember, adam: StaffMember
) -> None:
    them = welcomed(finn, adam)
    before = them.client.cookies["almoner-staff"]
    them.client.post("/console/sign-out")
    assert not them.is_in()

    entered = them.signs_in(next="/console/months/2026-10")

    assert (entered.status_code, entered.headers["location"]) == (303, "/console/months/2026-10")
    assert them.client.cookies["almoner-staff"] != before
    assert them.is_in()


def test_a_page_that_was_asked_for_is_led_back_to_and_no_other(finn: StaffMember, adam: StaffMember) -> None:
    them = welcomed(finn, adam)
    client = browser()

    asked = client.get(client.get("/console/account?lang=ko").headers["location"])
    evil = client.get("/console/sign-in?next=//evil.example")

    assert hidden_fields(asked.text)["next"] == "/console/account?lang=ko"
    assert "evil.example" not in hidden_fields(evil.text)["next"]
    assert "evil" not in them.signs_in(next="https://evil.example/console").headers["location"]


def test_whatever_is_wrong_the_answer_is_the_same(finn: StaffMember, adam: StaffMember) -> None:
    them = welcomed(finn, adam)
    right = them.code()
    tries = [
        {"email": finn.email, "password": "not the password", "code": right},
        {"email": finn.email, "password": PASSWORD, "code": "000000"},
        {"email": "nobody@lp.example", "password": PASSWORD, "code": right},
        {"email": adam.email, "password": PASSWORD, "code": right},
        {"email": "", "password": "", "code": ""},
    ]

    stranger = browser()
    answers = [stranger.post("/console/sign-in", data=typed) for typed in tries]

    assert {answer.status_code for answer in answers} == {422}
    assert len({re.sub(r'(name="email") value="[^"]*"', r"\1", answer.text) for answer in answers}) == 1
    assert not any(answer.cookies for answer in answers)


def test_an_unknown_address_takes_as_long_as_a_known_one(finn: StaffMember, adam: StaffMember) -> None:
    welcomed(finn, adam)
    stranger = browser()

    def seconds(email: str) -> float:
        with transaction() as session:
            session.execute(text("delete from staff_sign_in_tries"))
        began = time.perf_counter()
        stranger.post("/console/sign-in", data={"email": email, "password": "wrong", "code": "000000"})
        return time.perf_counter() - began

    known, unknown = (
        statistics.median(seconds(email) for _ in range(3)) for email in (finn.email, "nobody@lp.example")
    )

    # A hash takes a fifth of a second: without it an unknown address would be answered ten times as fast.
    assert 0.4 < unknown / known < 2.5


_SIGN_INS = select(AuditEntry).where(AuditEntry.deed == "staff.sign_in").order_by(AuditEntry.id)


def test_tries_are_slowed_down_alike_and_never_for_the_persons_own_browser(
    finn: StaffMember, adam: StaffMember
) -> None:
    them = welcomed(finn, adam)
    them.client.post("/console/sign-out")

    stranger = browser()

    def answers(email: str) -> list[tuple[int, str | None]]:
        typed = {"email": email, "password": "guess", "code": "000000"}
        told = [stranger.post("/console/sign-in", data=typed) for _ in range(6)]
        return [(answer.status_code, answer.headers.get("retry-after")) for answer in told]

    known, unknown = answers(finn.email), answers("nobody@lp.example")

    assert [status for status, _ in known] == [status for status, _ in unknown] == [422] * 5 + [429]
    assert known[-1][1] in {"1", "2", "3", "4"}
    assert them.signs_in().status_code == 303
    with transaction() as session:
        noted = session.scalars(_SIGN_INS).all()[-1]
    assert noted.facts["way"] == "password and code"


def test_a_recovery_code_lets_in_once(finn: StaffMember, adam: StaffMember) -> None:
    them = welcomed(finn, adam)
    them.client.post("/console/sign-out")

    assert them.signs_in(them.recovery[0]).status_code == 303
    assert "<dd>9</dd>" in them.client.get("/console/account").text
    assert them.signs_in(them.recovery[0]).status_code == 422


def test_nothing_secret_is_logged(
    finn: StaffMember,
    adam: StaffMember,
    with_settings: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_settings(log_level="debug")
    them = welcomed(finn, adam)
    invitation = invited(adam, adam).rpartition("/")[2]
    browser().get(f"/console/welcome/{invitation}")
    code = them.code()
    them.password = "not the password"  # noqa: S105 - typed wrongly
    them.signs_in(code)
    browser().post("/console/sign-in", data={"email": "typed-here@lp.example", "password": "typed-there"})

    # But the lines of the browser that the tests are.
    logged = "".join(line for line in capsys.readouterr().err.splitlines() if '"httpx2"' not in line)
    for secret in (PASSWORD, "not the password", them.secret, them.secret.replace(" ", ""), invitation):
        assert secret not in logged
    for secret in ("typed-here", "typed-there", finn.email, them.client.cookies["almoner-staff"]):
        assert secret not in logged
    assert "sign-in refused" in logged
    assert "/console/welcome/{token}" in logged


def test_over_https_both_cookies_are_bound_to_this_host(
    finn: StaffMember, adam: StaffMember, with_settings: Callable[..., None]
) -> None:
    them = welcomed(finn, adam)
    with_settings(public_base_url="https://give.example.org")

    given = them.signs_in().headers.get_list("set-cookie")

    assert [re.sub(r"=[\w.-]+;", "=…;", cookie, count=1) for cookie in given] == [
        "__Host-almoner-staff=…; HttpOnly; Path=/; SameSite=lax; Secure",
        "__Host-almoner-known=…; HttpOnly; Max-Age=15552000; Path=/; SameSite=lax; Secure",
    ]


def test_the_pages_of_signing_in_are_kept_by_nobody_and_speak_korean(
    finn: StaffMember, adam: StaffMember
) -> None:
    client = browser()
    for path in ("/console/sign-in", invited(finn, adam), "/console/welcome/used"):
        answer = client.get(path, params={"lang": "ko"})

        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert re.search(r"<h1>[^<]*[가-힣]", answer.text), path
        assert "style=" not in answer.text

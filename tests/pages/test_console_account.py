"""A person's own account: sessions seen and ended, and what changes how one signs in."""

import re

import pytest

from payments.database import transaction
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.pages.conftest import browser
from tests.pages.staff_browser import PASSWORD, Person, welcomed
from tests.staff.app import code_of, secret_on

pytestmark = pytest.mark.usefixtures("organisation")

NEW = "five boats under the moon"


@pytest.fixture
def finn(adam: StaffMember) -> Person:
    """Finance, signed in."""
    with transaction() as session:
        person = people.add(
            session, email="finn@lp.example", name="Finn", roles=[Role.FINANCE, Role.VIEWER], by=adam
        )
    return welcomed(person, adam)


def elsewhere(them: Person, agent: str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/605") -> Person:
    """The same person at another browser."""
    client = browser()
    client.headers["user-agent"] = agent
    other = Person(them.email, client=client, password=them.password, secret=them.secret)
    assert other.signs_in(them.recovery.pop()).status_code == 303
    return other


def test_where_somebody_is_signed_in_is_seen_and_ended(finn: Person) -> None:
    phone = elsewhere(finn)

    page = finn.client.get("/console/account").text
    assert page.count("<tr>") == 3
    assert "Safari, iPhone" in page
    assert page.count("this one") == 1
    finn.client.post("/console/account/elsewhere")

    assert finn.is_in()
    assert not phone.is_in()


def test_another_password_asks_for_the_old_one_and_a_code_and_ends_every_other_session(finn: Person) -> None:
    phone = elsewhere(finn)
    before = finn.client.cookies["almoner-staff"]
    new = {"new_password": NEW, "again": NEW}

    without = finn.client.post("/console/account/password", data=new)
    wrong = finn.client.post("/console/account/password", data=new | {"password": "x", "code": finn.code()})
    typed = new | {"password": PASSWORD, "code": finn.recovery.pop()}
    changed = finn.client.post("/console/account/password", data=typed)

    assert [answer.status_code for answer in (without, wrong, changed)] == [422, 422, 303]
    assert "The password or the code is not right" in wrong.text
    assert finn.client.cookies["almoner-staff"] != before
    assert finn.is_in()
    assert not phone.is_in()
    assert finn.signs_in(finn.recovery.pop(), password=PASSWORD).status_code == 422
    assert finn.signs_in(finn.recovery.pop(), password=NEW).status_code == 303


def test_a_stolen_session_guesses_no_faster_than_a_stranger(finn: Person) -> None:
    thief = browser()  # with the session alone: not with what the browser is known by
    thief.cookies.set("almoner-staff", finn.client.cookies["almoner-staff"])
    typed = {"password": "guess", "code": "000000"}

    statuses = [thief.post("/console/account/codes", data=typed) for _ in range(7)]

    assert "too many tries" in statuses[-1].text


def test_another_app_takes_the_place_of_the_first(finn: Person) -> None:
    phone = elsewhere(finn)
    typed = {"password": PASSWORD, "code": finn.recovery.pop()}

    shown = finn.client.post("/console/account/app", data=typed)
    secret = secret_on(shown.text)
    done = finn.client.post("/console/account/app/code", data={"code": code_of(secret)})

    assert len(re.findall(r"<code>\w{5}-\w{5}</code>", done.text)) == 10
    assert not phone.is_in()
    assert finn.signs_in(finn.code()).status_code == 422
    assert finn.signs_in(finn.recovery.pop()).status_code == 422


def test_a_wrong_code_of_the_new_app_ends_its_offer_and_shows_nothing(finn: Person) -> None:
    typed = {"password": PASSWORD, "code": finn.recovery.pop()}
    secret = secret_on(finn.client.post("/console/account/app", data=typed).text)

    wrong = finn.client.post("/console/account/app/code", data={"code": "000000"})
    late = finn.client.post("/console/account/app/code", data={"code": code_of(secret)})

    assert (wrong.status_code, late.status_code) == (422, 422)
    assert secret not in wrong.text + late.text
    assert finn.signs_in(finn.code()).status_code == 303


def test_new_recovery_codes_end_the_earlier_ones(finn: Person) -> None:
    typed = {"password": PASSWORD, "code": finn.recovery.pop()}

    shown = finn.client.post("/console/account/codes", data=typed)

    new = re.findall(r"<code>(\w{5}-\w{5})</code>", shown.text)
    assert len(new) == 10
    assert finn.signs_in(finn.recovery.pop()).status_code == 422
    assert finn.signs_in(new[0]).status_code == 303


def test_who_leaves_is_out_with_the_next_page(finn: Person, adam: StaffMember) -> None:
    with transaction() as session:
        people.deactivate(session, people.find(session, finn.email), by=adam, reason="left")

    assert not finn.is_in()
    assert finn.signs_in().status_code == 422


def test_the_answer_to_a_form_is_led_back_to_the_account(finn: Person) -> None:
    assert finn.client.get("/console/account/password?lang=ko").headers["location"] == "/console/account"

"""An admin sees who works here, and makes invitations; nobody else does."""

import re

import pytest

from payments.database import transaction
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.pages.staff_browser import HOUSE, PASSWORD, Person, welcomed

pytestmark = pytest.mark.usefixtures("organisation")


@pytest.fixture
def signed_in(adam: StaffMember) -> Person:
    """The admin at their browser."""
    return welcomed(adam, adam)


def test_an_admin_sees_who_can_sign_in(signed_in: Person, finn: StaffMember) -> None:
    page = signed_in.client.get("/console/people").text

    states = re.findall(
        r'<a href="/console/people/[^"]+">(\w+)</a>.*?<span class="state \w+">([^<]+)<', page, re.S
    )
    assert states == [("Adam", "can sign in"), ("Finn", "cannot sign in yet")]


def test_an_invitation_asks_for_password_and_code_and_opens_the_welcome(
    signed_in: Person, finn: StaffMember
) -> None:
    path = f"/console/people/{finn.id}"

    refused = signed_in.client.post(path, data={"password": PASSWORD, "code": "000000"})
    made = signed_in.client.post(path, data={"password": PASSWORD, "code": signed_in.recovery.pop()})

    assert refused.status_code == 422
    assert "/console/welcome/" not in refused.text
    link = re.search(rf"{HOUSE}(/console/welcome/[\w-]+)", made.text)
    assert link
    assert "Welcome, Finn" in signed_in.client.get(link[1]).text
    assert "/console/welcome/" not in signed_in.client.get(path).text


def test_for_a_lost_telephone_an_invitation_ends_what_was_before(
    signed_in: Person, adam: StaffMember, finn: StaffMember
) -> None:
    finns = welcomed(finn, adam)
    path = f"/console/people/{finn.id}"
    assert "at once" in signed_in.client.get(path).text

    signed_in.client.post(path, data={"password": PASSWORD, "code": signed_in.recovery.pop()})

    assert not finns.is_in()
    assert finns.signs_in().status_code == 422


@pytest.mark.parametrize("roles", [[role] for role in Role if role is not Role.ADMIN])
def test_nobody_else_sees_people_or_invites(adam: StaffMember, finn: StaffMember, roles: list[Role]) -> None:
    them = welcomed(finn, adam)
    with transaction() as session:
        people.give_roles(session, people.find(session, finn.email), roles, by=adam)
    typed = {"password": PASSWORD, "code": them.recovery.pop()}

    answers = [
        them.client.get("/console/people"),
        them.client.get(f"/console/people/{adam.id}"),
        them.client.post(f"/console/people/{adam.id}", data=typed),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("You may not do this" in answer.text for answer in answers)


def test_nobody_invites_who_left_or_is_not_there(
    signed_in: Person, adam: StaffMember, finn: StaffMember
) -> None:
    with transaction() as session:
        people.deactivate(session, people.find(session, finn.email), by=adam, reason="left")
    typed = {"password": PASSWORD, "code": signed_in.recovery.pop()}

    assert "cannot be invited" in signed_in.client.get(f"/console/people/{finn.id}").text
    assert signed_in.client.post(f"/console/people/{finn.id}", data=typed).status_code == 403
    assert signed_in.client.get("/console/people/stf_nobody").status_code == 404


def test_who_has_no_role_any_more_is_told_so(adam: StaffMember, finn: StaffMember) -> None:
    them = welcomed(finn, adam)
    with transaction() as session:
        people.give_roles(session, people.find(session, finn.email), [], by=adam)

    answer = them.client.get("/console")

    assert answer.status_code == 403
    assert "An admin gives roles" in answer.text
    assert them.is_in()

"""An admin sees who works here, and makes invitations; nobody else does."""

import re

import pytest

from payments.database import transaction
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.pages.staff_browser import HOUSE, PASSWORD, Person, welcomed


@pytest.fixture
def first(organisation: object) -> StaffMember:
    """The first admin's row."""
    with transaction() as session:
        return people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])


@pytest.fixture
def adam(first: StaffMember) -> Person:
    """The first admin, signed in."""
    return welcomed(first, first)


@pytest.fixture
def finn(first: StaffMember) -> StaffMember:
    """Finance, not invited yet."""
    with transaction() as session:
        return people.add(session, email="finn@lp.example", name="Finn", roles=[Role.FINANCE], by=first)


def test_an_admin_sees_who_can_sign_in(adam: Person, finn: StaffMember) -> None:
    page = adam.client.get("/console/people").text

    states = re.findall(
        r'<a href="/console/people/[^"]+">(\w+)</a>.*?<span class="state \w+">([^<]+)<', page, re.S
    )
    assert states == [("Adam", "can sign in"), ("Finn", "cannot sign in yet")]


def test_an_invitation_asks_for_password_and_code_and_opens_the_welcome(
    adam: Person, finn: StaffMember
) -> None:
    path = f"/console/people/{finn.id}"

    refused = adam.client.post(path, data={"password": PASSWORD, "code": "000000"})
    made = adam.client.post(path, data={"password": PASSWORD, "code": adam.recovery.pop()})

    assert refused.status_code == 422
    assert "/console/welcome/" not in refused.text
    link = re.search(rf"{HOUSE}(/console/welcome/[\w-]+)", made.text)
    assert link
    assert "Welcome, Finn" in adam.client.get(link[1]).text
    assert "/console/welcome/" not in adam.client.get(path).text


def test_for_a_lost_telephone_an_invitation_ends_what_was_before(
    adam: Person, first: StaffMember, finn: StaffMember
) -> None:
    finns = welcomed(finn, first)
    path = f"/console/people/{finn.id}"
    assert "at once" in adam.client.get(path).text

    adam.client.post(path, data={"password": PASSWORD, "code": adam.recovery.pop()})

    assert not finns.is_in()
    assert finns.signs_in().status_code == 422


@pytest.mark.parametrize("roles", [[role] for role in Role if role is not Role.ADMIN])
def test_nobody_else_sees_people_or_invites(first: StaffMember, finn: StaffMember, roles: list[Role]) -> None:
    them = welcomed(finn, first)
    with transaction() as session:
        people.give_roles(session, people.find(session, finn.email), roles, by=first)
    typed = {"password": PASSWORD, "code": them.recovery.pop()}

    answers = [
        them.client.get("/console/people"),
        them.client.get(f"/console/people/{first.id}"),
        them.client.post(f"/console/people/{first.id}", data=typed),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("You may not do this" in answer.text for answer in answers)


def test_nobody_invites_who_left_or_is_not_there(adam: Person, first: StaffMember, finn: StaffMember) -> None:
    with transaction() as session:
        people.deactivate(session, people.find(session, finn.email), by=first, reason="left")
    typed = {"password": PASSWORD, "code": adam.recovery.pop()}

    assert "cannot be invited" in adam.client.get(f"/console/people/{finn.id}").text
    assert adam.client.post(f"/console/people/{finn.id}", data=typed).status_code == 403
    assert adam.client.get("/console/people/stf_nobody").status_code == 404


def test_who_has_no_role_any_more_is_told_so(first: StaffMember, finn: StaffMember) -> None:
    them = welcomed(finn, first)
    with transaction() as session:
        people.give_roles(session, people.find(session, finn.email), [], by=first)

    answer = them.client.get("/console")

    assert answer.status_code == 403
    assert "An admin gives roles" in answer.text
    assert them.is_in()

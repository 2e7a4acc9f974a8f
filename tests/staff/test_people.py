"""Who may do what, and that nobody gives it to themselves."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from payments.database import transaction
from payments.donations.models import Organisation
from payments.staff import people
from payments.staff.models import AuditEntry, Role, StaffMember
from payments.staff.people import (
    FirstIsAdmin,
    NoLongerHere,
    NotAllowed,
    NotForOneself,
    ReasonMissing,
    StaffAddressWrong,
    StaffAlreadyThere,
    StaffUnknown,
)


def added(by: StaffMember, name: str, *roles: Role) -> StaffMember:
    with transaction() as session:
        return people.add(session, email=f"{name}@lp.example", name=name.title(), roles=roles, by=by)


def deeds() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)))


def test_the_first_person_is_an_admin_and_nothing_else(database: str) -> None:
    with transaction() as session, pytest.raises(FirstIsAdmin):
        people.add_first(
            session, email="a@lp.example", name="A", roles=[Role.ADMIN, Role.FINANCE, Role.APPROVER]
        )


def test_there_is_one_first_person(adam: StaffMember) -> None:
    with transaction() as session, pytest.raises(NotAllowed):
        people.add_first(session, email="eve@lp.example", name="Eve", roles=[Role.ADMIN])


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_an_admin_manages_people(adam: StaffMember, role: Role) -> None:
    somebody = added(adam, "somebody", role)

    with transaction() as session:
        other = people.find(session, "adam@lp.example")
        for deed in (
            lambda: people.add(session, email="x@lp.example", name="X", roles=[], by=somebody),
            lambda: people.give_roles(session, other, [], by=somebody),
            lambda: people.deactivate(session, other, by=somebody, reason="because"),
        ):
            with pytest.raises(NotAllowed):
                deed()


def test_nobody_changes_their_own_roles_or_leaves_by_themselves(adam: StaffMember) -> None:
    with transaction() as session:
        me = people.find(session, "ADAM@lp.example")
        with pytest.raises(NotForOneself):
            people.give_roles(session, me, [Role.ADMIN, Role.APPROVER], by=me)
        with pytest.raises(NotForOneself):
            people.deactivate(session, me, by=me, reason="tired")


def test_a_deactivated_person_does_nothing(adam: StaffMember) -> None:
    sue = added(adam, "sue", Role.SUPPORT)
    with transaction() as session:
        people.deactivate(session, people.find(session, sue.email), by=adam, reason="left in May")

    with transaction() as session, pytest.raises(NoLongerHere):
        people.require(people.find(session, sue.email), Role.SUPPORT)


def test_one_address_is_one_person(adam: StaffMember) -> None:
    added(adam, "sue", Role.SUPPORT)

    with transaction() as session:
        with pytest.raises(StaffAlreadyThere):
            people.add(session, email="SUE@lp.example", name="Sue", roles=[], by=adam)
        with pytest.raises(StaffAddressWrong):
            people.add(session, email="not an address", name="Sue", roles=[], by=adam)
        with pytest.raises(StaffUnknown):
            people.find(session, "nobody@lp.example")


def test_every_change_stands_in_the_log_with_before_and_after(adam: StaffMember) -> None:
    sue = added(adam, "sue", Role.SUPPORT)
    with transaction() as session:
        people.give_roles(session, people.find(session, sue.email), [Role.FINANCE], by=adam)
        people.deactivate(session, people.find(session, sue.email), by=adam, reason="left in May")

    assert deeds() == ["staff.add_first", "staff.add", "staff.roles", "staff.deactivate"]
    with transaction() as session:
        changed = session.scalars(select(AuditEntry).where(AuditEntry.deed == "staff.roles")).one()
    assert (changed.facts, changed.staff_id) == ({"before": ["support"], "after": ["finance"]}, adam.id)


def test_a_deed_without_a_reason_is_not_done(adam: StaffMember) -> None:
    sue = added(adam, "sue", Role.SUPPORT)

    with transaction() as session:
        with pytest.raises(ReasonMissing):
            people.deactivate(session, people.find(session, sue.email), by=adam, reason="  ")
        session.rollback()

    assert "staff.deactivate" not in deeds()


def test_a_deed_that_fails_leaves_no_line(adam: StaffMember) -> None:
    with transaction() as session:
        people.add(session, email="sue@lp.example", name="Sue", roles=[], by=adam)
        session.rollback()

    assert deeds() == ["staff.add_first"]


@pytest.mark.parametrize("change", ["update audit_log set reason = 'x'", "delete from audit_log"])
def test_the_log_is_never_rewritten(adam: StaffMember, organisation: Organisation, change: str) -> None:
    with transaction() as session:
        with pytest.raises(DBAPIError, match=r"permission denied|never"):
            session.execute(text(change))
        session.rollback()

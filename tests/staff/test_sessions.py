"""Who is signed in at a browser: how long, how it ends, and what is kept of it."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select, text

from payments.clock import now
from payments.database import transaction
from payments.staff import links, people, sessions
from payments.staff.links import LinkUsed, OnlyInTheDemo
from payments.staff.models import AuditEntry, Role, StaffLink, StaffMember, StaffSession
from payments.staff.sessions import SignInNeeded


def begun(person: StaffMember) -> str:
    with transaction() as session:
        return sessions.begin(session, person, way="test", browser="Firefox, Linux")


def is_in(token: str) -> bool:
    with transaction() as session:
        try:
            sessions.holder(session, token)
        except SignInNeeded:
            return False
    return True


def long_ago(column: str, ago: str) -> None:
    with transaction() as session:
        session.execute(text(f"update staff_sessions set {column} = now() - interval '{ago}'"))  # noqa: S608 - of ours


def deeds() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)))


def test_a_session_opens_for_its_person_and_is_kept_only_as_a_hash(finn: StaffMember) -> None:
    token = begun(finn)

    with transaction() as session:
        assert sessions.holder(session, token).id == finn.id
        kept = session.scalars(select(StaffSession)).one()
        logged = str([line.facts for line in session.scalars(select(AuditEntry))])
    assert token not in str(vars(kept))
    assert token not in logged


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 5000, "\x00", "\udc80"])
def test_what_is_no_session_opens_nothing(finn: StaffMember, token: str) -> None:
    begun(finn)

    assert not is_in(token)


@pytest.mark.parametrize(
    ("column", "ago", "stands"),
    [
        ("last_seen_at", "29 minutes", True),
        ("last_seen_at", "30 minutes", False),
        ("ends_at", "-1 minute", True),
        ("ends_at", "0", False),
    ],
)
def test_a_session_ends_when_it_idles_and_after_half_a_day(
    finn: StaffMember, column: str, ago: str, stands: bool
) -> None:
    token = begun(finn)
    long_ago(column, ago)

    assert is_in(token) is stands


def test_a_page_keeps_a_session_awake_and_seldom_writes(finn: StaffMember) -> None:
    token = begun(finn)
    long_ago("last_seen_at", "50 seconds")
    with transaction() as session:
        before = session.scalars(select(StaffSession.last_seen_at)).one()

    is_in(token)
    with transaction() as session:
        assert session.scalars(select(StaffSession.last_seen_at)).one() == before
    long_ago("last_seen_at", "20 minutes")
    is_in(token)

    with transaction() as session:
        seen = session.scalar(text("select now() - last_seen_at < interval '1 minute' from staff_sessions"))
    assert seen


def test_a_page_never_makes_a_session_longer_than_half_a_day(finn: StaffMember) -> None:
    token = begun(finn)
    with transaction() as session:
        before = session.scalars(select(StaffSession.ends_at)).one()
    long_ago("last_seen_at", "20 minutes")

    is_in(token)

    with transaction() as session:
        assert session.scalars(select(StaffSession.ends_at)).one() == before
        length = session.scalar(text("select ends_at - made_at from staff_sessions"))
    assert length == sessions.LONGEST


def test_signing_out_ends_one_session_and_leaves_the_others(finn: StaffMember) -> None:
    here, there = begun(finn), begun(finn)

    with transaction() as session:
        sessions.end(session, here)
        sessions.end(session, here)

    assert (is_in(here), is_in(there)) == (False, True)
    assert deeds()[-3:] == ["staff.sign_in", "staff.sign_in", "staff.sign_out"]


def test_who_leaves_is_out_at_once_and_other_roles_count_at_once(
    finn: StaffMember, adam: StaffMember
) -> None:
    token = begun(finn)
    with transaction() as session:
        people.give_roles(session, people.find(session, finn.email), [Role.VIEWER], by=adam)

    with transaction() as session:
        assert sessions.holder(session, token).roles == ["viewer"]
    with transaction() as session:
        people.deactivate(session, people.find(session, finn.email), by=adam, reason="left")
    assert not is_in(token)


def test_what_has_ended_is_gone_with_the_next_sign_in(finn: StaffMember) -> None:
    begun(finn)
    long_ago("last_seen_at", "1 day")

    begun(finn)

    with transaction() as session:
        assert len(session.scalars(select(StaffSession)).all()) == 1
        assert len(sessions.of(session, finn)) == 1


def test_a_link_of_the_demo_lets_in_once(finn: StaffMember, with_settings: Callable[..., None]) -> None:
    with_settings(app_env="demo")
    with transaction() as session:
        token = links.into_the_demo(session, finn.email).rpartition("/")[2]

    with transaction() as session:
        assert links.of_the_demo(session, token).id == finn.id
        links.use_up(session, token)
    with transaction() as session, pytest.raises(LinkUsed):
        links.use_up(session, token)


def test_of_two_who_use_a_link_at_once_one_is_let_in(
    finn: StaffMember, with_settings: Callable[..., None]
) -> None:
    with_settings(app_env="demo")
    with transaction() as session:
        token = links.into_the_demo(session, finn.email).rpartition("/")[2]

    with transaction() as first:
        links.use_up(first, token)
        with transaction() as second:
            second.execute(text("set local lock_timeout = '100ms'"))
            with pytest.raises(Exception, match=r"lock timeout|used or has ended"):
                links.use_up(second, token)
            second.rollback()
    with transaction() as session, pytest.raises(LinkUsed):
        links.use_up(session, token)


def test_an_old_link_and_a_leavers_link_open_nothing(
    finn: StaffMember, adam: StaffMember, with_settings: Callable[..., None]
) -> None:
    with_settings(app_env="demo")
    with transaction() as session:
        of_finn = links.into_the_demo(session, finn.email).rpartition("/")[2]
        old = StaffLink(token_sha256=sha256(b"old").hexdigest(), purpose="demo", staff_id=adam.id)
        old.ends_at = now() - timedelta(seconds=1)
        session.add(old)

    with transaction() as session, pytest.raises(LinkUsed):
        links.of_the_demo(session, "old")
    with transaction() as session:
        people.deactivate(session, people.find(session, finn.email), by=adam, reason="left")
    with transaction() as session, pytest.raises(LinkUsed):
        links.of_the_demo(session, of_finn)


def test_outside_the_demo_nobody_comes_in_by_a_link_alone(
    finn: StaffMember, with_settings: Callable[..., None]
) -> None:
    with_settings(app_env="demo")
    with transaction() as session:
        token = links.into_the_demo(session, finn.email).rpartition("/")[2]
    with_settings(app_env="staging")

    with transaction() as session:
        with pytest.raises(OnlyInTheDemo):
            links.into_the_demo(session, finn.email)
        with pytest.raises(OnlyInTheDemo):
            links.people_of_the_demo(session)
        with pytest.raises(LinkUsed):
            links.of_the_demo(session, token)

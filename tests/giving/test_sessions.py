"""A donor's link and session: once, for an hour, for one address; and what ends it."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.giving import links, sessions
from payments.giving.links import GivingLinkNotGenuine, GivingLinkOver
from payments.giving.models import DonorSession
from payments.monthly import links as links_of_one
from payments.supporters.donors import Donor
from tests.factories import a_donation
from tests.giving.links import ADA, a_link, looked, sees
from workers.links import answer_link_requests


@pytest.fixture(autouse=True)
def _ada_gave(organisation: object) -> None:
    with transaction() as session:
        a_donation(session, email=ADA)
        a_donation(session, email="bea@example.com")


def begun(link: str) -> str:
    with transaction() as session:
        return sessions.begin(session, link)


def long_ago(column: str, ago: str) -> None:
    with transaction() as session:
        session.execute(text(f"update donor_sessions set {column} = now() - interval '{ago}'"))  # noqa: S608 - of ours


def test_a_link_begins_one_session_and_both_are_kept_as_hashes() -> None:
    link = a_link()
    token = begun(link)

    assert sees(token) == ADA
    with pytest.raises(GivingLinkOver):
        begun(link)
    with transaction() as session:
        kept = str(vars(session.scalars(select(DonorSession)).one()))
    assert token not in kept
    assert link not in kept
    assert ADA not in kept


def test_pressed_twice_before_the_page_is_drawn_the_second_press_counts() -> None:
    link = a_link()

    first, second = begun(link), begun(link)

    assert (sees(first), sees(second)) == (None, ADA)


def test_a_link_stays_used_when_its_session_has_ended() -> None:
    link = a_link()
    token = begun(link)

    with transaction() as session:
        sessions.end(session, token)

    assert sees(token) is None
    with pytest.raises(GivingLinkOver):
        begun(link)


@pytest.mark.parametrize(
    "spoil", [lambda link: link[:-1], lambda link: link + "A", lambda _: "x", lambda _: "\x00é"]
)
def test_what_is_not_ours_is_no_link(spoil) -> None:
    with pytest.raises(GivingLinkNotGenuine):
        begun(spoil(a_link()))


def test_a_link_of_another_kind_is_no_link() -> None:
    with transaction() as session:
        donor_id = session.scalars(select(Donor.id).where(Donor.email == ADA)).one()
    with pytest.raises(GivingLinkNotGenuine):
        begun(links_of_one.url(donor_id, ADA).rpartition("/")[2])


def test_an_old_link_opens_nothing() -> None:
    with pytest.raises(GivingLinkOver):
        begun(a_link(good_for=timedelta(seconds=-1)))


def test_what_went_to_a_wrong_address_ends_with_the_correction_and_with_an_erasure() -> None:
    link, token, of_bea, link_of_bea = (
        a_link(),
        looked(),
        looked("bea@example.com"),
        a_link("bea@example.com"),
    )

    with transaction() as session:
        session.scalars(select(Donor).where(Donor.email == ADA)).one().email = "ada.park@example.com"
        bea = session.scalars(select(Donor).where(Donor.email == "bea@example.com")).one()
        bea.erased_at = text("now()")

    assert (sees(token), sees(of_bea)) == (None, None)
    for each in (link, link_of_bea):
        with pytest.raises(GivingLinkOver):
            begun(each)


@pytest.mark.parametrize(
    ("column", "ago"), [("last_seen_at", "31 minutes"), ("ends_at", "1 second"), ("ended_at", "1 second")]
)
def test_a_session_ends_idle_and_after_four_hours(column: str, ago: str) -> None:
    token = looked()

    long_ago(column, ago)

    assert sees(token) is None


def test_looking_keeps_a_session_awake_and_makes_it_no_longer() -> None:
    token = looked()
    with transaction() as session:
        ends_at = session.scalars(select(DonorSession.ends_at)).one()
    long_ago("last_seen_at", "29 minutes")

    assert sees(token) == ADA

    with transaction() as session:
        row = session.scalars(select(DonorSession)).one()
        assert session.scalar(text("select now() - last_seen_at < interval '1 minute' from donor_sessions"))
    assert row.ends_at == ends_at
    assert row.ends_at - row.made_at == sessions.LONGEST


def test_nothing_is_kept_of_a_session_once_its_link_is_too_old() -> None:
    looked()
    gone = looked()
    assert sessions.LONGEST > links.GOOD_FOR
    with transaction() as session:
        session.execute(
            text(
                "update donor_sessions set ends_at = now() - interval '1 second' where token_sha256 = :gone"
            ),
            {"gone": hashlib.sha256(gone.encode()).hexdigest()},
        )

    answer_link_requests()

    with transaction() as session:
        assert len(session.scalars(select(DonorSession)).all()) == 1

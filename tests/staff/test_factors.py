"""The second factor: what is taken, once; and how it is kept."""

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.staff import credentials, factors, links, passwords, people, sessions
from payments.staff.credentials import Claim, SignInRefused
from payments.staff.factors import CodeWrong
from payments.staff.models import AuditEntry, StaffCredential, StaffMember, StaffRecoveryCode
from payments.staff.people import NotAllowed
from payments.staff.sealing import SealBroken, open_sealed
from tests.staff.app import code_of

PASSWORD = "four lanterns on the road"  # noqa: S105 - of nobody's


def connected(person: StaffMember) -> tuple[str, list[str]]:
    """With a password and an app; its secret and the recovery codes."""
    made = passwords.made(PASSWORD)
    with transaction() as session:
        credentials.set_password(session, person, made)
        factors.offer(session, person)
        offer = factors.offered(session, person, issuer="Lantern Path")
        assert offer is not None
        # Half a minute ago, so that the code of now is still to be had.
        codes = factors.confirm(session, person, code_of(offer.secret, half_minutes=-1))
    return offer.secret, codes


def proven(person: StaffMember, code: str, *, is_password_right: bool = True) -> str | None:
    """By which way, or None for a refusal."""
    try:
        with transaction() as session:
            claim = credentials.claimed(session, person.email)
            return credentials.prove(session, claim, is_password_right=is_password_right, code=code)[1]
    except SignInRefused:
        return None


def test_a_code_of_the_app_is_taken_once(finn: StaffMember) -> None:
    secret, _ = connected(finn)
    shown = code_of(secret)

    assert proven(finn, f" {shown[:3]} {shown[3:]} ") == "password and code"
    assert proven(finn, shown) is None


def test_a_code_from_before_the_last_one_is_too_late(finn: StaffMember) -> None:
    secret, _ = connected(finn)
    assert proven(finn, code_of(secret, half_minutes=1)) is not None

    assert proven(finn, code_of(secret)) is None


@pytest.mark.parametrize("half_minutes", [-120, -2, 2, 120])
def test_a_code_of_another_time_is_wrong(finn: StaffMember, half_minutes: int) -> None:
    secret, _ = connected(finn)

    assert proven(finn, code_of(secret, half_minutes=half_minutes)) is None


@pytest.mark.parametrize(
    "code", ["", "000000", "가나다라마바", "１２３４５６", "x" * 5000, "\udc80", "-" * 10]
)
def test_what_is_no_code_is_wrong(finn: StaffMember, code: str) -> None:
    connected(finn)

    assert proven(finn, code) is None


def test_a_right_code_beside_a_wrong_password_is_not_used_up(finn: StaffMember) -> None:
    secret, (recovery, *_) = connected(finn)
    shown = code_of(secret)

    assert proven(finn, shown, is_password_right=False) is None
    assert proven(finn, recovery, is_password_right=False) is None

    assert proven(finn, shown) == "password and code"
    assert proven(finn, recovery) == "password and recovery code"


def test_ten_recovery_codes_each_stand_for_the_app_once(finn: StaffMember) -> None:
    _, codes = connected(finn)

    assert len(set(codes)) == 10
    assert [proven(finn, code.lower().replace("-", " ")) for code in codes] == [
        "password and recovery code"
    ] * 10
    assert [proven(finn, code) for code in codes] == [None] * 10


def test_new_recovery_codes_end_the_earlier_ones(finn: StaffMember) -> None:
    _, (before, *_) = connected(finn)
    with transaction() as session:
        after = factors.renew_recovery_codes(session, finn)[0]

    assert proven(finn, before) is None
    assert proven(finn, after) is not None


def test_the_app_before_counts_until_the_new_one_has_shown_a_code(finn: StaffMember) -> None:
    old, _ = connected(finn)
    with transaction() as session:
        factors.offer(session, finn)
        offer = factors.offered(session, finn, issuer="Lantern Path")
    assert offer is not None
    with transaction() as session, pytest.raises(CodeWrong):
        factors.confirm(session, finn, code_of(old))
    assert proven(finn, code_of(old)) is not None

    with transaction() as session:
        factors.confirm(session, finn, code_of(offer.secret))

    assert proven(finn, code_of(old, half_minutes=1)) is None
    assert proven(finn, code_of(offer.secret, half_minutes=1)) is not None


def test_a_withdrawn_offer_is_never_in_force(finn: StaffMember) -> None:
    connected(finn)
    with transaction() as session:
        factors.offer(session, finn)
        offer = factors.offered(session, finn, issuer="Lantern Path")
        factors.withdraw(session, finn)
    assert offer is not None

    with transaction() as session, pytest.raises(CodeWrong):
        factors.confirm(session, finn, code_of(offer.secret))


def test_nothing_that_is_kept_or_noted_opens_an_account(finn: StaffMember) -> None:
    secret, codes = connected(finn)

    with transaction() as session:
        kept = session.scalars(select(StaffCredential)).one()
        hashed = session.scalars(select(StaffRecoveryCode.code_hmac)).all()
        noted = str([(line.deed, line.facts, line.reason) for line in session.scalars(select(AuditEntry))])
    assert kept.totp_sealed is not None
    told = f"{vars(kept)} {hashed} {noted}"
    for hidden in (PASSWORD, secret.replace(" ", ""), *codes, *(code.replace("-", "") for code in codes)):
        assert hidden not in told
    with pytest.raises(SealBroken):
        open_sealed(kept.totp_sealed, staff_id="stf_somebody_else")


def test_under_another_secret_key_nobody_is_let_in(finn: StaffMember, with_settings) -> None:
    secret, (recovery, *_) = connected(finn)
    with_settings(secret_key="another-" * 5)

    assert proven(finn, code_of(secret)) is None
    assert proven(finn, recovery) is None


def test_nobody_is_proven_by_nothing(finn: StaffMember) -> None:
    with transaction() as session:
        assert credentials.claimed(session, "nobody@lp.example") == Claim(None, None)
        assert credentials.claimed(session, finn.email) == Claim(finn.id, None)
    assert proven(finn, "") is None


def test_who_has_a_password_and_no_app_is_not_let_in(finn: StaffMember) -> None:
    made = passwords.made(PASSWORD)
    with transaction() as session:
        credentials.set_password(session, finn, made)
        factors.offer(session, finn)
        offer = factors.offered(session, finn, issuer="Lantern Path")
    assert offer is not None

    assert proven(finn, code_of(offer.secret)) is None


def test_a_password_that_was_changed_meanwhile_does_not_count(finn: StaffMember) -> None:
    secret, _ = connected(finn)
    with transaction() as session:
        claim = credentials.claimed(session, finn.email)
    made = passwords.made("another one by the same person")
    with transaction() as session:
        credentials.set_password(session, finn, made)

    with transaction() as session, pytest.raises(SignInRefused):
        credentials.prove(session, claim, is_password_right=True, code=code_of(secret))


def test_an_invitation_ends_what_was_before(finn: StaffMember, adam: StaffMember) -> None:
    secret, (recovery, *_) = connected(finn)
    with transaction() as session:
        sessions.begin(session, finn, way="test", browser="")
        first = links.invite(session, finn, by=adam)
        second = links.invite(session, finn, by=adam)

    assert proven(finn, code_of(secret)) is None
    assert proven(finn, recovery) is None
    with transaction() as session:
        assert not sessions.of(session, finn)
        with pytest.raises(links.LinkUsed):
            links.invited(session, first.rpartition("/")[2])
        assert links.invited(session, second.rpartition("/")[2]).id == finn.id


def test_only_an_admin_invites_somebody_else(finn: StaffMember, adam: StaffMember) -> None:
    with transaction() as session:
        with pytest.raises(NotAllowed):
            links.invite(session, adam, by=finn)
        links.invite(session, finn, by=finn)


def test_who_left_is_not_let_in(finn: StaffMember, adam: StaffMember) -> None:
    secret, _ = connected(finn)
    with transaction() as session:
        claim = credentials.claimed(session, finn.email)
        people.deactivate(session, people.find(session, finn.email), by=adam, reason="left")

    assert proven(finn, code_of(secret)) is None
    with transaction() as session, pytest.raises(SignInRefused):
        credentials.prove(session, claim, is_password_right=True, code=code_of(secret))


def test_every_step_stands_in_the_audit_log(finn: StaffMember, adam: StaffMember) -> None:
    with transaction() as session:
        links.invite(session, finn, by=adam)
    connected(finn)
    with transaction() as session:
        session.execute(text("select 1"))
        deeds = session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()

    assert deeds[2:] == ["staff.invite", "staff.password", "staff.second_factor", "staff.recovery_codes"]

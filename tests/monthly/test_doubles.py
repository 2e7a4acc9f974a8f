"""Two gifts where one was meant: flagged before the receipt goes out, and nobody else is told."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.donations.models import Donation, Organisation
from payments.mail.models import OutgoingMail
from payments.monthly import doubles
from payments.monthly.doubles import DoubleKind, NotFlagged
from payments.monthly.models import MonthlyGift
from payments.staff.models import AuditEntry, Role, StaffMember
from payments.staff.people import NotAllowed, ReasonMissing
from tests.factories import NOON, a_donation
from tests.monthly.promises import a_monthly_gift


def paid(session: Session, *, at: datetime = NOON, **given) -> Donation:
    return a_donation(session, status="paid", paid_at=at, gift_date=at.date(), **given)


def an_instalment(session: Session, plan: MonthlyGift, *, at: datetime) -> Donation:
    return paid(session, at=at, amount=3000, frequency="monthly", monthly_gift_id=plan.id)


def found(session: Session) -> list[tuple[str, str, str]]:
    return [(each.kind, each.donation_id, each.of_donation_id) for each in doubles.waiting(session)]


def somebody(session: Session, *roles: Role) -> StaffMember:
    person = StaffMember(id=new_id("stf"), email="mina@charity.example", name="Mina", roles=list(roles))
    session.add(person)
    session.flush()
    return person


@pytest.mark.parametrize("seen_first", ["the earlier", "the later", "both at once"])
def test_the_same_gift_within_minutes_is_flagged_in_whatever_order_it_is_seen(
    organisation: Organisation, session: Session, seen_first: str
):
    first = paid(session)
    again = paid(session, at=NOON + timedelta(minutes=3))
    rounds = {
        "the earlier": [[first.id], [again.id]],
        "the later": [[again.id], [first.id]],
        "both at once": [[first.id, again.id]],
    }[seen_first]

    for donation_ids in rounds:
        doubles.flag(session, donation_ids)

    assert found(session) == [(DoubleKind.SAME_GIFT, again.id, first.id)]


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 2600},
        {"currency": "krw"},
        {"fund": "rescue"},
        {"email": "bea@example.com"},
        {"at": NOON + timedelta(minutes=16)},
        {"channel": "cheque"},
    ],
    ids=str,
)
def test_another_gift_is_no_double(organisation: Organisation, session: Session, other: dict):
    first = paid(session)
    second = paid(session, **({"at": NOON + timedelta(minutes=3)} | other))

    assert doubles.flag(session, [first.id, second.id]) == 0
    assert not found(session)


def test_what_was_not_paid_is_no_double(organisation: Organisation, session: Session):
    first = paid(session)
    a_donation(session, created_at=NOON)

    assert doubles.flag(session, [first.id]) == 0


@pytest.mark.parametrize("status", ["active", "behind", "paused"])
def test_a_second_monthly_gift_beside_a_running_one_is_flagged_and_told_to_the_donor(
    organisation: Organisation, session: Session, status: str
):
    old = a_monthly_gift(session, status=status)
    before = an_instalment(session, old, at=datetime(2026, 11, 15, 18, tzinfo=UTC))
    new = a_monthly_gift(session, created_at=NOON)
    first = an_instalment(session, new, at=NOON)

    doubles.flag(session, [first.id])

    assert found(session) == [(DoubleKind.SECOND_PLAN, first.id, before.id)]
    [mail] = session.scalars(select(OutgoingMail)).all()
    assert mail.to_address == "ada@example.com"
    assert mail.reference.startswith("monthly_second_plan:")


def test_of_two_plans_begun_at_once_the_later_is_flagged_whichever_is_seen_last(
    organisation: Organisation, session: Session
):
    one, two = (a_monthly_gift(session, created_at=NOON + timedelta(minutes=n)) for n in (0, 1))
    of_two = an_instalment(session, two, at=NOON + timedelta(minutes=2))
    doubles.flag(session, [of_two.id])
    of_one = an_instalment(session, one, at=NOON + timedelta(minutes=3))

    doubles.flag(session, [of_one.id])

    assert found(session) == [(DoubleKind.SECOND_PLAN, of_two.id, of_one.id)]


@pytest.mark.parametrize(
    "status", [{"status": "ended", "ended_at": NOON, "end_reason": "donor"}, {"status": "lapsed"}], ids=str
)
def test_a_new_gift_after_one_that_is_over_is_no_double(
    organisation: Organisation, session: Session, status: dict
):
    an_instalment(session, a_monthly_gift(session, **status), at=NOON - timedelta(days=9))
    first = an_instalment(session, a_monthly_gift(session, created_at=NOON), at=NOON)

    assert doubles.flag(session, [first.id]) == 0


def test_a_later_instalment_is_never_a_double(organisation: Organisation, session: Session):
    for _ in range(2):
        an_instalment(session, plan := a_monthly_gift(session), at=NOON - timedelta(days=30))
    second = an_instalment(session, plan, at=NOON)

    assert doubles.flag(session, [second.id]) == 0


def test_looking_again_flags_and_tells_nothing_anew(organisation: Organisation, session: Session):
    an_instalment(session, a_monthly_gift(session), at=NOON - timedelta(days=30))
    first = an_instalment(session, a_monthly_gift(session, created_at=NOON), at=NOON)

    counts = [doubles.flag(session, [first.id]) for _ in range(2)]

    assert counts == [1, 0]
    assert len(session.scalars(select(OutgoingMail)).all()) == 1


def test_who_has_looked_closes_it_with_a_reason_and_it_is_not_flagged_again(
    organisation: Organisation, session: Session
):
    first, again = paid(session), paid(session, at=NOON + timedelta(minutes=3))
    doubles.flag(session, [first.id, again.id])
    mina = somebody(session, Role.SUPPORT)

    doubles.close(session, again.id, reason="meant: one for each child", by=mina)

    assert not found(session)
    assert doubles.flag(session, [first.id, again.id]) == 0
    entry = session.scalars(select(AuditEntry).where(AuditEntry.deed == "double.close")).one()
    assert (entry.subject, entry.reason) == (again.id, "meant: one for each child")
    with pytest.raises(NotFlagged):
        doubles.close(session, again.id, reason="again", by=mina)


def test_a_look_without_a_reason_closes_nothing(organisation: Organisation, session: Session):
    first, again = paid(session), paid(session, at=NOON + timedelta(minutes=3))
    doubles.flag(session, [first.id, again.id])

    with pytest.raises(ReasonMissing):
        doubles.close(session, again.id, reason=" ", by=somebody(session, Role.SUPPORT))


def test_who_may_only_read_closes_nothing(organisation: Organisation, session: Session):
    first, again = paid(session), paid(session, at=NOON + timedelta(minutes=3))
    doubles.flag(session, [first.id, again.id])

    with pytest.raises(NotAllowed):
        doubles.close(session, again.id, reason="no", by=somebody(session, Role.VIEWER))

"""Gifts that may have been given twice by mistake: the same gift within minutes, or a second monthly one
beside a first.

The donate page cannot ask "again?": anybody can type anybody's address, and the question would tell a
stranger what somebody gives. So the gift is taken, and flagged in the transaction that numbers its receipt,
before that goes out. A person looks and refunds it or lets it stand; of a second monthly gift the donor is
told by mail, with a link to each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, select, text
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from payments.clock import now
from payments.database import Base, text_with
from payments.donations.models import Donation
from payments.errors import AlmonerError
from payments.money import Money
from payments.monthly import letters
from payments.monthly.models import MonthlyGift
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

SAME_GIFT_WITHIN = timedelta(minutes=15)
MAY_CLOSE = (Role.SUPPORT, Role.FINANCE)


class DoubleKind(StrEnum):
    """What was given twice."""

    SAME_GIFT = "same_gift"
    """The same donor, amount and funds, once, within `SAME_GIFT_WITHIN`."""
    SECOND_PLAN = "second_plan"
    """The first instalment of a monthly gift while another one of the same donor goes on."""


class PossibleDouble(Base):
    """A gift that looks like another one, until a person has looked at both."""

    __tablename__ = "possible_doubles"
    __table_args__ = (
        CheckConstraint("kind in ('same_gift', 'second_plan')", name="kind_known"),
        CheckConstraint("donation_id <> of_donation_id", name="two_gifts"),
        CheckConstraint("(closed_at is null) = (closed_by is null)", name="closed_by_somebody"),
        Index("ix_possible_doubles_open", "found_at", postgresql_where=text("closed_at is null")),
    )

    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"), primary_key=True)
    of_donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"))
    """The gift it may be a second time."""
    kind: Mapped[DoubleKind] = mapped_column(Text)
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))


class NotFlagged(AlmonerError):
    """This gift is not among those that wait for a look."""

    def __init__(self) -> None:
        super().__init__("This gift is not flagged, or somebody has looked at it already.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """Two gifts side by side, as staff see them."""

    kind: DoubleKind
    found_at: datetime
    donation_id: str
    of_donation_id: str
    amount: Money
    paid_at: datetime | None
    of_amount: Money
    of_paid_at: datetime | None
    monthly_gift_id: str | None
    of_monthly_gift_id: str | None


def flag(session: Session, donation_ids: Sequence[str]) -> int:
    """Look at gifts that were just paid; how many of them were flagged. Looking again finds nothing new."""
    within = {"ids": donation_ids, "within": SAME_GIFT_WITHIN}
    same = session.execute(_SAME_GIFT, within).all()
    second = session.execute(_SECOND_PLAN, within).all()
    for row in second:
        letters.second_plan(
            session, _plan(session, row.donation_id), other=_plan(session, row.of_donation_id)
        )
    return len(same) + len(second)


def waiting(session: Session) -> list[Flagged]:
    """What nobody has looked at yet, the oldest first."""
    gift, other = aliased(Donation), aliased(Donation)
    rows = session.execute(
        select(PossibleDouble, gift, other)
        .join(gift, gift.id == PossibleDouble.donation_id)
        .join(other, other.id == PossibleDouble.of_donation_id)
        .where(PossibleDouble.closed_at.is_(None))
        .order_by(PossibleDouble.found_at, PossibleDouble.donation_id)
    )
    return [
        Flagged(
            kind=DoubleKind(double.kind),
            found_at=double.found_at,
            donation_id=one.id,
            of_donation_id=two.id,
            amount=one.total,
            paid_at=one.paid_at,
            of_amount=two.total,
            of_paid_at=two.paid_at,
            monthly_gift_id=one.monthly_gift_id,
            of_monthly_gift_id=two.monthly_gift_id,
        )
        for double, one, two in rows
    ]


def close(session: Session, donation_id: str, *, reason: str, by: StaffMember) -> None:
    """A person has looked: it was meant, or it is being refunded."""
    people.require(by, *MAY_CLOSE)
    reason = people.reason_given(reason)
    double = session.get(PossibleDouble, donation_id, with_for_update=True)
    if double is None or double.closed_at is not None:
        raise NotFlagged
    double.closed_at, double.closed_by = now(), by.id
    audit.note(session, by, "double.close", subject=donation_id, reason=reason, kind=double.kind)


def _plan(session: Session, donation_id: str) -> MonthlyGift:
    return session.get_one(MonthlyGift, session.get_one(Donation, donation_id).monthly_gift_id)


# Whichever of two is looked at last finds the other, so the order in which Stripe tells does not matter;
# it is always the later gift that is flagged. The funds are compared of the few that are alike so far:
# asked of all at once, PostgreSQL may put together the funds of every gift there is.
_SAME_GIFT = text_with(
    """
    with alike as materialized (
        select gift.id, gift.paid_at, twin.id as twin_id, twin.paid_at as twin_paid_at
        from donations gift
        join donations twin on twin.donor_id = gift.donor_id and twin.id <> gift.id
            and twin.channel = 'online' and twin.frequency = 'once' and twin.status = 'paid'
            and twin.currency = gift.currency and twin.amount = gift.amount
            and twin.paid_at between gift.paid_at - :within and gift.paid_at + :within
        where gift.id = any (:ids) and gift.channel = 'online' and gift.frequency = 'once'
            and gift.status = 'paid'
    ), pair as (
        select
            case when (twin_paid_at, twin_id) > (paid_at, id) then twin_id else id end as later,
            case when (twin_paid_at, twin_id) > (paid_at, id) then id else twin_id end as earlier
        from alike
        where (
            select array_agg(part.fund_id || ' ' || part.amount order by part.position)
            from donation_allocations part where part.donation_id = twin_id
        ) = (
            select array_agg(part.fund_id || ' ' || part.amount order by part.position)
            from donation_allocations part where part.donation_id = id
        )
    )
    insert into possible_doubles (donation_id, of_donation_id, kind)
    select distinct on (later) later, earlier, 'same_gift'
    from pair
    order by later, earlier
    on conflict (donation_id) do nothing
    returning donation_id, of_donation_id
""",
    "ids",
)

_SECOND_PLAN = text_with(
    """
    insert into possible_doubles (donation_id, of_donation_id, kind)
    select distinct on (pair.later) pair.later, pair.earlier, 'second_plan'
    from donations gift
    join monthly_gifts plan on plan.id = gift.monthly_gift_id
    cross join lateral (
        select
            case when (other.created_at, other.id) > (plan.created_at, plan.id)
                then its.id else gift.id end as later,
            case when (other.created_at, other.id) > (plan.created_at, plan.id)
                then gift.id else its.id end as earlier
        from monthly_gifts other
        cross join lateral (
            select id from donations
            where monthly_gift_id = other.id and status = 'paid' order by paid_at limit 1
        ) its
        where other.donor_id = plan.donor_id and other.id <> plan.id
            and other.status in ('pending', 'active', 'behind', 'paused')
    ) pair
    where gift.id = any (:ids) and gift.status = 'paid' and plan.status <> 'ended'
        and not exists (
            select from donations before
            where before.monthly_gift_id = plan.id and before.status = 'paid'
                and (before.paid_at, before.id) < (gift.paid_at, gift.id)
        )
    order by pair.later, pair.earlier
    on conflict (donation_id) do nothing
    returning donation_id, of_donation_id
""",
    "ids",
)

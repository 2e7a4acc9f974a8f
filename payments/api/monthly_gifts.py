"""`/api/v1/monthly-gifts`: staff look at gifts that repeat, and change or end them for their donors.

Every route needs a staff token. Amounts are whole minor units of the gift's own currency, which never
changes. A change answers at once; Stripe hears of it within seconds, and the donor is told by mail.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from payments.api.paging import After, Limit, page
from payments.api.problems import documented
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession, staff_with
from payments.donations.models import DonationStatus
from payments.money import Money
from payments.monthly import by_staff
from payments.monthly.by_staff import MAY_STEER
from payments.monthly.models import ChangeKind, ChangeStatus, MonthlyChange, MonthlyGift, MonthlyStatus
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["monthly gifts"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Steerer = Annotated[StaffMember, staff_with(*MAY_STEER)]

_A_GIFT = "mon_7c1d…"


class ReasonSent(Sent):
    """Why it is asked for."""

    model_config = ConfigDict(str_max_length=1000)

    reason: str = Field(
        description="Why; it stands in the audit log and never goes to Stripe.",
        examples=["The donor wrote on Monday."],
    )


class StopSent(ReasonSent):
    """An end, at once."""


class ResumeSent(ReasonSent):
    """The end of a pause."""


class PauseSent(ReasonSent):
    """How many charges are left out."""

    months: int = Field(strict=True, description="From 1 to 12; 1 leaves out the next one.", examples=[3])


class AmountSent(ReasonSent):
    """What is given each month from the next charge on."""

    amount: int = Field(
        strict=True, description="For the funds; covering the fee comes on top.", examples=[5000]
    )
    currency: str = Field(
        min_length=3, max_length=3, pattern="^[a-z]{3}$", description="The gift's own.", examples=["usd"]
    )
    cover_fees: bool | None = Field(default=None, description="Left out: as until now.")


class DaySent(ReasonSent):
    """On which day of the month it is charged."""

    day: int = Field(strict=True, description="From 1 to 31; in a shorter month the last day.", examples=[15])


class PartShown(BaseModel):
    """The part of each month's gift that is for one fund."""

    fund: str = Field(examples=["rescue"])
    amount: int = Field(examples=[3000])


class ChangeShown(BaseModel):
    """One thing that was asked, and how far it has come."""

    id: str = Field(examples=["mch_91be…"])
    kind: ChangeKind
    status: ChangeStatus
    asked_at: datetime
    asked_by: str = Field(
        description="`donor`, a staff member's id, `dispute:…` or `fraud_warning:…`.", examples=["donor"]
    )
    reason: str | None
    paused_until: datetime | None
    day: int | None
    done_at: datetime | None
    failure_reason: str | None

    @classmethod
    def of(cls, change: MonthlyChange) -> "ChangeShown":
        """The row as staff see it."""
        return cls(
            id=change.id,
            kind=ChangeKind(change.kind),
            status=ChangeStatus(change.status),
            asked_at=change.asked_at,
            asked_by=change.asked_by,
            reason=change.reason,
            paused_until=change.paused_until,
            day=change.day,
            done_at=change.done_at,
            failure_reason=change.failure_reason,
        )


class InstalmentShown(BaseModel):
    """One gift of the promise."""

    donation: str = Field(examples=["don_5f2b…"])
    status: DonationStatus
    amount: int = Field(examples=[3000])
    gift_date: date | None


class MonthlyGiftShown(BaseModel):
    """A gift that repeats, as it stands."""

    id: str = Field(examples=[_A_GIFT])
    status: MonthlyStatus
    donor: str = Field(examples=["dnr_0a44…"])
    amount: int = Field(description="Fee cover included.", examples=[3093])
    fee_cover: int = Field(examples=[93])
    currency: str = Field(examples=["usd"])
    allocations: list[PartShown]
    created_at: datetime
    next_charge_at: datetime | None
    paused_until: datetime | None
    lapsed_at: datetime | None
    ended_at: datetime | None
    end_reason: Literal["donor", "staff", "dispute", "fraud_warning", "at_stripe"] | None
    stripe_subscription: str | None

    @classmethod
    def of(cls, gift: MonthlyGift) -> "MonthlyGiftShown":
        """The row as staff see it, with what is agreed now."""
        return cls.model_validate(_facts(gift))


class MonthlyGiftWhole(MonthlyGiftShown):
    """One gift with everything that was asked of it and given through it, the newest first."""

    changes: list[ChangeShown]
    instalments: list[InstalmentShown]


class MonthlyGiftsShown(BaseModel):
    """A page of monthly gifts, newest first."""

    monthly_gifts: list[MonthlyGiftShown]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last.")


@router.get("/monthly-gifts", responses=documented(401, 403, 404, 422, 503), summary="List them")
def list_monthly_gifts(
    *,
    session: DatabaseSession,
    by: Reader,
    status: MonthlyStatus | None = None,
    donor: str | None = None,
    after: After = None,
    limit: Limit = 20,
) -> MonthlyGiftsShown:
    """The newest first."""
    found = by_staff.listed(session, status=status, donor_id=donor, limit=limit + 1, after=after)
    rows, more = page(found, limit)
    return MonthlyGiftsShown(
        monthly_gifts=[MonthlyGiftShown.of(gift) for gift in rows], next=rows[-1].id if more else None
    )


@router.get("/monthly-gifts/{monthly_gift_id}", responses=documented(401, 403, 404, 503), summary="See one")
def show(session: DatabaseSession, by: Reader, monthly_gift_id: str) -> MonthlyGiftWhole:
    """With its changes and its instalments."""
    return _whole(session, monthly_gift_id)


@router.post(
    "/monthly-gifts/{monthly_gift_id}/stop",
    responses=documented(400, 401, 403, 404, 422, 503),
    summary="End one",
)
def stop(session: DatabaseSession, by: Steerer, monthly_gift_id: str, sent: StopSent) -> MonthlyGiftWhole:
    """It ends at this moment: nothing charged later is kept. Ended before, it stays as it was."""
    by_staff.stop(session, monthly_gift_id, by=by, reason=sent.reason)
    return _whole(session, monthly_gift_id)


@router.post(
    "/monthly-gifts/{monthly_gift_id}/pause",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Pause one",
)
def pause(session: DatabaseSession, by: Steerer, monthly_gift_id: str, sent: PauseSent) -> MonthlyGiftWhole:
    """Leaves out so many charges, the next one first; then it goes on by itself."""
    by_staff.pause(session, monthly_gift_id, months=sent.months, by=by, reason=sent.reason)
    return _whole(session, monthly_gift_id)


@router.post(
    "/monthly-gifts/{monthly_gift_id}/resume",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="End a pause",
)
def resume(session: DatabaseSession, by: Steerer, monthly_gift_id: str, sent: ResumeSent) -> MonthlyGiftWhole:
    """The next charge is made again; what was left out stays left out."""
    by_staff.resume(session, monthly_gift_id, by=by, reason=sent.reason)
    return _whole(session, monthly_gift_id)


@router.post(
    "/monthly-gifts/{monthly_gift_id}/amount",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Change the amount",
)
def change_amount(
    session: DatabaseSession, by: Steerer, monthly_gift_id: str, sent: AmountSent
) -> MonthlyGiftWhole:
    """From the next charge on; nothing is charged or given back now. The funds keep their proportions."""
    by_staff.change_amount(
        session,
        monthly_gift_id,
        amount=Money(sent.amount, sent.currency),
        cover_fees=sent.cover_fees,
        by=by,
        reason=sent.reason,
    )
    return _whole(session, monthly_gift_id)


@router.post(
    "/monthly-gifts/{monthly_gift_id}/day",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Change the day",
)
def change_day(
    session: DatabaseSession, by: Steerer, monthly_gift_id: str, sent: DaySent
) -> MonthlyGiftWhole:
    """Every calendar month keeps one charge: the next one moves within its month, or the one after it."""
    by_staff.change_day(session, monthly_gift_id, day=sent.day, by=by, reason=sent.reason)
    return _whole(session, monthly_gift_id)


def _whole(session: Session, monthly_gift_id: str) -> MonthlyGiftWhole:
    gift = by_staff.shown(session, monthly_gift_id)
    return MonthlyGiftWhole.model_validate(
        {
            **_facts(gift),
            "changes": [ChangeShown.of(change) for change in by_staff.history(session, gift)],
            "instalments": [
                InstalmentShown(
                    donation=donation.id,
                    status=DonationStatus(donation.status),
                    amount=donation.amount,
                    gift_date=donation.gift_date,
                )
                for donation in by_staff.instalments(session, gift)
            ],
        }
    )


def _facts(gift: MonthlyGift) -> dict[str, object]:
    terms = gift.terms[-1]
    return {
        "id": gift.id,
        "status": gift.status,
        "donor": gift.donor_id,
        "amount": terms.amount,
        "fee_cover": terms.fee_cover_amount,
        "currency": gift.currency,
        "allocations": [PartShown(fund=part.fund_id, amount=part.amount) for part in terms.allocations],
        "created_at": gift.created_at,
        "next_charge_at": gift.next_charge_at if gift.ended_at is None else None,
        "paused_until": gift.paused_until,
        "lapsed_at": gift.lapsed_at,
        "ended_at": gift.ended_at,
        "end_reason": gift.end_reason,
        "stripe_subscription": gift.stripe_subscription_id,
    }

"""`/api/v1/refunds`: staff ask for refunds, agree to them or not, and see where they stand.

Every route needs a staff token. Amounts are whole minor units of the gift's own currency.
"""

from datetime import datetime
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, tuple_

from payments.api.paging import After, Limit, page
from payments.api.problems import documented
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession, IdempotencyKey, staff_with
from payments.donations import refund_requests
from payments.donations.refund_requests import MAY_APPROVE, MAY_REQUEST, Ask
from payments.donations.reversals import Refund, RefundStatus
from payments.staff import people, requests
from payments.staff.models import StaffMember

router = APIRouter(tags=["refunds"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Asker = Annotated[StaffMember, staff_with(*MAY_REQUEST)]
Approver = Annotated[StaffMember, staff_with(*MAY_APPROVE)]
Decider = Annotated[StaffMember, staff_with(*MAY_REQUEST, *MAY_APPROVE)]


class NotedSent(Sent):
    """With room for a note."""

    model_config = ConfigDict(str_max_length=1000)


class RefundSent(NotedSent):
    """A refund to ask for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "donation": "don_5f2b…",
                    "amount": 1000,
                    "reason": "requested_by_customer",
                    "note": "Gave twice by mistake.",
                }
            ]
        }
    )

    donation: str = Field(examples=["don_5f2b…"], max_length=100)
    amount: int | None = Field(
        default=None, strict=True, description="Left out: all that is left of the gift.", examples=[1000]
    )
    reason: Literal["duplicate", "requested_by_customer", "fraudulent"] = "requested_by_customer"
    note: str = Field(description="Why; it stands in the audit log and never goes to Stripe.")
    block_card: bool = Field(
        default=False, description="Needed with `fraudulent`, which puts card and address on block lists."
    )

    def ask(self) -> Ask:
        """As the donation room understands it."""
        return Ask(
            donation_id=self.donation,
            amount=self.amount,
            reason=self.reason,
            note=self.note,
            is_meant_as_fraud=self.block_card,
        )


class DeclineSent(NotedSent):
    """Why not."""

    reason: str


class WarnedSent(NotedSent):
    """What to do about an early fraud warning."""

    note: str = "early fraud warning"
    block_card: bool = False


class RefundShown(BaseModel):
    """A refund and where it stands."""

    id: str
    donation: str | None
    amount: int
    currency: str
    status: RefundStatus
    origin: Literal["staff", "house", "stripe"] = Field(
        description="`house`: a rule of ours, such as an instalment taken when its monthly gift had ended or"
        " was to rest."
    )
    reason: str | None
    note: str | None
    failure_reason: str | None
    requested_by: str | None
    approved_by: str | None
    stripe_refund: str | None
    created_at: datetime

    @classmethod
    def of(cls, refund: Refund) -> "RefundShown":
        """The row as staff see it."""
        return cls(
            id=refund.id,
            donation=refund.donation_id,
            amount=refund.amount,
            currency=refund.currency,
            status=RefundStatus(refund.status),
            origin=cast(Literal["staff", "house", "stripe"], refund.origin),
            reason=refund.reason,
            note=refund.note,
            failure_reason=refund.failure_reason,
            requested_by=refund.requested_by,
            approved_by=refund.approved_by,
            stripe_refund=refund.stripe_refund_id,
            created_at=refund.created_at,
        )


class RefundsShown(BaseModel):
    """A page of refunds, newest first."""

    refunds: list[RefundShown]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last.")


@router.post(
    "/refunds",
    status_code=201,
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Ask for one",
)
def ask(
    session: DatabaseSession, by: Asker, response: Response, sent: RefundSent, idempotency_key: IdempotencyKey
) -> RefundShown:
    """`approved` goes to Stripe within seconds; `requested` is above the limit and needs an approver."""
    request = {"deed": "refund", **sent.model_dump()}
    known = requests.earlier(session, by, key=idempotency_key, request=request)
    if known is not None:
        refund = refund_requests.find(session, known)
    else:
        refund = refund_requests.request(session, sent.ask(), by=by)
        requests.remember(session, by, key=idempotency_key, request=request, answer_id=refund.id)
    response.headers["Location"] = f"/api/v1/refunds/{refund.id}"
    return RefundShown.of(refund)


@router.post(
    "/refunds/{refund_id}/approve", responses=documented(401, 403, 404, 409, 503), summary="Agree to one"
)
def approve(session: DatabaseSession, by: Approver, refund_id: str) -> RefundShown:
    """Never by whoever asked for it."""
    return RefundShown.of(refund_requests.approve(session, refund_id, by=by))


@router.post(
    "/refunds/{refund_id}/decline",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Say no to one",
)
def decline(session: DatabaseSession, by: Decider, refund_id: str, sent: DeclineSent) -> RefundShown:
    """By an approver, or by whoever asked; also closes one that Stripe refused."""
    return RefundShown.of(refund_requests.decline(session, refund_id, by=by, reason=sent.reason))


@router.post(
    "/fraud-warnings/{warning_id}/refund",
    status_code=201,
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Refund a warned gift",
)
def refund_warned(
    session: DatabaseSession,
    by: Asker,
    warning_id: str,
    sent: WarnedSent,
    idempotency_key: IdempotencyKey,
) -> RefundShown:
    """Gives back all that is left, before the bank turns the warning into a dispute."""
    request = {"deed": "refund warned", "warning": warning_id, **sent.model_dump()}
    known = requests.earlier(session, by, key=idempotency_key, request=request)
    if known is not None:
        return RefundShown.of(refund_requests.find(session, known))
    refund = refund_requests.refund_warned(
        session, warning_id, by=by, note=sent.note, is_meant_as_fraud=sent.block_card
    )
    requests.remember(session, by, key=idempotency_key, request=request, answer_id=refund.id)
    return RefundShown.of(refund)


@router.get("/refunds/{refund_id}", responses=documented(401, 403, 404, 503), summary="See one")
def show(session: DatabaseSession, by: Reader, refund_id: str) -> RefundShown:
    """Where it stands, at Stripe too."""
    return RefundShown.of(refund_requests.find(session, refund_id))


@router.get("/refunds", responses=documented(401, 403, 404, 422, 503), summary="List them")
def list_refunds(
    *,
    session: DatabaseSession,
    by: Reader,
    status: RefundStatus | None = None,
    donation: str | None = None,
    after: After = None,
    limit: Limit = 20,
) -> RefundsShown:
    """The newest first."""
    wanted = select(Refund).order_by(*(column.desc() for column in _ORDER)).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(Refund.status == status)
    if donation is not None:
        wanted = wanted.where(Refund.donation_id == donation)
    if after is not None:
        last = refund_requests.find(session, after)
        wanted = wanted.where(tuple_(*_ORDER) < (last.created_at, last.id))
    rows, more = page(session.scalars(wanted).all(), limit)
    return RefundsShown(refunds=[RefundShown.of(row) for row in rows], next=rows[-1].id if more else None)


_ORDER = (Refund.created_at, Refund.id)

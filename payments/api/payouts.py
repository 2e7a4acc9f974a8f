"""`/api/v1/payouts`: what Stripe paid to the bank, what each is made of, and how far it is proven.

Every route needs a staff token. Amounts are whole minor units in the payout's currency; what reduces it is
negative.
"""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from payments.api.paging import After, CursorUnknown, Limit, page
from payments.api.problems import documented
from payments.api.report_files import Form, Language, drawn
from payments.dependencies import DatabaseSession, staff_with
from payments.reconciliation import payout_proof, payouts
from payments.reconciliation.payout_proof import Carried, Proven, State
from payments.reconciliation.reports import payout_page
from payments.reconciliation.reports.payout import payout_report
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["payouts"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]


class PayoutShown(BaseModel):
    """A payout with its sums and what is proven of it."""

    id: str = Field(examples=["po_1Q8v…"])
    amount: int = Field(examples=[96875], description="Negative where Stripe debits the bank.")
    currency: str = Field(examples=["usd"])
    status: str = Field(examples=["paid"])
    is_automatic: bool
    method: str
    made_at: datetime
    arrives_on: date
    statement_descriptor: str | None
    trace_id: str | None
    failure_code: str | None
    original_payout: str | None
    reversed_by: str | None
    line_count: int
    gross: int
    fees: int
    refunds: int
    disputes: int
    other: int
    net: int
    proof: State
    difference: int
    sentence: str = Field(examples=["Its 40 lines come to USD 968.75, to the cent."])

    @classmethod
    def of(cls, proven: Proven) -> "PayoutShown":
        """The payout."""
        payout, sums, proof = proven.payout, proven.sums, proven.proof
        return cls(
            id=payout.stripe_payout_id,
            amount=payout.amount,
            currency=payout.currency,
            status=payout.status,
            is_automatic=payout.is_automatic,
            method=payout.method,
            made_at=payout.made_at,
            arrives_on=payout.arrives_on,
            statement_descriptor=payout.statement_descriptor,
            trace_id=payout.trace_id,
            failure_code=payout.failure_code,
            original_payout=payout.original_payout_id,
            reversed_by=payout.reversed_by_id,
            line_count=sums.lines,
            gross=sums.gross,
            fees=-sums.fees,
            refunds=sums.refunds,
            disputes=sums.disputes,
            other=sums.other,
            net=sums.net,
            proof=proof.state,
            difference=proof.difference,
            sentence=proof.sentence,
        )


class PayoutsShown(BaseModel):
    """A page of payouts, the latest first."""

    payouts: list[PayoutShown]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last.")


class OnePayoutShown(PayoutShown):
    """A payout with the failed ones whose money it carries."""

    carried_on_by: str | None = Field(description="The payout in which the money of a failed one left again.")
    from_failed_payouts: list[str]


class PayoutLineShown(BaseModel):
    """One movement in a payout, to be found at Stripe, at the gift and in the journal."""

    balance_transaction: str
    created_at: datetime | None
    kind: str | None
    reporting_category: str | None
    source: str | None
    donation: str | None
    journal_number: int | None
    gross: int
    fee: int
    net: int
    is_the_payout: bool = Field(description="Its own movement out of the balance, not one that it carries.")

    @classmethod
    def of(cls, line: Carried) -> "PayoutLineShown":
        """The line."""
        return cls(
            balance_transaction=line.stripe_balance_transaction_id,
            created_at=line.created_at,
            kind=line.kind,
            reporting_category=line.reporting_category,
            source=line.source_id,
            donation=line.donation_id,
            journal_number=line.journal_number,
            gross=line.amount,
            fee=-line.fee,
            net=line.net,
            is_the_payout=line.is_own,
        )


class PayoutLinesShown(BaseModel):
    """A page of a payout's lines, the oldest first and its own movement last."""

    currency: str
    lines: list[PayoutLineShown]
    next: str | None


@router.get("/payouts", responses=documented(401, 403, 404, 422, 503), summary="List them")
def list_payouts(
    *,
    session: DatabaseSession,
    by: Reader,
    first_day: Annotated[date | None, Query(alias="from", description="The first day of arrival.")] = None,
    last_day: Annotated[date | None, Query(alias="to", description="The last.")] = None,
    status: Annotated[str | None, Query(max_length=20, examples=["paid"])] = None,
    after: After = None,
    limit: Limit = 20,
) -> PayoutsShown:
    """The latest first."""
    wanted = payouts.Wanted(first_day=first_day, last_day=last_day, status=status)
    rows, more = page(payouts.listed(session, wanted, limit=limit + 1, after=after), limit)
    return PayoutsShown(
        payouts=[PayoutShown.of(proven) for proven in payout_proof.prove(session, rows)],
        next=rows[-1].stripe_payout_id if more else None,
    )


@router.get("/payouts/{payout_id}", responses=documented(401, 403, 404, 503), summary="See one")
def show(session: DatabaseSession, by: Reader, payout_id: str) -> OnePayoutShown:
    """With the failed payouts behind it, however long the chain."""
    payout = payouts.find(session, payout_id)
    [proven] = payout_proof.prove(session, [payout])
    return OnePayoutShown(
        **PayoutShown.of(proven).model_dump(),
        carried_on_by=payout_proof.carried_on_by(session, payout),
        from_failed_payouts=[each.stripe_payout_id for each in payout_proof.origins(session, payout)],
    )


@router.get("/payouts/{payout_id}/lines", responses=documented(401, 403, 404, 422, 503), summary="Its lines")
def lines(
    session: DatabaseSession,
    by: Reader,
    payout_id: str,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PayoutLinesShown:
    """None of a manual payout: Stripe does not say what is in it."""
    payout = payouts.find(session, payout_id)
    beyond = payout_proof.place_of(session, payout, after) if after is not None else None
    if after is not None and beyond is None:
        raise CursorUnknown
    rows, more = page(payout_proof.carried(session, payout, limit=limit + 1, beyond=beyond), limit)
    return PayoutLinesShown(
        currency=payout.currency,
        lines=[PayoutLineShown.of(line) for line in rows],
        next=rows[-1].stripe_balance_transaction_id if more else None,
    )


@router.get(
    "/payouts/{payout_id}/report",
    responses=documented(401, 403, 404, 422, 503),
    response_class=Response,
    summary="Its report",
)
def report(
    session: DatabaseSession, by: Reader, payout_id: str, form: Form = "html", lang: Language = "en"
) -> Response:
    """A page to print, or a workbook; the same bytes as `almoner payouts page`."""
    found = payout_report(session, payout_id)
    return drawn(payout_page.page_of(found, lang), form, name=payout_id)

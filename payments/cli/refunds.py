"""`almoner refunds`: ask for a refund, agree or say no, and what failed ones still owe."""

from typing import Annotated, Any

import typer
from sqlalchemy import select

from payments.cli.acting import As, Why, acting, amount_of
from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.database import transaction
from payments.donations import checkout, owed, refund_requests
from payments.donations.refund_requests import Ask, Reason
from payments.donations.reversals import OwedPayment, OwedPaymentStatus, Refund, RefundStatus
from payments.money import Money
from payments.receipts import owing
from payments.staff import people

app = typer.Typer(no_args_is_help=True, help="Money that goes back.")


@app.command("request")
def request(
    donation_id: str,
    *,
    as_: As,
    note: Annotated[str, typer.Option(help="Why; it stands in the audit log and never goes to Stripe.")],
    amount: Annotated[str | None, typer.Option(help="Such as 12.50; without it all that is left.")] = None,
    reason: Annotated[Reason, typer.Option(help="Stripe's word for it.")] = "requested_by_customer",
    is_meant_as_fraud: Annotated[
        bool, typer.Option("--block-card", help="With `fraudulent`: yes, block this card and address.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a refund. Within the charity's limit it goes to Stripe within seconds."""
    with transaction() as session:
        person = acting(session, as_)
        wanted = None
        if amount is not None:
            wanted = amount_of(amount, checkout.find(session, donation_id).currency).minor
        ask = Ask(
            donation_id=donation_id,
            amount=wanted,
            reason=reason,
            note=note,
            is_meant_as_fraud=is_meant_as_fraud,
        )
        refund = refund_requests.request(session, ask, by=person)
    _print(refund, as_json=as_json)


@app.command("approve")
def approve(refund_id: str, as_: As, as_json: AsJson = False) -> None:
    """Agree to somebody else's request."""
    with transaction() as session:
        refund = refund_requests.approve(session, refund_id, by=acting(session, as_))
    _print(refund, as_json=as_json)


@app.command("decline")
def decline(refund_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Say no, take back one's own request, or close one that Stripe refused."""
    with transaction() as session:
        refund = refund_requests.decline(session, refund_id, by=acting(session, as_), reason=reason)
    _print(refund, as_json=as_json)


@app.command("show")
def show(refund_id: str, as_json: AsJson = False) -> None:
    """One refund, and where it stands."""
    with transaction() as session:
        refund = refund_requests.find(session, refund_id)
    _print(refund, as_json=as_json)


@app.command("list")
def list_refunds(
    as_json: AsJson = False,
    status: Annotated[RefundStatus | None, typer.Option(help="Only this status.")] = None,
    donation_id: Annotated[str | None, typer.Option("--gift", help="Only of this gift.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """The latest refunds, newest first."""
    wanted = select(Refund).order_by(Refund.created_at.desc(), Refund.id).limit(limit)
    if status is not None:
        wanted = wanted.where(Refund.status == status)
    if donation_id is not None:
        wanted = wanted.where(Refund.donation_id == donation_id)
    with transaction() as session:
        rows = session.scalars(wanted).all()
    if as_json:
        print_json([shown(row) for row in rows])
        return
    print_table(
        "Refunds",
        ["id", "status", ">amount", "gift", "asked", "why not"],
        [
            (
                row.id,
                row.status,
                Money(row.amount, row.currency).format("en"),
                row.donation_id or "no gift of ours",
                instant(row.created_at),
                row.failure_reason,
            )
            for row in rows
        ],
    )


@app.command("owed")
def list_owed(as_json: AsJson = False) -> None:
    """What failed refunds still owe, the oldest debt first; exit code 1 while there is any."""
    with transaction() as session:
        rows = owed.owed(session)
    if as_json:
        print_json(
            [
                {
                    "donation": row.donation_id,
                    "amount": row.amount,
                    "in_the_book": row.settled,
                    "since": row.since,
                    "payment": row.payment.id if row.payment else None,
                }
                for row in rows
            ]
        )
    else:
        print_table(
            "Owed to donors",
            ["gift", ">to the donor", ">in the book", "since", "payment to approve"],
            [
                (
                    row.donation_id,
                    row.amount.format("en"),
                    row.settled.format("en"),
                    instant(row.since),
                    row.payment.id if row.payment else None,
                )
                for row in rows
            ],
        )
    raise typer.Exit(1 if rows else 0)


@app.command("pay-owed")
def pay_owed(
    donation_id: str,
    as_: As,
    reason: Why,
    by_transfer: Annotated[str, typer.Option(help="The transfer's reference on the bank statement.")],
    as_json: AsJson = False,
) -> None:
    """Prepare to pay a failed refund by bank transfer; another person approves it."""
    with transaction() as session:
        payment = owed.prepare(
            session, donation_id, transfer_reference=by_transfer, by=acting(session, as_), reason=reason
        )
    _print_payment(payment, as_json=as_json)


@app.command("approve-owed")
def approve_owed(payment_id: str, as_: As, as_json: AsJson = False) -> None:
    """Agree to a payment that somebody else has prepared."""
    with transaction() as session:
        payment = owed.approve(session, payment_id, by=acting(session, as_))
    _print_payment(payment, as_json=as_json)


@app.command("decline-owed")
def decline_owed(payment_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Say no to a payment; the money is owed still."""
    with transaction() as session:
        payment = owed.decline(session, payment_id, by=acting(session, as_), reason=reason)
    _print_payment(payment, as_json=as_json)


@app.command("keep-owed")
def keep_owed(donation_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """The donor lets the gift stand although its refund failed."""
    with transaction() as session:
        kept = owed.keep(session, donation_id, by=acting(session, as_), reason=reason)
        owing.look_again(session, donation_id)
    _print_payment(kept, as_json=as_json)


def shown(refund: Refund) -> dict[str, Any]:
    """A refund as a script reads it."""
    return {
        "id": refund.id,
        "donation": refund.donation_id,
        "amount": Money(refund.amount, refund.currency),
        "status": refund.status,
        "origin": refund.origin,
        "reason": refund.reason,
        "note": refund.note,
        "failure_reason": refund.failure_reason,
        "requested_by": refund.requested_by,
        "approved_by": refund.approved_by,
        "stripe_refund_id": refund.stripe_refund_id,
        "created_at": refund.created_at,
    }


_WHAT_NOW = {
    RefundStatus.REQUESTED: "Above the limit: an approver says `almoner refunds approve {id} --as …`.",
    RefundStatus.APPROVED: "It goes to Stripe within seconds.",
    RefundStatus.REFUSED: "Stripe would not take it. Look why, then close it with `almoner refunds decline`.",
    RefundStatus.REQUIRES_ACTION: "The donor has mail from Stripe and must say where to send it.",
    RefundStatus.FAILED: "It came back and is owed to the donor: see `almoner refunds owed`.",
}


_NOBODY = {"staff": None, "house": "a rule of the house", "stripe": "Stripe's dashboard"}
"""Who asked, where no person here did."""


def _print(refund: Refund, *, as_json: bool) -> None:
    if as_json:
        print_json(shown(refund))
        return
    with transaction() as session:
        names = people.names(session)
    print_facts(
        f"Refund {refund.id}",
        [
            ("status", refund.status),
            ("amount", Money(refund.amount, refund.currency).format("en")),
            ("gift", refund.donation_id),
            ("reason", refund.reason),
            ("note", refund.note),
            ("why not", refund.failure_reason),
            ("asked by", names.get(refund.requested_by or "", _NOBODY[refund.origin])),
            ("agreed by", names.get(refund.approved_by or "")),
            ("at Stripe", refund.stripe_refund_id),
            ("asked", instant(refund.created_at)),
        ],
    )
    what_now = _WHAT_NOW.get(RefundStatus(refund.status))
    if what_now:
        console.print(f"  {what_now.format(id=refund.id)}", markup=False)


_WHAT_BECOMES_OF_IT = {
    OwedPaymentStatus.REQUESTED: "Another person approves it: `almoner refunds approve-owed {id} --as …`.",
    OwedPaymentStatus.PAID: "Send the transfer now; the book has it.",
    OwedPaymentStatus.DECLINED: "It is owed still.",
    OwedPaymentStatus.KEPT: "The gift stands again.",
}


def _print_payment(payment: OwedPayment, *, as_json: bool) -> None:
    amount = Money(payment.amount, payment.currency)
    if as_json:
        print_json(
            {
                "id": payment.id,
                "donation": payment.donation_id,
                "amount": amount,
                "in_the_book": Money(payment.settled_amount, payment.settled_currency),
                "status": payment.status,
                "transfer_reference": payment.transfer_reference,
                "requested_by": payment.requested_by,
                "approved_by": payment.approved_by,
            }
        )
        return
    what_now = _WHAT_BECOMES_OF_IT[OwedPaymentStatus(payment.status)].format(id=payment.id)
    console.print(f"{payment.id}: {amount.format('en')} is {payment.status}. {what_now}", markup=False)

"""`almoner disputes`: what banks ask back, until when it must be answered, and the warnings before."""

from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy import select

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.cli.refunds import shown
from payments.clock import now
from payments.database import transaction
from payments.donations import refund_requests
from payments.donations.reversals import CLOSED_DISPUTES, Dispute, FraudWarning
from payments.money import Money

app = typer.Typer(no_args_is_help=True, help="Disputes and the warnings before them.")


@app.command("list")
def list_disputes(
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    due_within: Annotated[int | None, typer.Option(help="Only answers due within so many days.")] = None,
) -> None:
    """Open disputes, the most urgent first."""
    wanted = select(Dispute).order_by(Dispute.evidence_due_by.asc().nulls_last(), Dispute.opened_at)
    if not everything:
        wanted = wanted.where(Dispute.status.not_in(CLOSED_DISPUTES))
    if due_within is not None:
        wanted = wanted.where(Dispute.evidence_due_by <= now() + timedelta(days=due_within))
    with transaction() as session:
        rows = session.scalars(wanted).all()
    if as_json:
        print_json(
            [
                {
                    "id": row.stripe_dispute_id,
                    "donation": row.donation_id,
                    "amount": Money(row.amount, row.currency),
                    "reason": row.reason,
                    "status": row.status,
                    "is_inquiry": row.is_inquiry,
                    "evidence_due_by": row.evidence_due_by,
                    "opened_at": row.opened_at,
                    "closed_at": row.closed_at,
                }
                for row in rows
            ]
        )
        return
    print_table(
        "Disputes",
        ["id", "status", ">amount", "reason", "answer by", "gift"],
        [
            (
                row.stripe_dispute_id,
                row.status,
                Money(row.amount, row.currency).format("en"),
                row.reason,
                instant(row.evidence_due_by),
                row.donation_id or "no gift of ours",
            )
            for row in rows
        ],
    )


@app.command("warnings")
def warnings(
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Handled and moot ones too.")] = False,
) -> None:
    """Early fraud warnings that somebody should look at; refunding now avoids the dispute's fee."""
    wanted = select(FraudWarning).order_by(FraudWarning.warned_at)
    if not everything:
        wanted = wanted.where(FraudWarning.is_actionable, FraudWarning.handled_at.is_(None))
    with transaction() as session:
        rows = session.scalars(wanted).all()
    if as_json:
        print_json(
            [
                {
                    "id": row.stripe_fraud_warning_id,
                    "donation": row.donation_id,
                    "fraud_type": row.fraud_type,
                    "is_actionable": row.is_actionable,
                    "warned_at": row.warned_at,
                    "handled_at": row.handled_at,
                    "handled_by": row.handled_by,
                }
                for row in rows
            ]
        )
        return
    print_table(
        "Early fraud warnings",
        ["id", "kind", "warned", "handled", "gift"],
        [
            (
                row.stripe_fraud_warning_id,
                row.fraud_type,
                instant(row.warned_at),
                instant(row.handled_at),
                row.donation_id or "no gift of ours",
            )
            for row in rows
        ],
    )


@app.command("refund-warned")
def refund_warned(
    warning_id: str,
    as_: As,
    note: Annotated[str, typer.Option(help="Why; it stands in the audit log.")] = "early fraud warning",
    is_meant_as_fraud: Annotated[
        bool, typer.Option("--block-card", help="Tell Stripe it is fraud, and block this card and address.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give back all of a warned gift, and mark the warning as handled."""
    with transaction() as session:
        refund = refund_requests.refund_warned(
            session, warning_id, by=acting(session, as_), note=note, is_meant_as_fraud=is_meant_as_fraud
        )
    if as_json:
        print_json(shown(refund))
        return
    back = Money(refund.amount, refund.currency).format("en")
    console.print(f"Refund {refund.id} of {back}: {refund.status}. The warning is handled.", markup=False)


@app.command("dismiss")
def dismiss(warning_id: str, as_: As, reason: Why) -> None:
    """Leave a warned gift as it is: somebody has looked."""
    with transaction() as session:
        refund_requests.dismiss_warning(session, warning_id, by=acting(session, as_), reason=reason)
    typer.echo(f"{warning_id} is handled; the gift stays.")

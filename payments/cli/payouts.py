"""`almoner payouts`: what Stripe paid to the bank, and of which gifts, fees and refunds each is made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.cli.report_files import Language, Out, write
from payments.database import transaction
from payments.money import Money
from payments.reconciliation import payout_proof, payouts
from payments.reconciliation.models import Payout
from payments.reconciliation.payout_proof import Carried, Proof, Sums
from payments.reconciliation.reports import payout_page
from payments.reconciliation.reports.payout import payout_report

app = typer.Typer(no_args_is_help=True, help="Payouts to the bank.")

_From = typer.Option(
    "--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Arriving on this day or later."
)
_To = typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Arriving by this day.")


@app.command("list")
def list_payouts(
    first_day: Annotated[datetime | None, _From] = None,
    last_day: Annotated[datetime | None, _To] = None,
    status: Annotated[str | None, typer.Option(help="Such as paid or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Payouts, the latest first, each with its sums and whether it is proven."""
    wanted = select(Payout).order_by(Payout.arrives_on.desc(), Payout.made_at.desc()).limit(limit)
    if first_day is not None:
        wanted = wanted.where(Payout.arrives_on >= first_day.date())
    if last_day is not None:
        wanted = wanted.where(Payout.arrives_on <= last_day.date())
    if status is not None:
        wanted = wanted.where(Payout.status == status)
    with transaction() as session:
        proven = _proven(session, session.scalars(wanted).all())
    if as_json:
        print_json([_shown(payout, sums, proof) for payout, sums, proof in proven])
        return
    print_table(
        "Payouts",
        [
            "payout",
            "arrives",
            "status",
            ">lines",
            ">gross",
            ">fees",
            ">refunds",
            ">disputes",
            ">other",
            ">amount",
            "proof",
        ],
        [
            (
                payout.stripe_payout_id,
                payout.arrives_on,
                payout.status,
                sums.lines,
                *_money(payout, sums.gross, -sums.fees, sums.refunds, sums.disputes, sums.other),
                *_money(payout, payout.amount),
                proof.state.replace("_", " "),
            )
            for payout, sums, proof in proven
        ],
    )


@app.command("show")
def show(stripe_payout_id: str, as_json: AsJson = False) -> None:
    """One payout, line by line; exit code 1 when it differs from what it carries."""
    with transaction() as session:
        payout = payouts.find(session, stripe_payout_id)
        (_, sums, proof) = _proven(session, [payout])[0]
        lines = payout_proof.carried(session, payout)
        origins = [
            (each, payout_proof.carried(session, each)) for each in payout_proof.origins(session, payout)
        ]
        next_one = payout_proof.carried_on_by(session, payout)
    if as_json:
        print_json(
            {
                **_shown(payout, sums, proof),
                "lines": [_line_shown(payout, line) for line in lines],
                "carried_on_by": next_one,
                "from_failed_payouts": [
                    {
                        "id": failed.stripe_payout_id,
                        "lines": [_line_shown(failed, line) for line in its_lines],
                    }
                    for failed, its_lines in origins
                ],
            }
        )
    else:
        _print(payout, sums, proof, next_one)
        _print_lines(payout, lines, "What it carries")
        for failed, its_lines in origins:
            _print_lines(failed, its_lines, f"From {failed.stripe_payout_id}, which failed")
    raise typer.Exit(1 if proof.state is payout_proof.State.DIFFERS else 0)


@app.command("page")
def page(stripe_payout_id: str, *, out: Out, language: Language = "en") -> None:
    """One payout as a page to print, or as a workbook."""
    with transaction() as session:
        report = payout_report(session, stripe_payout_id)
    write(payout_page.page_of(report, language), out)


def _proven(session: Session, rows: Sequence[Payout]) -> list[tuple[Payout, Sums, Proof]]:
    sums = payout_proof.sums(session, [row.stripe_payout_id for row in rows])
    own = payout_proof.own_movements(session, rows)
    return [
        (
            row,
            sums.get(row.stripe_payout_id, Sums()),
            payout_proof.proof_of(row, sums.get(row.stripe_payout_id, Sums()), own.get(row.stripe_payout_id)),
        )
        for row in rows
    ]


def _print(payout: Payout, sums: Sums, proof: Proof, next_one: str | None) -> None:
    parts = {
        "gross": sums.gross,
        "fees": -sums.fees,
        "refunds": sums.refunds,
        "disputes": sums.disputes,
        "other": sums.other,
    }
    carries = ", ".join(
        f"{name} {Money(amount, payout.currency).format('en')}" for name, amount in parts.items() if amount
    )
    print_facts(
        f"Payout {payout.stripe_payout_id}",
        [
            ("amount", Money(payout.amount, payout.currency).format("en")),
            ("status", payout.status + (f": {payout.failure_code}" if payout.failure_code else "")),
            ("kind", "automatic" if payout.is_automatic else f"manual, {payout.method}"),
            ("made", instant(payout.made_at)),
            ("arrives", payout.arrives_on),
            ("on the statement", payout.statement_descriptor),
            ("trace id", payout.trace_id),
            ("carries", carries or None),
            ("came back, and left again in", next_one),
            ("takes back", payout.original_payout_id),
            ("taken back by", payout.reversed_by_id),
            ("proof", f"{proof.state.replace('_', ' ')}. {proof.sentence}"),
        ],
    )


def _print_lines(payout: Payout, lines: Sequence[Carried], title: str) -> None:
    if not lines:
        return
    console.print()
    rows = [
        (
            line.stripe_balance_transaction_id,
            line.created_at.date() if line.created_at is not None else "not in the book",
            (line.kind or line.reporting_category or "").replace("_", " "),
            line.donation_id or line.source_id,
            *_money(payout, line.amount, -line.fee, line.net),
        )
        for line in lines
    ]
    columns = ["balance transaction", "made", "what", "gift or source", ">gross", ">fee", ">net"]
    print_table(title, columns, rows)
    others = sum(line.net for line in lines if not line.is_own)
    console.print(f"  together {Money(others, payout.currency).format('en')}", markup=False)


def _money(payout: Payout, *amounts: int) -> list[str]:
    return [Money(amount, payout.currency).format("en") if amount else "" for amount in amounts]


def _shown(payout: Payout, sums: Sums, proof: Proof) -> dict[str, Any]:
    def money(amount: int) -> Money:
        return Money(amount, payout.currency)

    return {
        "id": payout.stripe_payout_id,
        "amount": money(payout.amount),
        "status": payout.status,
        "is_automatic": payout.is_automatic,
        "method": payout.method,
        "made_at": payout.made_at,
        "arrives_on": payout.arrives_on,
        "reconciliation_status": payout.reconciliation_status,
        "statement_descriptor": payout.statement_descriptor,
        "trace_id": payout.trace_id,
        "failure_code": payout.failure_code,
        "original_payout": payout.original_payout_id,
        "reversed_by": payout.reversed_by_id,
        "line_count": sums.lines,
        "gross": money(sums.gross),
        "fees": money(sums.fees),
        "refunds": money(sums.refunds),
        "disputes": money(sums.disputes),
        "other": money(sums.other),
        "net": money(sums.net),
        "proof": proof.state,
        "difference": money(proof.difference),
        "sentence": proof.sentence,
    }


def _line_shown(payout: Payout, line: Carried) -> dict[str, Any]:
    return {
        "balance_transaction": line.stripe_balance_transaction_id,
        "created_at": line.created_at,
        "kind": line.kind,
        "reporting_category": line.reporting_category,
        "source": line.source_id,
        "donation": line.donation_id,
        "gross": Money(line.amount, payout.currency),
        "fee": Money(line.fee, payout.currency),
        "net": Money(line.net, payout.currency),
        "is_the_payout": line.is_own,
    }

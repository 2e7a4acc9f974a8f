"""`almoner payouts`: what Stripe paid to the bank, and of which gifts, fees and refunds each is made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.cli.report_files import Language, Out, write
from payments.database import transaction
from payments.money import Money
from payments.reconciliation import payout_proof, payouts
from payments.reconciliation.models import Payout
from payments.reconciliation.payout_proof import Carried, Proven, Sums
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
    wanted = payouts.Wanted(
        first_day=first_day.date() if first_day is not None else None,
        last_day=last_day.date() if last_day is not None else None,
        status=status,
    )
    with transaction() as session:
        proven = payout_proof.prove(session, payouts.listed(session, wanted, limit=limit))
    if as_json:
        print_json([_shown(each) for each in proven])
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
                each.payout.stripe_payout_id,
                each.payout.arrives_on,
                each.payout.status,
                each.sums.lines,
                *_money(each.payout, *_parts(each.sums).values()),
                *_money(each.payout, each.payout.amount),
                each.proof.state.replace("_", " "),
            )
            for each in proven
        ],
    )


@app.command("show")
def show(stripe_payout_id: str, as_json: AsJson = False) -> None:
    """One payout, line by line; exit code 1 when it differs from what it carries."""
    with transaction() as session:
        payout = payouts.find(session, stripe_payout_id)
        [proven] = payout_proof.prove(session, [payout])
        lines = payout_proof.carried(session, payout)
        origins = [
            (each, payout_proof.carried(session, each)) for each in payout_proof.origins(session, payout)
        ]
        next_one = payout_proof.carried_on_by(session, payout)
    if as_json:
        print_json(
            {
                **_shown(proven),
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
        _print(proven, next_one)
        _print_lines(payout, lines, "What it carries")
        for failed, its_lines in origins:
            _print_lines(failed, its_lines, f"From {failed.stripe_payout_id}, which failed")
    raise typer.Exit(1 if proven.proof.state is payout_proof.State.DIFFERS else 0)


@app.command("page")
def page(stripe_payout_id: str, *, out: Out, language: Language = "en") -> None:
    """One payout as a page to print, or as a workbook."""
    with transaction() as session:
        report = payout_report(session, stripe_payout_id)
    write(payout_page.page_of(report, language), out)


def _parts(sums: Sums) -> dict[str, int]:
    return {
        "gross": sums.gross,
        "fees": -sums.fees,
        "refunds": sums.refunds,
        "disputes": sums.disputes,
        "other": sums.other,
    }


def _print(proven: Proven, next_one: str | None) -> None:
    payout, proof = proven.payout, proven.proof
    carries = ", ".join(
        f"{name} {Money(amount, payout.currency).format('en')}"
        for name, amount in _parts(proven.sums).items()
        if amount
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
            instant(line.created_at) or "not in the book",
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


def _shown(proven: Proven) -> dict[str, Any]:
    payout, sums, proof = proven.payout, proven.sums, proven.proof

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

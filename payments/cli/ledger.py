"""`almoner ledger`: what stands in the book, and that it ties with Stripe."""

import typer

from payments.cli.printing import AsJson, console, print_json, print_table
from payments.database import transaction
from payments.ledger import balances as reading

app = typer.Typer(no_args_is_help=True, help="The book.")


@app.command("balances")
def balances(as_json: AsJson = False) -> None:
    """Every account, and the proof that what Stripe holds is what the book says; exit code 1 if not."""
    with transaction() as session:
        rows = reading.balances(session)
        proofs = reading.tie_out(session)
    is_proven = all(proof.is_proven for proof in proofs)
    if as_json:
        print_json(
            {
                "balances": [
                    {
                        "entity": row.entity_id,
                        "account": row.account,
                        "kind": row.account.kind,
                        "fund": row.fund_id,
                        "balance": row.balance,
                    }
                    for row in rows
                ],
                "stripe_balance": proofs,
                "is_proven": is_proven,
            }
        )
        raise typer.Exit(0 if is_proven else 1)
    print_table(
        "Balances",
        ["entity", "account", "fund", ">debit", ">credit"],
        [
            (
                row.entity_id,
                row.account.value,
                row.fund_id,
                row.balance.format("en") if row.balance.minor > 0 else "",
                (-row.balance).format("en") if row.balance.minor < 0 else "",
            )
            for row in rows
        ],
    )
    for currency in sorted({row.balance.currency for row in rows}):
        total = sum(row.balance.minor for row in rows if row.balance.currency == currency)
        console.print(f"  {currency.upper()}: debits less credits = {total}", markup=False)
    for proof in proofs:
        verdict = "equal to the cent" if proof.is_proven else "THEY DIFFER: run `almoner doctor`"
        console.print(
            f"  {proof.currency.upper()}: stripe_balance {proof.in_the_book},"
            f" net of Stripe's balance transactions {proof.at_stripe}: {verdict}",
            markup=False,
        )
    raise typer.Exit(0 if is_proven else 1)

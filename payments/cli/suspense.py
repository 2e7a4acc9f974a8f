"""`almoner ledger suspense` and `classify`: what no rule knows, and saying what it is."""

from typing import Annotated

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.database import transaction
from payments.donations import organisation
from payments.ledger import classifying
from payments.ledger.accounts import Account
from payments.ledger.classifying import Word


def suspense(as_json: AsJson = False) -> None:
    """What waits for a person's word, the oldest first; exit code 1 while there is any."""
    with transaction() as session:
        rows = classifying.in_suspense(session)
    if as_json:
        print_json(rows)
    else:
        print_table(
            "In suspense",
            [
                "balance transaction",
                "day",
                ">left Stripe",
                ">came in",
                "category",
                "Stripe says",
                "suggested",
            ],
            [
                (
                    row.stripe_balance_transaction_id,
                    instant(row.created_at),
                    row.held.format("en") if row.held.minor > 0 else "",
                    (-row.held).format("en") if row.held.minor < 0 else "",
                    f"{row.reporting_category} / {row.type}",
                    row.description,
                    row.suggestion,
                )
                for row in rows
            ],
        )
        if not rows:
            console.print("  Nothing: every cent is where a rule or a person has put it.", markup=False)
    raise typer.Exit(1 if rows else 0)


def classify(
    stripe_balance_transaction_id: Annotated[str, typer.Argument(metavar="TXN")],
    account: Annotated[Account, typer.Argument(help="Where it belongs.")],
    *,
    as_: As,
    reason: Why,
    fund: Annotated[str | None, typer.Option(help="For accounts that are kept by fund.")] = None,
    remember: Annotated[
        bool, typer.Option("--remember", help="Suggest the same for the next of its kind.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what it is. The book keeps both entries; the month of today bears it."""
    with transaction() as session:
        person = acting(session, as_)
        entity = organisation.receiving_entity(session)
        if fund is not None and organisation.known_funds(session, [fund])[fund].entity_id != entity.id:
            raise organisation.FundUnknown
        held = classifying.classify(
            session,
            stripe_balance_transaction_id,
            Word(account=account, fund_id=fund, reason=reason, is_to_be_remembered=remember),
            time_zone=entity.time_zone,
            by=person,
        )
    if as_json:
        print_json(
            {"id": stripe_balance_transaction_id, "amount": held.held, "account": account, "fund": fund}
        )
        return
    console.print(f"{held.held.format('en')} moved from suspense to {account}.", markup=False)

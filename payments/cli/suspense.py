"""`almoner ledger suspense`, `classify` and `reclassify`: what no rule knows, and saying what it is."""

from typing import Annotated

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.database import transaction
from payments.donations import organisation
from payments.ledger import classifying
from payments.ledger.accounts import Account
from payments.ledger.classifying import Word

Movement = Annotated[str, typer.Argument(metavar="TXN")]
Belongs = Annotated[Account, typer.Argument(help="Where it belongs.")]
FundOf = Annotated[str | None, typer.Option("--fund", help="For accounts that are kept by fund.")]
Remember = Annotated[bool, typer.Option("--remember", help="Suggest the same for the next of its kind.")]


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
    stripe_balance_transaction_id: Movement,
    account: Belongs,
    *,
    as_: As,
    reason: Why,
    fund: FundOf = None,
    remember: Remember = False,
    as_json: AsJson = False,
) -> None:
    """Say what it is. The book keeps both entries; the month of today bears it."""
    word = Word(account=account, fund_id=fund, reason=reason, is_to_be_remembered=remember)
    with transaction() as session:
        person, zone = acting(session, as_), organisation.zone_of_the_book(session, fund)
        held = classifying.classify(
            session,
            stripe_balance_transaction_id,
            word,
            time_zone=zone,
            by=person,
        )
    if as_json:
        print_json(
            {"id": stripe_balance_transaction_id, "amount": held.held, "account": account, "fund": fund}
        )
        return
    console.print(f"{held.held.format('en')} moved from suspense to {account}.", markup=False)


def reclassify(
    stripe_balance_transaction_id: Movement,
    account: Belongs,
    *,
    as_: As,
    reason: Why,
    fund: FundOf = None,
    remember: Remember = False,
    as_json: AsJson = False,
) -> None:
    """Correct what was said with `classify`. The wrong word stays in the book, with its return beside it."""
    word = Word(account=account, fund_id=fund, reason=reason, is_to_be_remembered=remember)
    with transaction() as session:
        person, zone = acting(session, as_), organisation.zone_of_the_book(session, fund)
        corrected = classifying.reclassify(
            session,
            stripe_balance_transaction_id,
            word,
            time_zone=zone,
            by=person,
        )
    if as_json:
        print_json(
            {
                "id": stripe_balance_transaction_id,
                "amount": corrected.amount,
                "before": corrected.before,
                "account": account,
                "fund": fund,
            }
        )
        return
    console.print(
        f"{corrected.amount.format('en')} moved from {corrected.before} to {account}.", markup=False
    )

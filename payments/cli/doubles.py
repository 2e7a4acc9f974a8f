"""`almoner gifts doubles` and `looked-at`: gifts that may have been given twice by mistake."""

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.database import transaction
from payments.monthly import doubles


def list_doubles(as_json: AsJson = False) -> None:
    """What nobody has looked at yet, the oldest first; exit code 1 while there is any."""
    with transaction() as session:
        found = doubles.waiting(session)
    if as_json:
        print_json(found)
    else:
        print_table(
            "Given twice?",
            ["gift", ">amount", "paid", "beside", ">amount", "paid", "why"],
            [
                (
                    double.donation_id,
                    double.amount.format("en"),
                    instant(double.paid_at),
                    double.of_monthly_gift_id or double.of_donation_id,
                    double.of_amount.format("en"),
                    instant(double.of_paid_at),
                    "a second monthly gift" if double.monthly_gift_id else "the same gift within minutes",
                )
                for double in found
            ],
        )
        if not found:
            console.print("  Nothing: no gift looks like another one.", markup=False)
    raise typer.Exit(1 if found else 0)


def looked_at(donation_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """A person has looked: it was meant, or it is being refunded with `almoner refunds`."""
    with transaction() as session:
        doubles.close(session, donation_id, reason=reason, by=acting(session, as_))
    if as_json:
        print_json({"id": donation_id, "closed": True})
        return
    console.print(f"{donation_id} is not flagged any more.", markup=False)

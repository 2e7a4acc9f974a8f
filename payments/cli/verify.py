"""`almoner verify`: is everything as it should be, or one month of it? For a person, and for a program."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from payments.cli.acting import OfEntity
from payments.cli.printing import AsJson, console, print_json
from payments.database import transaction
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.months import entities, entity_named, month_named, months_of
from payments.verify.checks import CHECKS
from payments.verify.month import Wrong, of_laws, of_month


def verify(
    month: Annotated[
        str | None,
        typer.Option(metavar="MONTH", help="Such as 2026-10; else every month of every legal body."),
    ] = None,
    entity: OfEntity = None,
    as_json: AsJson = False,
) -> None:
    """Prove the book's laws, the tie with Stripe, the bank and what is open; exit code 1 if anything is
    wrong."""
    with transaction() as session:
        rounds.reconcile(session)
    found = of_laws(CHECKS)
    with transaction() as session:
        if month is not None:
            wanted = [month_named(session, month, entity)]
        else:
            bodies = entities(session) if entity is None else [entity_named(session, entity)]
            wanted = [each for body in bodies for each in months_of(session, body)]
        for each in wanted:
            found += [wrong for wrong in of_month(session, each) if not _is_told(wrong, found)]
    names = sorted({each.name for each in wanted})
    if as_json:
        print_json({"months": names, "count": len(found), "is_proven": not found, "findings": found})
    else:
        _print(found, names)
    raise typer.Exit(1 if found else 0)


def _is_told(wrong: Wrong, found: Sequence[Wrong]) -> bool:
    """An exception that is of no day counts for every month, and is told once."""
    return any(wrong.source == "exception" and wrong.subjects == each.subjects for each in found)


def _print(found: Sequence[Wrong], months: Sequence[str]) -> None:
    told = months[0] if len(months) == 1 else f"{len(months)} months"
    if not found:
        console.print(f"{len(CHECKS)} laws and {told} proved: nothing is wrong.", markup=False)
        return
    for wrong in found:
        where = f"{wrong.month}  " if wrong.month is not None else ""
        console.print(f"[bold red]!![/]  {where}{wrong.kind}", end="  ")
        console.print(wrong.sentence, markup=False, soft_wrap=True)
        if wrong.remedy:
            console.print(f"    {wrong.remedy}", style="yellow", markup=False, soft_wrap=True)
    kinds = Counter(wrong.kind for wrong in found)
    console.print(
        f"{len(found)} found in {told}: "
        + ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.most_common()),
        markup=False,
    )

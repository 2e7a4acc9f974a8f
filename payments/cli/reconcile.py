"""`almoner reconcile`: do gifts, Stripe and the bank agree? `almoner exceptions`: who sees to the rest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, print_json, print_table
from payments.cli.report_files import Language, Out, write
from payments.clock import now
from payments.database import transaction
from payments.money import Money
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.models import Discrepancy
from payments.reconciliation.reports import exceptions_page
from payments.reconciliation.reports.exceptions import exceptions_report
from payments.staff import people

exceptions_app = typer.Typer(no_args_is_help=True, help="What does not fit, and who sees to it.")


def reconcile(as_json: AsJson = False) -> None:
    """Match bank lines with payouts, and list what does not fit; exit code 1 while anything is open."""
    with transaction() as session:
        done = rounds.reconcile(session)
        names = people.names(session)
    if as_json:
        print_json(
            {
                "matched": [
                    {"line": match.bank_line_id, "kind": match.kind, "subject": match.subject_id}
                    for match in done.matched
                ],
                "opened": done.opened,
                "gone": done.gone,
                "blocks_close": done.blocks_close,
                "exceptions": [_shown(row, names) for row in done.open],
            }
        )
    else:
        console.print(
            f"{len(done.matched)} bank lines matched by themselves. Exceptions: {done.opened} new,"
            f" {done.gone} gone, {len(done.open)} open, of which {done.blocks_close} keep a month open.",
            markup=False,
        )
        _print(done.open, names)
    raise typer.Exit(1 if done.open else 0)


@exceptions_app.command("list")
def list_exceptions(
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only this person's.")] = None,
    blocking: Annotated[bool, typer.Option("--blocking", help="Only what keeps a month open.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open exceptions, what is due first on top."""
    with transaction() as session:
        chosen = rounds.Chosen(
            kind=kind,
            owner=people.find(session, owner) if owner is not None else None,
            is_blocking=blocking,
        )
        names = people.names(session)
        rows = rounds.queue(session, chosen)
    if as_json:
        print_json([_shown(row, names) for row in rows])
        return
    _print(rows, names)


@exceptions_app.command("page")
def page(
    *,
    out: Out,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only this person's.")] = None,
    blocking: Annotated[bool, typer.Option("--blocking", help="Only what keeps a month open.")] = False,
    language: Language = "en",
) -> None:
    """The queue as a page to print, or as a workbook; as the last round left it."""
    with transaction() as session:
        chosen = rounds.Chosen(
            kind=kind,
            owner=people.find(session, owner) if owner is not None else None,
            is_blocking=blocking,
        )
        report = exceptions_report(session, chosen)
    write(exceptions_page.page_of(report, language), out)


@exceptions_app.command("assign")
def assign(
    exception_id: str,
    to: Annotated[str, typer.Option(metavar="EMAIL", help="Who sees to it.")],
    as_: As,
    due_on: Annotated[
        datetime | None, typer.Option("--due", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give an exception to somebody, and a day if you like."""
    with transaction() as session:
        row = rounds.give_to(
            session,
            exception_id,
            people.find(session, to),
            due_on=due_on.date() if due_on is not None else None,
            by=acting(session, as_),
        )
        names = people.names(session)
    if as_json:
        print_json(_shown(row, names))
        return
    console.print(f"{row.id} is {names[row.owner_id or '']}'s, due {row.due_on}.", markup=False)


@exceptions_app.command("accept")
def accept(exception_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Let it stand as it is. Needs an approver who does not own it."""
    with transaction() as session:
        row = rounds.accept(session, exception_id, by=acting(session, as_), reason=reason)
        names = people.names(session)
    if as_json:
        print_json(_shown(row, names))
        return
    console.print(f"{row.id} is accepted: {row.note}.", markup=False)


def _print(rows: Sequence[Discrepancy], names: Mapping[str, str]) -> None:
    if not rows:
        console.print("Nothing is open.")
        return
    print_table(
        "Exceptions",
        ["id", "kind", ">amount", "age", "due", "owner", "blocks close", "what to look at"],
        [
            (
                row.id,
                row.kind.replace("_", " "),
                money.format("en") if (money := _money(row)) is not None else None,
                f"{rounds.age_in_days(row, now())} d",
                row.due_on,
                names.get(row.owner_id or ""),
                "yes" if row.blocks_close else "",
                row.sentence,
            )
            for row in rows
        ],
    )
    kinds = Counter(row.kind.replace("_", " ") for row in rows)
    console.print("  " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()), markup=False)


def _money(row: Discrepancy) -> Money | None:
    return Money(row.amount, row.currency) if row.amount is not None and row.currency is not None else None


def _shown(row: Discrepancy, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject_id,
        "amount": _money(row),
        "sentence": row.sentence,
        "blocks_close": row.blocks_close,
        "owner": names.get(row.owner_id or ""),
        "due_on": row.due_on,
        "status": row.status,
        "note": row.note,
        "opened_at": row.opened_at,
        "age_days": rounds.age_in_days(row, now()),
    }

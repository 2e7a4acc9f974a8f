"""`almoner ledger rebuild`: do the books follow from what Stripe said, and from nothing else?"""

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from payments.cli.printing import AsJson, console, print_json
from payments.webhooks.rebuild import Rebuilt, rebuild

_SHOWN = 50


def command(as_json: AsJson = False) -> None:
    """Apply everything that Stripe ever told us once more, beside the house, and compare row by row.

    Nothing is changed, nobody is asked and no mail leaves; it may run beside the traffic, and belongs after
    every restored backup. Exit code 1 when a row stands otherwise than the log makes it."""
    bar = Progress(
        TextColumn("applying the log again"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=as_json,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)
        made = rebuild(tell=lambda done, of: bar.update(task, completed=done, total=of))
    if as_json:
        print_json(
            {
                "events": made.events,
                "rows": made.rows,
                "is_proven": not made.differences,
                "differences": made.differences,
            }
        )
    else:
        _print(made)
    raise typer.Exit(1 if made.differences else 0)


def _print(made: Rebuilt) -> None:
    rows = sum(made.rows.values())
    if not made.differences:
        console.print(
            f"{made.events:,} events make these very books: {rows:,} rows compared, and every account.",
            markup=False,
        )
        return
    for difference in made.differences[:_SHOWN]:
        console.print("[bold red]!![/]", end="  ")
        console.print(difference.sentence, markup=False, soft_wrap=True)
    console.print(
        f"{len(made.differences):,} of {rows:,} rows and accounts stand otherwise than {made.events:,} events"
        " make them. Somebody changed the tables, or the log lacks something: compare with Stripe, and let no"
        " month be closed before it is known.",
        markup=False,
    )

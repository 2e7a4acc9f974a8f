"""Two ways to print the same answer: a table for a person, one JSON document for a script."""

import json
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from payments.money import Money

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]

# Into a pipe there is no edge to wrap at; an id that is cut in two cannot be searched for.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def print_json(answer: Any) -> None:
    """The answer for a script: amounts in minor units with their currency, instants in UTC."""
    typer.echo(json.dumps(answer, default=_plain, ensure_ascii=False, indent=2))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """The answer for a person. A column whose name begins with `>` is set flush right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None)
    for column in columns:
        table.add_column(
            column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        # Text, not markup: a name may hold square brackets.
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console.print(table)


def print_facts(title: str, facts: Sequence[tuple[str, object]]) -> None:
    """A title and one line a fact; facts that are None are left out."""
    console.print(Text(title, style="bold"))
    known = [(name, value) for name, value in facts if value is not None]
    width = max(len(name) for name, _ in known)
    for name, value in known:
        console.print(Text(f"  {name:<{width}}  {value}"), soft_wrap=True)


def instant(value: datetime | None) -> str | None:
    """An instant to the second, UTC."""
    return value.strftime("%Y-%m-%d %H:%M:%S UTC") if value else None


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return {"amount": value.minor, "currency": value.currency}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        # Not `asdict`, which would take the amounts inside apart.
        return {each.name: getattr(value, each.name) for each in fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form here")

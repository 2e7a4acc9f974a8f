"""Writes the tables of the documents from the code, between `<!-- table: NAME -->` and `<!-- end -->`.

`.venv/bin/python docs/tables.py` writes them; `tests/compose/test_documents.py` fails when one is
out of date.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from payments.api import problems
from payments.donations import wishes
from payments.donations.wishes import WishRefused
from payments.ledger.accounts import Account
from payments.webhooks.events import TABLE

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/api.md", "docs/finance.md", "docs/going-live.md")


def settings() -> Iterator[str]:
    """Every setting with its comment, from `.env.example`."""
    yield from _header("Name", "Example", "What it is")
    comment: list[str] = []
    for line in (PROJECT / ".env.example").read_text().splitlines():
        if line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
        elif "=" in line:
            name, _, value = line.partition("=")
            yield _row(f"`{name}`", f"`{value}`" if value else "", " ".join(comment))
            comment = []
        else:
            comment = []


def accounts() -> Iterator[str]:
    """The chart of accounts."""
    yield from _header("Account", "Kind")
    for account in Account:
        yield _row(f"`{account.value}`", account.kind.value)


def problem_types() -> Iterator[str]:
    """Every `type` the API may answer with."""
    yield from _header("`type`", "Status", "When")
    refusals = [
        kind
        for _, kind in inspect.getmembers(wishes, inspect.isclass)
        if issubclass(kind, WishRefused) and kind is not WishRefused
    ]
    rows = [
        (problems._kebab(kind.__name__), 422, _first_line(kind))
        for kind in sorted(refusals, key=lambda kind: kind.__name__)
    ]
    rows += [(row.name, row.status, _first_line(kind)) for kind, row in problems._TABLE.items()]
    rows += [(name, status, when) for name, (status, when) in OTHER_PROBLEMS.items()]
    for name, status, when in rows:
        yield _row(f"`/problems/{name}`", str(status), when)


OTHER_PROBLEMS = {
    "not-json": ("400", "The body is not JSON."),
    "invalid-request": ("422", "A field is missing, unknown or of the wrong kind; `errors` names it."),
    "too-large": ("413", "The body is larger than any gift needs."),
    "database-unavailable": ("503", "The database is away; send the same request again."),
    "unexpected": ("500", "A mistake of ours; nothing was charged by this answer."),
    "http-404": ("404", "No such path. Every other plain HTTP error has its number here too."),
}
"""The problems that are no error of a room's; a test holds their names against `problems.py`."""


def events() -> Iterator[str]:
    """What the webhook endpoint must send."""
    yield "```text"
    yield from TABLE
    yield "```"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "accounts": accounts,
    "problem types": problem_types,
    "events": events,
}

_PLACE = re.compile(r"(<!-- table: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(text: str) -> str:
    """A document with its tables as they should stand."""

    def table(place: re.Match[str]) -> str:
        return place[1] + "\n" + "\n".join(TABLES[place["name"]]()) + "\n\n" + place[3]

    return _PLACE.sub(table, text)


def _header(*columns: str) -> tuple[str, str]:
    return _row(*columns), "|" + " --- |" * len(columns)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _first_line(kind: type[Exception]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def main(documents: Sequence[str] = DOCUMENTS) -> None:
    """Write every table where it stands."""
    for name in documents:
        document = PROJECT / name
        document.write_text(written(document.read_text()))


if __name__ == "__main__":
    main()

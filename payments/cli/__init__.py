"""`almoner`: what an operator or a finance person asks at a terminal. One file a subject.

Every printing command takes `--json` and then prints one JSON document and nothing else.
"""

import sys
from collections import UserDict
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from typer.core import TyperGroup
from typer.main import get_group

from payments import clock
from payments import models as _every_table  # noqa: F401 - a foreign key may point into any room
from payments.errors import AlmonerError
from payments.settings import settings

SUBJECTS: Mapping[str, str] = {
    "gifts": "gifts.app",
    "monthly": "monthly.app",
    "ledger": "ledger.app",
    "receipts": "receipts.app",
    "refunds": "refunds.app",
    "disputes": "disputes.app",
    "offline": "offline.app",
    "donors": "donors.app",
    "newsletter": "newsletter.app",
    "giftaid": "giftaid.app",
    "mail": "mail.app",
    "bank": "bank.app",
    "payouts": "payouts.app",
    "reconcile": "reconcile.reconcile",
    "close": "close.app",
    "verify": "verify.verify",
    "audit": "audit.app",
    "exceptions": "reconcile.exceptions_app",
    "export": "export.app",
    "staff": "staff.app",
    "events": "events.app",
    "sandbox": "sandbox.app",
    "organisation": "house.organisation_app",
    "stripe": "stripe_reports.app",
    "adopt": "adopt.adopt",
    "migrate": "house.migrate",
    "doctor": "house.doctor",
    "simulate": "simulate.simulate",
}
"""Each first word and where it is answered: the file, and the command or the group of commands in it."""


class Answers(UserDict[str, Any]):
    """The commands by their first words. Only the file that is asked for is loaded: all of them together take
    a second and 40 MiB."""

    def __getitem__(self, word: str) -> Any:
        file, _, name = self.data[word].partition(".")
        answer = getattr(import_module(f"{__name__}.{file}"), name)
        holder = typer.Typer(add_completion=False)
        if isinstance(answer, typer.Typer):
            holder.add_typer(answer, name=word)
        else:
            holder.command(word)(answer)
        return get_group(holder).commands[word]


class Subjects(TyperGroup):
    """`almoner` itself."""

    def __init__(self, **manners: Any) -> None:
        super().__init__(**manners)
        self.commands = Answers(SUBJECTS)


app = typer.Typer(cls=Subjects, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def almoner() -> None:
    """Almoner: donations, receipts, and the book they are in."""


def main() -> None:
    """Run a command; a known trouble is one sentence on stderr, never a traceback."""
    with suppress(ValidationError):  # a command that needs the settings says what is wrong with them
        clock.follow(settings().sandbox_clock)
    try:
        app()
    except ValidationError as mistake:
        reasons = "\n".join(
            f"  {'.'.join(str(step) for step in fault['loc']).upper() or 'settings'}: {fault['msg']}"
            for fault in mistake.errors(include_input=False, include_url=False)
        )
        sys.exit(f"The settings are not complete:\n{reasons}\nSee .env.example for what each is.")
    except OperationalError as trouble:
        sys.exit(database_trouble(trouble))
    except AlmonerError as trouble:
        sys.exit(str(trouble))


_TOO_LONG = {"55P03", "57014"}
"""PostgreSQL's codes for a lock that was not given in time, and for a statement that took too long."""


def database_trouble(trouble: OperationalError) -> str:
    """What to tell of it: a database that is busy answers, and the same may be asked again."""
    said = str(trouble.orig).strip().splitlines()[0]
    if getattr(trouble.orig, "sqlstate", None) in _TOO_LONG:
        return (
            f"It took longer than it may ({said}): others are at work there. Run the same again in a while."
        )
    return f"The database does not answer: {said}"

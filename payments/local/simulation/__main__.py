"""`python -m payments.local.simulation`, inside a house that stands: live the story, then reckon."""

import argparse
import json
import logging
import resource
import sys
import time
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.orm import Session

from payments import clock
from payments import models as _every_table  # noqa: F401 - a foreign key may point into any room
from payments.database import transaction
from payments.donations.organisation import open_funds
from payments.local.simulation import town
from payments.local.simulation.hands import Hands
from payments.local.simulation.reckoning import Reckoning, reckon
from payments.local.simulation.stripe_town import Sandbox
from payments.local.simulation.town import Turn
from payments.local.simulation.year import Desk, Lived, Year
from payments.money import Money
from payments.settings import settings
from payments.staff import people
from payments.staff.models import Role
from payments.webhooks.events import TABLE


def main() -> int:
    """0 when nothing is wrong with the year, 1 when something is."""
    parser = argparse.ArgumentParser(prog="almoner simulate", description=__doc__)
    parser.add_argument("--donors", type=int, default=2000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # a declined card is no news in a town full of them
    clock.follow(settings().sandbox_clock)
    began = time.monotonic()
    lived, seconds = _live(options)
    reckoning = reckon()
    told = {
        **asdict(reckoning),
        "donors": len(lived.joined),
        "months": options.months,
        "seed": options.seed,
        "turned": {turn.name.lower(): count for turn, count in sorted(lived.turned.items())},
        "missed": {turn.name.lower(): count for turn, count in sorted(lived.missed.items())},
        "seconds": round(seconds, 1),
        "seconds_with_proof": round(time.monotonic() - began, 1),
        "memory_mib": _most_memory(),
    }
    if options.json:
        print(json.dumps(told, indent=2))  # noqa: T201
    else:
        _tell(told, reckoning)
    return 1 if reckoning.wrong or reckoning.parked else 0


def _live(options: argparse.Namespace) -> tuple[Lived, float]:
    address = settings().stripe_api_base
    sandbox = Sandbox(address)
    sandbox.sends_only(TABLE, key=settings().stripe_secret_key.get_secret_value())
    with transaction() as session:
        funds = [fund.id for fund in open_funds(session)]
        desk = _staff(session)
    began = time.monotonic()
    hands = Hands()
    hands.begin()
    year = Year(
        neighbours=town.settle(donors=options.donors, months=options.months, seed=options.seed, funds=funds),
        sandbox=sandbox,
        sandbox_address=address,
        hands=hands,
        desk=desk,
    )
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=options.json,
    )
    with bar:
        task = bar.add_task("living", total=town.days_of(options.months))
        for day in year.live(months=options.months):
            bar.update(task, completed=day + 1, description=f"{town.date_of(day):%B %Y}")
        hands.finish()
    hands.rest()
    return year.lived, time.monotonic() - began


def _most_memory() -> int:
    """The most that the story or one of its workers ever held, MiB."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return round(max(resource.getrusage(each).ru_maxrss for each in whose) / 1024)


def _staff(session: Session) -> Desk:
    admin = people.add_first(session, email="admin@town.example", name="The admin", roles=[Role.ADMIN])
    asks, agrees = (
        people.add(session, email=f"{name}@town.example", name=name, roles=[role], by=admin)
        for name, role in (("asks", Role.FINANCE), ("agrees", Role.APPROVER))
    )
    return Desk(asks=asks, agrees=agrees)


def _tell(told: dict[str, Any], reckoning: Reckoning) -> None:
    console = Console(highlight=False)
    story = Table(box=None, show_header=False)
    rows = [
        ("donors who joined", f"{told['donors']:,}"),
        ("instalments paid", f"{reckoning.instalments:,}"),
        *(
            (f"given in {currency.upper()}", str(Money(total, currency)))
            for currency, total in reckoning.totals.items()
        ),
        ("receipts numbered", f"{reckoning.receipts:,}"),
        ("entries in the book", f"{reckoning.entries:,}"),
        *((f"gifts that are {status}", f"{count:,}") for status, count in reckoning.gifts.items()),
        ("Stripe's events", f"{reckoning.events:,}"),
        (
            "lived in",
            f"{told['seconds']:,} s, {reckoning.instalments / told['seconds']:,.0f} instalments a second",
        ),
        ("memory of a process at most", f"{told['memory_mib']:,} MiB"),
    ]
    for name, value in rows:
        story.add_row(name, value)
    console.print(story)
    turns = Table(title="What happened to them", title_justify="left", box=None, show_header=False)
    for turn in Turn:
        happened, missed = told["turned"].get(turn.name.lower(), 0), told["missed"].get(turn.name.lower(), 0)
        if happened or missed:
            turns.add_row(turn.value, f"{happened:,}", f"{missed} too late" if missed else "")
    console.print(turns)
    for sentence in reckoning.wrong[:_SHOWN]:
        console.print(f"[red]wrong[/]  {sentence}", markup=True)
    if reckoning.parked:
        console.print(f"[red]{reckoning.parked} events were parked for a person[/]")
    if not reckoning.wrong and not reckoning.parked:
        console.print("Every law of the books holds, and every instalment has its one receipt.")


_SHOWN = 20


if __name__ == "__main__":
    sys.exit(main())

"""`almoner simulate`: a year of a town of monthly donors, in a house built for it and taken down again."""

import subprocess
import sys
from typing import Annotated

import typer

from payments.cli.printing import AsJson


def simulate(
    donors: Annotated[int, typer.Option(min=1, max=100_000, help="How many donors the town has.")] = 2000,
    months: Annotated[int, typer.Option(min=1, max=60, help="How long the story is.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed is the same town.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Live a year in a few minutes: donors join, stop, pause, fall short, lose their cards and ask back, over
    the ends of months, a leap day and two clock changes. Then prove every law of the books.

    It needs a checkout (`./dev almoner simulate`) and touches no other house: PostgreSQL, sandbox and
    API are started for it in a folder of their own. Exit code 1 when anything is wrong at the end."""
    words = ["--donors", str(donors), "--months", str(months), "--seed", str(seed)]
    house = [sys.executable, "-m", "payments.local.passing_house"]
    story = [sys.executable, "-m", "payments.local.simulation", *words, *(["--json"] if as_json else [])]
    raise typer.Exit(subprocess.run([*house, *story], check=False).returncode)  # noqa: S603 - our own

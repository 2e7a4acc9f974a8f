"""`almoner donors`: what staff know of a donor beyond name and e-mail address."""

from typing import Annotated

import typer

from payments.cli.acting import As, acting
from payments.database import transaction
from payments.supporters import addresses

app = typer.Typer(no_args_is_help=True, help="What a few countries' receipts ask of a donor.")


@app.callback()
def donors() -> None:
    """What a few countries' receipts ask of a donor."""


@app.command("address")
def address(
    donor: str,
    line: Annotated[list[str], typer.Option("--line", help="Up to four, the first with the house.")],
    postcode: Annotated[str, typer.Option()],
    country: Annotated[str, typer.Option(help="Two letters, such as CA.")],
    as_: As,
) -> None:
    """Keep a donor's postal address, instead of an earlier one."""
    with transaction() as session:
        addresses.note(
            session, donor, lines=line, postcode=postcode, country=country, by=acting(session, as_)
        )
    typer.echo(f"{donor}: address kept.")

"""`almoner donors`: where a donor's mail goes, by wire and by post."""

from typing import Annotated

import typer

from payments.cli.acting import As, Why, acting
from payments.database import transaction
from payments.supporters import addresses
from payments.supporters import donors as people_who_give

app = typer.Typer(no_args_is_help=True, help="Where a donor's mail goes.")


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


@app.command("email")
def email(
    donor: str,
    address: Annotated[str, typer.Argument(help="The right one.")],
    as_: As,
    reason: Why,
) -> None:
    """Correct where a donor's mail goes from now on; `mail resend --to` sends again what came back."""
    with transaction() as session:
        people_who_give.correct_email(session, donor, address, by=acting(session, as_), reason=reason)
    typer.echo(f"{donor}: mail goes there from now on.")

"""The house itself: bring the database up to date, set up the charity, ask how everything is."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer
from alembic import command
from alembic.config import Config

from payments import checkup
from payments.checkup_monthly import monthly_changes
from payments.checkup_privacy import erasures
from payments.checkup_reconciliation import reconciliation
from payments.checkup_shield import card_testing
from payments.cli.printing import AsJson, console, print_json
from payments.database import transaction
from payments.donations import organisation
from payments.stripe_gateway.client import gateway

organisation_app = typer.Typer(no_args_is_help=True, help="The charity's own data.")


def migrate() -> None:
    """Bring the database to the newest schema; running it again changes nothing."""
    config = Config(toml_file=str(Path(checkup.__file__).parent.parent / "pyproject.toml"))
    command.upgrade(config, "head")
    typer.echo(f"The database is at {checkup.head_revision()}.")


def doctor(
    as_json: AsJson = False,
    without_stripe: Annotated[bool, typer.Option("--offline", help="Ask Stripe nothing.")] = False,
) -> None:
    """Ask everything of the house how it is; exit code 1 when something is not well."""
    with transaction() as session:
        checks = [
            *checkup.readiness(session),
            *checkup.work(session),
            *checkup.books(session),
            *checkup.money_back(session),
            *monthly_changes(session),
            *reconciliation(session),
            *card_testing(session),
            *erasures(session),
        ]
    checks.append(checkup.broker())
    if not without_stripe:
        checks += checkup.stripe_side(gateway())
    is_well = all(check.is_well for check in checks)
    if as_json:
        print_json({"is_well": is_well, "checks": checks})
    else:
        for check in checks:
            mark, style = ("ok", "green") if check.is_well else ("!!", "bold red")
            console.print(f"[{style}]{mark}[/]  ", end="")
            console.print(f"{check.name:<20} {check.finding}", markup=False)
            if not check.is_well:
                console.print(f"    {check.remedy}", style="yellow", markup=False)
        console.print("All is well." if is_well else "Something needs a hand.", style="bold")
    raise typer.Exit(0 if is_well else 1)


@organisation_app.command("load")
def load(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Read the charity's name, entities, funds and terms from a TOML file."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as mistake:
        raise organisation.OrganisationDocumentWrong(f"{file.name}: {mistake}") from mistake
    with transaction() as session:
        organisation.load(session, document)
        funds = organisation.open_funds(session)
        entity = organisation.receiving_entity(session)
    typer.echo(f"{entity.legal_name}: {len(funds)} funds open for gifts.")

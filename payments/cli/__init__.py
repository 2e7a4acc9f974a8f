"""`almoner`: what an operator or a finance person asks at a terminal. One file a subject.

Every printing command takes `--json` and then prints one JSON document and nothing else.
"""

import sys
from contextlib import suppress

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from payments import clock
from payments.cli import (
    adopt,
    bank,
    close,
    disputes,
    donors,
    doubles,
    events,
    export,
    export_maps,
    giftaid,
    gifts,
    house,
    korea,
    ledger,
    mail,
    monthly,
    offline,
    payouts,
    receipts,
    reconcile,
    refunds,
    sandbox,
    simulate,
    staff,
    stripe_reports,
    suspense,
    verify,
    yearly,
)
from payments.errors import AlmonerError
from payments.settings import settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Almoner: donations, receipts, and the book they are in.",
)
app.add_typer(gifts.app, name="gifts")
app.add_typer(monthly.app, name="monthly")
app.add_typer(ledger.app, name="ledger")
app.add_typer(receipts.app, name="receipts")
app.add_typer(refunds.app, name="refunds")
app.add_typer(disputes.app, name="disputes")
app.add_typer(offline.app, name="offline")
app.add_typer(donors.app, name="donors")
app.add_typer(giftaid.app, name="giftaid")
app.add_typer(mail.app, name="mail")
app.add_typer(bank.app, name="bank")
app.add_typer(payouts.app, name="payouts")
app.command()(reconcile.reconcile)
app.add_typer(close.app, name="close")
app.command()(verify.verify)
app.add_typer(reconcile.exceptions_app, name="exceptions")
app.add_typer(export.app, name="export")
export.app.add_typer(export_maps.app, name="map")
app.add_typer(staff.app, name="staff")
receipts.app.add_typer(korea.app, name="korea")
receipts.app.command("annual")(yearly.annual_run)
receipts.app.command("summary")(yearly.summary)
gifts.app.command("doubles")(doubles.list_doubles)
gifts.app.command("looked-at")(doubles.looked_at)
ledger.app.command("suspense")(suspense.suspense)
ledger.app.command("classify")(suspense.classify)
app.add_typer(events.app, name="events")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(house.organisation_app, name="organisation")
app.add_typer(house.stripe_app, name="stripe")
house.stripe_app.command("import-report")(stripe_reports.import_report)
house.stripe_app.command("reports")(stripe_reports.list_reports)
app.command()(adopt.adopt)
app.command()(house.migrate)
app.command()(house.doctor)
app.command()(simulate.simulate)


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
        sys.exit(f"The database does not answer: {str(trouble.orig).strip().splitlines()[0]}")
    except AlmonerError as trouble:
        sys.exit(str(trouble))

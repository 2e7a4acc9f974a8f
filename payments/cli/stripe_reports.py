"""`almoner stripe`: what Stripe must send, and whether its own reports say the same as the book."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select

from payments.cli.acting import As, acting
from payments.cli.printing import AsJson, console, print_json, print_table
from payments.database import transaction
from payments.money import Money
from payments.reconciliation.stripe_reports import importing
from payments.reconciliation.stripe_reports.importing import Asked, Imported
from payments.reconciliation.stripe_reports.models import StripeReport
from payments.reconciliation.stripe_reports.reading import Kind, ReportRefused, kind_named
from payments.stripe_gateway.shapes import API_VERSION
from payments.webhooks.events import TABLE

app = typer.Typer(no_args_is_help=True, help="What Stripe must be told, and its reports.")


@app.command("import-report")
def import_report(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Stripe's CSV.")],
    *,
    as_: As,
    kind: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="payout-reconciliation, balance-change, ending-balance or balance-summary, where the file's"
            " name does not tell.",
        ),
    ] = None,
    first_day: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day of the report."),
    ] = None,
    last_day: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day of the report."),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="In which it was made; the charity's own unless said otherwise.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Where it was asked of one currency only.")] = None,
    payout: Annotated[str | None, typer.Option(help="Where it was asked of one payout only.")] = None,
    decimal_separator: Annotated[str, typer.Option(help="`point` or `comma`.")] = "point",
    as_json: AsJson = False,
) -> None:
    """Compare a report of Stripe's with the book, movement by movement; exit code 1 when they differ."""
    asked = Asked(
        kind=_kind(kind),
        first_day=first_day.date() if first_day is not None else None,
        last_day=last_day.date() if last_day is not None else None,
        time_zone=time_zone,
        currency=currency.strip().lower() if currency is not None else None,
        stripe_payout_id=payout,
        decimal_separator=_separator(decimal_separator),
    )
    with file.open("rb") as opened, transaction() as session:
        done = importing.take_in(session, opened, file_name=file.name, asked=asked, by=acting(session, as_))
    if as_json:
        print_json(_told(done))
    else:
        _print(done)
    raise typer.Exit(1 if done.differences else 0)


@app.command("reports")
def list_reports(as_json: AsJson = False) -> None:
    """Stripe's reports that were taken in, the latest first."""
    with transaction() as session:
        rows = session.scalars(select(StripeReport).order_by(StripeReport.imported_at.desc())).all()
        found = [(row, len(importing.found_in(session, row))) for row in rows]
    if as_json:
        print_json([{**_shown(row), "differences": count} for row, count in found])
        return
    print_table(
        "Stripe's reports",
        ["report", "of", "from", "to", "time zone", ">rows", ">differences", "file"],
        [
            (
                row.id,
                row.kind.replace("_", " "),
                row.first_day,
                row.last_day,
                row.time_zone,
                f"{row.row_count:,}",
                count,
                row.file_name,
            )
            for row, count in found
        ],
    )


@app.command("events")
def events(as_json: AsJson = False) -> None:
    """The events the webhook endpoint must send, and the API version it must be made with."""
    if as_json:
        print_json({"api_version": API_VERSION, "enabled_events": list(TABLE)})
        return
    typer.echo(f"API version {API_VERSION}")
    typer.echo(",".join(TABLE))


def _kind(said: str | None) -> Kind | None:
    if said is None:
        return None
    found = kind_named(said)
    if found is None:
        raise ReportRefused(
            f"“{said}” is no report that is compared: payout-reconciliation, balance-change, ending-balance"
            " or balance-summary."
        )
    return found


def _separator(said: str) -> str:
    try:
        return {"point": ".", ".": ".", "comma": ",", ",": ","}[said.strip().lower()]
    except KeyError:
        raise ReportRefused("`--decimal-separator` is `point` or `comma`.") from None


def _print(done: Imported) -> None:
    report = done.report
    console.print(
        f"{report.file_name}: {report.kind.replace('_', ' ')}, {report.first_day} to {report.last_day}"
        f" ({report.time_zone}), {report.row_count:,} rows."
        + (" This very file was taken in before: nothing new." if done.is_known_file else ""),
        markup=False,
    )
    if report.totals:
        _print_totals(report.totals)
    if not done.differences:
        console.print("Every movement is as the book has it, to the cent.")
        return
    print_table(
        "Differences",
        ["kind", "movement", ">off by", "what"],
        [
            (each.kind, each.subject_id, Money(each.amount, each.currency).format("en"), each.says)
            for each in done.differences
        ],
    )
    console.print("`almoner reconcile` puts them into the queue of exceptions.")


def _print_totals(totals: Sequence[dict[str, Any]]) -> None:
    rows = []
    for each in totals:
        off = Money(each["report_net"] - each["book_net"], each["currency"])
        cells = [
            Money(each[name], each["currency"]).format("en")
            for name in ("report_gross", "report_fee", "report_net", "book_net")
        ]
        rows.append(
            (
                each["category"].replace("_", " "),
                each["report_count"],
                each["book_count"],
                *cells,
                off.format("en") if off else "",
            )
        )
    print_table(
        "By category",
        ["category", ">rows", ">in the book", ">gross", ">fee", ">net", ">net in the book", ">off by"],
        rows,
    )


def _told(done: Imported) -> dict[str, Any]:
    return {
        **_shown(done.report),
        "is_known_file": done.is_known_file,
        "totals": done.report.totals,
        "differences": [
            {
                "kind": each.kind,
                "subject": each.subject_id,
                "off_by": Money(each.amount, each.currency),
                "says": each.says,
            }
            for each in done.differences
        ],
    }


def _shown(report: StripeReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "kind": report.kind,
        "file_name": report.file_name,
        "sha256": report.sha256,
        "rows": report.row_count,
        "time_zone": report.time_zone,
        "first_day": report.first_day,
        "last_day": report.last_day,
        "currency": report.currency,
        "payout": report.stripe_payout_id,
    }

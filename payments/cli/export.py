"""`almoner export`: the book for other programs, in numbered batches; each entry leaves once for a target."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from payments.cli import export_maps
from payments.cli.acting import As, OfEntity, acting
from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.clock import day_in, now
from payments.database import transaction
from payments.errors import AlmonerError
from payments.money import Money
from payments.reconciliation.exports import batches, days
from payments.reconciliation.exports.batches import Wanted
from payments.reconciliation.exports.format import Target
from payments.reconciliation.exports.journal import Granularity
from payments.reconciliation.exports.models import ExportBatch
from payments.reconciliation.exports.targets import TARGETS, known
from payments.reconciliation.months import entity_named
from payments.staff import people

app = typer.Typer(no_args_is_help=True, help="The book for other programs.")

Month = Annotated[
    datetime | None, typer.Option("--month", formats=["%Y-%m"], metavar="YYYY-MM", help="Only this month's.")
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        help="The last day; without --month, all up to it.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Where to write the file, or the folder; the manifest goes beside it."),
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Why; needed for what holds donors' names and addresses.")
]


class FileThere(AlmonerError):
    """A file of this name exists."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; it was not written over. Name another with `--out`.")


def _command(target: Target) -> Callable[..., None]:
    def export(
        *,
        as_: As,
        month: Month = None,
        until: Until = None,
        granularity: Annotated[
            Granularity, typer.Option(help="One journal for each of these; the sums are the same.")
        ] = Granularity.TRANSACTION,
        entity: OfEntity = None,
        currency: Annotated[str | None, typer.Option(help="Only the entries in it, such as usd.")] = None,
        out: Out = None,
        reason: Reason = None,
        as_json: AsJson = False,
    ) -> None:
        if month is None and until is None:
            raise days.DaysUnclear
        _require_free(out)
        with transaction() as session:
            by = acting(session, as_)
            body = entity_named(session, entity)
            first_day, last_day = days.of(
                month.date() if month is not None else None,
                until.date() if until is not None else None,
                today=day_in(body.time_zone, now()),
            )
            batch = batches.make(
                session,
                Wanted(
                    target=target.name,
                    entity_id=body.id,
                    first_day=first_day,
                    last_day=last_day,
                    granularity=granularity,
                    currency=currency.strip().lower() if currency is not None else None,
                ),
                by=by,
                reason=reason,
            )
        # Only now: a file of a batch that was rolled back would be exported twice.
        path = _hand_over(batch.number, out, as_, reason)
        _say(batch, path, as_json=as_json)

    export.__doc__ = target.title
    return export


for _target in TARGETS.values():
    app.command(_target.name, rich_help_panel="Targets")(_command(_target))


@app.command("list")
def list_batches(
    target: Annotated[str | None, typer.Option(help="Only this target's.")] = None, as_json: AsJson = False
) -> None:
    """Every batch, the newest first."""
    with transaction() as session:
        rows = batches.listed(session, target=target)
        names = people.names(session)
    if as_json:
        print_json([batches.manifest(row) for row in rows])
        return
    print_table(
        "Exports",
        [
            ">no.",
            "target",
            "entity",
            "days",
            "one journal a",
            ">entries",
            "debit = credit",
            "by",
            "made",
            "sha256",
        ],
        [
            (
                row.number,
                row.target,
                row.entity_id,
                _period(row),
                row.granularity,
                row.entry_count,
                _totals(row),
                names[row.made_by],
                instant(row.made_at),
                row.sha256[:12],
            )
            for row in rows
        ],
    )


@app.command("show")
def show(number: int, as_json: AsJson = False) -> None:
    """One batch: its entries and sums, its hash, and the map it was made by."""
    with transaction() as session:
        batch = batches.find(session, number)
        names = people.names(session)
    if as_json:
        print_json(batches.manifest(batch))
        return
    _print(batch, made_by=names[batch.made_by])


@app.command("again")
def again(number: int, as_: As, out: Out = None, reason: Reason = None, as_json: AsJson = False) -> None:
    """Fetch a batch's file once more: the very same bytes."""
    _require_free(out)
    with transaction() as session:
        batch = batches.find(session, number)
    path = _hand_over(number, out, as_, reason)
    _say(batch, path, as_json=as_json)


def _hand_over(number: int, out: Path | None, email: str, reason: str | None) -> Path:
    """Write file and manifest under another name first, so that there is never half a file."""
    with transaction() as session:
        batch = batches.find(session, number)
        path = out / batch.file_name if out is not None and out.is_dir() else out or Path(batch.file_name)
        _require_free(path)
        half = path.with_name(path.name + ".part")
        with half.open("wb") as file:
            for piece in batches.download(session, batch, by=acting(session, email), reason=reason):
                file.write(piece)
        manifest = json.dumps(batches.manifest(batch), ensure_ascii=False, indent=2) + "\n"
        path.with_name(path.name + ".manifest.json").write_text(manifest, encoding="utf-8")
        half.replace(path)
    return path


def _require_free(out: Path | None) -> None:
    if out is not None and out.is_file():
        raise FileThere(out)


def _say(batch: ExportBatch, path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({**batches.manifest(batch), "written_to": str(path)})
        return
    _print(batch, made_by=None)
    console.print(f"  Written to {path}", markup=False, soft_wrap=True)
    console.print(f"  {known(batch.target).trap}", markup=False, soft_wrap=True)


def _print(batch: ExportBatch, *, made_by: str | None) -> None:
    print_facts(
        f"Export {batch.number} for {batch.target}",
        [
            ("entity", batch.entity_id),
            ("days", _period(batch)),
            ("one journal a", batch.granularity),
            ("only", batch.currency),
            ("entries", batch.entry_count),
            ("debit = credit", _totals(batch)),
            ("rows in the file", batch.control["rows"]),
            *_control(batch),
            ("file", batch.file_name),
            ("bytes", f"{batch.size:,}"),
            ("sha256", batch.sha256),
            ("map", f"version {batch.settings['map']['version']}"),
            ("made by", made_by),
            ("made", instant(batch.made_at)),
        ],
    )


def _control(batch: ExportBatch) -> Iterable[tuple[str, Any]]:
    for currency, sums in sorted(batch.control["sums"].items()):
        for direction, total in sums.items():
            if direction not in {"debit", "credit"}:
                yield direction, Money(total, currency)


def _period(batch: ExportBatch) -> str:
    return (
        f"{batch.first_day} to {batch.last_day}" if batch.first_day is not None else f"up to {batch.last_day}"
    )


def _totals(batch: ExportBatch) -> str:
    return ", ".join(str(Money(each["debit"], currency)) for currency, each in sorted(batch.totals.items()))


app.add_typer(export_maps.app, name="map")

"""`almoner newsletter`: the list for the mailing tool, and what one reader said."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, instant, print_facts, print_json, print_table
from payments.database import transaction
from payments.donations import organisation as charity
from payments.reconciliation.exports.cells import BOM, csv_lines, guard
from payments.supporters.newsletter import listing
from payments.supporters.newsletter.listing import Listed
from payments.supporters.newsletter.models import Standing

app = typer.Typer(no_args_is_help=True, help="Who reads the newsletter, and how they said so.")

_Who = Annotated[str, typer.Argument(metavar="ADDRESS|ID", help="Of the reader.")]
_COLUMNS = (
    *("email", "language", "standing", "since", "subscribed_at", "asked_at", "asked_by", "asked_page"),
    *("wording_version", "wording_sha256", "unsubscribe_url"),
)


@app.command("list")
def list_readers(
    standing: Annotated[Standing | None, typer.Option(help="Only those who stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Who stands where since when, the newest first; without addresses."""
    with transaction() as session:
        found = listing.newest(session, standing=standing, limit=limit)
        counts = listing.standings(session)
    if as_json:
        readers = [
            {"id": one.id, "standing": one.standing, "since": one.since, "locale": one.locale}
            for one in found
        ]
        print_json({"standings": counts, "readers": readers})
        return
    print_table(
        ", ".join(f"{count} {each}" for each, count in counts.items()),
        ["reader", "standing", "since", "language"],
        [(one.id, one.standing, instant(one.since), one.locale) for one in found],
    )


def _checked(out: Path) -> Path:
    """Before anything is read: the log has a line for whoever takes the list, and no line for nobody."""
    if out.suffix.lower() != ".csv":
        raise typer.BadParameter("The file ends in .csv.")
    return out


def _among_those_to_tell(standing: Standing) -> Standing:
    if standing not in listing.TO_TELL:
        raise typer.BadParameter("Only who subscribed or withdrew: nobody else ever agreed to be written to.")
    return standing


@app.command("export")
def export(
    out: Annotated[Path, typer.Option(help="FILE.csv, readable by you alone.", callback=_checked)],
    as_: As,
    reason: Why,
    standing: Annotated[
        Standing,
        typer.Option(
            help="`subscribed` or `withdrawn`: the second is for taking off.", callback=_among_those_to_tell
        ),
    ] = Standing.SUBSCRIBED,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only changes since this day, UTC.")
    ] = None,
) -> None:
    """Write the list with addresses, for the mailing tool. Who takes it stands in the audit log."""
    with transaction() as session:
        rows = listing.export(
            session,
            standing=standing,
            since=since.replace(tzinfo=UTC) if since else None,
            by=acting(session, as_),
            reason=reason,
        )
    out.touch(mode=0o600)
    out.chmod(0o600)  # also where a file of that name was there before
    out.write_bytes(BOM + b"".join(csv_lines([_COLUMNS, *map(_cells, rows)])))
    typer.echo(f"{len(rows)} {standing}: {out}")


def _cells(row: Listed) -> Sequence[str]:
    return (
        guard(row.email),
        row.locale,
        row.standing.value,
        *(each.isoformat(timespec="seconds") for each in (row.since, row.subscribed_at, row.asked_at)),
        row.asked_by.value,
        guard(row.asked_page),
        str(row.wording_version),
        row.wording_sha256 or "",
        row.unsubscribe_url,
    )


@app.command("show")
def show(who: _Who, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Every word of one reader, with the proof of each: for the person, an auditor or an authority."""
    with transaction() as session:
        story = listing.story(session, who, by=acting(session, as_), reason=reason)
    if as_json:
        print_json(story)
        return
    print_facts(
        story.id,
        [("address", story.email), ("stands", story.standing.value), ("since", instant(story.since))],
    )
    print_table(
        "",
        [">number", "when", "said", "where", "answers", "wording", "its mail", "taken by the mail server"],
        [
            (
                *(word.number, instant(word.at), word.said.value),
                " ".join(filter(None, (word.source.value, word.page))),
                word.answers,
                f"version {word.wording_version}, {word.locale}" if word.wording_version else None,
                *(word.message_id, instant(word.mail_taken_at)),
            )
            for word in story.words
        ],
    )
    for agreed in dict.fromkeys(word.wording for word in story.words if word.said == "yes"):
        typer.echo(f"Agreed to: {agreed}")


@app.command("stop")
def stop(who: _Who, as_: As, reason: Why) -> None:
    """Somebody wrote or called that they want it no more. They are told by mail."""
    with transaction() as session:
        is_news = listing.stop(
            session, who, charity.letterhead(session), by=acting(session, as_), reason=reason
        )
    typer.echo(
        "Stopped; take the address out of the mailing tool too." if is_news else "Was stopped already."
    )


@app.command("forget")
def forget(who: _Who, as_: As, reason: Why) -> None:
    """Delete an address from the list and from its letters; its words stay, under an id."""
    with transaction() as session:
        reader_id = listing.forget(session, who, by=acting(session, as_), reason=reason)
    typer.echo(f"Forgotten: {reader_id}. Take the address out of the mailing tool too.")

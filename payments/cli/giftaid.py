"""`almoner giftaid`: what British donors declared, and the schedules that claim their tax back."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from sqlalchemy.orm import Session

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, instant, print_json, print_table
from payments.database import transaction
from payments.donations.models import IssuingEntity
from payments.donations.organisation import receiving_entity
from payments.giftaid import claims, declarations, schedule
from payments.giftaid.claims import Prepared
from payments.giftaid.declarations import Scope
from payments.giftaid.models import Channel
from payments.receipts.annual import EntityUnknown

app = typer.Typer(no_args_is_help=True, help="Gift Aid, for a body in the United Kingdom.")

_Day = typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")
_Entity = Annotated[str | None, typer.Option("--entity", help="A legal body; the one that receives online.")]


@app.command("declare")
def declare(
    donor: str,
    *,
    first_name: Annotated[str, typer.Option(help="In full where it is known.")],
    last_name: Annotated[str, typer.Option()],
    house: Annotated[str, typer.Option(help="The number or name of the home.")],
    postcode: Annotated[str, typer.Option(help="Such as S19 2BD; X for a home abroad.")],
    scope: Annotated[Scope, typer.Option(help="Which gifts it covers.")],
    channel: Annotated[Literal["written", "oral"], typer.Option(help="How it was given.")],
    given_on: Annotated[datetime, _Day],
    as_: As,
    title: Annotated[str, typer.Option(help="At most four letters, such as Mrs.")] = "",
    gift: Annotated[str | None, typer.Option(help="The one gift, for `--scope this`.")] = None,
    entity: _Entity = None,
    as_json: AsJson = False,
) -> None:
    """Keep a declaration that came on paper or by word of mouth."""
    person = schedule.Person(
        title=title, first_name=first_name, last_name=last_name, house=house, postcode=postcode
    )
    with transaction() as session:
        kept = declarations.note(
            session,
            _body(session, entity),
            donor,
            person,
            scope=scope,
            channel=Channel(channel),
            given_on=given_on.date(),
            donation_id=gift,
            by=acting(session, as_),
        )
    if as_json:
        print_json({"id": kept.id, "says": kept.wording_shown})
        return
    typer.echo(f"{kept.id}: {kept.wording_shown}")
    if kept.channel == Channel.ORAL:
        typer.echo(
            "Send the donor these words with both dates and the right to cancel within 30 days, then say so"
            f" with `almoner giftaid record-sent {kept.id}`: until then it covers nothing."
        )


@app.command("record-sent")
def record_sent(declaration: str, *, sent_on: Annotated[datetime, _Day], as_: As) -> None:
    """Say that the written record of a spoken declaration went to its donor."""
    with transaction() as session:
        kept = declarations.record_sent(session, declaration, on=sent_on.date(), by=acting(session, as_))
    typer.echo(f"{kept.id}: its written record went out on {kept.record_sent_on}.")


@app.command("cancel")
def cancel(declaration: str, *, as_: As, reason: Why) -> None:
    """The donor takes a declaration back. It stays kept for what was claimed on it; what it covers no more
    goes back with the next claim."""
    with transaction() as session:
        kept = declarations.cancel(session, declaration, by=acting(session, as_), reason=reason)
    typer.echo(f"{kept.id}: cancelled on {kept.cancelled_on}.")


@app.command("list")
def list_declarations(entity: _Entity = None, as_json: AsJson = False) -> None:
    """Every declaration, by the donor's id, without names and addresses."""
    with transaction() as session:
        kept = declarations.of_entity(session, _body(session, entity))
    rows = [
        {
            "id": row.id,
            "donor": row.donor_id,
            "given_on": row.given_on,
            "channel": row.channel,
            "covers": _scope(row.covers_past, row.covers_future),
            "gift": row.donation_id,
            "wording": f"{row.wording_code} {row.wording_version}",
            "record_sent_on": row.record_sent_on,
            "cancelled_on": row.cancelled_on,
        }
        for row in kept
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Gift Aid declarations",
        ["id", "donor", "given on", "how", "covers", "gift", "wording", "record sent", "cancelled on"],
        [tuple(row.values()) for row in rows],
    )


@app.command("claim")
def claim(
    *,
    until: Annotated[datetime, _Day],
    out: Annotated[
        Path | None, typer.Option(help="Where to write it: FILE.ods for HMRC, or FILE.csv.")
    ] = None,
    as_: Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="Who claims.")] = None,
    aggregate: Annotated[
        bool, typer.Option("--aggregate", help="Put gifts below 30 pounds together, a month each.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Show it and claim nothing.")] = False,
    entity: _Entity = None,
    as_json: AsJson = False,
) -> None:
    """Put the gifts up to a day on a schedule of at most 1,000 lines, each gift once."""
    if preview:
        with transaction() as session:
            prepared = claims.prepare(
                session, _body(session, entity), until=until.date(), aggregate=aggregate
            )
        _tell(prepared, None, out, as_json=as_json)
        return
    if out is None or as_ is None:
        raise typer.BadParameter("Say --out and --as, or --preview.")
    as_csv = _is_csv(out)
    with transaction() as session:
        made, prepared = claims.claim(
            session,
            _body(session, entity),
            until=until.date(),
            aggregate=aggregate,
            by=acting(session, as_),
        )
    # After the commit: should the disk refuse, `download` writes the same bytes.
    out.write_bytes(made.csv if as_csv else made.ods)
    _tell(prepared, made.number, out, as_json=as_json)


@app.command("claims")
def list_claims(entity: _Entity = None, as_json: AsJson = False) -> None:
    """Every claim that was made."""
    with transaction() as session:
        made = claims.made(session, _body(session, entity))
    rows = [
        {
            "number": row.number,
            "until": row.until,
            "made_at": row.made_at,
            "lines": row.line_count,
            "gifts": schedule.pounds(row.total),
            "over_claimed": schedule.pounds(row.over_claimed),
            "ods_sha256": row.ods_sha256,
        }
        for row in made
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Gift Aid claims",
        [">number", "until", "made", ">lines", ">gifts, pounds", ">over-claimed tax", "sha256"],
        [
            (*tuple(row.values())[:2], instant(one.made_at), *tuple(row.values())[3:])
            for row, one in zip(rows, made, strict=True)
        ],
    )


@app.command("download")
def download(number: int, *, out: Annotated[Path, typer.Option()], as_: As, entity: _Entity = None) -> None:
    """Write a claim's file again, byte for byte."""
    with transaction() as session:
        written = claims.download(
            session, _body(session, entity), number, as_csv=_is_csv(out), by=acting(session, as_)
        )
    out.write_bytes(written)
    typer.echo(f"Claim {number}: {len(written)} bytes written to {out}")


def _tell(prepared: Prepared, number: int | None, out: Path | None, *, as_json: bool) -> None:
    refused = [
        {"gift": gift.donation_id, "gift_date": gift.gift_date, "reason": gift.reason}
        for gift in prepared.refused
    ]
    taken_back = [
        {"gift": donation_id, "amount": schedule.pounds(amount)}
        for donation_id, amount in prepared.corrections
    ]
    if as_json:
        print_json(
            {
                "number": number,
                "lines": len(prepared.lines),
                "gifts": schedule.pounds(prepared.total),
                "over_claimed": schedule.pounds(prepared.over_claimed),
                "taken_back": taken_back,
                "left": prepared.left,
                "refused": refused,
            }
        )
        return
    name = "A claim now" if number is None else f"Claim {number}"
    lines = "1 line" if len(prepared.lines) == 1 else f"{len(prepared.lines)} lines"
    typer.echo(
        f"{name}: {lines}, gifts of £{schedule.pounds(prepared.total)},"
        f" over-claimed before: £{schedule.pounds(prepared.over_claimed)}."
        + (f" Written to {out}." if out is not None and number is not None else "")
    )
    if prepared.left:
        typer.echo(f"{prepared.left} more lines wait: run it again for the next schedule.")
    if taken_back:
        print_table(
            "Claimed before, and no Gift Aid donation any more",
            ["gift", ">pounds"],
            [tuple(row.values()) for row in taken_back],
        )
    if refused:
        print_table(
            "Cannot be claimed", ["gift", "gift date", "reason"], [tuple(row.values()) for row in refused]
        )


def _scope(past: bool, future: bool) -> str:
    if past and future:
        return "past and future"
    return "future" if future else "one gift"


def _is_csv(out: Path) -> bool:
    if out.suffix.lower() not in {".ods", ".csv"}:
        raise typer.BadParameter("The file ends in .ods, for HMRC, or in .csv.")
    return out.suffix.lower() == ".csv"


def _body(session: Session, entity_id: str | None) -> IssuingEntity:
    if entity_id is None:
        return receiving_entity(session)
    found = session.get(IssuingEntity, entity_id)
    if found is None:
        raise EntityUnknown(entity_id)
    return found

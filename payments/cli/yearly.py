"""`almoner receipts annual`, `summary` and `tie-out`: gifts of a year, or of any other time, on one page."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.orm import Session

from payments.cli.printing import AsJson, print_json, print_table
from payments.cli.report_files import Language, print_page, write
from payments.clock import day_in, now
from payments.database import transaction
from payments.donations.models import IssuingEntity
from payments.donations.organisation import receiving_entity
from payments.errors import AlmonerError
from payments.money import Money
from payments.receipts import annual, listing, render, restating
from payments.receipts.listing import Stretch
from payments.reconciliation.receipts_and_book import year_of_receipts
from payments.reconciliation.reports import year_page

_Entity = Annotated[str | None, typer.Option("--entity", help="A legal body; the one that receives online.")]


class NothingToList(AlmonerError):
    """No live receipt falls into this time."""

    def __init__(self) -> None:
        super().__init__("This donor has no live receipt of that kind in this time.")


def annual_run(
    *,
    year: Annotated[int, typer.Option(min=2000, max=2100, help="The tax year.")],
    entity: _Entity = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show the totals and change nothing.")] = False,
    early: Annotated[bool, typer.Option("--early", help="Though the year is not over.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Mail them too.")] = False,
    per_minute: Annotated[int, typer.Option(min=1, max=6_000, help="How many letters leave a minute.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Number and set the statements of a year, one a donor; with --send, mail them.

    Broken off, it is simply run again: what is done stays done.
    """
    with transaction() as session:
        body = _entity(session, entity)
        session.expunge(body)
    if not preview:
        if not early:
            annual.require_over(body, year)
        _run(body, year, send=send, per_minute=per_minute)
    with transaction() as session:
        _tell(session, body, year, as_json=as_json)


def tie_out(
    year: Annotated[int, typer.Argument(min=2000, max=2100, help="The tax year.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write it as a page (.html) or a workbook (.xlsx).")
    ] = None,
    entity: _Entity = None,
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Walk from the receipts of a year to the contributions in the book, each difference by its cause; exit
    code 1 if one has none."""
    with transaction() as session:
        body = _entity(session, entity)
        found = year_of_receipts(session, body, year)
        page = year_page.page_of(found, body, language)
    if out is not None:
        write(page, out)
    elif as_json:
        print_json({"is_explained": found.is_explained, "year": found})
    else:
        print_page(page)
    raise typer.Exit(0 if found.is_explained else 1)


def summary(
    donor: str,
    *,
    out: Annotated[Path, typer.Option(help="Where to write the PDF.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    last: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"])],
    entity: _Entity = None,
    monthly: Annotated[bool, typer.Option("--monthly", help="Only the gifts of monthly promises.")] = False,
) -> None:
    """Write what a donor gave in any stretch of time. It has no number and is in no register."""
    with transaction() as session:
        body = _entity(session, entity)
        stretch = Stretch(
            entity=body,
            first=first.date(),
            last=last.date(),
            issued_on=day_in(body.time_zone, now()),
            kind="monthly" if monthly else "annual",
        )
        found = listing.of_donors(session, [donor], stretch)
    if donor not in found:
        raise NothingToList
    page = render.render_pdf(found[donor])
    out.write_bytes(page.pdf)
    typer.echo(f"{len(found[donor].gifts)} gifts: {len(page.pdf)} bytes written to {out}")


def _entity(session: Session, entity_id: str | None) -> IssuingEntity:
    if entity_id is None:
        return receiving_entity(session)
    found = session.get(IssuingEntity, entity_id)
    if found is None:
        raise annual.EntityUnknown(entity_id)
    return found


def _run(body: IssuingEntity, year: int, *, send: bool, per_minute: int) -> None:
    with transaction() as session:
        restating.void_incomplete(session, body, year)
    with transaction() as session:
        state = annual.progress(session, body, year)
        # An earlier run may have letters waiting: this one's follow them.
        begins = annual.last_letter_in(session)
    queued = 0

    def mail(session: Session) -> int:
        nonlocal queued
        delay = begins + timedelta(seconds=60 * queued // per_minute)
        done = annual.mail_next(session, body, year, delay=delay)
        queued += done
        return done

    with Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bars:
        _step(bars, "numbered", state, state.numbered, annual.numbering(body, year))
        _step(bars, "drawn", state, state.drawn, lambda session: annual.draw_next(session, body, year))
        if send:
            _step(bars, "queued", state, state.mailed, mail)


def _step(
    bars: Progress, name: str, state: annual.Progress, done: int, take: Callable[[Session], int]
) -> None:
    bar = bars.add_task(name, total=state.donors, completed=done)
    while True:
        with transaction() as session:
            taken = take(session)
        if not taken:
            return
        bars.advance(bar, taken)


def _tell(session: Session, body: IssuingEntity, year: int, *, as_json: bool) -> None:
    state = annual.progress(session, body, year)
    listed = annual.listed(session, body, year)
    incomplete = restating.incomplete(session, body, year)
    rows = [
        {
            "currency": total.paid.currency,
            "donors": total.donors,
            "gifts": total.gifts,
            "paid": total.paid,
            "eligible": total.eligible,
            "listed": listed.get(total.paid.currency, 0),
        }
        for total in annual.totals(session, body, year)
    ]
    counts = {
        "donors": state.donors,
        "numbered": state.numbered,
        "drawn": state.drawn,
        "mailed": state.mailed,
        "incomplete": incomplete,
    }
    if as_json:
        print_json({"entity": body.id, "year": year, "statements": counts, "register": rows})
        return
    print_table(
        f"Statements of {year}, {body.legal_name}",
        ["currency", ">donors", ">gifts", ">paid", ">eligible", "in statements"],
        [
            (
                total.paid.currency,
                total.donors,
                total.gifts,
                total.paid.format("en"),
                total.eligible.format("en"),
                _compared(listed.get(total.paid.currency, 0), total),
            )
            for total in annual.totals(session, body, year)
        ],
    )
    typer.echo(
        f"{state.donors} donors: {state.numbered} numbered, {state.drawn} drawn, {state.mailed} mailed."
    )
    if incomplete:
        typer.echo(f"{incomplete} lack a gift that was receipted after them; the next run replaces them.")


def _compared(listed: int, total: annual.YearTotal) -> str:
    if listed == total.paid.minor:
        return "all"
    return Money(listed, total.paid.currency).format("en")

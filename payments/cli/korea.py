"""`almoner receipts korea`: registration numbers, the issuance register and its summary."""

import sys
from dataclasses import asdict
from datetime import date, datetime
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, print_json, print_table
from payments.clock import day_in, now
from payments.database import transaction
from payments.donations.models import IssuingEntity
from payments.korea import files, keeping, register
from payments.korea.keeping import Kept
from payments.korea.models import Form
from payments.money import Money
from payments.receipts.annual import EntityUnknown

app = typer.Typer(no_args_is_help=True, help="What a designated Korean body keeps and files.")
number_app = typer.Typer(no_args_is_help=True, help="Registration numbers, sealed and apart.")
app.add_typer(number_app, name="number")


def _checked(out: Path) -> Path:
    """Before anything is read: the log has a line for whoever takes the register, and no line for nobody."""
    if out.suffix.lower() not in {".csv", ".xlsx"}:
        raise typer.BadParameter("The file ends in .xlsx or .csv.")
    return out


_Entity = Annotated[str, typer.Option("--entity", help="The Korean body.")]
_Year = Annotated[int, typer.Option(min=2000, max=2100, help="The tax year.")]
_Out = Annotated[Path, typer.Option(help="FILE.xlsx or FILE.csv.", callback=_checked)]
_WithNumbers = Annotated[
    bool, typer.Option("--with-numbers", help="Whole registration numbers; masked without it.")
]
_NOT_HOMETAX = "홈택스 일괄 등록 양식이 아닙니다. 홈택스 양식에 옮겨 적을 자료입니다."


@number_app.command("keep")
def keep(
    donor: str,
    *,
    consented_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")],
    as_: As,
    looked_twice: Annotated[
        bool, typer.Option("--looked-twice", help="Though its last digit does not fit.")
    ] = False,
    entity: _Entity = "kr",
) -> None:
    """Keep a donor's number, read from standard input: never type one into a command."""
    typed = getpass("Registration number (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    with transaction() as session:
        kept = keeping.keep(
            session,
            _body(session, entity),
            donor,
            typed,
            consented_on=consented_on.date(),
            looked_twice=looked_twice,
            by=acting(session, as_),
        )
    _tell(kept)


@number_app.command("show")
def show(donor: str, *, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """What is kept, masked. Each look stands in the audit log."""
    with transaction() as session:
        kept = keeping.show(session, donor, by=acting(session, as_), reason=reason)
    if as_json:
        print_json(asdict(kept))
        return
    _tell(kept)


@number_app.command("forget")
def forget(donor: str, *, as_: As, reason: Why, entity: _Entity = "kr") -> None:
    """Delete a donor's number, unless a register that must be kept has it."""
    with transaction() as session:
        keeping.forget(session, _body(session, entity), donor, by=acting(session, as_), reason=reason)
    typer.echo(f"{donor}: its registration number is gone.")


@number_app.command("consent")
def consent() -> None:
    """The words a donor agrees to before a number is kept."""
    typer.echo(keeping.consent_asked()["says"])


@app.command("register")
def write_register(
    *, year: _Year, out: _Out, as_: As, with_numbers: _WithNumbers = False, entity: _Entity = "kr"
) -> None:
    """Write the year's issuance register (기부자별 발급명세). Who takes it stands in the audit log."""
    with transaction() as session:
        body = _body(session, entity)
        rows = register.rows(session, body, year, with_numbers=with_numbers, by=acting(session, as_))
        today = day_in(body.time_zone, now())
    cells = files.register_cells(rows)
    _write(out, f"{year} 기부자별 발급명세", files.REGISTER_COLUMNS, cells, today=today)
    typer.echo(f"{len(rows)} receipts, {_won(sum(row.amount for row in rows))}, as the register has: {out}")


@app.command("summary")
def write_summary(*, year: _Year, out: _Out, as_: As, entity: _Entity = "kr") -> None:
    """Write the year's issuance summary (발급합계표)."""
    with transaction() as session:
        body = _body(session, entity)
        rows = register.rows(session, body, year, with_numbers=False, by=acting(session, as_))
        today = day_in(body.time_zone, now())
    cells = files.summary_cells(register.summary(rows))
    _write(out, f"{year} 발급합계표", files.SUMMARY_COLUMNS, cells, today=today)
    typer.echo(f"{len(rows)} receipts, {_won(sum(row.amount for row in rows))}, as the register has: {out}")


@app.command("missing")
def missing(*, year: _Year, entity: _Entity = "kr", as_json: AsJson = False) -> None:
    """Donors of the year without a registration number, the largest first; and the year's meter."""
    with transaction() as session:
        body = _body(session, entity)
        found = register.missing(session, body, year)
        meter = register.meter(session, body, year)
    if as_json:
        print_json(
            {
                "meter": {"amount": meter.amount, "threshold": meter.threshold, "is_over": meter.is_over},
                "missing": [
                    {"donor": donor, "receipts": receipts, "amount": Money(amount, "krw")}
                    for donor, receipts, amount in found
                ],
            }
        )
        return
    print_table(
        f"No registration number, {year}",
        ["donor", ">receipts", ">amount"],
        [(donor, receipts, _won(amount)) for donor, receipts, amount in found],
    )
    typer.echo(
        f"Receipts of {year}: {_won(meter.amount)} of {_won(meter.threshold)},"
        + (
            " above which electronic issue is a duty."
            if meter.is_over
            else " up to which paper may be issued."
        )
    )


@app.command("issued")
def issued(
    number: str,
    *,
    form: Annotated[Form, typer.Option(help="How the statutory receipt was issued.")],
    as_: As,
    entity: _Entity = "kr",
) -> None:
    """Note that the statutory receipt of a gift was issued: on paper or electronically, never as both."""
    with transaction() as session:
        noted = register.note_issued(session, _body(session, entity), number, form, by=acting(session, as_))
    typer.echo(f"{number}: issued as {noted.form} on {noted.issued_on}.")


def _write(
    out: Path, title: str, columns: tuple[str, ...], cells: list[list[str | int]], *, today: date
) -> None:
    if out.suffix.lower() == ".csv":
        written = files.as_csv(columns, cells)
    else:
        written = files.as_xlsx(title, _NOT_HOMETAX, columns, cells, made_on=today)
    out.touch(mode=0o600)
    out.chmod(0o600)  # also where a file of that name was there before
    out.write_bytes(written)


def _tell(kept: Kept) -> None:
    typer.echo(
        f"{kept.donor_id}: {kept.masked}, consent of {kept.consented_on}, kept until {kept.keep_until}."
    )


def _won(amount: int) -> str:
    return Money(amount, "krw").format("en")


def _body(session: Session, entity_id: str) -> IssuingEntity:
    found = session.get(IssuingEntity, entity_id)
    if found is None:
        raise EntityUnknown(entity_id)
    return found

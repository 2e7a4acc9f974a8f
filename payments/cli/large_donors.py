"""`almoner donors large`: who gave much in a year, for a schedule of contributors or for thanks."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from payments.audit import large_donors_page
from payments.audit.large_donors import Asked, ShareUnreadable, amounts_for, large_donors
from payments.audit.stretch import stretch_named
from payments.cli.acting import As, OfEntity, acting, amounts_of
from payments.cli.printing import AsJson, print_json
from payments.cli.report_files import Language, print_page, write
from payments.database import one_picture, transaction
from payments.errors import AlmonerError
from payments.reconciliation.months import entity_named


class YearUnclear(AlmonerError):
    """Neither a year nor two months, or both."""

    def __init__(self) -> None:
        super().__init__("Name --year, or --from and --to for a fiscal year.")


def large(
    *,
    as_: As,
    year: Annotated[int | None, typer.Option(min=1970, max=2999, help="A calendar year.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM", help="Its first month.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM", help="Its last month.")] = None,
    least: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CUR=AMOUNT", help="From which amount on; in the US usd=5000 if nothing is said."
        ),
    ] = None,
    percent: Annotated[
        str | None, typer.Option(help="Or from this share of all contributions, if that is more: 2.")
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Name them; needs a role that sees donors.")] = False,
    reason: Annotated[str, typer.Option(help="Why they are named; it stands in the audit log.")] = "",
    entity: OfEntity = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write it as a page (.html) or a workbook (.xlsx).")
    ] = None,
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Every donor whose contributions of a year come to an amount or more, with control totals."""
    if (year is None) == (first is None or last is None):
        raise YearUnclear
    with transaction() as session:
        one_picture(session)
        body = entity_named(session, entity)
        stretch = stretch_named(session, first or f"{year}-01", last or f"{year}-12", body.id)
        basis_points = _basis_points(percent) if percent is not None else None
        asked = Asked(
            stretch=stretch,
            least=amounts_for(body, amounts_of(least)),
            basis_points=basis_points,
        )
        by = acting(session, as_)
        found = large_donors(session, asked, by=by, names_because=reason if names else None)
        drawn = large_donors_page.page_of(found, body, language)
    if out is not None:
        write(drawn, out)
    elif as_json:
        print_json(
            {
                "entity": body.id,
                "months": stretch.name,
                "currencies": found.currencies,
                "donors": found.donors,
                "thanked": found.thanked,
                "in_several": found.in_several,
            }
        )
    else:
        print_page(drawn)
    if not all(each.agrees for each in found.currencies):
        raise typer.Exit(1)


def _basis_points(typed: str) -> int:
    """`2` or `2.5` percent in hundredths of a percent."""
    try:
        found = Decimal(typed.strip()).scaleb(2)
    except InvalidOperation:
        raise ShareUnreadable from None
    if not found.is_finite() or found != found.to_integral_value():
        raise ShareUnreadable
    return int(found)

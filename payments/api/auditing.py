"""`/api/v1/audit`: the sample for an auditor with each gift's whole way; and who gave much.

What is asked travels in the body of a POST: each drawing is noted, and a reason is no text for an address.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import file_digest
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from payments.api.problems import documented
from payments.api.report_files import Form, Language
from payments.api.report_files import drawn as report_drawn
from payments.api.sent import Sent
from payments.audit import drawings, large_donors_page, pack
from payments.audit.drawings import Drawing
from payments.audit.large_donors import (
    Asked,
    InCurrency,
    LargeDonor,
    LargeDonors,
    Thanked,
    amounts_for,
    large_donors,
)
from payments.audit.sampling import Method, Plan
from payments.audit.stretch import stretch_named
from payments.database import one_picture, transaction
from payments.dependencies import DatabaseSession, staff_apart, staff_with
from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.reconciliation.months import entity_named
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["audit"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
ReaderApart = Annotated[str, staff_apart(*people.MAY_READ)]
Currency = Annotated[str, Field(pattern="^[a-z]{3}$")]
Amount = Annotated[int, Field(gt=0, le=10**15)]

_IN_MEMORY = 1 << 20
_PIECE = 1 << 18
_PROBLEMS = documented(400, 401, 403, 404, 422, 503)


class StretchSent(Sent):
    """Whole months of one legal body."""

    first_month: str = Field(examples=["2026-01"])
    last_month: str = Field(examples=["2026-12"])
    entity: str | None = Field(default=None, description="Else the one whose Stripe account it is.")
    names_because: str | None = Field(
        default=None,
        description="Why donors are to be named, for a role that sees them; null names nobody.",
    )


class PackAsked(StretchSent):
    """What makes the sample."""

    seed: str = Field(description="The auditor's own.", examples=["20261231"])
    sample: int = Field(default=25, ge=0, le=1_000, description="By money: of each currency.")
    method: Method = Method.NUMBER
    all_from: dict[Currency, Amount] = Field(
        default_factory=dict, description="Minor units by currency: all gifts of so much or more."
    )


class LargeAsked(StretchSent):
    """What is much."""

    least: dict[Currency, Amount] = Field(
        default_factory=dict, description="Minor units by currency; in the US usd 500000 if nothing is said."
    )
    basis_points: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Hundredths of a percent of all contributions in a currency; the greater counts.",
    )


class LargeShown(Sent):
    """Who gave much. Minor units."""

    entity: str
    first_month: str
    last_month: str
    currencies: list[InCurrency]
    donors: list[LargeDonor]
    thanked: list[Thanked]
    in_several: int = Field(description="Who gave in several currencies and is listed in none.")


@router.post("/audit/pack", responses=_PROBLEMS, response_class=Response, summary="Draw a sample as a zip")
def draw(by_id: ReaderApart, sent: PackAsked) -> StreamingResponse:
    """The same bytes as `almoner audit pack`; a very large sample is drawn at the terminal."""
    # Drawn to the end before the first byte leaves: an error is then an error and not half a zip.
    file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by whoever reads it out
    with ExitStack() as in_trouble:
        in_trouble.enter_context(file)
        plan = _drawn(file, by_id, sent)
        in_trouble.pop_all()
    size = file.tell()
    file.seek(0)
    digest = file_digest(file, "sha256").hexdigest()
    file.seek(0)
    name = f"audit-{plan.stretch.first.name}-{plan.stretch.last.name}.zip"
    return StreamingResponse(
        _pieces(file),
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "content-length": str(size),
            "etag": f'"{digest}"',
        },
    )


@router.get("/audit/drawings", responses=documented(401, 403, 503), summary="Every sample that was drawn")
def list_drawings(session: DatabaseSession, by: Reader) -> list[Drawing]:
    """With its seed; one that was tried and not taken is here, too."""
    return list(drawings.listed(session))


@router.post("/donors/large", responses=_PROBLEMS, summary="Who gave much in a year")
def large(by_id: ReaderApart, sent: LargeAsked) -> LargeShown:
    """With control totals. Donors are ids unless there is a reason to name them, and then it is noted."""
    _, found = _large(by_id, sent)
    return LargeShown(
        entity=found.stretch.entity_id,
        first_month=found.stretch.first.name,
        last_month=found.stretch.last.name,
        currencies=list(found.currencies),
        donors=list(found.donors),
        thanked=list(found.thanked),
        in_several=found.in_several,
    )


@router.post(
    "/donors/large/report",
    responses=_PROBLEMS,
    response_class=Response,
    summary="Who gave much, as a report",
)
def large_report(
    by_id: ReaderApart, sent: LargeAsked, form: Form = "html", lang: Language = "en"
) -> Response:
    """A page to print, or a workbook; the same as `almoner donors large --out`."""
    body, found = _large(by_id, sent)
    page = large_donors_page.page_of(found, body, lang)
    return report_drawn(page, form, name=f"large-donors-{found.stretch.first.name}")


def _drawn(file: IO[bytes], by_id: str, sent: PackAsked) -> Plan:
    with transaction() as session:
        one_picture(session)
        plan = Plan(
            stretch=stretch_named(session, sent.first_month, sent.last_month, sent.entity),
            seed=sent.seed,
            count=sent.sample,
            method=sent.method,
            all_from=_amounts(sent.all_from),
        )
        by = session.get_one(StaffMember, by_id)
        pack.draw(session, plan, file, by=by, names_because=sent.names_because)
    return plan


def _large(by_id: str, sent: LargeAsked) -> tuple[IssuingEntity, LargeDonors]:
    with transaction() as session:
        one_picture(session)
        body = entity_named(session, sent.entity)
        asked = Asked(
            stretch=stretch_named(session, sent.first_month, sent.last_month, body.id),
            least=amounts_for(body, _amounts(sent.least)),
            basis_points=sent.basis_points,
        )
        by = session.get_one(StaffMember, by_id)
        return body, large_donors(session, asked, by=by, names_because=sent.names_because)


def _amounts(said: dict[str, int]) -> tuple[Money, ...]:
    return tuple(Money(said[currency], currency) for currency in sorted(said))


def _pieces(file: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece

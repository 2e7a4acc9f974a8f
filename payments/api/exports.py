"""`/api/v1/exports`: the book for other programs, in numbered batches; each entry leaves once for a target.

Making one needs the role that it needs at the terminal, and so does fetching its file.
"""

from collections.abc import Iterator
from datetime import date, datetime
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from payments.api.paging import Limit, page
from payments.api.problems import documented
from payments.api.sent import Sent
from payments.clock import day_in, now
from payments.dependencies import DatabaseSession, IdempotencyKey, staff_with
from payments.reconciliation.exports import batches, days, targets
from payments.reconciliation.exports.batches import MAY_DOWNLOAD, MAY_EXPORT, Wanted
from payments.reconciliation.exports.journal import Granularity
from payments.reconciliation.exports.models import ExportBatch
from payments.reconciliation.months import entity_named
from payments.staff import people, requests
from payments.staff.models import StaffMember

router = APIRouter(tags=["exports"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Exporter = Annotated[StaffMember, staff_with(*MAY_EXPORT)]
Downloader = Annotated[StaffMember, staff_with(*MAY_DOWNLOAD)]

_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 256 * 1024


class ExportSent(Sent):
    """What is to leave."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"target": "csv", "month": "2026-10"}]})

    target: str = Field(examples=["quickbooks-online"])
    month: str | None = Field(default=None, pattern=r"^[12]\d{3}-(0[1-9]|1[0-2])$", examples=["2026-10"])
    until: date | None = Field(default=None, description="The last day; without `month`, all up to it.")
    granularity: Granularity = Granularity.TRANSACTION
    entity: str | None = None
    currency: str | None = Field(default=None, pattern="^[a-z]{3}$", description="Only entries in it.")
    reason: str | None = Field(default=None, description="Needed for what holds donors' names.")

    @model_validator(mode="after")
    def _some_days(self) -> "ExportSent":
        if self.month is None and self.until is None:
            raise ValueError("send `month`, or `until` for all that is new up to that day")
        return self


class ExportShown(BaseModel):
    """A batch, its sums and how to know its file again."""

    number: int
    target: str
    entity: str
    first_day: date | None
    last_day: date
    granularity: str
    currency: str | None
    entries: int
    totals: dict[str, Any] = Field(description="By currency, in minor units: debit, which is credit.")
    control: dict[str, Any] = Field(description="What the file must come to where it is imported.")
    file: str
    bytes: int
    sha256: str
    made_at: datetime

    @classmethod
    def of(cls, batch: ExportBatch) -> "ExportShown":
        """The batch."""
        told = batches.manifest(batch)
        return cls(**{name: told[name] for name in cls.model_fields})


class ExportsShown(BaseModel):
    """Batches, the newest first."""

    exports: list[ExportShown]
    next: int | None = Field(description="Send it as `after` for the next page; null on the last.")


@router.post(
    "/exports",
    status_code=201,
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Make one",
)
def make(
    session: DatabaseSession, by: Exporter, sent: ExportSent, idempotency_key: IdempotencyKey
) -> ExportShown:
    """Everything of these days that has not left for this target. The same key again makes no other."""
    request = {"deed": "export", **sent.model_dump(mode="json")}
    known = requests.earlier(session, by, key=idempotency_key, request=request)
    if known is not None:
        return ExportShown.of(batches.find(session, int(known)))
    body = entity_named(session, sent.entity)
    month = date.fromisoformat(f"{sent.month}-01") if sent.month is not None else None
    first_day, last_day = days.of(month, sent.until, today=day_in(body.time_zone, now()))
    batch = batches.make(
        session,
        Wanted(
            target=sent.target,
            entity_id=body.id,
            first_day=first_day,
            last_day=last_day,
            granularity=sent.granularity,
            currency=sent.currency,
        ),
        by=by,
        reason=sent.reason,
    )
    requests.remember(session, by, key=idempotency_key, request=request, answer_id=str(batch.number))
    return ExportShown.of(batch)


@router.get("/exports", responses=documented(401, 403, 422, 503), summary="List them")
def list_exports(
    session: DatabaseSession,
    by: Reader,
    target: Annotated[str | None, Query(max_length=40)] = None,
    after: Annotated[int | None, Query(description="`next` of the page before.")] = None,
    limit: Limit = 20,
) -> ExportsShown:
    """The newest first."""
    rows, more = page(batches.listed(session, target=target, limit=limit + 1, after=after), limit)
    return ExportsShown(
        exports=[ExportShown.of(batch) for batch in rows], next=rows[-1].number if more else None
    )


@router.get("/exports/{number}", responses=documented(401, 403, 404, 422, 503), summary="See one")
def show(session: DatabaseSession, by: Reader, number: int) -> ExportShown:
    """Its manifest."""
    return ExportShown.of(batches.find(session, number))


@router.get(
    "/exports/{number}/file",
    responses=documented(401, 403, 404, 422, 503),
    response_class=Response,
    summary="Its file",
)
def download(
    session: DatabaseSession,
    by: Downloader,
    number: int,
    reason: Annotated[
        str | None, Query(max_length=500, description="Needed for what holds donors' names.")
    ] = None,
) -> StreamingResponse:
    """The very bytes, however often; who fetched them is noted."""
    batch = batches.find(session, number)
    # Read to the end before the first byte leaves: a damaged file is an error and not half an answer.
    file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by whoever reads it out
    for piece in batches.download(session, batch, by=by, reason=reason):
        file.write(piece)
    file.seek(0)
    return StreamingResponse(
        _pieces(file),
        media_type=targets.known(batch.target).media_type,
        headers={
            "content-disposition": f'attachment; filename="{batch.file_name}"',
            "content-length": str(batch.size),
            "etag": f'"{batch.sha256}"',
        },
    )


def _pieces(file: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece

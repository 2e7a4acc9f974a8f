"""Our errors as `application/problem+json` (RFC 9457): the one table from facts to statuses.

`type` is a stable name under this project's documentation, `instance` the id of the request; both
are safe to show and to log. A message never repeats what was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from payments.api.paging import CursorUnknown
from payments.api.uploads import UploadEmpty
from payments.donations import paper_refusals
from payments.donations import refund_refusals as refunds
from payments.donations.checkout import DonationNotFound, IdempotencyKeyReused
from payments.donations.organisation import OrganisationNotLoaded
from payments.donations.wishes import WishRefused
from payments.doorkeeper import TooManyTries
from payments.errors import AlmonerError, StripeRefused, StripeUnavailable
from payments.ledger import reading
from payments.monthly import refusals as monthly
from payments.privacy import merging, unmerging
from payments.privacy.searching import SearchRefused
from payments.reconciliation import bank_accounts, close, matching, payouts
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.exports import batches, days, maps, stored_files, targets
from payments.reconciliation.formats.csv_profile import ProfileWrong
from payments.reconciliation.months import EntityUnknown, MonthUnreadable, NotDrawable
from payments.reconciliation.statements import StatementRefused
from payments.reconciliation.stripe_reports.reading import ReportRefused
from payments.staff import people, tokens
from payments.staff.requests import StaffKeyReused
from payments.supporters.donors import DonorErased, DonorMerged, DonorUnknown
from payments.supporters.newsletter.asking import AddressUnfit
from payments.translations import best_locale, sentence_for

log = structlog.stdlib.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"


class FieldProblem(BaseModel):
    """One part of the request and what to do about it."""

    pointer: str = Field(examples=["#/amount"])
    detail: str = Field(examples=["The smallest gift we can take online is $1.00."])


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["/problems/amount-too-small"])
    title: str = Field(examples=["The gift cannot be taken as it is"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The smallest gift we can take online is $1.00."])
    instance: str | None = Field(default=None, examples=["urn:request:4f1c…"])
    errors: list[FieldProblem] = []


@dataclass(frozen=True, slots=True)
class _Row:
    status: int
    name: str
    title: str
    retry_after: int | None = None
    field: str | None = None
    """Which part of the request it is about."""

    @property
    def headers(self) -> dict[str, str]:
        """What goes beside the problem."""
        if self.retry_after:
            return {"Retry-After": str(self.retry_after)}
        return {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}


_TABLE: dict[type[AlmonerError], _Row] = {
    DonationNotFound: _Row(404, "donation-not-found", "No such donation"),
    IdempotencyKeyReused: _Row(409, "idempotency-key-reused", "The key was used for another gift"),
    OrganisationNotLoaded: _Row(503, "organisation-not-loaded", "The organisation is not set up"),
    tokens.TokenRefused: _Row(401, "staff-token-refused", "A staff token is needed"),
    people.NoLongerHere: _Row(403, "deactivated", "This person may do nothing any more"),
    people.NotAllowed: _Row(403, "role-missing", "This needs another role"),
    people.ReasonMissing: _Row(422, "reason-missing", "Say why"),
    StaffKeyReused: _Row(409, "idempotency-key-reused", "The key was used for another request"),
    refunds.RefundNotFound: _Row(404, "refund-not-found", "No such refund"),
    refunds.FraudWarningNotFound: _Row(404, "fraud-warning-not-found", "No such warning"),
    refunds.OwnRequest: _Row(403, "own-request", "Somebody else must agree"),
    refunds.RefundDecided: _Row(409, "refund-decided", "It is decided already"),
    refunds.NotPaidOnline: _Row(409, "not-paid-online", "Stripe cannot give it back"),
    refunds.GiftDisputed: _Row(409, "gift-disputed", "The donor's bank decides"),
    refunds.NothingLeft: _Row(409, "nothing-left", "Nothing is left to refund"),
    refunds.MoreThanIsLeft: _Row(422, "more-than-is-left", "More than is left of the gift", field="amount"),
    refunds.NotAnAmount: _Row(422, "not-an-amount", "The amount cannot be refunded", field="amount"),
    refunds.FraudMustBeMeant: _Row(422, "fraud-must-be-meant", "Say it expressly", field="block_card"),
    monthly.MonthlyGiftNotFound: _Row(404, "monthly-gift-not-found", "No such monthly gift"),
    monthly.NotBegun: _Row(409, "monthly-gift-not-begun", "It has not begun yet"),
    monthly.HasEnded: _Row(409, "monthly-gift-ended", "It has ended"),
    monthly.NothingToPause: _Row(409, "nothing-to-pause", "Nothing is charged now"),
    monthly.NotPaused: _Row(409, "not-paused", "It is not paused"),
    monthly.AmountUnchanged: _Row(409, "amount-unchanged", "That is the amount already"),
    monthly.PauseNotPossible: _Row(422, "pause-not-possible", "No such pause", field="months"),
    monthly.CurrencyFixed: _Row(422, "currency-fixed", "The currency stays", field="currency"),
    monthly.DayUnknown: _Row(422, "day-unknown", "No such day", field="day"),
    paper_refusals.PaperRefused: _Row(422, "offline-gift-refused", "The gift cannot be recorded as it is"),
    paper_refusals.DepositRefused: _Row(409, "deposit-refused", "These gifts cannot go on one slip"),
    paper_refusals.NotReversible: _Row(409, "not-reversible", "It cannot be taken back"),
    reading.EntryUnknown: _Row(404, "entry-not-found", "No such entry"),
    payouts.PayoutUnknown: _Row(404, "payout-not-found", "No such payout"),
    bank_accounts.BankAccountUnknown: _Row(404, "bank-account-not-found", "No such bank account"),
    bank_accounts.BankAccountRefused: _Row(422, "bank-account-refused", "The account cannot be added so"),
    ProfileWrong: _Row(422, "csv-profile-wrong", "The profile cannot be followed", field="csv_profile"),
    StatementRefused: _Row(422, "statement-refused", "The statement cannot be taken in"),
    ReportRefused: _Row(422, "report-refused", "The report cannot be compared"),
    MonthUnreadable: _Row(422, "month-unreadable", "No such month"),
    EntityUnknown: _Row(404, "entity-not-found", "No such legal body"),
    NotDrawable: _Row(422, "not-drawable", "It cannot be drawn so"),
    close.MonthNotReady: _Row(409, "month-not-ready", "Something on the checklist is not so"),
    close.MonthMoved: _Row(409, "month-moved", "An entry came in meanwhile", retry_after=5),
    close.MonthNotClosed: _Row(409, "month-not-closed", "The month is not closed"),
    close.LaterMonthClosed: _Row(409, "later-month-closed", "A later month is closed"),
    close.OwnClosing: _Row(403, "own-closing", "Somebody else must reopen it"),
    batches.ExportBatchUnknown: _Row(404, "export-not-found", "No such export"),
    targets.TargetUnknown: _Row(422, "target-unknown", "No such target", field="target"),
    days.DayToCome: _Row(422, "day-to-come", "The last day is not over"),
    batches.NothingToExport: _Row(409, "nothing-to-export", "All of it has left already"),
    batches.OtherCurrencies: _Row(409, "other-currencies", "The target takes one currency"),
    batches.TooManyLines: _Row(409, "too-many-lines", "More than the target reads"),
    batches.ExportOutOfBalance: _Row(409, "export-out-of-balance", "The file is not what it should be"),
    maps.NotMapped: _Row(409, "not-mapped", "The map of the target lacks something"),
    stored_files.ExportDamaged: _Row(409, "export-damaged", "The kept file is damaged"),
    stored_files.ExportErased: _Row(409, "export-erased", "The kept file named somebody who was erased"),
    UploadEmpty: _Row(422, "upload-empty", "There is no file in the body"),
    matching.BankLineUnknown: _Row(404, "bank-line-not-found", "No such bank line"),
    matching.MatchRefused: _Row(409, "match-refused", "The line cannot be that"),
    rounds.ExceptionUnknown: _Row(404, "exception-not-found", "No such exception"),
    rounds.OwnException: _Row(403, "own-exception", "Somebody else must accept it"),
    people.StaffUnknown: _Row(422, "staff-unknown", "Nobody works here under this name"),
    DonorMerged: _Row(409, "donor-merged", "The record was merged into another"),
    DonorErased: _Row(409, "donor-erased", "The donor was erased"),
    merging.MergeRefused: _Row(409, "merge-refused", "These two cannot become one as they are"),
    unmerging.UnmergeRefused: _Row(409, "unmerge-refused", "The merge cannot be taken back"),
    DonorUnknown: _Row(404, "donor-not-found", "No such donor"),
    SearchRefused: _Row(422, "search-refused", "Nobody can be found by that", field="wanted"),
    AddressUnfit: _Row(422, "newsletter-address-unfit", "No mail can go there", field="email"),
    CursorUnknown: _Row(422, "cursor-unknown", "No page ends so", field="after"),
    TooManyTries: _Row(429, "too-many-tries", "Too many tries", retry_after=TooManyTries.retry_after),
    StripeUnavailable: _Row(503, "stripe-unavailable", "Payments are not available now", retry_after=5),
    StripeRefused: _Row(502, "stripe-refused", "The payment page could not be opened"),
}

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Problem,
        "description": description,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in (
        (400, "The request could not be read"),
        (401, "No staff token, or one that has ended"),
        (403, "The person may not do this"),
        (404, "There is no such thing"),
        (409, "The Idempotency-Key was used for something else, or it is decided already"),
        (413, "The request is too large"),
        (422, "It cannot be taken as it is; `errors` says which part and what to do"),
        (429, "Too many tries; `Retry-After` says when to come back"),
        (502, "Stripe refused"),
        (503, "Stripe or the database is away; the same request may be sent again"),
    )
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI rows of the problems a route may answer with."""
    return {status: DOCUMENTED[status] for status in statuses}


def problem(
    request: Request,
    *,
    status: int,
    name: str,
    title: str,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem as a response."""
    request_id = request.scope.get("request_id")
    body = Problem(
        type=f"/problems/{name}",
        title=title,
        status=status,
        detail=detail,
        instance=f"urn:request:{request_id}" if request_id else None,
        errors=list(errors),
    )
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers=dict(headers or {}),
    )


_POINTERS = {"name": "#/donor/name", "email": "#/donor/email"}
"""Where a part of a wish stands in the JSON, when it is not at the top."""


def wish_refused(request: Request, refusal: WishRefused, *, locale: str) -> JSONResponse:
    """A refused wish, in the donor's language."""
    sentence = sentence_for(refusal, locale)
    return problem(
        request,
        status=422,
        name=_kebab(type(refusal).__name__),
        title="The gift cannot be taken as it is",
        detail=sentence,
        errors=[FieldProblem(pointer=_POINTERS.get(refusal.field, f"#/{refusal.field}"), detail=sentence)],
        headers={"Content-Language": locale},
    )


def refused(request: Request, refusal: AddressUnfit, *, locale: str) -> JSONResponse:
    """A refusal of the table, in the reader's language."""
    row, sentence = _TABLE[type(refusal)], sentence_for(refusal, locale)
    return problem(
        request,
        status=row.status,
        name=row.name,
        title=row.title,
        detail=sentence,
        errors=[FieldProblem(pointer=f"#/{row.field}", detail=sentence)],
        headers={"Content-Language": locale},
    )


class TooLarge:
    """Makes a problem of the framework's 413, which it writes itself, in plain text, past every handler."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        is_replaced = False

        async def answer(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and message["status"] == 413:
                is_replaced = True
                refusal = problem(
                    Request(scope),
                    status=413,
                    name="too-large",
                    title="The request is too large",
                    detail="Send less: no gift needs as much, and a larger file is imported at the terminal.",
                )
                await refusal(scope, receive, send)
            elif not is_replaced:
                await send(message)

        await self._app(scope, receive, answer)


_NO_TEXT = "It holds a character that no text may have, such as NUL. Leave it out and send it again."
_UNWRITABLE: dict[str | None, str] = {
    None: _NO_TEXT,
    "22021": _NO_TEXT,
    "22P05": _NO_TEXT,
    "22003": "It holds a number larger than any that is kept here. Correct it and send it again.",
}
"""What PostgreSQL does not hold, by how it is refused: a character by the driver, before it asks the server,
or by the server, as a column or within JSON; a number by the server."""


def install(app: FastAPI) -> None:
    """Answer every error of this application as a problem, and say so in its OpenAPI document."""
    app.openapi = lambda: _with_problems_only(FastAPI.openapi(app))  # type: ignore[method-assign]

    @app.exception_handler(AlmonerError)
    async def _known(request: Request, error: AlmonerError) -> JSONResponse:
        if isinstance(error, WishRefused):
            return wish_refused(request, error, locale=best_locale(request.headers.get("accept-language")))
        row = next((row for kind, row in _TABLE.items() if isinstance(error, kind)), None)
        if row is None:
            log.error("no row for an error", exc_info=error)
            return _unexpected(request)
        field = error.field if isinstance(error, paper_refusals.PaperRefused) else row.field
        return problem(
            request,
            status=row.status,
            name=row.name,
            title=row.title,
            detail=str(error),
            errors=[FieldProblem(pointer=f"#/{field}", detail=str(error))] if field else (),
            headers=row.headers,
        )

    @app.exception_handler(RequestValidationError)
    async def _unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        is_not_json = any(fault["type"] == "json_invalid" for fault in error.errors())
        return problem(
            request,
            status=400 if is_not_json else 422,
            name="not-json" if is_not_json else "invalid-request",
            title="The request could not be read",
            detail="Send a JSON body." if is_not_json else "Correct the fields named in `errors`.",
            errors=[
                FieldProblem(
                    pointer="#/" + "/".join(str(step) for step in fault["loc"][1:]), detail=fault["msg"]
                )
                for fault in error.errors()
            ],
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(
            request,
            status=error.status_code,
            name=f"http-{error.status_code}",
            title=str(error.detail),
            detail=_WHAT_TO_DO.get(str(error.detail), str(error.detail)),
            headers=error.headers,
        )

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    async def _database_away(request: Request, error: Exception) -> JSONResponse:
        log.warning("database away", trouble=type(error).__name__)
        return problem(
            request,
            status=503,
            name="database-unavailable",
            title="Not available now",
            detail="Please send the same request again in a few seconds.",
            headers={"Retry-After": "5"},
        )

    @app.exception_handler(DataError)
    async def _unwritable(request: Request, error: DataError) -> JSONResponse:
        detail = _UNWRITABLE.get(getattr(error.orig, "sqlstate", None))
        if detail is None:
            raise error
        return problem(
            request, status=422, name="invalid-request", title="The request could not be read", detail=detail
        )

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        return _unexpected(request)


_WHAT_TO_DO = {
    "Not Found": "There is nothing at this address. /api/v1/openapi.json lists every address there is.",
    "Method Not Allowed": "This address is not used that way; `Allow` names how it is.",
}
"""For the framework's own answers, which say only what they are."""


def _unexpected(request: Request) -> JSONResponse:
    return problem(
        request,
        status=500,
        name="unexpected",
        title="Something went wrong on our side",
        detail="Nothing was charged by this answer. Send the same request again, with its key; if that does"
        " not help, tell us the id in `instance`: the log says under it what went wrong.",
    )


def _with_problems_only(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI documents every model as `application/json` too, and a 422 of its own where there can be
    none; an error here never comes as either."""
    for operations in document["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            for response in answers.values():
                if PROBLEM_JSON in response.get("content", {}):
                    response["content"].pop("application/json", None)
            if PROBLEM_JSON not in answers.get("422", {}).get("content", {PROBLEM_JSON: ""}):
                del answers["422"]
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")

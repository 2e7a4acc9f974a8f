"""The public page that tells a receipt of ours from a forged one.

Anybody who holds a document may ask, with the number and the code that stand on it. The answer names
the charity, the day of issue and whether the document stands: no donor, no amount, no gift.
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from payments import doorkeeper
from payments.dependencies import DatabaseSession
from payments.donations import organisation as charity
from payments.pages.look import LANGUAGES, Brand, locale_of, page
from payments.receipts import verification
from payments.receipts.verification import Finding, Standing
from payments.shield import limits

router = APIRouter(include_in_schema=False)


@router.get("/verify")
def verify(request: Request, session: DatabaseSession, number: str = "", code: str = "") -> Response:
    """The form, with the answer above it once number and code are given."""
    return _answer(request, session, number=number, code=code)


@router.get("/verify/{number}/{code}")
def verify_printed(request: Request, session: DatabaseSession, number: str, code: str) -> Response:
    """What the picture on the document leads to."""
    return _answer(request, session, number=number, code=code)


def _answer(request: Request, session: DatabaseSession, *, number: str, code: str) -> Response:
    locale = locale_of(request)
    finding: Finding | None = None
    if number and code:
        doorkeeper.must_not_be_guessing(request, limits.DOCUMENTS_MISSED)
        finding = verification.look_up(session, number=number, code=code)
        if finding.standing is Standing.UNKNOWN:
            doorkeeper.miss(request, limits.DOCUMENTS_MISSED)
    return page(
        "verify.html",
        locale=locale,
        brand=Brand.of(charity.the_organisation(session), locale),
        entity=charity.receiving_entity(session),
        finding=finding,
        number=number[:60],
        code=code[:60],
        language_links={
            language: f"{request.url.path}?{urlencode(dict(request.query_params) | {'lang': language})}"
            for language in LANGUAGES
        },
    )

"""A report of finance's from the console: the same page or workbook as the terminal and the API draw.

The page carries its style within itself, so that it can be kept and printed anywhere. The console allows no
style but its own files: this one is allowed by its hash, and nothing else on the page is.
"""

import base64
import hashlib
import re
from typing import Annotated, Literal

from fastapi import Query
from fastapi.responses import Response

from payments.reconciliation.reports import html, workbook
from payments.reconciliation.reports.page import Page

Form = Annotated[Literal["html", "xlsx"], Query(alias="format")]

_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


def printed(page: Page, form: Form, *, name: str) -> Response:
    """The answer."""
    if form == "xlsx":
        return Response(
            workbook.drawn(page),
            media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            headers={"content-disposition": f'attachment; filename="{name}.xlsx"'},
        )
    drawn = html.drawn(page)
    hashes = " ".join(f"'sha256-{_digest(style)}'" for style in _STYLE.findall(drawn))
    return Response(
        drawn,
        media_type="text/html; charset=utf-8",
        headers={
            "content-security-policy": f"default-src 'none'; style-src {hashes}; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        },
    )


def _digest(style: bytes) -> str:
    return base64.b64encode(hashlib.sha256(style).digest()).decode()

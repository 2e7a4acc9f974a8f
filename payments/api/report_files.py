"""A report of finance's as the answer: a page to print, or a workbook."""

from typing import Annotated, Literal

from fastapi import Query, Response

from payments.reconciliation.reports import html, workbook
from payments.reconciliation.reports.page import Page

Form = Annotated[Literal["html", "xlsx"], Query(alias="format")]
Language = Annotated[Literal["en", "ko"], Query(alias="lang")]


def drawn(page: Page, form: Form, *, name: str) -> Response:
    """The file."""
    if form == "html":
        return Response(html.drawn(page), media_type="text/html; charset=utf-8")
    return Response(
        workbook.drawn(page),
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"content-disposition": f'attachment; filename="{name}.xlsx"'},
    )

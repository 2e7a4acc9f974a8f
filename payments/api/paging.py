"""Long lists, page by page: `after` names the last one of the page before, so what is new moves nothing."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from payments.errors import AlmonerError

Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[
    str | None, Query(max_length=100, description="`next` of the page before; left out for the first.")
]
Row = TypeVar("Row")


class CursorUnknown(AlmonerError):
    """No page of this list ends so."""

    def __init__(self) -> None:
        super().__init__("`after` must be the `next` of an earlier page of the same list.")


def page(found: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """At most `limit` of what was found, and whether there was more."""
    return found[:limit], len(found) > limit

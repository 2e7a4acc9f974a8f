"""What a browser posts, read the same way by every page."""

from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile

MOST_TICKS = 500
"""Lines of one list that can be ticked."""


async def posted(request: Request) -> dict[str, str]:
    """The fields of a form. Files and repeated fields have no place in ours."""
    form = await request.form(max_files=0, max_fields=60)
    return {name: value for name, value in form.items() if not isinstance(value, UploadFile)}


async def posted_with_ticks(request: Request) -> dict[str, str]:
    """The fields of a form with a list to tick: what was ticked under one name stands there with blanks
    between."""
    form = await request.form(max_files=0, max_fields=MOST_TICKS + 20)
    return {
        name: " ".join(value for value in form.getlist(name) if not isinstance(value, UploadFile))
        for name in form
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class WithFile:
    """A form with one file."""

    fields: dict[str, str]
    file: bytes
    """Empty where none was chosen."""
    name: str
    """As it is called where it comes from."""


async def posted_with_file(request: Request) -> WithFile:
    """The fields of a form and its one file. How large it may be says the route; it is read before any
    transaction is open."""
    async with request.form(max_files=1, max_fields=20) as form:
        fields = {name: value for name, value in form.items() if not isinstance(value, UploadFile)}
        sent = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        if sent is None:
            return WithFile(fields=fields, file=b"", name="")
        return WithFile(fields=fields, file=await sent.read(), name=(sent.filename or "")[:200])

"""What a browser posts, read the same way by every page."""

from fastapi import Request
from starlette.datastructures import UploadFile


async def posted(request: Request) -> dict[str, str]:
    """The fields of a form. Files and repeated fields have no place in ours."""
    form = await request.form(max_files=0, max_fields=60)
    return {name: value for name, value in form.items() if not isinstance(value, UploadFile)}

"""A file in the body of a request: read only for who may send it, and with no transaction open meanwhile.

The body is the file itself, not a form. A slow line must hold no connection to the database, so who sends is
asked before, in a transaction of its own, and once more by the route.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast

from fastapi import Query, Request
from fastapi.params import Depends as Dependency

from payments.dependencies import staff_apart
from payments.errors import AlmonerError
from payments.staff.models import Role

_IN_MEMORY = 1024 * 1024

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""For the OpenAPI document."""


class UploadEmpty(AlmonerError):
    """A body without a byte in it."""

    def __init__(self) -> None:
        super().__init__("Send the file as the body: `curl --data-binary @FILE`.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, and what its sender calls it."""

    file: BinaryIO
    name: str


def upload_from(*roles: Role) -> Dependency:
    """The file, when somebody with one of these roles sends it. How large it may be says the route."""

    async def receive(
        request: Request,
        sender: Annotated[str, staff_apart(*roles)],
        file_name: Annotated[
            str, Query(max_length=200, description="As it is called where it comes from.")
        ] = "upload",
    ) -> AsyncIterator[Upload]:
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            async for piece in request.stream():
                file.write(piece)
            if not file.tell():
                raise UploadEmpty
            file.seek(0)
            yield Upload(cast(BinaryIO, file), file_name)

    return Dependency(receive)

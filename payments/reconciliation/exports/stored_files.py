"""A file's bytes as they are kept: by the mebibyte, deflated, with the hash of the whole.

However long the file is, one mebibyte of it is in memory.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.errors import PersonMustLook
from payments.reconciliation.exports.models import ExportBatch, ExportChunk

_PIECE = 1 << 20


class ExportDamaged(PersonMustLook):
    """What is stored is not what was handed over."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Export {number} is damaged: its bytes do not have the hash that was noted. Do not use it."
        )


class ExportErased(PersonMustLook):
    """Somebody who stood in it was erased, and the file with them."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Export {number} named a donor who was erased since, so its file is gone. Make a new one."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A file in a temporary one."""

    size: int
    sha256: str
    lengths: tuple[int, ...]
    """Of each deflated chunk."""


def spool(pieces: Iterable[bytes], into: IO[bytes]) -> Spooled:
    """Deflate a file while it is written; whatever goes wrong later, nothing of it is in the database."""
    sha256, size, lengths = hashlib.sha256(), 0, []
    waiting = bytearray()

    def put(chunk: bytes) -> None:
        nonlocal size
        sha256.update(chunk)
        size += len(chunk)
        lengths.append(into.write(zlib.compress(chunk, 1)))

    for piece in pieces:
        waiting += piece
        while len(waiting) >= _PIECE:
            put(bytes(waiting[:_PIECE]))
            del waiting[:_PIECE]
    if waiting:
        put(bytes(waiting))
    return Spooled(size=size, sha256=sha256.hexdigest(), lengths=tuple(lengths))


def keep(session: Session, number: int, spooled: Spooled, spool: IO[bytes]) -> None:
    """Store the chunks of a batch that is written."""
    spool.seek(0)
    for position, length in enumerate(spooled.lengths):
        session.execute(
            text("insert into export_chunks values (:number, :position, :deflated)"),
            {"number": number, "position": position, "deflated": spool.read(length)},
        )


def read(session: Session, batch: ExportBatch) -> Iterator[bytes]:
    """The file in pieces, and `ExportDamaged` at its end if it is not what was stored."""
    sha256, position = hashlib.sha256(), 0
    while (chunk := session.get(ExportChunk, (batch.number, position))) is not None:
        if not chunk.deflated:
            raise ExportErased(batch.number)
        piece = zlib.decompress(chunk.deflated)
        session.expunge(chunk)
        sha256.update(piece)
        yield piece
        position += 1
    if sha256.hexdigest() != batch.sha256:
        raise ExportDamaged(batch.number)

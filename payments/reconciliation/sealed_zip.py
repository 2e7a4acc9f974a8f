"""A zip whose bytes say nothing but what was put in: no times, one order, and the SHA-256 of each file."""

import zipfile
from collections.abc import Iterable
from hashlib import sha256
from typing import IO, Any

_NO_TIME = (1980, 1, 1, 0, 0, 0)


class SealedZip:
    """Writes files without times into `into`, and remembers what each was."""

    def __init__(self, into: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self.written: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """One file, in pieces."""
        info = zipfile.ZipInfo(name, _NO_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        info.create_system = 3
        digest, size, lines = sha256(), 0, 0
        with self._zip.open(info, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                lines += bytes(chunk).count(b"\n")
        self.written[name] = {"sha256": digest.hexdigest(), "bytes": size, "lines": lines}

    def close(self) -> None:
        """Write what ends a zip."""
        self._zip.close()

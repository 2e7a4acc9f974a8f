"""Statutory sentences: every sentence of legal weight a document may print, kept in `packs/*.toml`.

A receipt names its sentence by code and version, never by free text, so that an issued receipt can
always be traced to the wording that was in force. A changed wording is a new version beside the old
one; the old one stays for as long as receipts that carry it are kept. The packs are read when this
module is, and a pack that is not whole stops the start.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from payments.errors import AlmonerError, PersonMustLook

PACKS = Path(__file__).parent / "packs"
ANYWHERE = "any"
"""The pack of documents that claim nothing under any country's tax law."""
_OUR_LANGUAGES = ("en", "ko")


class PackWrong(AlmonerError):
    """A country pack is not whole; the message names the file and what it lacks."""


class UnknownStatement(PersonMustLook):
    """No reviewed sentence has this code and version, and none is ever made up."""

    def __init__(self, code: str, version: int | None = None) -> None:
        wanted = code if version is None else f"{code} version {version}"
        super().__init__(f"no statutory sentence {wanted}: add it to receipts/packs after review")
        self.code = code
        self.version = version


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One reviewed wording. `sentence` and `title` are by language; only `legal_language` binds."""

    code: str
    version: int
    jurisdiction: str
    legal_language: str
    is_tax_receipt: bool
    title: Mapping[str, str]
    """What the document may call itself. In Korea 기부금 영수증 is the name of the statutory form, so a
    body that is not designated, and a foreign one, never prints those words as a title."""
    sentence: Mapping[str, str]
    """With names in braces that the gift fills in: {benefit}, {eligible}, …"""
    note: Mapping[str, str] = field(default_factory=dict)
    """What readers of a language must not misunderstand, such as a foreign receipt's limits."""
    form: Mapping[str, str] = field(default_factory=dict)
    """The further passages of an official form, in the legal language."""
    source: str
    """Where the wording comes from, for the next reviewer."""
    to_confirm: str | None = None
    """Who must still confirm it before its first real use."""


def read_packs(folder: Path = PACKS) -> dict[str, dict[str, Any]]:
    """Every pack as it is written, by jurisdiction."""
    packs = {}
    for file in sorted(folder.glob("*.toml")):
        pack = tomllib.loads(file.read_text(encoding="utf-8"))
        packs[str(pack["jurisdiction"])] = pack
    return packs


def read_statements(packs: Mapping[str, Mapping[str, Any]]) -> tuple[Statement, ...]:
    """The sentences of every pack, checked: `PackWrong` says what is missing where."""
    found: dict[tuple[str, int], Statement] = {}
    for jurisdiction, pack in packs.items():
        for written in pack["statement"]:
            try:
                statement = Statement(
                    jurisdiction=jurisdiction, legal_language=pack["legal_language"], **written
                )
            except TypeError as mistake:
                raise PackWrong(f"packs: a statement of {jurisdiction}: {mistake}") from mistake
            key = (statement.code, statement.version)
            if key in found:
                raise PackWrong(f"packs: {statement.code} version {statement.version} stands twice")
            _check(statement)
            found[key] = statement
    return tuple(found.values())


def _check(statement: Statement) -> None:
    needed = {*_OUR_LANGUAGES, statement.legal_language}
    for name, words in (("title", statement.title), ("sentence", statement.sentence)):
        if missing := needed - {language for language, text in words.items() if text.strip()}:
            raise PackWrong(f"packs: {statement.code}: the {name} lacks {', '.join(sorted(missing))}")
    if not statement.source.strip():
        raise PackWrong(f"packs: {statement.code} names no source")


CATALOGUE: tuple[Statement, ...] = read_statements(read_packs())

_BY_CODE_AND_VERSION = {(statement.code, statement.version): statement for statement in CATALOGUE}


def find(code: str, version: int) -> Statement:
    """The wording a receipt was issued with."""
    try:
        return _BY_CODE_AND_VERSION[code, version]
    except KeyError:
        raise UnknownStatement(code, version) from None


@cache
def current(code: str) -> Statement:
    """The wording a receipt issued now must carry: the newest version."""
    versions = [statement for statement in CATALOGUE if statement.code == code]
    if not versions:
        raise UnknownStatement(code)
    return max(versions, key=lambda statement: statement.version)

"""The words of the reports, in English and Korean: labels, states, and what each kind of exception means."""

import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from payments.donations.models import IssuingEntity
from payments.reconciliation.reports.page import Furniture

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = ("en", "ko")
_ON_LETTER_PAPER = {"US", "CA", "MX", "CL", "CO", "PH"}


@cache
def words(language: str) -> dict[str, Any]:
    """Every word of one language."""
    return tomllib.loads((TEMPLATES / f"words.{language}.toml").read_text(encoding="utf-8"))


def furniture(language: str) -> Furniture:
    """The words every report has."""
    return Furniture(**words(language)["furniture"])


def named(group: str, key: str | None, language: str) -> str:
    """A word of ours in the reader's language; one nobody translated yet, as it is."""
    if key is None:
        return ""
    return str(words(language)[group].get(key, key.replace("_", " ")))


def is_letter(entity: IssuingEntity) -> bool:
    """Whether the body prints on Letter."""
    return entity.jurisdiction.upper() in _ON_LETTER_PAPER


def local(instant: datetime, zone: str) -> datetime:
    """An instant as the clock on the body's wall showed it."""
    return instant.astimezone(ZoneInfo(zone))


def long_instant(instant: datetime, zone: str, language: str) -> str:
    """To the minute, with its zone."""
    return (
        format_datetime(local(instant, zone), "d MMMM yyyy HH:mm zzz", locale=language)
        if (language == "en")
        else format_datetime(local(instant, zone), "y년 M월 d일 HH:mm zzz", locale=language)
    )

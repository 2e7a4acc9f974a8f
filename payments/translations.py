"""The two languages, and every sentence in them that a donor may have to read.

Sentences are written in English where they are used; `locales/ko.po` holds the Korean beside them and
is compiled in memory when a process first speaks Korean, so there is no second file to forget. The
page and the JSON API refuse a gift in the same words because both ask `sentence_for`.
"""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import ClassVar, Protocol

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from payments.errors import AlmonerError
from payments.money import Money

LOCALES = ("en", "ko")
"""English first: its sentences are the keys of every catalogue."""

CATALOGUES = Path(__file__).parent / "locales"


@cache
def translator(locale: str) -> NullTranslations:
    """The `gettext` and `ngettext` of one language; English for a language we do not speak."""
    if locale not in LOCALES or locale == LOCALES[0]:
        return NullTranslations()
    with (CATALOGUES / f"{locale}.po").open("rb") as written:
        catalogue = read_po(written, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def best_locale(accept_language: str | None, wanted: str | None = None) -> str:
    """The language to answer in: the one asked for, else the browser's best that we speak."""
    if wanted and (spoken := _spoken(wanted)):
        return spoken
    liked: list[tuple[float, str]] = []
    for part in (accept_language or "").split(",")[:20]:
        tag, _, weight = part.partition(";q=")
        if spoken := _spoken(tag):
            liked.append((_quality(weight), spoken))
    liked = [choice for choice in liked if choice[0] > 0]
    return max(liked, key=lambda choice: choice[0])[1] if liked else LOCALES[0]


def _spoken(tag: str) -> str | None:
    language = tag.strip().lower().replace("_", "-").split("-")[0]
    return language if language in LOCALES else None


def _quality(weight: str) -> float:
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0


class Refusal(Protocol):
    """An error that tells a donor what to do: its sentence in English, its facts as `{name}` in it."""

    sentence: ClassVar[str]

    @property
    def facts(self) -> Mapping[str, Money | str]: ...


def sentence_for(error: Refusal, locale: str) -> str:
    """What a refused gift is told, its facts written as a reader of `locale` writes them."""
    return worded(error.sentence, error.facts, locale)


def worded(sentence: str, facts: Mapping[str, Money | str], locale: str) -> str:
    """A sentence of the catalogue with its facts, as a reader of `locale` writes them."""
    written = {name: fact.format(locale) if isinstance(fact, Money) else fact for name, fact in facts.items()}
    return str(translator(locale).gettext(sentence)).format(**written)


class Told(AlmonerError):
    """A refusal that a person reads in their own language; `field` says which part of what was asked it is
    about. As text it is the English sentence, which is what the terminal and the API tell."""

    sentence: ClassVar[str]
    field: ClassVar[str] = ""

    def __init__(self, **facts: Money | str) -> None:
        self.facts = facts
        super().__init__(self.sentence.format(**{name: str(fact) for name, fact in facts.items()}))


def N_(sentence: str) -> str:
    """Mark a sentence for the catalogue without translating it yet."""
    return sentence

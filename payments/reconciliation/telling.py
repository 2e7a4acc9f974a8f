"""A finding's sentence, kept apart from its facts until somebody reads it in a language of theirs.

The sentence is the English one, which is the key of every catalogue; the facts are ids, days, amounts, and
sentences within it. Both are stored with an exception, so that a page in Korean says in Korean what a round
found before anybody asked. A sentence that no catalogue has is told in English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payments.money import Money
from payments.translations import LOCALES, translator


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, and what stands in it by name."""

    says: str
    facts: Mapping[str, Any]

    def in_(self, locale: str) -> str:
        """As a reader of `locale` reads it."""
        facts = {name: _in(fact, locale) for name, fact in self.facts.items()}
        return str(translator(locale).gettext(self.says)).format(**facts)

    def __str__(self) -> str:
        return self.in_(LOCALES[0])


@dataclass(frozen=True, slots=True)
class Several:
    """Facts in a row, with a word between them."""

    between: str
    parts: tuple[Any, ...]

    def in_(self, locale: str) -> str:
        """As a reader of `locale` reads it."""
        between = str(translator(locale).gettext(self.between))
        return between.join(_in(part, locale) for part in self.parts)

    def __str__(self) -> str:
        return self.in_(LOCALES[0])


def _in(fact: Any, locale: str) -> str:
    if isinstance(fact, Told | Several):
        return fact.in_(locale)
    if isinstance(fact, Money) and locale != LOCALES[0]:
        return fact.format(locale)
    return str(fact)


def as_json(fact: Any) -> Any:
    """To be stored."""
    if isinstance(fact, Told):
        return {"says": fact.says, "facts": {name: as_json(each) for name, each in fact.facts.items()}}
    if isinstance(fact, Several):
        return {"between": fact.between, "parts": [as_json(part) for part in fact.parts]}
    if isinstance(fact, Money):
        return {"minor": fact.minor, "currency": fact.currency}
    return fact if fact is None or isinstance(fact, int) else str(fact)


def read_back(stored: Any) -> Any:
    """What was stored."""
    if not isinstance(stored, dict):
        return stored
    if "says" in stored:
        return Told(stored["says"], {name: read_back(each) for name, each in stored["facts"].items()})
    if "between" in stored:
        return Several(stored["between"], tuple(read_back(part) for part in stored["parts"]))
    return Money(stored["minor"], stored["currency"])


def sentence_in(locale: str, sentence: str, stored: Mapping[str, Any] | None) -> str:
    """An exception's sentence in a language; one that was found before its facts were kept, as it is."""
    if stored is None or locale == LOCALES[0]:
        return sentence
    told: Told = read_back(dict(stored))
    return told.in_(locale)

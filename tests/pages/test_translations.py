import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import payments.donations
import payments.pages
from payments.donations.wishes import AmountTooSmall, WishRefused
from payments.money import Money
from payments.translations import CATALOGUES, best_locale, sentence_for, translator
from tests.conftest import PROJECT


def all_refusals(kind: type[WishRefused] = WishRefused) -> Iterator[type[WishRefused]]:
    for package in (payments.donations, payments.pages):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    yield kind
    for child in kind.__subclasses__():
        yield from all_refusals(child)


def sentences_in_use() -> dict[str, tuple[str, ...] | str]:
    """By their key: what the templates and the code say, and what every refusal tells a donor."""
    mappings = tomllib.loads((CATALOGUES / "babel.toml").read_text())["mappings"]
    found = extract_from_dir(
        PROJECT / "payments",
        method_map=[(mapping["pattern"], mapping["method"]) for mapping in mappings],
        options_map={mapping["pattern"]: mapping for mapping in mappings},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "N_": None},
    )
    used = {(key[0] if isinstance(key, tuple) else key): key for _, _, key, _, _ in found}
    return used | {refusal.sentence: refusal.sentence for refusal in all_refusals()}


@pytest.fixture(scope="module")
def korean() -> Catalog:
    with (CATALOGUES / "ko.po").open("rb") as written:
        return read_po(written, locale="ko")


def test_every_sentence_has_its_korean(korean: Catalog) -> None:
    missing = [
        key
        for key, sentence in sentences_in_use().items()
        if key not in korean or not korean[key].string or not all(korean[key].string) or korean[key].fuzzy
    ]

    assert not missing


def test_the_korean_catalogue_keeps_no_sentence_that_nobody_says(korean: Catalog) -> None:
    known = {
        (message.id[0] if isinstance(message.id, tuple) else message.id) for message in korean if message.id
    }

    assert known == set(sentences_in_use())


def test_no_sentence_stands_in_the_korean_catalogue_twice() -> None:
    written = re.findall(r'^msgid "(.+)"$', (CATALOGUES / "ko.po").read_text(), re.MULTILINE)

    assert len(written) == len(set(written))


def test_a_translation_names_the_same_facts_as_its_sentence(korean: Catalog) -> None:
    for message in korean:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for string in strings if message.id else ():
            facts = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
            assert set(facts.findall(string)) == set(facts.findall(ids[-1])), message.id


def test_a_refusal_is_told_in_the_donors_language_with_its_facts() -> None:
    refusal = AmountTooSmall(minimum=Money(1000, "krw"))

    assert sentence_for(refusal, "en") == "The smallest gift we can take online is ₩1,000."
    assert sentence_for(refusal, "ko") == "온라인으로 받을 수 있는 가장 적은 금액은 ₩1,000입니다."


def test_plurals_are_spoken_as_each_language_does() -> None:
    one, many = "One thing needs another look", "%(num)d things need another look"

    assert translator("en").ngettext(one, many, 1) == one
    assert translator("en").ngettext(one, many, 3) == many
    assert translator("ko").ngettext(one, many, 1) == translator("ko").ngettext(one, many, 3)


@pytest.mark.parametrize(
    ("accepted", "wanted", "locale"),
    [
        (None, None, "en"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", None, "ko"),
        ("de-DE,en;q=0.4,ko;q=0.7", None, "ko"),
        ("fr,de", None, "en"),
        ("ko;q=0,en", None, "en"),
        ("ko;q=nonsense", None, "en"),
        ("ko", "en", "en"),
        ("en", "ko_KR", "ko"),
        ("ko", "xx", "ko"),
    ],
)
def test_the_language_asked_for_wins_over_the_browsers(
    accepted: str | None, wanted: str | None, locale: str
) -> None:
    assert best_locale(accepted, wanted) == locale

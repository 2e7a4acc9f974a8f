"""What a donor reads when a monthly gift cannot be changed as asked."""

import pytest

from payments.money import Money
from payments.monthly.refusals import ChangeRefused
from payments.translations import LOCALES, sentence_for


@pytest.mark.parametrize("kind", ChangeRefused.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_its_sentence_in_both_languages(kind: type[ChangeRefused]) -> None:
    facts: dict[str, Money | str] = {"longest": "12", "currency": "USD", "amount": Money(2500, "usd")}

    english, korean = (sentence_for(kind(**facts), locale) for locale in LOCALES)

    assert english != korean
    assert any("가" <= letter <= "힣" for letter in korean)
    assert "{" not in english + korean

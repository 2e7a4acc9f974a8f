"""How a letter about a monthly gift is written: in the donor's language, with the facts, one clear button
and the signed link, as plain text that reads well and as HTML.

The words of every letter stand in `templates/words.*.toml`, where a fundraiser can read and change them.
Nothing is fetched from outside, and nothing tells whether a letter was read.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.jobs import Bell, ring
from payments.mail import message, outbox
from payments.mail.paper import paper
from payments.money import Money
from payments.monthly import links
from payments.monthly.agreed import Agreed
from payments.monthly.letter_pile import Pile
from payments.monthly.models import MonthlyGift
from payments.settings import settings
from payments.supporters import donors
from payments.translations import LOCALES

_TEMPLATES = Path(__file__).parent / "templates"
_OUR_ACCENT = "#1f5b52"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_BRIGHT = 150
"""From this brightness of 255 on, dark words stand better on the button than white ones."""
_BRANDS = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay", "diners": "Diners Club"}

Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One fact to be told, once: which section of the words, about what, and what is filled in."""

    fact: str
    about: str
    """With the fact it makes the reference: the same news is never sent twice."""
    facts: Mapping[str, str] = field(default_factory=dict)
    rows: Iterable[tuple[str, str | None]] = ()
    """The label's name in the words and the value; one without a value is left out."""
    button_url: str | None = None
    """Where the button leads; the signed link where nothing is said."""
    second_button_url: str | None = None


class Desk:
    """Where a letter about one gift is written; several that are written together share a pile."""

    def __init__(self, session: Session, gift: MonthlyGift, *, pile: Pile | None = None) -> None:
        self._session = session
        self.gift = gift
        self._is_alone = pile is None
        self._pile = pile or Pile(session, [gift])
        self.language = gift.locale if gift.locale in LOCALES else LOCALES[0]
        self.entity = self._pile.entities[gift.entity_id]
        self.words = words(self.language)

    @property
    def organisation_name(self) -> str:
        """The charity's name as the donor's language writes it."""
        return self._said(self._pile.organisation_name)

    def terms(self, number: int | None = None) -> Agreed:
        """What is agreed now, or what was agreed under this number."""
        return self._pile.terms(self.gift.id, number)

    def money(self, minor: int) -> str:
        """An amount in the gift's currency."""
        return Money(minor, self.gift.currency).format(self.language)

    def day(self, instant: datetime | None) -> str | None:
        """The day of an instant where the books are kept: March 3, 2027."""
        if instant is None:
            return None
        return str(format_date(day_in(self.entity.time_zone, instant), "long", locale=self.language))

    def card_month(self) -> str:
        """The last month in which the card on file is good: March 2027."""
        year, month = (self.gift.card_expires or "").split("-")
        pattern = self.words["methods"]["month"]
        return str(format_date(date(int(year), int(month), 1), pattern, locale=self.language))

    def funds(self, terms: Agreed) -> str:
        """What the gift is for, most wanted first."""
        return ", ".join(self._said(self._pile.fund_names[fund_id]) for fund_id in terms.fund_ids)

    def _said(self, texts: Mapping[str, Any]) -> str:
        return str(texts.get(self.language) or texts["en"])

    def method(self) -> str:
        """What it is paid with, inside a sentence: your Visa ending in 4242."""
        return self._method("card", "account") or str(self.words["methods"]["unknown"])

    def method_row(self) -> str | None:
        """The same beside its label, if it is known."""
        return self._method("card_row", "account_row")

    def _method(self, card: str, account: str) -> str | None:
        if self.gift.card_last4 is None:
            return None
        brand = self.gift.card_brand
        pattern = self.words["methods"][account if brand is None else card]
        shown = _BRANDS.get(brand or "", (brand or "").replace("_", " ").title())
        return str(pattern.format(brand=shown, last4=self.gift.card_last4))

    def link_to(self, gift: MonthlyGift) -> str:
        """Where its donor changes or stops it."""
        email = self._pile.emails.get(gift.donor_id) or donors.email_of(self._session, gift.donor_id)
        return links.url(gift.id, email)

    def put(self, telling: Telling) -> None:
        """Owe the letter from the moment the surrounding transaction commits; one of a pile, once the whole
        pile is put there."""
        reference = f"monthly_{telling.fact}:{telling.about}"
        to_address = self._pile.emails[self.gift.donor_id]
        # Short, because a header this long would be folded, which not every mail program reads well.
        message_id = outbox.message_id(f"monthly.{hashlib.sha256(reference.encode()).hexdigest()[:32]}")
        filled = self._filled(telling)
        letter = message.write(
            message.Envelope(
                subject=filled["subject"],
                from_address=settings().mail_from,
                to_address=to_address,
                reply_to=self.entity.email,
                message_id=message_id,
                dated=now(),
                language=self.language,
            ),
            text=_render("letter.txt", filled),
            html=_render("letter.html", filled),
        )
        self._pile.lay(
            outbox.Owed(reference=reference, to_address=to_address, message_id=message_id, message=letter)
        )
        if self._is_alone:
            self._pile.put()
        ring(self._session, Bell.SEND_MAIL)

    def _filled(self, telling: Telling) -> dict[str, Any]:
        section, everywhere, labels = self.words[telling.fact], self.words["all"], self.words["labels"]
        facts = {
            "organisation": self.organisation_name,
            "name": " ".join(self.gift.donor_name.split()),
            "email": self.entity.email,
            **telling.facts,
        }
        manage_url = self.link_to(self.gift)
        buttons = [(section["button"], telling.button_url or manage_url)]
        if telling.second_button_url is not None:
            buttons.append((section["second_button"], telling.second_button_url))
        accent = self._pile.accent_colour
        accent = accent if _COLOUR.fullmatch(accent) else _OUR_ACCENT
        return {
            **{name: pattern.format(**facts) for name, pattern in everywhere.items()},
            "language": self.language,
            "subject": section["subject"].format(**facts),
            "says": [paragraph.format(**facts) for paragraph in section["says"]],
            "then": [paragraph.format(**facts) for paragraph in section.get("then", [])],
            "rows": [(labels[label], value) for label, value in telling.rows if value is not None],
            "buttons": buttons,
            "manage": everywhere["look" if self.gift.ended_at else "manage"],
            "manage_url": manage_url,
            "organisation": self.organisation_name,
            "entity": self.entity,
            "accent": accent,
            "on_accent": "#14181a" if _brightness(accent) >= _BRIGHT else "#ffffff",
        }


@cache
def words(language: str) -> Words:
    """The words of one language, by section."""
    return tomllib.loads((_TEMPLATES / f"words.{language}.toml").read_text(encoding="utf-8"))


def _brightness(colour: str) -> int:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return (299 * red + 587 * green + 114 * blue) // 1000


def _render(template: str, filled: dict[str, Any]) -> str:
    written = paper(_TEMPLATES).get_template(template).render(filled).strip()
    # A letter without facts or without an afterword leaves no hole where they would have stood.
    return re.sub(r"\n{3,}", "\n\n", written) if template.endswith(".txt") else written

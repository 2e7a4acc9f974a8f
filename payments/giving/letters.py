"""The letter with the link to all gifts; beside it the lasting link of each monthly gift that goes on, so
that stopping one takes no more than it did.

The words stand in `templates/words.*.toml`. It greets nobody by name: anybody can type an address and a name
into the donate page.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from payments.clock import now
from payments.giving import links
from payments.jobs import Bell, ring
from payments.mail import message, outbox
from payments.mail.letterhead import Letterhead
from payments.mail.paper import paper
from payments.money import Money
from payments.monthly import links as links_of_one
from payments.monthly.letter_pile import Pile
from payments.monthly.models import MonthlyGift
from payments.settings import settings
from payments.supporters.donors import Donor
from payments.translations import LOCALES

_TEMPLATES = Path(__file__).parent / "templates"


def link(session: Session, letterhead: Letterhead, donor: Donor, *, monthly: Sequence[MonthlyGift]) -> None:
    """Somebody asked to see what this donor gave; it goes to the donor's own address and nowhere else."""
    language = donor.locale if donor.locale in LOCALES else LOCALES[0]
    # Ten minutes are one letter, however often it is asked for in them.
    reference = f"giving_link:{donor.id}:{f'{now():%Y-%m-%dT%H:%M}'[:-1]}"
    message_id = outbox.message_id(f"giving.{hashlib.sha256(reference.encode()).hexdigest()[:32]}")
    words = _words(language)
    facts = {"organisation": letterhead.name_in(language), "email": letterhead.email}
    filled: dict[str, Any] = {
        **{name: pattern.format(**facts) for name, pattern in words.items() if isinstance(pattern, str)},
        "says": [paragraph.format(**facts) for paragraph in words["says"]],
        "language": language,
        "organisation": facts["organisation"],
        "url": links.url(donor.id, donor.email),
        "monthly": words["monthly"],
        "monthly_gifts": _monthly(session, donor, monthly, language, words["monthly"]["each"]),
        "letterhead": letterhead,
        "accent": letterhead.accent,
        "on_accent": letterhead.on_accent,
    }
    letter = message.write(
        message.Envelope(
            subject=filled["subject"],
            from_address=settings().mail_from,
            to_address=donor.email,
            reply_to=letterhead.email,
            message_id=message_id,
            dated=now(),
            language=language,
        ),
        text=_render("letter.txt", filled),
        html=_render("letter.html", filled),
    )
    outbox.put(session, reference=reference, to_address=donor.email, message_id=message_id, message=letter)
    ring(session, Bell.SEND_MAIL)


def _monthly(
    session: Session, donor: Donor, gifts: Sequence[MonthlyGift], language: str, pattern: str
) -> list[tuple[str, str]]:
    """What each monthly gift is, and the link that steers it."""
    if not gifts:
        return []
    pile = Pile(session, gifts)

    def said(gift: MonthlyGift) -> str:
        terms = pile.terms(gift.id)
        names = [pile.fund_names[fund_id] for fund_id in terms.fund_ids]
        funds = ", ".join(str(name.get(language) or name["en"]) for name in names)
        return pattern.format(amount=Money(terms.amount, gift.currency).format(language), funds=funds)

    return [(said(gift), links_of_one.url(gift.id, donor.email)) for gift in gifts]


@cache
def _words(language: str) -> Mapping[str, Any]:
    return tomllib.loads((_TEMPLATES / f"words.{language}.toml").read_text(encoding="utf-8"))


def _render(template: str, filled: dict[str, Any]) -> str:
    written = paper(_TEMPLATES).get_template(template).render(filled).strip()
    return re.sub(r"\n{3,}", "\n\n", written) if template.endswith(".txt") else written

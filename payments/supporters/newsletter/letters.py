"""Every letter of the house to a reader: please confirm, welcome, you have it already, it has stopped, and
every two years what was agreed. The newsletter itself is not among them.

The words stand in `templates/words.*.toml`. Each letter carries the link that stops everything, in its text
and for the mail program's own button.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.jobs import Bell, ring
from payments.mail import message, outbox
from payments.mail.letterhead import Letterhead
from payments.mail.paper import paper
from payments.settings import settings
from payments.supporters.newsletter import links
from payments.supporters.newsletter.models import ConsentEntry, Reader
from payments.supporters.newsletter.wording import wording
from payments.translations import LOCALES

_TEMPLATES = Path(__file__).parent / "templates"
FACTS = ("confirm", "already", "welcome", "stopped", "reminder")


def confirm(session: Session, letterhead: Letterhead, reader: Reader, question: ConsentEntry) -> None:
    """Somebody typed this address: was it you? In the language of the box that asked."""
    language = _language(question.locale)
    _put(
        session,
        letterhead,
        reader,
        question,
        "confirm",
        button_url=links.confirm_url(question.id, locale=language),
        agreed=wording(language, organisation=letterhead.name_in(language)).text,
    )


def already(session: Session, letterhead: Letterhead, reader: Reader, question: ConsentEntry) -> None:
    """Somebody typed the address of a subscriber, who should not wait for a mail in vain."""
    _put(session, letterhead, reader, question, "already")


def welcome(session: Session, letterhead: Letterhead, reader: Reader, word: ConsentEntry) -> None:
    """Subscribed: when, to what, and how it stops."""
    _put(session, letterhead, reader, word, "welcome", agreed=word.wording)


def stopped(session: Session, letterhead: Letterhead, reader: Reader, word: ConsentEntry) -> None:
    """The last letter: whoever did not want it learns that it was done."""
    box = f"{settings().public_base_url}/newsletter?lang={_language(reader.locale)}"
    _put(session, letterhead, reader, word, "stopped", button_url=box)


def reminder(session: Session, letterhead: Letterhead, reader: Reader, word: ConsentEntry) -> None:
    """You agreed on that day; this is how it stops."""
    _put(session, letterhead, reader, word, "reminder")


def references(entry_ids: list[int]) -> list[str]:
    """Under what the outbox may hold letters about these words."""
    return [_reference(fact, entry_id) for fact in FACTS for entry_id in entry_ids]


def entry_of(reference: str) -> int | None:
    """The word that a letter is about; None where it is no letter to a reader."""
    found = re.fullmatch(r"newsletter_[a-z]+:(\d+)", reference)
    return int(found[1]) if found else None


def _reference(fact: str, entry_id: int) -> str:
    return f"newsletter_{fact}:{entry_id}"


def _put(
    session: Session,
    letterhead: Letterhead,
    reader: Reader,
    word: ConsentEntry,
    fact: str,
    *,
    button_url: str | None = None,
    agreed: str | None = None,
) -> None:
    language = _language(word.locale)
    filled = _filled(letterhead, reader, language, fact, button_url=button_url, agreed=agreed)
    message_id = outbox.message_id(f"newsletter.{fact}.{word.id}")
    letter = message.write(
        message.Envelope(
            subject=filled["subject"],
            from_address=settings().mail_from,
            to_address=reader.email,
            reply_to=letterhead.email,
            message_id=message_id,
            dated=now(),
            language=language,
            unsubscribe_url=links.stop_url(reader.id),
        ),
        text=_render("letter.txt", filled),
        html=_render("letter.html", filled),
    )
    outbox.put(
        session,
        reference=_reference(fact, word.id),
        to_address=reader.email,
        message_id=message_id,
        message=letter,
    )
    ring(session, Bell.SEND_MAIL)


def _filled(
    letterhead: Letterhead,
    reader: Reader,
    language: str,
    fact: str,
    *,
    button_url: str | None,
    agreed: str | None,
) -> dict[str, Any]:
    section, everywhere = _words(language)[fact], _words(language)["all"]
    organisation = letterhead.name_in(language)
    facts = {
        "organisation": organisation,
        "agreed_on": _day(letterhead, reader.subscribed_at, language),
        "since": _day(letterhead, reader.since, language),
        "email": letterhead.email,
        "address": reader.email,
    }
    return {
        **{name: pattern.format(**facts) for name, pattern in everywhere.items()},
        **{name: section[name] for name in ("stop", "stop_why") if name in section},
        "language": language,
        "subject": section["subject"].format(**facts),
        "says": [paragraph.format(**facts) for paragraph in section["says"]],
        "then": [paragraph.format(**facts) for paragraph in section.get("then", [])],
        "agreed": agreed,
        "button": (section["button"], button_url) if button_url else None,
        "stop_url": None if fact == "stopped" else f"{links.stop_url(reader.id)}?lang={language}",
        "organisation": organisation,
        "letterhead": letterhead,
        "accent": letterhead.accent,
        "on_accent": letterhead.on_accent,
    }


def _day(letterhead: Letterhead, instant: datetime | None, language: str) -> str:
    if instant is None:
        return ""
    return str(format_date(day_in(letterhead.zone_of(language), instant), "long", locale=language))


def _language(locale: str) -> str:
    return locale if locale in LOCALES else LOCALES[0]


@cache
def _words(language: str) -> Mapping[str, Any]:
    return tomllib.loads((_TEMPLATES / f"words.{language}.toml").read_text(encoding="utf-8"))


def _render(template: str, filled: dict[str, Any]) -> str:
    written = paper(_TEMPLATES).get_template(template).render(filled).strip()
    return re.sub(r"\n{3,}", "\n\n", written) if template.endswith(".txt") else written

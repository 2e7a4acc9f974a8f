"""The sentence that a reader agrees to. Another sentence is another version: a test holds each to its hash.

It says what the Korean Personal Information Protection Act wants said (Article 15(2): purpose, what is kept,
how long, and that one may refuse) and that requests for gifts may be among the letters. Whether that is
enough for a charity's letters is for its counsel: docs/going-live.md lists what to ask.
"""

import hashlib
from dataclasses import dataclass

from payments.translations import LOCALES, N_, translator

VERSION = 1

SENTENCE = N_(
    "Yes, send me the newsletter of %(name)s by e-mail: news of its work, and now and then a request for a"
    " gift. %(name)s keeps my e-mail address and my language for this until I unsubscribe, which one click in"
    " each letter does. I am free not to agree, and nothing else depends on it."
)


TICK = N_("Also send me the newsletter")
TICK_WHY = N_(
    "Your choice; your gift does not depend on it. We send a mail first, and only your click in it subscribes"
    " you."
)


@dataclass(frozen=True, slots=True)
class Wording:
    """What stood beside the button, in one language."""

    version: int
    text: str

    @property
    def sha256(self) -> str:
        """By which the text is known, should somebody doubt it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def wording(locale: str, *, organisation: str) -> Wording:
    """The sentence of today, with the charity's name in it."""
    spoken = locale if locale in LOCALES else LOCALES[0]
    return Wording(VERSION, str(translator(spoken).gettext(SENTENCE)) % {"name": organisation})


def tick(locale: str) -> tuple[str, str]:
    """The label and the hint of the box beside a gift. It only asks: the sentence above comes by mail."""
    words = translator(locale if locale in LOCALES else LOCALES[0])
    return words.gettext(TICK), words.gettext(TICK_WHY)

"""What stands on every letter of the charity: who writes, in which colour, and where it can be reached."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OUR_ACCENT = "#1f5b52"
_BRIGHT = 150
"""From this brightness of 255 on, dark words stand better on a button than white ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """The charity, and the legal body that writes for it."""

    names: Mapping[str, str]
    """By language, English always among them."""
    accent_colour: str
    legal_name: str
    address: tuple[str, ...]
    email: str
    website: str
    time_zone: str
    """Where the days of the body that writes begin."""
    zones: Mapping[str, str]
    """The same by language, where a body of the charity's writes in it."""

    def name_in(self, language: str) -> str:
        """The charity's name as a reader of this language knows it."""
        return self.names.get(language) or self.names["en"]

    def zone_of(self, language: str) -> str:
        """Where the days of a reader of this language begin, as well as anybody can tell."""
        return self.zones.get(language, self.time_zone)

    @property
    def accent(self) -> str:
        """The charity's colour, or ours where it has none that a mail program knows."""
        return self.accent_colour if _COLOUR.fullmatch(self.accent_colour) else _OUR_ACCENT

    @property
    def on_accent(self) -> str:
        """The colour of words on a button of that colour."""
        red, green, blue = (int(self.accent[at : at + 2], 16) for at in (1, 3, 5))
        return "#14181a" if (299 * red + 587 * green + 114 * blue) // 1000 >= _BRIGHT else "#ffffff"

"""Taking donors out of what people typed: reasons and notes are
the only words of a pack that are not ours."""

import re
from collections.abc import Sequence

_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+")
_DONOR = "[donor]"
_MAIL = "[e-mail]"
_SHORTEST = 2


def without_names(words: str, personal: Sequence[str]) -> str:
    """The words without any e-mail address, and without each name in `personal`, whole or any word of it."""
    masked = _ADDRESS.sub(_MAIL, words)
    whole = [name for name in personal if "@" not in name]
    for name in sorted(whole, key=len, reverse=True):
        # Wherever it stands: in Korean more letters follow a name in the same word.
        masked = re.sub(re.escape(name), _DONOR, masked, flags=re.IGNORECASE)
    for part in {part for name in whole for part in re.split(r"[\s.,]+", name)}:
        if len(part) >= _SHORTEST:
            masked = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", _DONOR, masked, flags=re.IGNORECASE)
    return masked

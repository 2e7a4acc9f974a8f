"""Where a thing is shown in the console: by the first letters of its id, which say what it is."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode


def address(path: str, kept: Mapping[str, str] | None = None, **asked: object) -> str:
    """A path with what is asked of it: what was asked before, with changes; what is empty is left out."""
    both = {**(kept or {}), **asked}
    query = urlencode({name: str(value) for name, value in both.items() if value not in (None, "", False)})
    return f"{path}?{query}" if query else path


def path_of(subject: str) -> str | None:
    """The page of this id, or the gifts that it is about; None for what the console does not show."""
    to = _PATHS.get(subject.partition("_")[0]) if "_" in subject else None
    return to(subject) if to is not None else None


def _gifts_about(subject: str) -> str:
    return address("/console/gifts", id=subject)


_PATHS: dict[str, Callable[[str], str]] = {
    "don": lambda id_: f"/console/gifts/{id_}",
    "po": lambda id_: f"/console/payouts/{id_}",
    "dep": lambda id_: f"/console/deposits/{id_}",
    "bln": lambda id_: f"/console/bank/lines/{id_}",
    "rcp": lambda id_: f"/console/receipts/{id_}",
    "rfd": lambda id_: f"/console/refunds/{id_}",
    "mon": lambda id_: f"/console/monthly/{id_}",
    **dict.fromkeys(("txn", "ch", "py", "dp", "du", "re", "dnr"), _gifts_about),
}

"""Stripe's form encoding (`line_items[0][price_data][unit_amount]=2500`) and the checking of what it carries.

A request is decoded into nested dictionaries of strings, then read against a specification: what is not in
the specification is refused by name, what is in it comes back as the right type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from payments.sandbox.errors import Refusal, missing_parameter, not_in_this_sandbox, unknown_parameter

NOT_SIMULATED = object()
REMOVED = object()


@dataclass(frozen=True)
class Unsettable:
    """A parameter that an empty value unsets: it is read as None."""

    wanted: Any


_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_MOST_FIELDS = 2_000
_DEEPEST = 8
_INTEGER = re.compile(r"^-?[0-9]{1,18}$")


def decode(text: str) -> dict[str, Any]:
    """Nested dictionaries of strings; a list is a dictionary with the keys "0", "1", ..."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Refusal("Invalid form encoding in the request.") from error
    tree: dict[str, Any] = {}
    for key, value in pairs:
        _place(tree, key, value)
    return tree


def _place(tree: dict[str, Any], key: str, value: str) -> None:
    match = _KEY.match(key)
    if match is None:
        raise unknown_parameter(key)
    path = [match[1], *_PART.findall(match[2])]
    if len(path) > _DEEPEST:
        raise unknown_parameter(key)
    node = tree
    for step in path[:-1]:
        name = step or str(len(node))
        child = node.setdefault(name, {})
        if not isinstance(child, dict):
            raise Refusal(f"Invalid parameter: {key}", param=key)
        node = child
    node[path[-1] or str(len(node))] = value


def read(tree: Mapping[str, Any], spec: Mapping[str, Any], *, at: str = "") -> dict[str, Any]:
    """The parameters as their types, or a Refusal that names the first one that is wrong."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{at}[{name}]" if at else name
        if name not in spec:
            raise unknown_parameter(path)
        if spec[name] is REMOVED:
            raise Refusal(
                f"The `{path}` parameter is no longer supported. Manage payment methods from the Dashboard, "
                "or filter them with `allowed_payment_method_types` or `excluded_payment_method_types`.",
                code=f"{name}_no_longer_supported",
                param=path,
            )
        if spec[name] is NOT_SIMULATED:
            raise not_in_this_sandbox(path)
        found[name] = _read_one(value, spec[name], path)
    return found


def _read_one(value: Any, wanted: Any, path: str) -> Any:
    if isinstance(wanted, Unsettable):
        return None if value == "" else _read_one(value, wanted.wanted, path)
    if isinstance(wanted, dict):
        return _read_object(value, wanted, path)
    if isinstance(wanted, list):
        return _read_list(value, wanted[0], path)
    if wanted == "map":
        return _read_metadata(value, path)
    if not isinstance(value, str):
        raise Refusal("Invalid value: expected a single one.", param=path)
    if isinstance(wanted, tuple):
        return _read_choice(value, wanted, path)
    return _READERS[wanted](value, path)


def _read_object(value: Any, wanted: dict[str, Any], path: str) -> dict[str, Any] | None:
    if value == "":
        return None
    if not isinstance(value, dict):
        raise Refusal("Invalid object", param=path)
    return read(value, wanted, at=path)


def _read_choice(value: str, choices: tuple[str, ...], path: str) -> str:
    if value not in choices:
        *others, last = choices
        spoken = f"{', '.join(others)}, or {last}" if others else last
        raise Refusal(f"Invalid {path}: must be one of {spoken}", param=path)
    return value


def _read_integer(value: str, path: str) -> int:
    if not _INTEGER.match(value):
        raise Refusal(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    return int(value)


def _read_boolean(value: str, path: str) -> bool:
    if value not in ("true", "false"):
        raise Refusal(f"Invalid boolean: {value}", param=path)
    return value == "true"


def _read_text(value: str, path: str) -> str:
    if value == "":
        raise Refusal(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{path}' cannot be unset. You should remove '{path}' from your request or "
            "supply a non-empty value.",
            code="parameter_invalid_empty",
            param=path,
        )
    return value


_READERS: dict[str, Callable[[str, str], Any]] = {
    "int": _read_integer,
    "bool": _read_boolean,
    "str": _read_text,
}


def _read_list(value: Any, wanted: Any, path: str) -> list[Any]:
    if value == "":
        return []
    if not isinstance(value, dict) or any(not key.isdigit() for key in value):
        raise Refusal("Invalid array", param=path)
    ordered = sorted(value.items(), key=lambda item: int(item[0]))
    return [_read_one(item, wanted, f"{path}[{key}]") for key, item in ordered]


def _read_metadata(value: Any, path: str) -> dict[str, str]:
    """At most 50 keys of 40 characters with values of 500; an empty value leaves the key out."""
    if value == "":
        return {}
    if not isinstance(value, dict) or any(not isinstance(item, str) for item in value.values()):
        raise Refusal("Invalid object: metadata takes names with string values.", param=path)
    for key, item in value.items():
        if len(key) > 40:
            raise Refusal(
                f"Metadata keys must be at most 40 characters: '{key}' has {len(key)}.",
                param=f"{path}[{key}]",
            )
        if len(item) > 500:
            raise Refusal(
                "Metadata values can have up to 500 characters, but you passed in a value that is "
                f"{len(item)} characters.",
                param=f"{path}[{key}]",
            )
    kept = {key: item for key, item in value.items() if item != ""}
    if len(kept) > 50:
        raise Refusal(f"Metadata can have at most 50 keys; you passed {len(kept)}.", param=path)
    return kept


def merged_metadata(kept: Mapping[str, str], tree: Mapping[str, Any]) -> dict[str, str]:
    """What an update leaves of the metadata: merged, a key with an empty value taken out, `""` takes all."""
    asked = tree.get("metadata")
    if asked == "":
        return {}
    if asked is None:
        return dict(kept)
    new = _read_metadata(asked, "metadata")
    return {key: value for key, value in kept.items() if asked.get(key) != ""} | new


def require(found: Mapping[str, Any], name: str, *, at: str = "") -> Any:
    if found.get(name) is None:
        raise missing_parameter(f"{at}[{name}]" if at else name)
    return found[name]

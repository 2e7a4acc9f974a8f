"""How a route of the API answers: one row a route, and the answers that every resource gives alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.sandbox.forms import read
from payments.sandbox.lists import CREATED, PAGING, created_filter, expanded, page
from payments.sandbox.store import Thing
from payments.sandbox.world import World

Answer = Callable[[World, dict[str, Any], str], Thing]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    answer: Answer


def route(method: str, path: str, answer: Answer) -> Route:
    return Route(method, re.compile(path.replace("{id}", r"([A-Za-z0-9_]+)")), answer)


def retrieve(kind: str, *, param: str) -> Answer:
    def answer(world: World, tree: dict[str, Any], thing_id: str) -> Thing:
        given = read(tree, {"expand": ["str"]})
        return expanded(world, world.find(kind, thing_id, param=param), given.get("expand") or [])

    return answer


def create(make: Callable[[World, dict[str, Any]], Thing]) -> Answer:
    """`make` reads the parameters; what it made is answered, expanded as asked."""

    def answer(world: World, tree: dict[str, Any], _: str) -> Thing:
        made = make(world, tree)
        return expanded(world, made, list((tree.get("expand") or {}).values()))

    return answer


def change(kind: str, act: Callable[[World, Thing], Thing], *, param: str) -> Answer:
    """A deed that takes no parameters but `expand`."""

    def answer(world: World, tree: dict[str, Any], thing_id: str) -> Thing:
        given = read(tree, {"expand": ["str"]})
        done = act(world, world.find(kind, thing_id, param=param))
        return expanded(world, done, given.get("expand") or [])

    return answer


def list_of(kind: str, url: str, filters: tuple[str, ...], indexed: tuple[str, ...] = ()) -> Answer:
    """A list filtered by equality on `filters` and by `created`; `indexed` ones use the store's index."""
    spec = {**PAGING, **CREATED, **dict.fromkeys(filters, "str")}

    def answer(world: World, tree: dict[str, Any], _: str) -> Thing:
        given = read(tree, spec)
        in_time = created_filter(given)
        asked = [name for name in filters if name in given]

        def matches(thing: Thing) -> bool:
            return in_time(thing) and all(thing.get(name) == given[name] for name in asked)

        first = next((name for name in asked if name in indexed), None)
        among = world.store.where(kind, first, given[first]) if first is not None else None
        return page(world, kind, given, url=url, matches=matches, among=among)

    return answer

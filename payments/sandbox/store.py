"""What the sandbox remembers: things by kind and id, in memory for reading, in one SQLite file for keeping.

Only the event loop touches it, so a deed is whole or did not happen: `commit` writes everything a request
changed in one transaction, `roll_back` reads it back. Write-ahead logging without fsync survives the death of
the process (the page cache stays), which is what tests kill; it does not promise to survive a power cut.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

Thing = dict[str, Any]

# Fields by which lists are filtered often enough to deserve an index.
_INDEXED = {
    "checkout.session": ("payment_intent", "customer"),
    "order": ("intent",),
    "charge": ("payment_intent", "customer"),
    "payment_intent": ("customer",),
    "balance_transaction": ("source",),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
    "radar.early_fraud_warning": ("charge", "payment_intent"),
    "paid_out": ("payout",),
    "customer": ("email",),
    "payment_method": ("customer",),
    "subscription": ("customer",),
    "invoice": ("customer", "parent.subscription_details.subscription"),
    "invoice_payment": ("invoice", "payment.payment_intent"),
    "delivery": ("event",),
}


def copied(thing: Thing) -> Thing:
    """A deep copy; by way of JSON, which is several times faster than `copy.deepcopy`."""
    copy: Thing = json.loads(json.dumps(thing))
    return copy


def _at(thing: Thing, field: str) -> Any:
    """The value at `field`, whose dots lead into what is inside."""
    if "." not in field:
        return thing.get(field)
    found: Any = thing
    for step in field.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


class Store:
    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS things "
            "(kind TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, "
            "PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        self._seq = 0
        self._things: dict[str, dict[str, Thing]] = {}
        self._order: dict[str, list[str]] = {}
        self._place: dict[tuple[str, str], tuple[int, int]] = {}
        self._index: dict[tuple[str, str, str], dict[str, None]] = {}
        self._indexed_as: dict[tuple[str, str], dict[str, str]] = {}
        self._changed: dict[tuple[str, str], None] = {}
        self._gone: set[tuple[str, str]] = set()
        self._new_deliveries: list[str] = []
        self._load()

    def _load(self) -> None:
        for kind, thing_id, seq, body in self._db.execute(
            "SELECT kind, id, seq, body FROM things ORDER BY seq"
        ):
            self._remember(kind, thing_id, json.loads(body), seq)

    def _remember(self, kind: str, thing_id: str, thing: Thing, seq: int | None = None) -> None:
        things = self._things.setdefault(kind, {})
        if thing_id not in things:
            self._seq = seq if seq is not None else self._seq + 1
            order = self._order.setdefault(kind, [])
            self._place[kind, thing_id] = (len(order), self._seq)
            order.append(thing_id)
        things[thing_id] = thing
        self._reindex(kind, thing_id, thing)

    def _reindex(self, kind: str, thing_id: str, thing: Thing) -> None:
        known = self._indexed_as.setdefault((kind, thing_id), {})
        for field in _INDEXED.get(kind, ()):
            value = _at(thing, field)
            if known.get(field) == value:
                continue
            if field in known:
                self._index[kind, field, known.pop(field)].pop(thing_id, None)
            if isinstance(value, str):
                known[field] = value
                self._index.setdefault((kind, field, value), {})[thing_id] = None

    def get(self, kind: str, thing_id: str) -> Thing | None:
        """The living thing: change it, then `save` it."""
        return self._things.get(kind, {}).get(thing_id)

    def save(self, kind: str, thing: Thing) -> None:
        self._remember(kind, thing["id"], thing)
        self._changed[kind, thing["id"]] = None
        self._gone.discard((kind, thing["id"]))

        if kind == "delivery" and thing["status"] == "new":
            self._new_deliveries.append(thing["id"])

    def new_deliveries(self) -> list[Thing]:
        """The deliveries owed since the last time this was asked."""
        ids, self._new_deliveries = self._new_deliveries, []
        deliveries = self._things.get("delivery", {})
        return [deliveries[delivery_id] for delivery_id in ids if delivery_id in deliveries]

    def forget(self, kind: str, thing_id: str) -> None:
        """Drop a bookkeeping record (never an object of Stripe's: those are only ever added or changed)."""
        if self._things.get(kind, {}).pop(thing_id, None) is not None:
            self._changed.pop((kind, thing_id), None)
            self._gone.add((kind, thing_id))

    def all(self, kind: str) -> list[Thing]:
        """Oldest first."""
        return list(self._things.get(kind, {}).values())

    def count(self, kind: str) -> int:
        return len(self._things.get(kind, {}))

    def where(self, kind: str, field: str, value: str) -> list[Thing]:
        """By an indexed field, oldest first."""
        things = self._things.get(kind, {})
        return [things[thing_id] for thing_id in self._index.get((kind, field, value), ())]

    def newest_first(self, kind: str, *, after: str | None = None) -> Iterator[Thing]:
        """Every thing, newest first; those older than `after` when it is given."""
        order = self._order.get(kind, [])
        things = self._things.get(kind, {})
        start = self._place[kind, after][0] if after is not None else len(order)
        for place in range(start - 1, -1, -1):
            thing = things.get(order[place])
            if thing is not None:
                yield thing

    def oldest_first(self, kind: str, *, after: str) -> Iterator[Thing]:
        """The things newer than `after`, oldest first: what `ending_before` walks."""
        order = self._order.get(kind, [])
        things = self._things.get(kind, {})
        for place in range(self._place[kind, after][0] + 1, len(order)):
            thing = things.get(order[place])
            if thing is not None:
                yield thing

    def commit(self) -> None:
        if not self._changed and not self._gone:
            return
        rows = [
            (kind, thing_id, self._place[kind, thing_id][1], json.dumps(self._things[kind][thing_id]))
            for kind, thing_id in self._changed
        ]
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO things (kind, id, seq, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            rows,
        )
        if self._gone:
            self._db.executemany("DELETE FROM things WHERE kind = ? AND id = ?", sorted(self._gone))
        self._db.execute("COMMIT")
        self._changed.clear()
        self._gone.clear()

    def roll_back(self) -> None:
        """Put back what was saved or forgotten since the last commit."""
        for kind, thing_id in [*self._changed, *self._gone]:
            row = self._db.execute(
                "SELECT body FROM things WHERE kind = ? AND id = ?", (kind, thing_id)
            ).fetchone()
            if row is None:
                self._things.get(kind, {}).pop(thing_id, None)
                self._reindex(kind, thing_id, {})
            else:
                self._things[kind][thing_id] = json.loads(row[0])
                self._reindex(kind, thing_id, self._things[kind][thing_id])
        self._changed.clear()
        self._gone.clear()

    def fact(self, name: str) -> Any:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_fact(self, name: str, value: Any) -> None:
        self._db.execute(
            "INSERT INTO facts (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )

    def forget_everything(self) -> None:
        self._db.execute("DELETE FROM things")
        for memory in (self._things, self._order, self._place, self._index, self._indexed_as, self._changed):
            memory.clear()
        self._gone.clear()
        self._new_deliveries.clear()

    def close(self) -> None:
        self.commit()
        self._db.close()

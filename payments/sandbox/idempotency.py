"""Idempotency keys as API v1 keeps them: the first answer is replayed, other parameters are refused, two at
once conflict, and refusals before anything began are not kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from payments.sandbox.errors import Refusal
from payments.sandbox.store import Store, Thing


@dataclass
class IdempotencyKeys:
    store: Store
    busy: set[str] = field(default_factory=set)

    def begin(self, key: str, method: str, path: str, tree: dict[str, Any]) -> Thing | None:
        """The kept answer, or None when the request may run (and is now marked as running)."""
        if len(key) > 255:
            raise Refusal("Idempotency keys can be at most 255 characters long.")
        if key in self.busy:
            raise Refusal(
                "There is currently another in-progress request using this Idempotency Key (that probably "
                "means you submitted twice, and the other request is still going through). Please try again "
                "later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        kept = self.store.get("answer", key)
        if kept is None:
            self.busy.add(key)
            return None
        if kept["asked"] != fingerprint(method, path, tree):
            raise Refusal(
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        return kept

    def keep(self, key: str, answer: Thing) -> None:
        self.store.save("answer", {"id": key, **answer})

    def end(self, key: str) -> None:
        self.busy.discard(key)


def fingerprint(method: str, path: str, tree: dict[str, Any]) -> str:
    asked = json.dumps([method, path, tree], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()

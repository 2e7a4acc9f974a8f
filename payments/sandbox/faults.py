"""API faults on demand: too many requests, server errors, answers that never come, connections that break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payments.sandbox.errors import Refusal

KINDS = ("429", "500", "timeout_before", "timeout_after", "reset_before", "reset_after", "latency")


@dataclass
class Fault:
    path: str
    """Exact, or a prefix when it ends in `*`."""
    kind: str
    times: int
    method: str | None = None
    latency_ms: int = 0

    @classmethod
    def of(cls, wanted: dict[str, Any]) -> Fault:
        kind = str(wanted.get("kind", "latency"))
        if kind not in KINDS:
            raise Refusal(f"Unknown fault: {kind}. Known: {', '.join(KINDS)}", param="kind")
        return cls(
            path=str(wanted.get("path", "*")),
            kind=kind,
            times=int(wanted.get("times", 1)),
            method=wanted.get("method"),
            latency_ms=int(wanted.get("latency_ms", 0)),
        )

    def strikes(self, method: str, path: str) -> bool:
        if self.times <= 0 or (self.method is not None and self.method != method):
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


def next_fault(faults: list[Fault], method: str, path: str) -> Fault | None:
    """The first fault that strikes this request, used up by one."""
    for fault in faults:
        if fault.strikes(method, path):
            fault.times -= 1
            return fault
    return None


def refusal_for(kind: str) -> Refusal | None:
    if kind == "429":
        return Refusal(
            "Request rate limit exceeded. Learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.",
            status=429,
            code="rate_limit",
        )
    if kind == "500":
        return Refusal("An unknown error occurred.", status=500, kind="api_error")
    return None

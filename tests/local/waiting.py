"""Waiting for what another process does: on the condition, with a bound."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Return as soon as it holds; fail when it does not within the bound."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)

"""Work that is broken off, or overtaken, in the middle of what it was doing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from payments.database import engine
from payments.jobs import OutOfTime


@contextmanager
def just_before(statement: str, happens: Callable[[], None]) -> Iterator[None]:
    """It happens just before the first statement that begins so, whoever sends that, and only once."""
    waiting = [happens]

    def look(_connection: Any, _cursor: Any, said: str, *_: Any) -> None:
        if waiting and said.lstrip().startswith(statement):
            waiting.pop()()

    event.listen(engine(), "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(engine(), "before_cursor_execute", look)
    assert not waiting, f"nobody came to {statement}"


def time_is_up() -> None:
    """What Celery does to a worker: the error comes out of whatever line is just being run."""
    raise OutOfTime

"""Every place where a process may die, seen from outside: no line of the product knows of it.

`instrument` wraps the driver's statements and commits, the HTTP call to Stripe, each word of the
mail conversation, the bell and the API's answer, at the level of the libraries. A statement inside a
transaction is one point, before it: what a crash leaves behind is the same until the next one.
Whatever others can see (a commit, a call, an answer) is two, before and after. At the chosen point
the process sends itself SIGKILL, which nothing can catch.
"""

import functools
import os
import re
import signal
import smtplib
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import requests
from celery import Celery
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Points:
    """Counts the points as they are passed, tells each to a file, and dies at one of them."""

    def __init__(self, report: int, *, crash_at: int | None) -> None:
        self._report = report
        self._crash_at = crash_at
        self.passed = 0
        self._lock = threading.Lock()

    def pass_one(self, name: str) -> None:
        """One more; with the wrong number, the last."""
        with self._lock:
            self.passed += 1
            os.write(self._report, f"{name}\n".encode())
            if self.passed == self._crash_at:
                os.kill(os.getpid(), signal.SIGKILL)


def instrument(points: Points) -> None:
    """Wrap what leaves the process, for this process only."""
    for name in ("execute", "executemany", "copy"):
        _around_statement(psycopg.Cursor, name, points)
    _around(psycopg.Connection, "commit", points, lambda *_: "COMMIT")
    _around_async(psycopg.AsyncConnection, "execute", points, lambda _, query, *args, **kw: _words(query))
    _around(
        requests.Session, "send", points, lambda _, request, **kw: f"{request.method} {request.path_url[:30]}"
    )
    _around(smtplib.SMTP, "getreply", points, lambda *_: "the mail server's answer")
    _around(Celery, "send_task", points, lambda _, name, *args, **kw: f"the bell {name.rpartition('.')[2]}")
    _around_async(RequestResponseCycle, "send", points, lambda _, message: message["type"])


def _around_statement(owner: type, method: str, points: Points) -> None:
    """A statement that commits by itself is seen by others, so it has an after."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapped(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        points.pass_one(f"before {_words(query)}")
        answer = original(cursor, query, *args, **kwargs)
        if cursor.connection.autocommit:
            points.pass_one(f"after {_words(query)}")
        return answer

    setattr(owner, method, wrapped)


def _around(owner: type, method: str, points: Points, name: Callable[..., str]) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        what = name(*args, **kwargs)
        points.pass_one(f"before {what}")
        answer = original(*args, **kwargs)
        points.pass_one(f"after {what}")
        return answer

    setattr(owner, method, wrapped)


def _around_async(owner: type, method: str, points: Points, name: Callable[..., str]) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        what = name(*args, **kwargs)
        points.pass_one(f"before {what}")
        answer = await original(*args, **kwargs)
        points.pass_one(f"after {what}")
        return answer

    setattr(owner, method, wrapped)


def _words(query: Any) -> str:
    """The statement's verb and what it is about, enough to find it again."""
    words = re.sub(r"\s+", " ", query if isinstance(query, str) else repr(query)).strip()
    about = re.search(r"\b(?:from|into|update|savepoint|lock)\b (?:only )?(\w+)", words, re.IGNORECASE)
    return f"{words.split(' ')[0].upper()} {about[1] if about else ''}".strip()

"""One line an event, as JSON or for a terminal, with the ids that lead to it and without a donor.

What may be logged is a list of names, not a list of exceptions: a value under any other name is
dropped, so an address that somebody adds to a log call by mistake never reaches the file.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from payments.settings import settings

MAY_BE_LOGGED = frozenset(
    {
        # written by structlog itself
        "event", "level", "timestamp", "logger", "exception", "stack",
        # which request, task, row or object of Stripe's this is about
        "request_id", "task", "task_id", "donation_id", "receipt_id", "mail_id", "stripe_event_id",
        "monthly_gift_id", "change", "statement_id", "stripe_invoice_id", "about",
        # how it went: codes, counts and times
        "method", "route", "status", "duration_ms", "reason", "trouble", "bell", "events", "count",
        "done", "delayed", "parked", "answer", "name", "code",
        "matched", "opened", "gone", "open", "blocks_close",
    }
)  # fmt: skip


def configure() -> None:
    """Send every library's lines the same way; called once when a process starts."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _only_known_names,
        _without_rows,
    ]
    writer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings().log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, writer],
        )
    )
    # structlog's own loggers take the same road; by default they print to standard output at any level.
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level.upper())
    # Their lines hold whole addresses, with a query that may name a person; ours have the route.
    for chatty in ("uvicorn.access", "stripe", "httpx", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for own in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own).handlers[:] = []
        logging.getLogger(own).propagate = True


def bind(**ids: str) -> None:
    """Ids that every line of this request or task carries from here on."""
    structlog.contextvars.bind_contextvars(**ids)


def unbind_all() -> None:
    """The request or task is over."""
    structlog.contextvars.clear_contextvars()


def _only_known_names(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in line.items() if name in MAY_BE_LOGGED or name.startswith("_")}


# To the end of the message, or to the statement that SQLAlchemy adds to it. In the `repr` of an error a new
# line is two characters.
_DETAIL = re.compile(r"(?:\n|\\n)(?:DETAIL|CONTEXT): .*?(?=(?:\n|\\n)\[SQL|\n\n|\Z)", re.DOTALL)


def _without_rows(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """PostgreSQL explains its errors with the row that did not fit, and a row may hold a donor."""
    for name in ("event", "exception", "trouble"):
        if isinstance(line.get(name), str):
            line[name] = _DETAIL.sub("", line[name])
    return line

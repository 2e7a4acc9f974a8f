"""One deed in a process that kills itself at a chosen point.

    CRASH_AT=17 python -m tests.faults.crash apply_events

runs the worker's deed and dies by SIGKILL at its 17th point (`points.py` says what those are);
without CRASH_AT it prints them all and their number. With no deed it takes orders, one line of JSON
each, and forks a process for every order: imports cost a second, a fork some milliseconds, so
hundreds of deaths fit into a test. The parent never opens a connection and never sets a page, because
neither survives a fork.
"""

import http.client
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from sqlalchemy.orm import configure_mappers

from payments.app import app
from payments.database import engine
from payments.stripe_gateway.client import gateway
from tests.faults.points import Points, instrument
from workers.monthly import end_disputed, give_back_after_end, submit_changes
from workers.privacy import delete_customers
from workers.receipts import issue_receipts, send_mail, write_documents
from workers.webhooks import apply_events, pull_balance_transactions, sweep_events

DEEDS: dict[str, Callable[[], None]] = {
    "apply_events": apply_events,
    "pull_balance_transactions": pull_balance_transactions,
    "sweep_events": sweep_events,
    "issue_receipts": issue_receipts,
    "write_documents": write_documents,
    "send_mail": send_mail,
    "submit_changes": submit_changes,
    "delete_customers": delete_customers,
    "end_disputed": end_disputed,
    "give_back_after_end": give_back_after_end,
}
_LONGEST = 30.0
_QUIET = 0.06


def main() -> None:
    """One deed from the command line, or orders from standard input."""
    if len(sys.argv) > 1:
        crash_at = os.environ.get("CRASH_AT")
        points = Points(sys.stdout.fileno(), crash_at=int(crash_at) if crash_at else None)
        instrument(points)
        DEEDS[sys.argv[1]]()
        _say(f"{points.passed} points")
        return
    # Made once, before the forks: they take longer than most deeds.
    gateway()
    engine()
    configure_mappers()
    _say("ready")
    for line in sys.stdin:
        _say(json.dumps(obey(json.loads(line))))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, let the child run the order until it ends or dies, and tell what was seen of it."""
    listener = socket.create_server(("127.0.0.1", 0)) if "request" in order else None
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _run_and_exit(order, telling, listener)
    os.close(telling)
    answer = None
    try:
        if listener is not None:
            port = listener.getsockname()[1]
            listener.close()
            answer = _ask(port, order["request"])
        passed = _read_to_end(told, child, quiet_after=_QUIET if answer is not None else None)
    finally:
        os.close(told)
        _, status = os.waitpid(child, 0)
    was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {
        "killed": was_killed,
        "exit": None if was_killed else os.waitstatus_to_exitcode(status),
        "points": passed,
        "answer": answer,
    }


def _run_and_exit(order: dict[str, Any], telling: int, listener: socket.socket | None) -> None:
    code = 1
    try:
        sys.stdin.close()
        # A run under `nohup` ignores it, and so would its children.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        instrument(Points(telling, crash_at=order.get("crash_at")))
        if listener is not None:
            _serve(listener)
        else:
            DEEDS[order["deed"]]()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve(listener: socket.socket) -> None:
    config = uvicorn.Config(
        app, lifespan="off", access_log=False, log_config=None, http="httptools", ws="none"
    )
    uvicorn.Server(config).run(sockets=[listener])


def _ask(port: int, request: dict[str, Any]) -> list[Any] | None:
    """The status and the body, or None when the connection broke before the whole answer was here."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LONGEST)
    try:
        connection.request("POST", request["path"], request["body"].encode(), request["headers"])
        answer = connection.getresponse()
        return [answer.status, answer.read().decode()]
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _read_to_end(told: int, child: int, *, quiet_after: float | None) -> list[str]:
    """What the child said it passed, until its death closes its end of the pipe.

    A server never ends by itself: once it has answered and has said nothing for a while, it is ended.
    """
    said = b""
    pause = quiet_after or _LONGEST
    with selectors.DefaultSelector() as looking:
        looking.register(told, selectors.EVENT_READ)
        while True:
            if not looking.select(pause):
                os.kill(child, signal.SIGHUP if quiet_after else signal.SIGABRT)
                pause = _LONGEST
                continue
            piece = os.read(told, 65536)
            if not piece:
                return said.decode().splitlines()
            said += piece


if __name__ == "__main__":
    main()

"""`python -m bench.measuring.drainer`: our own task, called in a process that waits for its word.

A number on standard input applies that many events, so that connections are open and statements are
compiled; an empty line runs the very function the Celery worker runs, bells and all, until nothing is
due. Each answers with the seconds it took. So what is measured begins after the imports.
"""

import json
import sys
import time

import payments.models  # noqa: F401 - every table, so that foreign keys find theirs
from payments.database import transaction
from payments.webhooks import process
from workers.webhooks import apply_events


def main() -> None:
    """Wait, work, say how long it took."""
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        if line.strip():
            with transaction() as session:
                process.apply_due(session, limit=int(line))
        else:
            apply_events()
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()

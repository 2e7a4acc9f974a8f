"""The worker container's health: has this worker noted in the database that it hears its bells?

Beat rings for a heartbeat every ten seconds and any one worker answers, so five minutes are enough
for a handful of workers to have had their turn. It is a look, not a ping: `celery inspect ping`
calls a busy worker dead.
"""

import os
import socket
import sys

import psycopg

LONGEST_SILENCE = "5 minutes"


def main() -> int:
    """0 when this machine's worker was heard from, 1 when not."""
    url = os.environ["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url, connect_timeout=4) as connection:
        heard = connection.execute(
            "SELECT count(*) FROM worker_heartbeats"
            " WHERE starts_with(name, %s) AND beaten_at > now() - %s::interval",
            [f"{socket.gethostname()}:", LONGEST_SILENCE],
        ).fetchone()
    return 0 if heard and heard[0] else 1


if __name__ == "__main__":
    sys.exit(main())

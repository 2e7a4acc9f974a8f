"""Workers without Celery, for chaos: each does all deeds over and over; a dead one is replaced at once.

The parent imports once and forks, so a replacement costs milliseconds. Whoever wants a death sends
SIGKILL to a child.
"""

import logging
import os
import random
import signal
import sys
import time

from sqlalchemy.orm import configure_mappers

from payments.local.keeper import die_with_parent
from payments.stripe_gateway.client import gateway
from workers.receipts import issue_receipts, send_mail, write_documents
from workers.webhooks import apply_events, pull_balance_transactions, sweep_events

log = logging.getLogger(__name__)

DEEDS = [
    *(sweep_events, apply_events, pull_balance_transactions),
    *(issue_receipts, write_documents, send_mail),
]


def main() -> None:
    """Keep so many workers alive."""
    gateway()
    configure_mappers()
    alive: set[int] = set()
    while True:
        while len(alive) < int(sys.argv[1]):
            pid = os.fork()
            if pid == 0:
                die_with_parent(signal.SIGKILL)
                work()
            alive.add(pid)
        alive.discard(os.wait()[0])


def work() -> None:
    """Every deed in any order, for ever; a database that is away is asked again."""
    random.seed(os.urandom(8))
    while True:
        for deed in random.sample(DEEDS, len(DEEDS)):
            try:
                deed()
            except Exception as trouble:
                log.info("%s: %s", deed.__name__, type(trouble).__name__)
                time.sleep(0.1)
        time.sleep(0.02)


if __name__ == "__main__":
    main()

"""Housekeeping by the clock."""

import os
import socket

from payments.database import transaction
from payments.jobs import beat_heart, celery


@celery().task(name="workers.sweeps.heartbeat")
def heartbeat() -> None:
    """Show in the database that this worker hears its bells."""
    with transaction() as session:
        beat_heart(session, name=f"{socket.gethostname()}:{os.getppid()}")

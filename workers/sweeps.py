"""Housekeeping by the clock."""

import os
import socket

from payments.database import transaction
from payments.jobs import Bell, beat_heart, celery


@celery().task(name=Bell.HEARTBEAT.value)
def heartbeat() -> None:
    """Show in the database that this worker hears its bells."""
    with transaction() as session:
        beat_heart(session, name=f"{socket.gethostname()}:{os.getppid()}")

"""Housekeeping by the clock."""

import os
import socket

from payments.database import transaction
from payments.jobs import Bell, beat_heart, celery
from payments.korea import keeping


@celery().task(name=Bell.HEARTBEAT.value)
def heartbeat() -> None:
    """Show in the database that this worker hears its bells."""
    with transaction() as session:
        beat_heart(session, name=f"{socket.gethostname()}:{os.getppid()}")


@celery().task(name=Bell.FORGET_NUMBERS.value)
def forget_numbers() -> None:
    """Delete the registration numbers that nobody may ask for any more."""
    with transaction() as session:
        keeping.sweep(session)

"""The hand that mails the links of monthly gifts to whoever asked for them."""

import time

from payments.database import transaction
from payments.jobs import Bell, celery
from payments.monthly import link_requests

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.ANSWER_LINK_REQUESTS.value)
def answer_link_requests() -> None:
    """Look up what was asked until nothing is left."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if link_requests.answer(session) < link_requests.BATCH:
                return

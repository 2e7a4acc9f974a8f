"""The hand that mails the link to all gifts to whoever asked for it, and forgets who used one."""

import time

from payments.database import transaction
from payments.giving import asking, sessions
from payments.jobs import Bell, celery

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.ANSWER_LINK_REQUESTS.value)
def answer_link_requests() -> None:
    """Look up what was asked until nothing is left, and forget who looked at their gifts before."""
    with transaction() as session:
        sessions.forget_old(session)
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if asking.answer(session) < asking.BATCH:
                return

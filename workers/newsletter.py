"""The hands of the newsletter: mail whoever was typed into the box, and look after the list."""

import time

from payments.database import transaction
from payments.donations import organisation as charity
from payments.jobs import Bell, celery
from payments.supporters.newsletter import asking, keeping

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.ANSWER_NEWSLETTER.value)
def answer_newsletter() -> None:
    """Look up what was asked until nothing is left."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if asking.answer(session, charity.letterhead(session)) < asking.BATCH:
                return


@celery().task(name=Bell.TEND_READERS.value)
def tend_readers() -> None:
    """Stop what was complained of, forget what is old, remind who is due."""
    with transaction() as session:
        keeping.let_go_undeliverable(session)
        keeping.stop_complained(session, charity.letterhead(session))
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            forgotten = keeping.forget_old(session)
            reminded = keeping.remind(session, charity.letterhead(session))
        if max(forgotten, reminded) < keeping.BATCH:
            return

"""What is decided about is held: the promise first, as everywhere, and all of it as it is by then."""

import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from payments.clock import now
from payments.database import transaction
from payments.donations.models import Organisation
from payments.monthly import changes, dunning, submission, tries
from payments.monthly.models import MonthlyInvoice
from tests.monthly.promises import a_monthly_gift


def _a_step() -> tries.Step:
    """Ada's instalment was refused, and a hand has taken what is to be done about it."""
    with transaction() as session:
        gift = a_monthly_gift(session)
        refused = MonthlyInvoice(
            stripe_invoice_id="in_1", monthly_gift_id=gift.id, status="open", currency="usd", amount_due=3000
        )
        session.add(refused)
        session.flush()
        dunning.instalment_refused(session, gift, refused, refused_at=now())
    with transaction() as session:
        step = tries.take(session)
    assert step is not None
    return step


def _hold(step: tries.Step) -> tuple[str, str, int | None]:
    with transaction() as session:
        held = dunning._hold(session, step)
        return held.gift.locale, held.refusal.status, held.invoice.amount_due


def _somebody_waits() -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with transaction() as session:
            if session.scalar(text("select count(*) from pg_locks where not granted")):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def _nobody_else_has_the_gift() -> bool:
    with transaction() as session:
        return bool(session.execute(text("select from monthly_gifts for update skip locked")).all())


def test_whoever_had_to_wait_for_a_refusal_sees_what_was_written_meanwhile(organisation: Organisation):
    step = _a_step()

    with ThreadPoolExecutor() as other, transaction() as session:
        session.execute(text("update monthly_gifts set locale = 'ko'"))
        session.execute(text("update monthly_invoices set amount_due = 2900"))
        session.execute(text("update monthly_refusals set status = 'over', due_at = null"))
        held = other.submit(_hold, step)
        _somebody_waits()
        session.commit()

        assert held.result() == ("ko", "over", 2900)


def test_a_refusal_is_held_after_its_gift(organisation: Organisation):
    step = _a_step()

    with ThreadPoolExecutor() as other, transaction() as session:
        session.execute(text("select from monthly_refusals for update"))
        held = other.submit(_hold, step)
        _somebody_waits()

        assert not _nobody_else_has_the_gift()
        session.commit()
        held.result()


def test_a_change_is_held_after_its_gift(organisation: Organisation):
    with transaction() as session:
        change = changes.change_day(session, a_monthly_gift(session).id, day=3)

    def note_later() -> None:
        with transaction() as session:
            submission.note_later(session, change.id)

    with ThreadPoolExecutor() as other, transaction() as session:
        session.execute(text("select from monthly_changes for update"))
        noted = other.submit(note_later)
        _somebody_waits()

        assert not _nobody_else_has_the_gift()
        session.commit()
        noted.result()

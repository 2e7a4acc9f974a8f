"""What time does to the list: addresses go when nothing asks for them, and who agreed is reminded of it."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from payments.clock import now
from payments.database import new_id, transaction
from payments.mail import outbox
from payments.mail.models import MailReport, MailStatus, OutgoingMail
from tests.newsletter.conftest import (
    ADA,
    a_question,
    a_subscriber,
    is_known,
    log,
    mails,
    reader,
    stops,
    text_of,
    the_worker_tends,
    words,
)

pytestmark = pytest.mark.usefixtures("letterhead")


def after(days: float) -> None:
    with time_machine.travel(now() + timedelta(days=days)):
        the_worker_tends()


def all_that_the_outbox_holds() -> str:
    with transaction() as session:
        rows = session.execute(select(OutgoingMail.to_address, OutgoingMail.message))
        return "\n".join(f"{row.to_address} {row.message!r}" for row in rows)


def test_an_address_that_nobody_confirms_is_forgotten_after_a_week_with_its_letter() -> None:
    a_question()

    after(6.9)
    assert is_known()
    after(7.1)

    assert not is_known()
    assert ADA not in all_that_the_outbox_holds()
    assert words() == [("asked", "box")], "that somebody asked stays, and names nobody"


def test_a_mail_that_has_not_left_does_not_leave_once_its_reader_is_forgotten() -> None:
    a_question()

    after(8)

    with transaction() as session:
        assert outbox.take(session) is None
        assert session.scalars(select(OutgoingMail.status)).all() == [MailStatus.LET_GO]


def test_a_no_is_remembered_for_a_month_and_a_stop_for_a_year() -> None:
    a_question("no@example.com")
    stops(reader("no@example.com").id)
    a_subscriber("stop@example.com")
    stops(reader("stop@example.com").id)

    after(29)
    assert is_known("no@example.com")
    after(31)
    assert not is_known("no@example.com")
    after(364)
    assert is_known("stop@example.com")
    after(366)
    assert not is_known("stop@example.com")
    assert len(log()) == 5


def test_a_subscriber_is_kept_and_reminded_within_two_years_again_and_again() -> None:
    a_subscriber()
    agreed = log()[1].at

    for days in (699, 701, 702, 1402):
        after(days)

    assert words()[2:] == [("reminded", "calendar")] * 2
    assert reader().standing == "subscribed"
    assert all(entry.at - agreed < timedelta(days=730 * number) for number, entry in enumerate(log()[2:], 1))
    told = text_of(mails()[-1][2])
    assert "you agreed to receive the newsletter of Lantern Path" in told
    assert "/newsletter/stop/" in told


def test_who_complains_of_a_letter_gets_none_any_more() -> None:
    a_subscriber()
    complains("newsletter_welcome")

    the_worker_tends()
    the_worker_tends()

    assert reader().standing == "withdrawn"
    assert words()[-1] == ("withdrawn", "complaint")


def test_an_old_complaint_does_not_stop_who_began_again() -> None:
    a_subscriber()
    complains("newsletter_welcome")
    the_worker_tends()

    with time_machine.travel(now() + timedelta(hours=2)):
        a_subscriber()
        the_worker_tends()

    assert reader().standing == "subscribed"


def test_a_letter_that_reaches_nobody_waits_for_no_person() -> None:
    a_question()
    with transaction() as session:
        session.execute(update(OutgoingMail).values(status=MailStatus.BOUNCED.value))

    the_worker_tends()

    with transaction() as session:
        assert session.scalars(select(OutgoingMail.status)).all() == [MailStatus.LET_GO]


def complains(fact: str) -> None:
    with transaction() as session:
        mail = session.scalars(select(OutgoingMail).where(OutgoingMail.reference.startswith(fact))).one()
        session.add(
            MailReport(
                id=new_id("mrp"),
                outgoing_mail_id=mail.id,
                kind="complained",
                code="SpamComplaint",
                source="postmark",
                key=new_id("key"),
            )
        )

"""The outbox: owed once with its deed, taken by one sender at a time, never lost and never silent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import checkup
from payments.database import transaction
from payments.mail import outbox
from payments.mail.models import OutgoingMail
from payments.mail.outbox import GIVE_UP_AFTER, LEASE, Leased


def owe(reference: str = "receipt:rcp_1", message: bytes = b"the bytes") -> None:
    with transaction() as session:
        outbox.put(
            session,
            reference=reference,
            to_address="ada@example.com",
            message_id=outbox.message_id(reference),
            message=message,
        )


def take() -> Leased | None:
    with transaction() as session:
        return outbox.take(session)


def the_mail() -> OutgoingMail:
    with transaction() as session:
        return session.scalars(select(OutgoingMail)).one()


def seconds_until_next() -> float:
    with transaction() as session:
        found = session.scalar(text("select extract(epoch from next_at - now()) from outgoing_mails"))
        return float(found)


def time_passes() -> None:
    with transaction() as session:
        session.execute(text("update outgoing_mails set next_at = now()"))


def taken() -> Leased:
    found = take()
    assert found is not None
    return found


def test_a_mail_is_owed_only_if_its_deed_is(database: str):
    with pytest.raises(ZeroDivisionError):
        a_deed_that_fails()

    assert take() is None


def a_deed_that_fails() -> None:
    with transaction() as session:
        outbox.put(session, reference="receipt:1", to_address="a@b.example", message_id="<1>", message=b"")
        raise ZeroDivisionError


def test_the_same_news_is_owed_once_and_its_first_bytes_stand(database: str):
    owe(message=b"first")
    owe(message=b"second")

    assert taken().message == b"first"
    assert take() is None


def test_a_letter_that_is_to_leave_later_is_not_late_before_its_hour(database: str):
    with transaction() as session:
        outbox.put(
            session,
            reference="statement:gst_1",
            to_address="ada@example.com",
            message_id="<1>",
            message=b"",
            delay=timedelta(hours=5),
        )

    found = []
    for hours in (1, 5):
        with transaction() as session:
            session.execute(
                text("update outgoing_mails set queued_at = queued_at - :passed"),
                {"passed": timedelta(hours=hours)},
            )
            found.append(checkup.queues(session))

    assert (found[0].mails_due, found[0].mails_oldest) == (0, 0)
    assert (found[1].mails_due, found[1].mails_oldest >= 3600) == (1, True)


def test_a_mail_in_one_hand_is_in_no_other(database: str):
    owe("receipt:1")
    owe("receipt:2")

    with ThreadPoolExecutor(6) as senders:
        leases = [lease for lease in senders.map(lambda _: take(), range(12)) if lease is not None]

    assert len(leases) == 2
    assert len({lease.id for lease in leases}) == 2


def test_a_sender_that_died_leaves_a_mail_that_is_due_again_with_the_same_bytes(database: str):
    owe()
    first = taken()
    assert take() is None
    assert LEASE.total_seconds() - 5 < seconds_until_next() <= LEASE.total_seconds()

    time_passes()
    second = taken()

    assert (second.id, second.message) == (first.id, first.message)
    assert second.lease != first.lease
    assert second.attempts == 2


def test_what_was_sent_is_never_taken_again(database: str):
    owe()
    mail = taken()
    with transaction() as session:
        outbox.note_sent(session, mail)

    time_passes()

    assert take() is None
    assert the_mail().status == "sent"
    assert the_mail().sent_at is not None


@pytest.mark.parametrize("note", [outbox.note_refused, outbox.note_delayed])
def test_a_sender_whose_lease_was_taken_over_may_not_say_no(database: str, note):
    owe()
    slow = taken()
    time_passes()
    quick = taken()

    with transaction() as session:
        note(session, slow, "550")

    assert the_mail().status == "queued"
    assert the_mail().lease == quick.lease


def test_a_sender_whose_lease_was_taken_over_may_still_say_that_it_was_delivered(database: str):
    owe()
    slow = taken()
    time_passes()
    taken()

    with transaction() as session:
        outbox.note_sent(session, slow)
    time_passes()

    assert the_mail().status == "sent"
    assert take() is None


def test_a_delivery_is_not_unsaid_by_the_other_sender(database: str):
    owe()
    slow = taken()
    time_passes()
    quick = taken()
    with transaction() as session:
        outbox.note_sent(session, slow)
        outbox.note_refused(session, quick, "550")
        outbox.note_delayed(session, quick, "451")

    assert the_mail().status == "sent"


def test_a_mail_that_was_refused_waits_for_a_person_with_the_answer(database: str):
    owe()
    mail = taken()

    with transaction() as session:
        outbox.note_refused(session, mail, "550")
    time_passes()

    assert (the_mail().status, the_mail().last_answer) == ("refused", "550")
    assert take() is None


def test_a_mail_is_tried_less_and_less_often_and_then_given_up(database: str):
    owe()
    pauses = []
    for _ in range(GIVE_UP_AFTER):
        mail = taken()
        with transaction() as session:
            outbox.note_delayed(session, mail, "451")
        pauses.append(round(seconds_until_next()))
        time_passes()

    assert pauses[:4] == [20, 40, 80, 160]
    assert pauses[:-1] == sorted(pauses[:-1])
    assert max(pauses[:-1]) == 3600
    assert sum(pauses[:-1]) > 24 * 3600
    assert (the_mail().status, the_mail().last_answer) == ("given_up", "451")
    assert take() is None


def test_the_message_id_of_a_thing_is_the_same_for_ever(database: str, with_settings):
    with_settings(mail_from="Lantern Path <giving@lanternpath.example>")

    assert outbox.message_id("rcp_1") == outbox.message_id("rcp_1") == "<rcp_1@lanternpath.example>"


def test_the_mail_that_waits_longest_goes_first(database: str, session: Session):
    owe("receipt:1")
    owe("receipt:2")
    session.execute(
        text("update outgoing_mails set next_at = now() - interval '1 hour' where reference = 'receipt:2'")
    )
    session.commit()
    with transaction() as other:
        second = other.scalars(select(OutgoingMail.id).where(OutgoingMail.reference == "receipt:2")).one()

    assert taken().id == second

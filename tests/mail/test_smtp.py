"""To the mail server and back: sent, refused, or not now, whatever mood it is in."""

import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.mail import outbox
from payments.mail.models import OutgoingMail
from payments.mail.smtp import MailDelayed, MailRefused, MailServer
from tests.journeys.neighbours import PostOffice
from workers.receipts import send_mail

SENDER = "Lantern Path <giving@lanternpath.example>"


def a_letter(reference: str = "rcp_1", to_address: str = "ada@example.com") -> bytes:
    letter = EmailMessage()
    letter["From"] = SENDER
    letter["To"] = to_address
    letter["Subject"] = "등불길: 감사합니다"
    letter["Message-ID"] = f"<{reference}@lanternpath.example>"
    letter.set_content("고맙습니다, Ada.\n\n.a line that begins with a dot\n")
    letter.add_attachment(b"%PDF-1.7 \x00\xff", maintype="application", subtype="pdf", filename="r.pdf")
    return letter.as_bytes(policy=SMTP)


def send(office: PostOffice, *, patience: float = 5, letter: bytes = b"") -> None:
    with MailServer(f"{office.smtp_url}?timeout={patience}", sender=SENDER) as server:
        server.send("ada@example.com", letter or a_letter())


def owe(*references: str, to_address: str = "ada@example.com") -> None:
    with transaction() as session:
        for reference in references:
            outbox.put(
                session,
                reference=f"receipt:{reference}",
                to_address=to_address,
                message_id=f"<{reference}@lanternpath.example>",
                message=a_letter(reference, to_address),
            )


def standing() -> list[tuple[str, str | None, int]]:
    with transaction() as session:
        rows = session.execute(
            select(OutgoingMail.status, OutgoingMail.last_answer, OutgoingMail.attempts).order_by(
                OutgoingMail.reference
            )
        )
        return [(str(row[0]), row[1], row[2]) for row in rows]


def hours_pass() -> None:
    with transaction() as session:
        session.execute(text("update outgoing_mails set next_at = now()"))


def test_a_letter_arrives_byte_for_byte(post_office: PostOffice):
    letter = a_letter()

    send(post_office, letter=letter)

    [mail] = post_office.mails()
    assert post_office.raw(mail["ID"]) == letter
    assert mail["ReturnPath"] == "giving@lanternpath.example"


def test_many_letters_go_over_one_connection(post_office: PostOffice):
    with MailServer(post_office.smtp_url, sender=SENDER) as server:
        for number in range(5):
            server.send("ada@example.com", a_letter(f"rcp_{number}"))

    assert len(post_office.mails()) == 5


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_no_for_now_is_told_from_a_no_for_ever(post_office: PostOffice, stage: str):
    post_office.is_in_the_mood_to("refuse_4xx", at=stage)
    with pytest.raises(MailDelayed):
        send(post_office)

    post_office.is_in_the_mood_to("accept")
    send(post_office)
    assert len(post_office.mails()) == 1


@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_a_no_for_ever_is_told_by_its_number_alone(post_office: PostOffice, stage: str):
    post_office.is_in_the_mood_to("refuse_5xx", at=stage)

    with pytest.raises(MailRefused) as refusal:
        send(post_office)

    assert str(refusal.value) == "550"


def test_a_refusal_of_the_sender_is_no_fault_of_the_donors_address(post_office: PostOffice):
    post_office.is_in_the_mood_to("refuse_5xx", at="mail")

    with pytest.raises(MailDelayed):
        send(post_office)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_server_that_falls_silent_is_waited_for_only_so_long(post_office: PostOffice, stage: str):
    post_office.is_in_the_mood_to("hang", at=stage, times=1)
    began = time.monotonic()

    with pytest.raises(MailDelayed):
        send(post_office, patience=0.3)

    assert time.monotonic() - began < 3


def test_nobody_listening_is_not_now():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        server = MailServer(f"smtp://127.0.0.1:{unheard.getsockname()[1]}", sender=SENDER)

        with pytest.raises(MailDelayed):
            server.send("ada@example.com", a_letter())


def test_a_server_that_does_not_greet_is_not_now():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}?timeout=0.2"
        server = MailServer(url, sender=SENDER)

        with pytest.raises(MailDelayed):
            server.send("ada@example.com", a_letter())


def test_what_is_owed_is_sent_and_noted(database: str, post_office: PostOffice):
    owe("rcp_1", "rcp_2", "rcp_3")

    send_mail()
    send_mail()

    assert standing() == [("sent", None, 1)] * 3
    assert {mail["MessageID"] for mail in post_office.mails()} == {
        f"rcp_{number}@lanternpath.example" for number in (1, 2, 3)
    }


def test_one_refused_address_holds_up_no_other_mail(database: str, post_office: PostOffice):
    owe("rcp_1", "rcp_2", "rcp_3")
    post_office.is_in_the_mood_to("refuse_5xx", at="rcpt", times=1)

    send_mail()

    assert sorted(standing(), key=str) == [("refused", "550", 1), ("sent", None, 1), ("sent", None, 1)]
    assert len(post_office.mails()) == 2


def test_a_busy_server_gets_the_mail_later(database: str, post_office: PostOffice):
    owe("rcp_1")
    post_office.is_in_the_mood_to("refuse_4xx")
    send_mail()
    assert standing() == [("queued", "451", 1)]

    post_office.is_in_the_mood_to("accept")
    send_mail()
    assert post_office.mails() == []
    hours_pass()
    send_mail()

    assert standing() == [("sent", None, 2)]
    assert len(post_office.mails()) == 1


def test_an_answer_lost_after_the_letter_sends_the_very_same_letter_again(
    database: str, post_office: PostOffice
):
    owe("rcp_1")
    post_office.is_in_the_mood_to("cut_after_data", times=1)
    send_mail()
    assert standing()[0][0] == "queued"

    hours_pass()
    send_mail()

    first, second = post_office.mails()
    assert standing() == [("sent", None, 2)]
    assert first["MessageID"] == second["MessageID"] == "rcp_1@lanternpath.example"
    assert post_office.raw(first["ID"]) == post_office.raw(second["ID"])


MOODS = ["refuse_4xx", "refuse_5xx", "hang", "cut_after_data", "accept_then_hang", "accept"]


def test_through_the_worst_of_servers_nothing_stays_unsent_and_only_what_was_in_doubt_comes_twice(
    database: str, post_office: PostOffice, with_settings: Callable[..., None]
):
    with_settings(smtp_url=f"{post_office.smtp_url}?timeout=0.15", broker_url="memory://")
    luck = random.Random(2026)  # noqa: S311 - the same bad luck every time
    in_doubt = 0
    for number in range(30):
        owe(f"rcp_{number}")
        mood = luck.choice(MOODS)
        post_office.is_in_the_mood_to(mood, times=1, at=luck.choice(["mail", "rcpt", "data"]))
        in_doubt += mood in {"cut_after_data", "accept_then_hang"}
        hours_pass()
        send_mail()
    post_office.is_in_the_mood_to("accept")
    for mail_id in held():
        with transaction() as session:
            outbox.send_again(session, mail_id)
    hours_pass()
    send_mail()

    came = Counter(mail["MessageID"] for mail in post_office.mails())
    assert {row[0] for row in standing()} == {"sent"}
    assert set(came) == {f"rcp_{number}@lanternpath.example" for number in range(30)}
    assert 0 < came.total() - 30 <= in_doubt


def held() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(OutgoingMail.id).where(OutgoingMail.status == "refused")))


def test_no_answer_kept_in_the_outbox_repeats_an_address(
    database: str, post_office: PostOffice, with_settings: Callable[..., None]
):
    owe("rcp_1")
    with_settings(smtp_url="smtp://127.0.0.1:1", broker_url="memory://")

    send_mail()

    assert standing() == [("queued", "ConnectionRefusedError", 1)]

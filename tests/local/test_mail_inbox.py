"""The inbox takes real mail, answers as Mailpit does, and can be as unkind as a mail server gets."""

import re
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests

PDF = b"%PDF-1.7 not really, but the bytes must arrive unchanged\n\x00\xff"
SUBJECT = "기부금 영수증 2026-000118 (₩50,000)"


@dataclass
class Inbox:
    process: subprocess.Popen[str]
    url: str
    smtp_port: int

    def send(self, message: EmailMessage, *, timeout: float = 10) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=timeout) as connection:
            connection.send_message(message)

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def mood(self, mood: str, **more: Any) -> None:
        requests.post(f"{self.url}/_mail/mood", json={"mood": mood, **more}, timeout=10).raise_for_status()

    def stop(self) -> float:
        began = time.monotonic()
        self.process.terminate()
        self.process.communicate(timeout=10)
        return time.monotonic() - began


def open_inbox(folder: Path) -> Inbox:
    command = [sys.executable, "-m", "payments.sandbox.mail_catcher", "--smtp-port", "0", "--http-port", "0"]
    process = subprocess.Popen([*command, "--data", str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    said = re.fullmatch(r"mail inbox listening on (http://127\.0\.0\.1:\d+) smtp 127\.0\.0\.1:(\d+)\n", line)
    assert said is not None, line
    return Inbox(process, said[1], int(said[2]))


@pytest.fixture(scope="module")
def shared_inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    inbox = open_inbox(tmp_path_factory.mktemp("mail"))
    yield inbox
    inbox.stop()


@pytest.fixture
def inbox(shared_inbox: Inbox) -> Inbox:
    shared_inbox.mood("accept")
    requests.delete(f"{shared_inbox.url}/api/v1/messages", timeout=10).raise_for_status()
    return shared_inbox


def a_receipt(*, message_id: str = "<receipt-1@example.org>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "River Hospital Foundation <giving@example.org>"
    message["To"] = "김민지 <minji.kim@example.com>"
    message["Bcc"] = "archive@example.org"
    message["Subject"] = SUBJECT
    message["Message-ID"] = message_id
    message.set_content("기부해 주셔서 감사합니다.\nYour receipt is attached.\n")
    message.add_alternative("<p>기부해 주셔서 <b>감사합니다</b>.</p>", subtype="html")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="영수증.pdf")
    return message


def test_a_sent_receipt_is_listed_as_mailpit_lists_it(inbox: Inbox):
    inbox.send(a_receipt())

    listed = inbox.get("/api/v1/messages")

    assert (listed["total"], listed["unread"], listed["count"], listed["messages_count"]) == (1, 1, 1, 1)
    assert (listed["start"], listed["tags"]) == (0, [])
    (mail,) = listed["messages"]
    assert mail["MessageID"] == "receipt-1@example.org"
    assert mail["From"] == {"Name": "River Hospital Foundation", "Address": "giving@example.org"}
    assert mail["To"] == [{"Name": "김민지", "Address": "minji.kim@example.com"}]
    assert mail["Bcc"] == [{"Name": "", "Address": "archive@example.org"}]
    assert (mail["Subject"], mail["Attachments"], mail["Read"]) == (SUBJECT, 1, False)
    assert mail["Snippet"] == "기부해 주셔서 감사합니다. Your receipt is attached."


def test_its_letter_and_attachment_come_back_unchanged(inbox: Inbox):
    inbox.send(a_receipt())

    mail = inbox.get("/api/v1/message/latest")
    (attachment,) = mail["Attachments"]
    part = requests.get(f"{inbox.url}/api/v1/message/{mail['ID']}/part/{attachment['PartID']}", timeout=10)
    raw = requests.get(f"{inbox.url}/api/v1/message/{mail['ID']}/raw", timeout=10)

    assert "기부해 주셔서 감사합니다." in mail["Text"]
    assert "<b>감사합니다</b>" in mail["HTML"]
    assert (attachment["FileName"], attachment["ContentType"]) == ("영수증.pdf", "application/pdf")
    assert attachment["Size"] == len(PDF)
    assert (part.content, part.headers["Content-Type"]) == (PDF, "application/pdf")
    assert b"Message-ID: <receipt-1@example.org>" in raw.content
    assert inbox.get("/api/v1/messages")["unread"] == 0


def test_the_pages_show_it_and_run_nothing_of_it(inbox: Inbox):
    message = a_receipt()
    message.get_body(("html",)).set_content("<p>hello</p><script>alert(1)</script>", subtype="html")
    inbox.send(message)
    id = inbox.get("/api/v1/messages")["messages"][0]["ID"]

    front = requests.get(inbox.url, timeout=10)
    page = requests.get(f"{inbox.url}/message/{id}", timeout=10)
    letter = requests.get(f"{inbox.url}/message/{id}/html", timeout=10)

    assert SUBJECT in front.text
    assert "영수증.pdf" in page.text
    assert "<script" not in front.text + page.text
    assert '<iframe class="letter" sandbox ' in page.text
    assert "sandbox" in letter.headers["Content-Security-Policy"]
    assert "default-src 'none'" in letter.headers["Content-Security-Policy"]


def test_deleting_removes_all_or_the_named_and_search_finds(inbox: Inbox):
    inbox.send(a_receipt(message_id="<one@example.org>"))
    inbox.send(a_receipt(message_id="<two@example.org>"))
    newest = inbox.get("/api/v1/messages?limit=1")["messages"][0]
    assert newest["MessageID"] == "two@example.org"
    assert inbox.get("/api/v1/search?query=to:minji.kim@example.com")["messages_count"] == 2
    assert inbox.get("/api/v1/search?query=nobody")["messages_count"] == 0

    requests.delete(f"{inbox.url}/api/v1/messages", json={"IDs": [newest["ID"]]}, timeout=10)
    after_one = [mail["MessageID"] for mail in inbox.get("/api/v1/messages")["messages"]]
    requests.delete(f"{inbox.url}/api/v1/messages", timeout=10)

    assert after_one == ["one@example.org"]
    assert inbox.get("/api/v1/messages")["messages"] == []


def test_another_web_site_cannot_delete_mail(inbox: Inbox):
    inbox.send(a_receipt())

    answer = requests.post(f"{inbox.url}/delete-all", headers={"Sec-Fetch-Site": "cross-site"}, timeout=10)

    assert answer.status_code == 403
    assert inbox.get("/api/v1/messages")["total"] == 1


def test_a_temporary_refusal_holds_as_often_as_asked(inbox: Inbox):
    inbox.mood("refuse_4xx", times=1)

    with pytest.raises(smtplib.SMTPDataError) as refusal:
        inbox.send(a_receipt())
    inbox.send(a_receipt())

    assert refusal.value.smtp_code == 451
    assert inbox.get("/api/v1/messages")["total"] == 1


def test_a_final_refusal_may_come_for_the_recipient(inbox: Inbox):
    inbox.mood("refuse_5xx", at="rcpt")

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        inbox.send(a_receipt())

    assert {code for code, _ in refusal.value.recipients.values()} == {550}
    assert inbox.get("/api/v1/messages")["total"] == 0


@pytest.mark.parametrize(
    ("mood", "error", "taken"),
    [
        ("hang", TimeoutError, 0),
        ("accept_then_hang", TimeoutError, 1),
        ("cut_after_data", smtplib.SMTPServerDisconnected, 1),
    ],
)
def test_the_sender_may_be_left_not_knowing(inbox: Inbox, mood: str, error: type[Exception], taken: int):
    inbox.mood(mood, times=1)

    with pytest.raises((error, smtplib.SMTPServerDisconnected)):
        inbox.send(a_receipt(), timeout=0.5)

    assert inbox.get("/api/v1/messages")["total"] == taken


def test_a_mood_nobody_knows_is_refused(inbox: Inbox):
    answer = requests.post(f"{inbox.url}/_mail/mood", json={"mood": "sulk"}, timeout=10)

    assert answer.status_code == 422
    assert "accept_then_hang" in answer.text


def test_mail_outlives_a_restart_and_the_end_comes_at_once(tmp_path: Path):
    first = open_inbox(tmp_path)
    first.send(a_receipt())
    first.get("/api/v1/message/latest")
    with socket.create_connection(("127.0.0.1", first.smtp_port)):
        took = first.stop()

    second = open_inbox(tmp_path)
    (mail,) = second.get("/api/v1/messages")["messages"]
    second.stop()

    assert took < 2
    assert (mail["Subject"], mail["Read"]) == (SUBJECT, True)
    assert mail["Bcc"] == [{"Name": "", "Address": "archive@example.org"}]

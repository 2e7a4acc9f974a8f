"""What comes back of a mail: taken in once, from wherever it comes, and a person sees to it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from payments.database import transaction
from payments.mail import outbox, reports
from payments.mail.delivery_status import read
from payments.mail.models import MailReport, OutgoingMail
from payments.mail.reports import Report, ReportKind
from payments.sandbox.returned_mail import bounce, complaint
from tests.mail.imap_server import PASSWORD, imap_server
from tests.mail.test_smtp import a_letter, owe, standing
from workers.mail import read_mail_reports
from workers.receipts import send_mail

RETURNED = bounce(a_letter(), "ada@example.com")


@pytest.fixture
def mail_of_ada(database: str) -> str:
    """A mail that a server took; its id."""
    owe("rcp_1")
    with transaction() as session:
        mail = outbox.take(session)
        assert mail is not None
        outbox.note_sent(session, mail)
        return mail.id


def told(raw: bytes) -> None:
    with transaction() as session:
        for report in read(raw) or ():
            reports.take_in(session, report)


def status() -> str:
    return standing()[0][0]


def kept() -> list[tuple[str, str]]:
    with transaction() as session:
        return [(report.kind, report.code) for report in session.scalars(select(MailReport))]


def test_a_mail_that_comes_back_waits_for_a_person(mail_of_ada: str):
    told(RETURNED)

    assert standing() == [("bounced", "5.1.1", 1)]
    assert kept() == [("bounced", "5.1.1")]


def test_the_same_report_twice_is_one(mail_of_ada: str):
    told(RETURNED)
    told(RETURNED)

    assert kept() == [("bounced", "5.1.1")]


def test_a_mail_that_is_only_late_is_not_undeliverable(mail_of_ada: str):
    late = bounce(a_letter(), "ada@example.com", action="delayed", status="4.4.1")

    assert read(late) == []
    told(late)

    assert status() == "sent"


def test_a_complaint_is_kept_and_the_mail_stays_sent(mail_of_ada: str):
    told(complaint(a_letter(), "ada@example.com"))

    assert status() == "sent"
    assert kept() == [("complained", "abuse")]


def test_a_mail_that_came_back_goes_out_again_to_the_right_address(mail_of_ada: str):
    told(RETURNED)
    with transaction() as session:
        outbox.send_again(session, mail_of_ada, to_address="ada@right.example")
    told(bounce(a_letter(), "ada@example.com", status="5.2.1"))

    with transaction() as session:
        mail = outbox.take(session)
    assert mail is not None
    assert (mail.to_address, mail.message_id) == ("ada@right.example", "<rcp_1@lanternpath.example>")
    assert kept() == [("bounced", "5.1.1"), ("bounced", "5.2.1")]


def test_a_mail_whose_answer_was_lost_is_not_sent_again_after_it_came_back(database: str):
    owe("rcp_1")
    with transaction() as session:
        outbox.take(session)
    told(RETURNED)

    with transaction() as session:
        assert outbox.take(session) is None
    assert status() == "bounced"


def test_what_a_person_let_go_comes_back_no_more(mail_of_ada: str):
    told(RETURNED)
    with transaction() as session:
        outbox.let_go(session, mail_of_ada)
    told(bounce(a_letter(), "ada@example.com", status="5.2.1"))

    assert status() == "let_go"


def test_a_report_on_somebody_elses_mail_is_not_ours(mail_of_ada: str):
    [report] = read(bounce(a_letter("another"), "ada@example.com")) or []

    with transaction() as session:
        assert not reports.take_in(session, report)
    assert status() == "sent"


def test_a_server_that_returns_nothing_of_the_mail_is_understood_by_the_id_we_gave():
    named = RETURNED.replace(
        b"Reporting-MTA: dns; mail-inbox", b"Original-Envelope-Id: receipt:rcp+5F1@lanternpath.example"
    ).replace(b"Content-Type: text/rfc822-headers", b"Content-Type: text/plain")

    [report] = read(named) or []

    assert (report.message_id, report.to_address) == ("<receipt:rcp_1@lanternpath.example>", None)


@pytest.mark.parametrize(
    "letter", [a_letter(), b"", RETURNED.replace(b"delivery-status;", b"disposition-notification;")]
)
def test_what_is_no_report_is_for_a_person(letter: bytes):
    assert read(letter) is None


@given(st.integers(0, len(RETURNED)), st.binary(max_size=40))
def test_no_letter_however_broken_stops_the_reading(where: int, noise: bytes):
    read(RETURNED[:where] + noise + RETURNED[where + len(noise) :])
    read(RETURNED[:where])


def test_a_maildir_is_read_once_and_letters_for_a_person_are_flagged(
    mail_of_ada: str, tmp_path: Path, with_settings: Callable[..., None]
):
    with_settings(mail_reports_url=f"maildir:{tmp_path}/returned", broker_url="memory://")
    read_mail_reports()
    for name, letter in {"1": RETURNED, "2": b"Subject: Thank you\n\nMy name is Ada.\n"}.items():
        (tmp_path / "returned" / "new" / name).write_bytes(letter)

    read_mail_reports()
    read_mail_reports()

    seen = sorted(path.name for path in (tmp_path / "returned" / "cur").iterdir())
    assert status() == "bounced"
    assert kept() == [("bounced", "5.1.1")]
    assert seen == ["1:2,S", "2:2,FS"]


def test_a_mailbox_is_read_over_imap_and_marked(mail_of_ada: str, with_settings: Callable[..., None]):
    with imap_server() as letters:
        letters.raw += [b"Subject: Thank you\r\n\r\nMy name is Ada.\r\n", RETURNED + b" " * 300_000]
        url = f"imap://returned:{quote(PASSWORD, safe='')}@127.0.0.1:{letters.port}/INBOX"
        with_settings(mail_reports_url=url, broker_url="memory://")

        read_mail_reports()
        read_mail_reports()

    assert status() == "bounced"
    assert letters.flags == {1: {"\\Seen", "\\Flagged"}, 2: {"\\Seen"}}


@pytest.mark.parametrize("where", ["wrong@127.0.0.1:{port}/INBOX", "returned@127.0.0.1:{port}/Other"])
def test_a_mailbox_that_does_not_open_changes_nothing_and_its_password_is_not_told(
    mail_of_ada: str, with_settings: Callable[..., None], caplog: pytest.LogCaptureFixture, where: str
):
    with imap_server() as letters:
        name, _, rest = where.format(port=letters.port).partition("@")
        with_settings(
            mail_reports_url=f"imap://{name}:{quote(PASSWORD, safe='')}@{rest}", broker_url="memory://"
        )
        read_mail_reports()
    read_mail_reports()

    assert status() == "sent"
    assert "does not open" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_report_is_made_of_a_mail_of_ours_and_nothing_else(mail_of_ada: str):
    told(RETURNED)

    with transaction() as session:
        report = session.scalars(select(MailReport)).one()
        assert report.outgoing_mail_id == session.scalars(select(OutgoingMail.id)).one()
        values = [str(getattr(report, column.key)) for column in MailReport.__table__.columns]
    assert not any("@" in value for value in values)


def test_a_mail_to_nobody_comes_home_through_the_house(returning_post: Path, database: str):
    owe("rcp_1", to_address="bounce@example.com")

    send_mail()
    read_mail_reports()

    assert standing() == [("bounced", "5.1.1", 1)]


def test_a_kind_of_its_own_is_kept_as_the_provider_says_it(mail_of_ada: str):
    report = Report(
        kind=ReportKind.BOUNCED,
        message_id="<rcp_1@lanternpath.example>",
        to_address=None,
        code="HardBounce",
        source="postmark",
        key="postmark:1",
    )
    with transaction() as session:
        assert reports.take_in(session, report)

    assert standing() == [("bounced", "HardBounce", 1)]

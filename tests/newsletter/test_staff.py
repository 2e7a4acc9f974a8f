"""The list at the terminal: who may take it, what the log keeps, and that a spreadsheet computes nothing."""

import csv
import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, update

from payments.clock import now
from payments.database import transaction
from payments.staff.models import AuditEntry, Role
from payments.staff.people import NotAllowed, ReasonMissing
from payments.supporters.newsletter import links
from payments.supporters.newsletter.consent import ReaderUnknown
from payments.supporters.newsletter.models import Reader
from tests.cli.conftest import Almoner
from tests.newsletter.conftest import (
    ADA,
    a_question,
    a_subscriber,
    is_known,
    mails,
    reader,
    somebody_at_work,
    stops,
    words,
)

pytestmark = pytest.mark.usefixtures("letterhead")

SAM = "sam@example.org"
AS_SAM = ("--as", SAM, "--reason", "the December letter")


@pytest.fixture
def sam() -> None:
    somebody_at_work(Role.SUPPORT)


def deeds() -> list[AuditEntry]:
    with transaction() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        return [entry for entry in entries if entry.deed.startswith("newsletter.")]


def read(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))


def test_the_list_leaves_with_its_proof_and_with_everybodys_way_out(
    almoner: Almoner, sam: None, tmp_path: Path
) -> None:
    a_subscriber()
    a_question("bea@example.com")
    out = tmp_path / "readers.csv"

    said = almoner("newsletter", "export", "--out", str(out), *AS_SAM)

    assert said.text.startswith("1 subscribed")
    [row] = read(out)
    assert (row["email"], row["language"], row["asked_by"]) == (ADA, "en", "box")
    assert row["unsubscribe_url"] == links.stop_url(reader().id)
    assert row["wording_version"] == "1"
    assert len(row["wording_sha256"]) == 64
    assert row["asked_at"] <= row["subscribed_at"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    [deed] = deeds()
    assert (deed.subject, deed.reason, deed.facts["readers"]) == ("subscribed", "the December letter", 1)
    assert ADA not in json.dumps(deed.facts)


def test_those_who_stopped_leave_too_so_that_the_mailing_tool_learns_of_it(
    almoner: Almoner, sam: None, tmp_path: Path
) -> None:
    stops(a_subscriber())
    out = tmp_path / "stopped.csv"
    tomorrow = (now() + timedelta(days=1)).date().isoformat()

    almoner("newsletter", "export", "--standing", "withdrawn", "--out", str(out), *AS_SAM)
    assert [row["email"] for row in read(out)] == [ADA]
    almoner(
        *("newsletter", "export", "--standing", "withdrawn", "--since", tomorrow, "--out", str(out), *AS_SAM)
    )
    assert read(out) == []


def test_nobody_who_never_agreed_can_be_exported(almoner: Almoner, sam: None, tmp_path: Path) -> None:
    a_question()
    out = tmp_path / "asked.csv"

    said = almoner("newsletter", "export", "--standing", "asked", "--out", str(out), *AS_SAM)

    assert said.exit_code == 2
    assert not out.exists()


def test_an_address_is_no_formula(almoner: Almoner, sam: None, tmp_path: Path) -> None:
    a_subscriber()
    with transaction() as session:
        session.execute(update(Reader).values(email="=cmd|'/C calc'!A0@example.com"))
    out = tmp_path / "readers.csv"

    said = almoner("newsletter", "export", "--out", str(out), *AS_SAM)

    assert said.error is None
    assert read(out)[0]["email"].startswith("'=")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.FINANCE, Role.APPROVER, Role.ADMIN])
def test_only_who_answers_donors_takes_the_list(almoner: Almoner, role: Role, tmp_path: Path) -> None:
    somebody_at_work(role)
    a_subscriber()
    out = tmp_path / "readers.csv"

    said = almoner("newsletter", "export", "--out", str(out), *AS_SAM)

    assert isinstance(said.error, NotAllowed)
    assert not out.exists()
    assert not deeds()


def test_the_list_is_not_taken_without_a_reason(almoner: Almoner, sam: None, tmp_path: Path) -> None:
    said = almoner("newsletter", "export", "--out", str(tmp_path / "x.csv"), "--as", SAM, "--reason", " ")

    assert isinstance(said.error, ReasonMissing)


def test_how_many_stand_where_is_shown_without_an_address(almoner: Almoner) -> None:
    a_subscriber()
    a_question("bea@example.com")

    said = almoner("newsletter", "list")
    as_json = almoner("newsletter", "list", "--standing", "asked", "--json").json

    assert "1 asked, 1 subscribed, 0 declined, 0 withdrawn" in said.text
    assert reader().id in said.text
    assert "@" not in said.text + json.dumps(as_json)
    assert [one["id"] for one in as_json["readers"]] == [reader("bea@example.com").id]


def test_one_readers_whole_story_is_shown_with_the_proof_of_each_word(almoner: Almoner, sam: None) -> None:
    reader_id = a_subscriber()
    stops(reader_id)
    with transaction() as session:
        from payments.mail.models import OutgoingMail

        session.execute(update(OutgoingMail).values(status="sent", sent_at=now()))

    story = almoner("newsletter", "show", "ADA@example.com", *AS_SAM, "--json").json
    said = almoner("newsletter", "show", reader_id, *AS_SAM)

    assert (story["email"], story["standing"]) == (ADA, "withdrawn")
    asked, yes, withdrawn = story["words"]
    assert [word["said"] for word in story["words"]] == ["asked", "yes", "withdrawn"]
    assert yes["answers"] == asked["number"]
    assert asked["message_id"].startswith("<newsletter.confirm.")
    assert asked["mail_taken_at"]
    assert "news of its work" in yes["wording"]
    assert withdrawn["source"] == "letter"
    assert "Agreed to: Yes, send me the newsletter of Lantern Path" in said.text
    assert [deed.deed for deed in deeds()] == ["newsletter.show"] * 2
    assert {deed.subject for deed in deeds()} == {reader_id}


def test_staff_stop_it_for_somebody_who_wrote(almoner: Almoner, sam: None) -> None:
    a_subscriber()

    first = almoner("newsletter", "stop", ADA, *AS_SAM)
    again = almoner("newsletter", "stop", ADA, *AS_SAM)

    assert "take the address out of the mailing tool too" in first.text
    assert "Was stopped already" in again.text
    assert words()[-1] == ("withdrawn", "staff")
    assert mails()[-1][0] == "newsletter_stopped"


def test_staff_forget_an_address_and_its_words_stay(almoner: Almoner, sam: None) -> None:
    a_subscriber()

    almoner("newsletter", "forget", ADA, *AS_SAM)

    assert not is_known()
    assert [said for said, _ in words()] == ["asked", "yes"]
    assert all(to == "" and written == b"" for _, to, written in mails())
    assert isinstance(almoner("newsletter", "show", ADA, *AS_SAM).error, ReaderUnknown)


def test_a_forgotten_reader_may_begin_again(almoner: Almoner, sam: None) -> None:
    a_subscriber()
    almoner("newsletter", "forget", ADA, *AS_SAM)

    with time_machine.travel(now() + timedelta(minutes=1)):
        a_question()

    assert reader().standing == "asked"

"""A designated body's year: the register equals the receipts, and the numbers stay where they belong."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from payments.cli import app
from payments.database import transaction
from payments.donations.models import IssuingEntity, Organisation
from payments.korea import files, keeping, register
from payments.korea.keeping import KoreaRefused, NotDesignated
from payments.korea.models import Form, RegistrationNumber
from payments.receipts import issue
from payments.receipts.models import Receipt
from payments.staff.models import AuditEntry, Role, StaffMember
from tests.korea.test_numbers import KEY, RESIDENT
from tests.receipts.register import a_person
from tests.receipts.test_issue import a_paid_gift

DIGITS = RESIDENT.replace("-", "")
SPRING = datetime(2026, 3, 4, 3, tzinfo=UTC)


@pytest.fixture
def finn(organisation: Organisation, with_settings: Callable[..., None]) -> StaffMember:
    """The named officer of a designated body that keeps numbers."""
    with_settings(broker_url="memory://", rrn_key=KEY)
    with transaction() as session:
        body = session.get_one(IssuingEntity, "kr")
        body.statement_code = "kr_designated"
        body.receipt_facts = {
            "designation_notice": "2024-12-31",
            "representative": "윤하늘",
            "donation_type": "일반기부금",
            "donation_code": "40",
        }
    return a_person("finn", Role.FINANCE)


@pytest.fixture
def designated(finn: StaffMember, session: Session) -> IssuingEntity:
    return session.get_one(IssuingEntity, "kr")


def given(session: Session, *, amount: int = 50_000, **more) -> str:
    gift = a_paid_gift(session, paid_at=SPRING, entity_id="kr", currency="krw", amount=amount, **more)
    issue.issue_due(session)
    return gift.donor_id


def kept(session: Session, designated: IssuingEntity, finn: StaffMember, donor_id: str) -> None:
    keeping.keep(session, designated, donor_id, RESIDENT, consented_on=date(2026, 3, 4), by=finn)


def test_the_office_of_the_demo_may_keep_no_number(
    session: Session, designated: IssuingEntity, finn: StaffMember
):
    donor_id = given(session)
    designated.statement_code = "kr_not_designated"

    with pytest.raises(NotDesignated, match="lets it keep no registration numbers"):
        kept(session, designated, finn, donor_id)
    with pytest.raises(NotDesignated):
        register.rows(session, designated, 2026, with_numbers=False, by=finn)


def test_the_register_comes_to_what_the_receipts_come_to(
    session: Session, designated: IssuingEntity, finn: StaffMember
):
    kept(session, designated, finn, given(session))
    given(session, amount=70_000, email="b@example.com")
    given(session, amount=1_000_000, email="firm@example.com", payer_kind="company")
    session.execute(
        update(Receipt)
        .where(Receipt.amount == 70_000)
        .values(status="void", void_cause="refunded", void_reason="refunded", voided_at=SPRING)
    )

    rows = register.rows(session, designated, 2026, with_numbers=True, by=finn)

    assert [(row.amount, row.payer, row.registration_number) for row in rows] == [
        (50_000, "개인", RESIDENT),
        (1_000_000, "법인", ""),
    ]
    assert [(one.payer, one.receipts, one.amount) for one in register.summary(rows)] == [
        ("개인", 1, 50_000),
        ("법인", 1, 1_000_000),
    ]
    assert not register.meter(session, designated, 2026).is_over
    assert [amount for _, _, amount in register.missing(session, designated, 2026)] == [1_000_000]


def test_electronic_issue_is_a_duty_above_three_hundred_million():
    assert not register.Meter(amount=300_000_000).is_over
    assert register.Meter(amount=300_000_001).is_over


def test_a_gift_is_receipted_on_paper_or_electronically(
    session: Session, designated: IssuingEntity, finn: StaffMember
):
    given(session)
    number = session.scalars(select(Receipt.number)).one()
    register.note_issued(session, designated, number, Form.PAPER, by=finn)
    register.note_issued(session, designated, number, Form.PAPER, by=finn)

    with pytest.raises(KoreaRefused, match="deducted twice"):
        register.note_issued(session, designated, number, Form.ELECTRONIC, by=finn)
    with pytest.raises(DatabaseError), session.begin_nested():
        session.execute(text("update korean_statutory_receipts set form = 'electronic'"))


def test_a_number_goes_when_its_time_ends_and_not_while_a_register_needs_it(
    session: Session, designated: IssuingEntity, finn: StaffMember
):
    listed, unlisted = given(session), given(session, email="b@example.com")
    for donor_id in (listed, unlisted):
        kept(session, designated, finn, donor_id)
    session.flush()
    session.execute(
        update(Receipt)
        .where(Receipt.sequence == 2)
        .values(status="void", void_cause="refunded", void_reason="refunded", voided_at=SPRING)
    )
    register.rows(session, designated, 2026, with_numbers=True, by=finn)
    session.expire_all()

    assert session.get_one(RegistrationNumber, listed).keep_until == date(2032, 12, 31)
    with pytest.raises(KoreaRefused, match="after 2032-12-31"):
        keeping.forget(session, designated, listed, by=finn, reason="she asked")
    keeping.forget(session, designated, unlisted, by=finn, reason="she asked")
    session.execute(update(RegistrationNumber).values(keep_until=date(2020, 12, 31)))
    assert keeping.sweep(session) == 1
    assert session.scalars(select(RegistrationNumber)).all() == []


def test_a_number_comes_by_standard_input_and_leaves_in_the_register_alone(
    finn: StaffMember, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with transaction() as session:
        donor_id = given(session)
    as_finn = ("--as", finn.email)
    said = asked("number", "keep", donor_id, "--consented-on", "2026-03-04", *as_finn, typed=RESIDENT)
    said += asked("number", "show", donor_id, *as_finn, "--reason", "she asked")
    said += asked("register", "--year", "2026", "--out", str(tmp_path / "masked.xlsx"), *as_finn)
    said += asked("summary", "--year", "2026", "--out", str(tmp_path / "summary.csv"), *as_finn)
    said += asked("missing", "--year", "2026", "--json")

    (tmp_path / "whole.xlsx").touch(mode=0o644)
    whole = asked(
        "register", "--year", "2026", "--out", str(tmp_path / "whole.xlsx"), *as_finn, "--with-numbers"
    )

    assert (tmp_path / "whole.xlsx").stat().st_mode & 0o077 == 0
    assert cells(tmp_path / "whole.xlsx")[4][4] == RESIDENT
    assert cells(tmp_path / "masked.xlsx")[4][4] == "900101-1******"
    assert cells(tmp_path / "whole.xlsx")[5][11] == 50_000
    for shown in (said, whole, caplog.text, (tmp_path / "summary.csv").read_text("utf-8-sig")):
        assert DIGITS not in shown.replace("-", "")
    with transaction() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        stored = json.dumps([[entry.deed, entry.reason, entry.facts] for entry in entries])
        assert [entry.deed for entry in entries] == [
            *("rrn.keep", "rrn.show", "korea.register", "korea.register", "korea.register"),
        ]
        assert entries[-1].facts["with_numbers"] is True
        sealed = session.scalars(select(RegistrationNumber.sealed)).one()
    assert DIGITS not in stored
    assert DIGITS.encode() not in sealed


def test_a_register_that_cannot_be_written_was_taken_by_nobody(finn: StaffMember, tmp_path: Path):
    words = ["receipts", "korea", "register", "--year", "2026", "--as", finn.email, "--with-numbers"]

    refused = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "register.pdf")])

    assert refused.exit_code == 2
    assert ".xlsx" in refused.output
    with transaction() as session:
        assert not session.scalars(select(AuditEntry)).all()


def test_a_name_in_full_width_signs_is_not_computed():
    table = files.as_csv(["성명"], [["＝1+1"], ["김지우"]]).decode("utf-8-sig")

    assert table.splitlines() == ["성명", "'＝1+1", "김지우"]


def cells(file: Path) -> list[tuple[object, ...]]:
    sheet = openpyxl.load_workbook(BytesIO(file.read_bytes())).active
    assert sheet is not None
    return list(sheet.iter_rows(values_only=True))


def asked(*words: str, typed: str = "") -> str:
    done = CliRunner().invoke(app, ["receipts", "korea", *words], input=typed + "\n")
    assert done.exit_code == 0, done.output
    return done.output

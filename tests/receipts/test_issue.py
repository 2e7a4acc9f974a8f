"""Numbering: no gap and no double whatever happens, and what was issued never changes."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pypdf
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from payments.clock import day_in
from payments.database import new_id, transaction
from payments.donations.models import Charge, Donation, Fund, Organisation
from payments.mail.models import OutgoingMail
from payments.receipts import documents, issue
from payments.receipts.models import DueDocument, DueReceipt, Receipt, ReceiptCounter, ReceiptDocument
from payments.supporters.donors import Donor
from tests.factories import NOON, a_donation

LOS_ANGELES = "America/Los_Angeles"


@pytest.fixture(autouse=True)
def _bells_that_cost_nothing(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def a_paid_gift(
    session: Session, *, paid_at: datetime = NOON, charged: bool = True, **given: Any
) -> Donation:
    """A gift that was paid and waits for its receipt."""
    gift = a_donation(
        session,
        status="paid",
        paid_at=paid_at,
        gift_date=day_in(LOS_ANGELES, paid_at),
        **given,
    )
    if charged:
        session.add(
            Charge(
                stripe_charge_id=new_id("ch"),
                donation_id=gift.id,
                amount=gift.amount,
                currency=gift.currency,
                status="succeeded",
                charged_at=paid_at,
                method="card",
                card_brand="visa",
                last4="4242",
            )
        )
    session.add(DueReceipt(donation_id=gift.id))
    session.flush()
    return gift


def issue_all() -> None:
    while True:
        with transaction() as session:
            looked_at = issue.issue_due(session, limit=3)
        with transaction() as session:
            looked_at += documents.write_due(session, limit=3)
        if not looked_at:
            return


def issue_and_write(session: Session) -> int:
    """Number what is due and set its pages; how many gifts were looked at."""
    looked_at = issue.issue_due(session)
    documents.write_due(session)
    return looked_at


def numbers(session: Session) -> list[str]:
    return list(session.scalars(select(Receipt.number).order_by(Receipt.number)))


def words_of(session: Session, number: str) -> str:
    pdf = session.scalars(
        select(ReceiptDocument.pdf)
        .join(Receipt, Receipt.id == ReceiptDocument.receipt_id)
        .where(Receipt.number == number)
    ).one()
    return " ".join(pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())


def test_a_paid_gift_gets_its_number_then_its_page_with_its_mail(
    organisation: Organisation, session: Session
):
    gift = a_paid_gift(session)

    looked_at = issue_and_write(session)

    receipt = session.scalars(select(Receipt)).one()
    mail = session.scalars(select(OutgoingMail)).one()
    assert looked_at == 1
    assert (receipt.number, receipt.donation_id) == ("US-2026-000001", gift.id)
    assert (receipt.series, receipt.tax_year, receipt.sequence) == ("US", 2026, 1)
    assert receipt.gift_date == date(2026, 11, 24)
    assert mail.reference == f"receipt:{receipt.id}"
    assert mail.to_address == "ada@example.com"
    assert mail.message_id.encode() in mail.message
    assert mail.message.count(b"\n") == mail.message.count(b"\r\n")
    assert session.scalars(select(DueReceipt)).all() == []
    assert "US-2026-000001" in words_of(session, receipt.number)


def test_the_hash_in_the_register_is_that_of_the_stored_page(organisation: Organisation, session: Session):
    a_paid_gift(session)

    issue_and_write(session)

    receipt = session.scalars(select(Receipt)).one()
    page = session.scalars(select(ReceiptDocument)).one()
    assert page.receipt_id == receipt.id
    assert hashlib.sha256(page.pdf).hexdigest() == page.pdf_sha256
    assert page.template_sha256 == receipt.template_sha256


def test_a_number_stands_before_its_page_and_no_mail_leaves_without_it(
    organisation: Organisation, session: Session
):
    a_paid_gift(session)

    issue.issue_due(session)

    receipt = session.scalars(select(Receipt)).one()
    assert session.scalars(select(DueDocument.receipt_id)).all() == [receipt.id]
    assert session.scalars(select(ReceiptDocument)).all() == []
    assert session.scalars(select(OutgoingMail)).all() == []


def test_a_page_is_set_from_what_stands_in_the_register_and_from_nothing_else(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, fund="rescue")
    issue.issue_due(session)
    session.execute(text("update issuing_entities set legal_name = 'Another Body', address = '{Elsewhere}'"))
    session.get_one(Fund, "rescue").name = {"en": "Renamed"}
    session.execute(text("update donations set donor_name = 'Somebody Else'"))

    documents.write_due(session)

    words = words_of(session, "US-2026-000001")
    assert all(told in words for told in ("Ada Park", "Lantern Path, Inc.", "Rescue and resettlement"))


def test_a_page_that_cannot_be_set_is_put_off_with_its_reason_and_holds_up_no_other(
    organisation: Organisation, session: Session, owner: Connection
):
    for _ in range(2):
        a_paid_gift(session)
    issue.issue_due(session)
    session.commit()
    owner.execute(text("set session_replication_role = replica"))
    owner.execute(
        text(
            "update receipts set content = jsonb_set(content, '{statement_code}', '\"lost\"')"
            " where sequence = 1"
        )
    )
    owner.commit()

    documents.write_due(session)

    put_off = session.scalars(select(DueDocument)).one()
    assert "no statutory sentence lost" in (put_off.last_error or "")
    assert len(session.scalars(select(ReceiptDocument.receipt_id)).all()) == 1
    assert "Ada Park" in words_of(session, "US-2026-000002")


def test_nothing_due_is_nothing_issued(organisation: Organisation, session: Session):
    assert issue_and_write(session) == 0


def test_many_at_once_leave_no_gap_and_no_double(organisation: Organisation, session: Session):
    for number in range(24):
        a_paid_gift(session, email=f"donor{number}@example.com")
    session.commit()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(lambda _: issue_all(), range(6)))

    assert numbers(session) == [f"US-2026-{number:06}" for number in range(1, 25)]
    assert len(set(session.scalars(select(Receipt.donation_id)))) == 24
    assert len(session.scalars(select(OutgoingMail.id)).all()) == 24


@pytest.mark.parametrize(
    ("paid_at", "number"),
    [
        (datetime(2027, 1, 1, 7, 59, 59, tzinfo=UTC), "US-2026-000001"),
        (datetime(2027, 1, 1, 8, 0, 0, tzinfo=UTC), "US-2027-000001"),
        (datetime(2026, 12, 31, 15, 0, 0, tzinfo=UTC), "US-2026-000001"),
    ],
    ids=["a second before midnight", "midnight", "already new year in Seoul"],
)
def test_the_tax_year_is_that_of_the_gift_where_the_entity_is(
    organisation: Organisation, session: Session, paid_at: datetime, number: str
):
    a_paid_gift(session, paid_at=paid_at)

    issue_and_write(session)

    assert numbers(session) == [number]


def test_each_series_and_each_year_counts_by_itself(organisation: Organisation, session: Session):
    for year in (2025, 2026, 2026):
        a_paid_gift(session, paid_at=datetime(year, 6, 1, tzinfo=UTC))
    a_paid_gift(session, entity_id="kr")

    issue_and_write(session)

    assert numbers(session) == ["KR-2026-000001", "US-2025-000001", "US-2026-000001", "US-2026-000002"]


def test_one_that_cannot_be_issued_is_put_off_and_costs_no_number(
    organisation: Organisation, session: Session
):
    first = a_paid_gift(session)
    lie = a_paid_gift(session, charged=False)
    last = a_paid_gift(session)

    looked_at = issue_and_write(session)
    again = issue_and_write(session)

    put_off = session.scalars(select(DueReceipt)).one()
    assert (looked_at, again) == (3, 0)
    assert numbers(session) == ["US-2026-000001", "US-2026-000002"]
    assert set(session.scalars(select(Receipt.donation_id))) == {first.id, last.id}
    assert (put_off.donation_id, put_off.attempts) == (lie.id, 1)
    assert put_off.last_error == f"donation {lie.id} has no succeeded charge; no receipt can be issued"
    assert session.scalars(select(ReceiptCounter.last_number)).one() == 2


def test_one_that_was_put_off_is_issued_once_its_cause_is_mended(
    organisation: Organisation, session: Session
):
    gift = a_paid_gift(session, charged=False)
    issue_and_write(session)
    session.add(
        Charge(
            stripe_charge_id="ch_late",
            donation_id=gift.id,
            amount=2500,
            currency="usd",
            status="succeeded",
            charged_at=NOON,
            method="card",
            card_brand="visa",
            last4="4242",
        )
    )
    session.flush()
    session.execute(text("update due_receipts set next_at = now()"))

    issue_and_write(session)

    assert numbers(session) == ["US-2026-000001"]


def test_a_batch_whose_transaction_is_lost_gives_its_numbers_back(
    organisation: Organisation, session: Session
):
    a_paid_gift(session)
    session.commit()
    issue_and_write(session)
    session.rollback()

    issue_and_write(session)

    assert numbers(session) == ["US-2026-000001"]
    assert len(session.scalars(select(OutgoingMail.id)).all()) == 1


def test_a_gift_has_one_live_receipt(organisation: Organisation, session: Session):
    gift = a_paid_gift(session)
    issue_and_write(session)
    session.add(DueReceipt(donation_id=gift.id))
    session.flush()

    issue_and_write(session)

    assert session.scalars(select(DueReceipt)).all() == []
    assert numbers(session) == ["US-2026-000001"]
    assert session.scalars(select(ReceiptCounter.last_number)).one() == 1


def test_a_second_live_receipt_of_a_gift_is_refused_by_the_register(
    organisation: Organisation, session: Session
):
    a_paid_gift(session)
    issue.issue_due(session)
    columns = "entity_id, donation_id, series, tax_year, kind, gift_date, currency, amount, locale, content"
    columns += ", template_id, template_sha256"

    with pytest.raises(IntegrityError, match="uq_receipts_live_donation_id"), session.begin_nested():
        session.execute(
            text(
                f"insert into receipts (id, sequence, number, {columns})"  # noqa: S608 - our names
                f" select 'rcp_second', 2, 'US-2026-000002', {columns} from receipts"
            )
        )


def test_what_was_printed_is_not_changed_by_later_edits(organisation: Organisation, session: Session):
    a_paid_gift(session, fund="rescue")
    issue_and_write(session)
    before = session.scalars(select(Receipt)).one()
    content, page = dict(before.content), session.scalars(select(ReceiptDocument.pdf)).one()

    session.execute(text("update issuing_entities set legal_name = 'Another Body', address = '{Elsewhere}'"))
    session.get_one(Fund, "rescue").name = {"en": "Renamed"}
    session.scalars(select(Donor)).one().name = "Somebody Else"
    session.flush()
    session.expire_all()

    after = session.scalars(select(Receipt)).one()
    assert after.content == content
    assert content["entity"]["legal_name"] == "Lantern Path, Inc."
    assert session.scalars(select(ReceiptDocument.pdf)).one() == page
    assert "Rescue and resettlement" in words_of(session, after.number)


@pytest.mark.parametrize(
    "rewrite",
    [
        "update receipts set amount = 1",
        "update receipts set number = 'US-2026-000009'",
        "update receipts set content = '{}'",
        "delete from receipts",
        "update receipt_documents set pdf = ''",
        "delete from receipt_documents",
        "truncate receipts cascade",
    ],
)
def test_an_issued_receipt_cannot_be_rewritten(organisation: Organisation, session: Session, rewrite: str):
    a_paid_gift(session)
    issue_and_write(session)

    with pytest.raises(DatabaseError), session.begin_nested():
        session.execute(text(rewrite))

    assert numbers(session) == ["US-2026-000001"]


def test_a_void_receipt_gives_its_number_to_nobody(organisation: Organisation, session: Session):
    gift = a_paid_gift(session)
    issue_and_write(session)
    void = "status = 'void', void_cause = 'refunded', void_reason = 'refunded', voided_at = now()"
    session.execute(text(f"update receipts set {void}"))  # noqa: S608 - our words
    session.add(DueReceipt(donation_id=gift.id))
    session.flush()

    issue_and_write(session)

    assert numbers(session) == ["US-2026-000001", "US-2026-000002"]


def test_a_receipt_cannot_be_voided_without_a_reason(organisation: Organisation, session: Session):
    a_paid_gift(session)
    issue_and_write(session)

    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text("update receipts set status = 'void'"))


def test_a_gift_over_two_funds_with_the_fee_covered_prints_every_part(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, amount=2604, fee_cover=104)

    issue_and_write(session)

    words = words_of(session, "US-2026-000001")
    assert all(amount in words for amount in ("$25.00", "$1.04", "$26.04"))


def test_a_receipt_speaks_the_language_and_prints_the_name_of_its_gift(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, name="Ada Park")
    a_paid_gift(session, name="김지우", email="ada@example.com", locale="ko", currency="krw", amount=50000)

    issue_and_write(session)

    pages = [words_of(session, number) for number in numbers(session)]
    korean = next(page for page in pages if "김지우" in page)
    assert "₩50,000" in korean
    assert "Ada Park" not in korean

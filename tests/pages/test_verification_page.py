"""The page that checks a receipt, as a browser without scripts sees it."""

from datetime import date
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.receipts import issue
from payments.receipts.models import Receipt
from tests.receipts.test_issue import a_paid_gift


@pytest.fixture
def receipt(donor: TestClient, with_settings) -> Receipt:
    with_settings(broker_url="memory://")
    with transaction() as session:
        a_paid_gift(session, name="Margaret O’Sullivan", amount=123_456)
        issue.issue_due(session)
        return session.scalars(select(Receipt)).one()


def test_the_form_asks_for_number_and_code(donor: TestClient) -> None:
    answer = donor.get("/verify?lang=en")

    assert answer.status_code == 200
    assert 'name="number"' in answer.text
    assert 'name="code"' in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "This document is genuine"), ("ko", "발급된 문서가 맞습니다")]
)
def test_the_address_in_the_picture_answers_at_once(
    donor: TestClient, receipt: Receipt, lang: str, said: str
) -> None:
    path = urlsplit(receipt.content["verification_url"]).path

    answer = donor.get(f"{path}?lang={lang}")

    assert said in answer.text
    assert receipt.number in answer.text


def test_the_answer_names_no_donor_and_no_amount(donor: TestClient, receipt: Receipt) -> None:
    code = receipt.content["verification_code"]

    page = donor.get("/verify", params={"number": receipt.number, "code": code}).text

    assert "Lantern Path, Inc." in page
    assert str(date.fromisoformat(receipt.content["issued_on"]).year) in page
    for secret in ("Margaret", "Sullivan", "1,234.56", "ada@example.com", "Rescue"):
        assert secret not in page


def test_a_number_alone_tells_nothing(donor: TestClient, receipt: Receipt) -> None:
    known = donor.get("/verify", params={"number": receipt.number, "code": "A000-0000-0000"}).text
    made_up = donor.get("/verify", params={"number": "US-2026-000777", "code": "A000-0000-0000"}).text

    assert "We do not know this document" in known
    assert known.replace(receipt.number, "X") == made_up.replace("US-2026-000777", "X")


def test_what_a_stranger_types_stays_text(donor: TestClient) -> None:
    page = donor.get("/verify", params={"number": '"><script>alert(1)</script>', "code": "{{ 7*7 }}"}).text

    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page

"""The code on a receipt: told apart from a forged one, and silent about the donor."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from payments.donations.models import Organisation
from payments.receipts import verification
from payments.receipts.content import ReceiptContent
from payments.receipts.verification import Standing
from tests.receipts.receipt_samples import us_receipt


@pytest.fixture(autouse=True)
def _settings_of_a_test(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def code_of(receipt: ReceiptContent) -> str:
    return verification.code_for(
        receipt.number,
        issued_on=receipt.issued_on.isoformat(),
        tax_id=receipt.entity.tax_id,
        currency=receipt.currency,
        amount_minor=receipt.amount_minor,
    )


def test_the_code_is_the_same_for_the_same_receipt_and_another_for_any_other():
    codes = {
        code_of(receipt)
        for receipt in (
            us_receipt(),
            us_receipt(donor_name="Somebody Else"),
            us_receipt(number="US-2026-000124"),
            us_receipt(currency="cad"),
        )
    }

    assert len(codes) == 3
    assert all(len(code) == 14 and code.startswith("A") for code in codes)


def test_another_charitys_key_makes_another_code(with_settings: Callable[..., None]):
    ours = code_of(us_receipt())
    with_settings(secret_key="k" * 40)

    assert code_of(us_receipt()) != ours


@pytest.mark.parametrize("typed", ["a7kq m2xp 9rtd", "A7KQM2XP9RTD", " A7KQ-M2XP-9RTD "])
def test_a_code_may_be_typed_as_people_type(typed):
    assert verification.plain(typed) == verification.plain("A7KQ-M2XP-9RTD")


def test_letters_that_are_misread_are_read_as_meant():
    assert verification.plain("AOIL-0000-0000") == verification.plain("A011-0000-0000")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("US-2026-000001", "A000-0000-0000"),
        ("US-2026-999999", "A7KQ-M2XP-9RTD"),
        ("", ""),
        ("US-2026-000001", ""),
        ("US\x00", "A7KQ-M2XP-9RTD"),
        ("' or 1=1 --", "A7KQ-M2XP-9RTD"),
        ("x" * 500, "y" * 500),
        ("번호", "코드"),
    ],
)
def test_what_was_never_issued_is_unknown(
    organisation: Organisation, session: Session, number: str, code: str
):
    assert verification.look_up(session, number=number, code=code).standing is Standing.UNKNOWN

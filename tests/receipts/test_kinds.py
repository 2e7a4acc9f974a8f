"""Which document a gift gets, from the desk or the page to the numbered document."""

from collections.abc import Callable
from datetime import date
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.donations.models import Donation, Organisation
from payments.donations.offline import OfflineGift
from payments.mail.models import OutgoingMail
from payments.receipts import documents, issue, verification
from payments.receipts.models import DueReceipt, Receipt
from payments.receipts.verification import Standing
from payments.staff import people
from payments.staff.models import Role, StaffMember
from payments.supporters import addresses, donors
from tests.receipts.test_issue import a_paid_gift, words_of


@pytest.fixture(autouse=True)
def _bells_that_cost_nothing(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


@pytest.fixture
def finn(session: Session) -> StaffMember:
    adam = people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])
    return people.add(session, email="finn@lp.example", name="Finn", roles=[Role.FINANCE], by=adam)


def written(session: Session) -> Receipt:
    """The only receipt, numbered and with its page."""
    issue.issue_due(session)
    documents.write_due(session)
    return session.scalars(select(Receipt)).one()


def refusal(session: Session) -> str | None:
    issue.issue_due(session)
    return session.scalars(select(DueReceipt.last_error)).one()


def a_thing(session: Session, finn: StaffMember, description: str, **given: Any) -> None:
    gift = a_paid_gift(session, amount=43_700, channel="in_kind", charged=False, **given)
    session.add(
        OfflineGift(
            donation_id=gift.id,
            received_on=date(2026, 11, 24),
            description=description,
            recorded_by=finn.id,
        )
    )
    session.flush()


def test_a_payment_with_a_benefit_says_what_is_left_of_it(organisation: Organisation, session: Session):
    a_paid_gift(session, amount=20_000, benefit_amount=4_000, benefit_text="Two seats at the gala")

    receipt = written(session)

    words = words_of(session, receipt.number)
    assert receipt.number == "US-2026-000001"
    assert receipt.kind == "benefit"
    assert receipt.amount == 20_000
    assert "Our good faith estimate of its value is $40.00" in words
    assert "Your contribution $160.00" in words
    assert "No goods or services were provided" not in words


def test_a_benefit_that_may_be_a_token_waits_for_the_figure_of_its_year(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, amount=20_000, benefit_amount=300, benefit_text="A mug")

    assert "limit of token benefits for 2026 is not confirmed" in str(refusal(session))


def test_what_was_paid_for_in_full_is_no_gift(organisation: Organisation, session: Session):
    a_paid_gift(session, amount=4_000, benefit_amount=4_000, benefit_text="Two seats at the gala")

    assert "nothing to receipt" in str(refusal(session))


def test_a_thing_is_described_and_its_value_stands_nowhere(
    organisation: Organisation, session: Session, finn: StaffMember
):
    a_thing(session, finn, "40 winter coats, new")

    receipt = written(session)

    words = words_of(session, receipt.number)
    letter = mail_text(session)
    assert receipt.kind == "thing"
    for said in (words, letter):
        assert "40 winter coats, new" in said
        assert "437" not in said
        assert "$" not in said


def mail_text(session: Session, to_address: str = "ada@example.com") -> str:
    sent = session.scalars(select(OutgoingMail.message).where(OutgoingMail.to_address == to_address)).one()
    body = message_from_bytes(sent, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("payer_kind", ["donor_advised_fund", "employer_match"])
def test_a_fund_and_an_employer_are_thanked_without_tax_language_in_a_series_of_their_own(
    organisation: Organisation, session: Session, payer_kind: str
):
    behind = donors.recognise(session, email="ben@example.com", name="Ben Lee", locale="en")
    a_paid_gift(session, name="Vale Trust", payer_kind=payer_kind, soft_credit_donor_id=behind)

    receipt = written(session)

    words = words_of(session, receipt.number)
    assert (receipt.number, receipt.kind) == ("US-T-2026-000001", "thanks")
    assert "at the suggestion of Ben Lee" in words
    assert "It is not a tax receipt" in words
    assert "No goods or services" not in words
    assert mail_text(session).startswith("Dear Vale Trust,")
    assert mail_text(session, "ben@example.com").startswith("Dear Ben Lee,")
    assert "tax records" not in mail_text(session, "ben@example.com")


def test_a_fund_that_gave_a_thing_is_thanked_for_what_it_is_and_not_for_its_value(
    organisation: Organisation, session: Session, finn: StaffMember
):
    a_thing(session, finn, "40 winter coats, new", name="Vale Trust", payer_kind="donor_advised_fund")

    receipt = written(session)

    for said in (words_of(session, receipt.number), mail_text(session)):
        assert "40 winter coats, new" in said
        assert "437" not in said
        assert "Online payment" not in said


def test_a_thank_you_letter_uses_up_no_number_of_a_receipt(organisation: Organisation, session: Session):
    a_paid_gift(session, payer_kind="donor_advised_fund")
    a_paid_gift(session)

    issue.issue_due(session)

    numbers = session.scalars(select(Receipt.number).order_by(Receipt.number)).all()
    assert numbers == ["US-2026-000001", "US-T-2026-000001"]


def made_canadian(session: Session, **facts: str) -> None:
    session.execute(
        text(
            "update issuing_entities set jurisdiction = 'CA', statement_code = 'ca_official',"
            " receipt_facts = cast(:facts as jsonb) where id = 'us'"
        ),
        {"facts": '{"place_of_issue": "Toronto"}' if facts else "{}"},
    )
    session.expire_all()


def test_a_canadian_receipt_waits_for_the_place_of_issue_and_the_donors_address(
    organisation: Organisation, session: Session, finn: StaffMember
):
    gift = a_paid_gift(session)
    made_canadian(session)
    assert "needs place_of_issue" in str(refusal(session))
    made_canadian(session, place_of_issue="Toronto")
    session.execute(text("update due_receipts set next_at = now()"))
    assert "names the donor's address" in str(refusal(session))

    addresses.note(
        session, gift.donor_id, lines=["14 Maple Road", "Halifax"], postcode="b3h 1a1", country="ca", by=finn
    )
    session.execute(text("update due_receipts set next_at = now()"))
    receipt = written(session)

    words = words_of(session, receipt.number)
    assert "14 Maple Road, Halifax, B3H 1A1" in words
    assert "issued at Toronto" in words
    assert "Eligible amount of gift for tax purposes: $25.00" in words


@pytest.fixture
def in_canada(organisation: Organisation, session: Session, finn: StaffMember) -> Callable[..., Donation]:
    """A Canadian body, and a gift to it by a donor whose address is known."""

    def gift(**given: Any) -> Donation:
        made = a_paid_gift(session, currency="cad", amount=10_000, benefit_text="Two seats", **given)
        made_canadian(session, place_of_issue="Toronto")
        home = {"lines": ["14 Maple Road", "Halifax"], "postcode": "b3h 1a1", "country": "ca"}
        addresses.note(session, made.donor_id, by=finn, **home)
        return made

    return gift


def test_in_canada_the_advantage_is_named_and_subtracted_up_to_four_fifths_of_the_payment(
    session: Session, in_canada: Callable[..., Donation]
):
    in_canada(benefit_amount=8_000)

    words = words_of(session, written(session).number)

    assert "Advantage received: Two seats, CA$80.00" in words
    assert "Eligible amount of gift for tax purposes: CA$20.00" in words
    assert "Authorized signature" in words


def test_in_canada_an_advantage_of_more_than_four_fifths_leaves_no_gift(
    session: Session, in_canada: Callable[..., Donation]
):
    in_canada(benefit_amount=8_001)

    assert "worth more than 80% of what was paid: in CA that is no gift" in str(refusal(session))


def test_a_german_donor_gets_the_official_form_and_a_letter_in_their_own_language(
    organisation: Organisation, session: Session, finn: StaffMember
):
    gift = a_paid_gift(session, amount=132_200, currency="eur")
    session.execute(
        text(
            "update issuing_entities set jurisdiction = 'DE', statement_code = 'de_geldzuwendung',"
            " receipt_facts = cast(:facts as jsonb) where id = 'us'"
        ),
        {
            "facts": '{"place_of_issue": "Berlin", "tax_office": "Berlin I", "purposes": "der Hilfe",'
            ' "exemption_notice_date": "12.05.2024", "assessment_period": "2023"}'
        },
    )
    session.expire_all()
    addresses.note(session, gift.donor_id, lines=["Ahornweg 14"], postcode="20095", country="de", by=finn)

    receipt = written(session)

    words = words_of(session, receipt.number)
    assert "eintausenddreihundertzweiundzwanzig Euro" in words
    assert "Ahornweg 14, 20095" in words
    assert "With gratitude" not in words
    assert mail_text(session).startswith("Dear Ada Park,")


def test_an_entity_that_claims_another_countrys_authority_issues_nothing(
    organisation: Organisation, session: Session
):
    a_paid_gift(session)
    session.execute(text("update issuing_entities set statement_code = 'kr_designated' where id = 'us'"))
    session.expire_all()

    assert "A body in US has no authority kr_designated" in str(refusal(session))


def test_the_printed_code_proves_the_receipt_until_it_is_voided(organisation: Organisation, session: Session):
    a_paid_gift(session)
    receipt = written(session)
    code: Any = receipt.content["verification_code"]
    assert code in words_of(session, receipt.number)

    valid = verification.look_up(session, number=receipt.number.lower(), code=code.lower())
    forged = verification.look_up(session, number=receipt.number, code="A000-0000-0000")
    session.execute(
        text(
            "update receipts set status = 'void', void_cause = 'refunded', void_reason = 'refunded',"
            " voided_at = now()"
        )
    )
    void = verification.look_up(session, number=receipt.number, code=code)
    session.add(DueReceipt(donation_id=receipt.donation_id))
    session.flush()
    issue.issue_due(session)
    replaced = verification.look_up(session, number=receipt.number, code=code)

    assert valid.standing is Standing.VALID
    assert valid.legal_name == "Lantern Path, Inc."
    assert forged == verification.Finding(standing=Standing.UNKNOWN)
    assert void.standing is Standing.VOID
    assert replaced.standing is Standing.REPLACED

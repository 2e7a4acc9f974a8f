"""The German collective confirmation: every gift of the year once, and none that is confirmed elsewhere."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from payments.donations.models import IssuingEntity, Organisation
from payments.receipts import annual, issue, listing
from payments.receipts.countries import ReceiptForbidden
from payments.receipts.listing import Stretch
from payments.receipts.models import GivingStatement, Receipt, StatementLine, VoidCause
from payments.receipts.summary import GivingSummary
from payments.receipts.voiding import Known, Void
from payments.supporters.addresses import DonorAddress
from payments.verify.check import Finding
from payments.verify.run import breaches
from payments.verify.statements import CHECKS
from tests.receipts.test_annual import AUTUMN, SPRING
from tests.receipts.test_issue import a_paid_gift

EVERY_YEAR, EVERY_GIFT = "de_sammelbestaetigung", "de_geldzuwendung"


@pytest.fixture
def german(organisation: Organisation, session: Session, with_settings: Callable[..., None]) -> IssuingEntity:
    """A German body that confirms once a year."""
    with_settings(broker_url="memory://")
    body = session.get_one(IssuingEntity, "us")
    body.jurisdiction, body.receipt_series, body.statement_code = "DE", "DE", EVERY_YEAR
    body.receipt_facts = {
        "place_of_issue": "Berlin",
        "tax_office": "Berlin",
        "exemption_notice_date": "12.05.2024",
        "assessment_period": "2023",
        "purposes": "der Hilfe",
    }
    session.flush()
    return body


def gift(session: Session, **given) -> str:
    made = a_paid_gift(session, currency="eur", **given)
    session.merge(
        DonorAddress(donor_id=made.donor_id, lines=["Ahornweg 14"], postcode="20095 Hamburg", country="DE")
    )
    session.flush()
    return made.id


def confirmed(session: Session, german: IssuingEntity) -> list[GivingSummary]:
    while annual.number_next(session, german, 2026):
        pass
    return [
        GivingSummary.from_json(content)
        for content in session.scalars(select(GivingStatement.content).order_by(GivingStatement.sequence))
    ]


def test_the_year_confirms_every_gift_that_was_only_acknowledged(session: Session, german: IssuingEntity):
    gift(session, amount=2_500, paid_at=SPRING)
    gift(session, amount=4_000, paid_at=AUTUMN)
    issue.issue_due(session)

    (statement,) = confirmed(session, german)

    assert statement.statement_code == EVERY_YEAR
    assert [listed.amount_minor for listed in statement.gifts] == [2_500, 4_000]
    codes = session.scalars(select(Receipt.content["statement_code"].as_string())).all()
    assert codes == ["de_eingang", "de_eingang"]
    assert proven_of_statements(session) == []


def proven_of_statements(session: Session) -> list[Finding]:
    """What the laws of the statements find, before anything is sent."""
    driver = session.connection().connection.driver_connection
    assert driver is not None
    return [found for check in CHECKS for found in breaches(driver, check)]


def test_a_gift_with_its_own_confirmation_is_not_listed(session: Session, german: IssuingEntity):
    german.statement_code = EVERY_GIFT
    gift(session, amount=2_500, paid_at=SPRING)
    gift(session, amount=9_900, paid_at=SPRING, email="b@example.com")
    issue.issue_due(session)
    german.statement_code = EVERY_YEAR
    gift(session, amount=4_000, paid_at=AUTUMN)
    issue.issue_due(session)

    (statement,) = confirmed(session, german)

    assert [listed.amount_minor for listed in statement.gifts] == [4_000]
    assert [total.paid.minor for total in annual.totals(session, german, 2026)] == [4_000]


def test_a_listed_gift_gets_no_confirmation_of_its_own(session: Session, german: IssuingEntity):
    gift(session)
    issue.issue_due(session)
    confirmed(session, german)

    with pytest.raises(DatabaseError, match="listed in a statement that stands"), session.begin_nested():
        session.execute(
            text(
                "update receipts set status = 'void', void_cause = 'refunded', void_reason = 'x',"
                " voided_at = now()"
            )
        )


def test_a_gift_with_its_own_confirmation_cannot_be_listed_by_hand(session: Session, german: IssuingEntity):
    gift(session)
    issue.issue_due(session)
    confirmed(session, german)
    german.statement_code = EVERY_GIFT
    alone = gift(session, email="b@example.com")
    issue.issue_due(session)

    with pytest.raises(DatabaseError, match="cannot be listed"), session.begin_nested():
        session.execute(
            text(
                "insert into statement_lines (statement_id, donation_id, receipt_id)"
                " select (select id from giving_statements), donation_id, id from receipts"
                " where donation_id = :gift"
            ),
            {"gift": alone},
        )


def test_when_a_listed_gift_goes_back_its_statement_confirms_nothing_any_more(
    session: Session, german: IssuingEntity
):
    bounced = gift(session, amount=1_000, channel="cheque", charged=False)
    gift(session, amount=4_000)
    issue.issue_due(session)
    confirmed(session, german)

    receipt = session.scalars(select(Receipt).where(Receipt.donation_id == bounced)).one()
    known = Known(id=receipt.id, number=receipt.number, amount=receipt.amount, void_cause=None)
    bounce = Void(receipt=known, cause=VoidCause.TAKEN_BACK, reason="bounced")
    issue.take(session, [issue.Step(donation_id=bounced, void=bounce, draft=None)])

    assert session.scalars(select(StatementLine).where(StatementLine.ended_at.is_(None))).all() == []
    assert proven_of_statements(session) == []


def test_a_list_without_a_number_is_refused(session: Session, german: IssuingEntity):
    gift(session)
    issue.issue_due(session)
    donor_id = session.scalars(select(DonorAddress.donor_id)).one()

    stretch = Stretch(entity=german, first=SPRING.date(), last=AUTUMN.date(), issued_on=SPRING.date())

    with pytest.raises(ReceiptForbidden, match="receipts annual"):
        listing.of_donors(session, [donor_id], stretch)

"""What the donor got for it: decided by the law of the body when it is entered, and said at once."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from payments.database import transaction
from payments.donations.paper_refusals import PaperRefused
from payments.money import Money
from payments.receipts import countries
from payments.receipts.countries import TokenYear
from payments.receipts.documents import write_due
from payments.receipts.issue import issue_due
from payments.receipts.owing import ReceiptOutlook
from payments.staff.models import AuditEntry, StaffMember
from tests.offline.papers import a_cheque, book, taken_in
from tests.receipts.test_issue import words_of


@pytest.mark.parametrize(
    ("benefit", "outlook", "says"),
    [
        (10_000, ReceiptOutlook.NOTHING_LEFT, "worth all that was paid"),
        (200, ReceiptOutlook.WAITS, "limit of token benefits for 2026 is not confirmed: enter it in"),
        (201, ReceiptOutlook.DUE, "names what the donor got: $97.99 is the gift"),
    ],
)
def test_whoever_enters_a_benefit_is_told_what_the_law_makes_of_it(
    finn: StaffMember, benefit: int, outlook: ReceiptOutlook, says: str
) -> None:
    taken = taken_in(finn, a_cheque(benefit=benefit, benefit_text="A mug"))

    assert taken.outlook.receipt is outlook
    assert says in taken.outlook.sentence


def figures_are_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a person had entered the limits of the year in the country pack."""
    confirmed = TokenYear(
        year=2026,
        confirmed=True,
        source="invented figures",
        cap_minor=14_000,
        low_cost_minor=1_400,
        payment_from_minor=7_000,
    )
    america = replace(countries.of("US"), token_years={2026: confirmed})
    monkeypatch.setitem(countries.COUNTRIES, "US", america)


def test_items_with_the_charitys_name_that_cost_little_leave_the_whole_payment_a_gift(
    finn: StaffMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_are_confirmed(monkeypatch)

    taken = taken_in(finn, a_cheque(items_cost=1_400, benefit_text="A mug with our lantern"))
    taken_in(finn, a_cheque(document_number="1235"))

    with transaction() as session:
        issue_due(session)
        write_due(session)
        said, of_the_other = words_of(session, "US-2026-000001"), words_of(session, "US-2026-000002")
        [noted] = session.scalars(select(AuditEntry).where(AuditEntry.deed == "gift.low_cost_items"))
    assert taken.outlook.sentence.endswith("a token in the eyes of the law: all of it is the gift.")
    assert "the estimated value of the benefits received (A mug with our lantern) is not substantial" in said
    assert "Total $100.00" in said
    assert "No goods or services were provided" in of_the_other
    assert noted.subject == taken.donation.id
    assert book() == {"undeposited_funds": 20_000, "contributions:rescue": -20_000}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"items_cost": 1_401}, "does not ignore items of this cost"),
        ({"items_cost": 100, "amount": Money(6_999, "usd")}, "does not ignore items of this cost"),
        ({"items_cost": 100, "benefit": 100}, "the cost of the items alone"),
        ({"items_cost": 100, "benefit_text": None}, "what it was"),
    ],
)
def test_items_that_cost_more_or_are_not_all_are_entered_as_a_benefit(
    finn: StaffMember, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    figures_are_confirmed(monkeypatch)

    with pytest.raises(PaperRefused, match=says):
        taken_in(finn, a_cheque(**{"benefit_text": "A mug"} | changes))


def test_items_whose_figures_nobody_confirmed_are_refused_with_what_to_do(finn: StaffMember) -> None:
    with pytest.raises(PaperRefused, match="limits of low-cost items for 2026 are not confirmed"):
        taken_in(finn, a_cheque(items_cost=100, benefit_text="A mug"))


def test_a_benefit_within_the_confirmed_limit_of_its_year_is_a_token_and_the_receipt_says_so(
    finn: StaffMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_are_confirmed(monkeypatch)

    taken = taken_in(finn, a_cheque(benefit=200, benefit_text="A mug"))

    with transaction() as session:
        issue_due(session)
        write_due(session)
        said = words_of(session, "US-2026-000001")
    assert taken.outlook.sentence.endswith("a token in the eyes of the law: all of it is the gift.")
    assert "the estimated value of the benefits received (A mug) is not substantial" in said
    assert "Total $100.00" in said

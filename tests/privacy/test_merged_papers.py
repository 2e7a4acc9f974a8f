"""Two records of one donor become one: what becomes of their statements."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Donation, IssuingEntity
from payments.privacy import merging, unmerging
from payments.receipts import issue, verification
from payments.receipts.models import GivingStatement, StatementLine
from payments.receipts.verification import Standing
from payments.staff.models import Role, StaffMember
from tests.money_moves.conftest import Charity
from tests.privacy.two_records import breaches_found
from tests.receipts import test_collective as germany
from tests.receipts.conftest import charity
from tests.receipts.register import a_person, letters, settle_the_register, words_in
from tests.receipts.test_collective import german
from tests.receipts.test_restating import book, statements_are_settled, the_year_is_told

__all__ = ["charity", "german"]
WHY = "both are hers"


@pytest.fixture
def officer(charity: Charity) -> StaffMember:
    return a_person("officer", Role.FINANCE)


def merged(kept_id: str, gone_id: str, by: StaffMember) -> None:
    with transaction() as session:
        merging.merge(session, kept_id, gone_id, by=by, reason=WHY)


def parted(gone_id: str, by: StaffMember) -> None:
    with transaction() as session:
        unmerging.unmerge(session, gone_id, by=by, reason="two after all")


def two_who_gave(charity: Charity) -> tuple[str, str]:
    ones, _ = charity.paid_gift(("general", 5000))
    others, _ = charity.paid_gift(("general", 700), email="work@example.com")
    charity.hears()
    settle_the_register()
    return ones.donor_id, others.donor_id


def test_of_two_statements_of_one_year_both_are_void_and_one_lists_all(
    charity: Charity, officer: StaffMember
) -> None:
    ones, others = two_who_gave(charity)
    the_year_is_told()

    merged(ones, others, officer)
    statements_are_settled()

    *void, (_, status, replaces, lists) = book()
    assert sorted(line[1:] for line in void) == [("void", None, [700]), ("void", None, [5000])]
    # What it cites was the donor's own before.
    own = next(number for number, _, _, gifts in void if gifts == [5000])
    assert (status, replaces, lists) == ("issued", f"US-A-2026-00000{own}", [5000, 700])
    with transaction() as session:
        causes = set(session.scalars(select(GivingStatement.void_cause)))
        assert causes == {"merged", None}
        content = session.scalars(select(GivingStatement.content).order_by(GivingStatement.sequence)).first()
        assert content is not None
        found = verification.look_up(session, number=content["number"], code=content["verification_code"])
    assert found.standing is Standing.REPLACED
    newest = [mail for mail in letters("statement") if "cancels" in words_in(mail)]
    assert [mail.to_address for mail in newest] == ["ada@example.com"]
    assert breaches_found() == []


def test_a_statement_of_the_one_alone_stands_until_the_next_run_of_its_year(
    charity: Charity, officer: StaffMember
) -> None:
    others, _ = charity.paid_gift(("general", 700), email="work@example.com")
    charity.hears()
    settle_the_register()
    the_year_is_told()
    ones, charge = charity.paid_gift(("general", 5000))
    charity.hears()
    settle_the_register()

    merged(ones.donor_id, others.donor_id, officer)
    stands = book()
    the_year_is_told()
    statements_are_settled()
    charity.stripe.refund(charge, 1000)
    charity.hears()
    statements_are_settled()

    assert [line[1:] for line in stands] == [("issued", None, [700])]
    assert [line[1:] for line in book()] == [
        ("void", None, [700]),
        ("void", "US-A-2026-000001", [5000, 700]),
        ("issued", "US-A-2026-000002", [4000, 700]),
    ]
    assert breaches_found() == []


def test_once_taken_back_each_has_a_statement_of_their_own(charity: Charity, officer: StaffMember) -> None:
    ones, others = two_who_gave(charity)
    the_year_is_told()
    merged(ones, others, officer)
    statements_are_settled()

    parted(others, officer)
    statements_are_settled()

    lists = {line[0]: line[3] for line in book() if line[1] == "issued"}
    assert sorted(lists.values()) == [[700], [5000]]
    with transaction() as session:
        standing = session.execute(
            select(GivingStatement.donor_id, GivingStatement.status).order_by(GivingStatement.sequence)
        ).all()
    assert sorted(donor for donor, status in standing if status == "issued") == sorted([ones, others])
    sent = {mail.to_address for mail in letters("statement") if "cancels" in words_in(mail)}
    assert sent == {"ada@example.com", "work@example.com"}
    assert breaches_found() == []


def test_a_german_gift_is_confirmed_once_before_and_after(german: IssuingEntity, session: Session) -> None:
    by = a_person("officer", Role.FINANCE)
    first = germany.gift(session, amount=2500, paid_at=germany.SPRING)
    second = germany.gift(session, amount=4000, paid_at=germany.AUTUMN, email="work@example.com")
    issue.issue_due(session)
    assert len(germany.confirmed(session, german)) == 2
    ones, others = (session.get_one(Donation, each).donor_id for each in (first, second))

    merging.merge(session, ones, others, by=by, reason=WHY)
    summaries = germany.confirmed(session, german)

    assert [each.amount_minor for each in summaries[-1].gifts] == [2500, 4000]
    lines = session.scalars(select(StatementLine.donation_id).where(StatementLine.ended_at.is_(None))).all()
    assert sorted(lines) == sorted([first, second])

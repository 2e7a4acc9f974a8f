"""Two records of one donor become one: what a declaration of either says of the gifts of both."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.donations.models import IssuingEntity
from payments.giftaid import claims, declarations
from payments.privacy import merging, unmerging
from payments.privacy.merging import MergeRefused
from payments.privacy.unmerging import UnmergeRefused
from payments.staff.models import StaffMember
from tests.giftaid.test_claims import UNTIL, declared, gift

WHY = "both are hers"


def test_a_declaration_speaks_for_the_gifts_of_both_and_a_claim_of_one_keeps_them_together(
    session: Session, british: IssuingEntity, finn: StaffMember
) -> None:
    ones, others = gift(session), gift(session, email="work@example.com")
    declared(session, british, finn, others.donor_id)
    before = [
        gift.donation_id for _, gifts in claims.prepare(session, british, until=UNTIL).lines for gift in gifts
    ]

    merging.merge(session, ones.donor_id, others.donor_id, by=finn, reason=WHY)
    gone = session.scalars(text("select id from donors where merged_into_id is not null")).one()
    made, _ = claims.claim(session, british, until=UNTIL, by=finn)

    assert before == [others.id]
    assert made.line_count == 2
    with pytest.raises(UnmergeRefused, match=f"Claim {made.id} took a gift"):
        unmerging.unmerge(session, gone, by=finn, reason="two after all")


def test_a_cancelled_declaration_is_not_revived_by_the_others(
    session: Session, british: IssuingEntity, finn: StaffMember
) -> None:
    ones, others = gift(session), gift(session, email="work@example.com")
    cancelled = declared(session, british, finn, ones.donor_id)
    declarations.cancel(session, cancelled.id, by=finn, reason="she moved")
    declared(session, british, finn, others.donor_id)

    for pair in ((ones.donor_id, others.donor_id), (others.donor_id, ones.donor_id)):
        with pytest.raises(MergeRefused, match=f"Declaration {cancelled.id} was cancelled and gad_"):
            merging.merge(session, *pair, by=finn, reason=WHY)

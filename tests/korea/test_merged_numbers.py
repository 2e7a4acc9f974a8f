"""Two records of one donor become one: whose registration number it is, and when there are two."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from payments.donations.models import IssuingEntity
from payments.korea import keeping
from payments.privacy import merging, unmerging
from payments.privacy.merging import MergeRefused
from payments.staff.models import StaffMember
from payments.supporters.donors import DonorMerged
from tests.korea.test_numbers import FOREIGN, RESIDENT
from tests.korea.test_register import designated, finn, given, kept

__all__ = ["designated", "finn"]
WHY = "both are hers"


def test_a_registration_number_goes_with_the_donor_and_comes_back(
    session: Session, designated: IssuingEntity, finn: StaffMember
) -> None:
    ones, others = given(session), given(session, email="work@example.kr")
    kept(session, designated, finn, others)

    merging.merge(session, ones, others, by=finn, reason=WHY)
    shown = keeping.show(session, ones, by=finn, reason="to see")
    with pytest.raises(DonorMerged, match=f"merged into {ones}"):
        kept(session, designated, finn, others)
    unmerging.unmerge(session, others, by=finn, reason="two after all")

    assert shown.masked == "900101-1******"
    assert keeping.show(session, others, by=finn, reason="to see").masked == shown.masked


def test_two_registration_numbers_are_two_people(
    session: Session, designated: IssuingEntity, finn: StaffMember
) -> None:
    ones, others = given(session), given(session, email="work@example.kr")
    kept(session, designated, finn, ones)
    keeping.keep(session, designated, others, FOREIGN, consented_on=date(2026, 3, 4), by=finn)

    with pytest.raises(MergeRefused, match="different registration numbers") as refused:
        merging.merge(session, ones, others, by=finn, reason=WHY)

    assert RESIDENT[:8] not in str(refused.value)
    kept(session, designated, finn, others)
    assert merging.merge(session, ones, others, by=finn, reason=WHY).plan is not None

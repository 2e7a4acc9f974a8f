"""Whatever is changed behind the program's back is found, by the check that names it."""

import pytest

from payments.verify.checks import CHECKS, named
from payments.verify.run import breaches
from tests.verify import (
    corruptions_of_claims,
    corruptions_of_consent,
    corruptions_of_erasures,
    corruptions_of_exports,
    corruptions_of_merges,
    corruptions_of_money,
    corruptions_of_papers,
    corruptions_of_promises,
    corruptions_of_statements,
    corruptions_of_the_bank,
)
from tests.verify.conftest import Seeded, told
from tests.verify.victims import Corruption

CORRUPTIONS = [
    *corruptions_of_claims.CORRUPTIONS,
    *corruptions_of_consent.CORRUPTIONS,
    *corruptions_of_erasures.CORRUPTIONS,
    *corruptions_of_exports.CORRUPTIONS,
    *corruptions_of_merges.CORRUPTIONS,
    *corruptions_of_money.CORRUPTIONS,
    *corruptions_of_papers.CORRUPTIONS,
    *corruptions_of_promises.CORRUPTIONS,
    *corruptions_of_statements.CORRUPTIONS,
    *corruptions_of_the_bank.CORRUPTIONS,
]


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_it_is_found_and_named(corruption: Corruption, seeded: Seeded) -> None:
    [check] = named([corruption.kind])

    with seeded.changed(corruption.statement) as (owner, changed):
        found = list(breaches(owner, check))

    assert found
    assert not changed or changed & {subject for one in found for subject in one.subjects}, told(found)
    assert all(one.kind == corruption.kind and one.sentence and one.remedy for one in found)
    assert not any("{" in one.sentence for one in found)


def test_every_check_has_found_something() -> None:
    assert {check.kind for check in CHECKS} == {corruption.kind for corruption in CORRUPTIONS}


def test_forty_kinds_of_corruption_are_not_the_same_one_forty_times() -> None:
    assert len({corruption.statement for corruption in CORRUPTIONS}) >= 90

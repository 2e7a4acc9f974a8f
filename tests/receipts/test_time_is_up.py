"""A worker that is stopped in the middle: whatever it had in hand is tried again, and blamed for nothing."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Organisation
from payments.jobs import OutOfTime
from payments.receipts import documents, issue
from payments.receipts.models import DueDocument, DueReceipt
from tests.interrupted import just_before, time_is_up
from tests.receipts.test_issue import a_paid_gift, numbers


@pytest.fixture(autouse=True)
def _bells_that_cost_nothing(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def test_a_worker_whose_time_is_up_blames_neither_a_gift_nor_a_page(
    organisation: Organisation, session: Session
):
    a_paid_gift(session)
    a_paid_gift(session)
    session.commit()

    with (
        just_before("INSERT INTO receipt_counters", time_is_up),
        pytest.raises(OutOfTime),
        transaction() as late,
    ):
        issue.issue_due(late)
    tried = session.scalars(select(DueReceipt.attempts)).all()
    issue.issue_due(session)
    session.commit()
    with (
        just_before("INSERT INTO receipt_documents", time_is_up),
        pytest.raises(OutOfTime),
        transaction() as late,
    ):
        documents.write_due(late)
    set_again = session.scalars(select(DueDocument.attempts)).all()
    documents.write_due(session)

    assert (tried, set_again) == ([0, 0], [0, 0])
    assert numbers(session) == ["US-2026-000001", "US-2026-000002"]
    assert session.scalars(select(DueDocument)).all() == []

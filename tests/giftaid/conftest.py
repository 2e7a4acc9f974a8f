"""A British charity whose donors declare."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import IssuingEntity, Organisation
from payments.staff.models import Role, StaffMember
from tests.receipts.register import a_person


@pytest.fixture
def british(
    organisation: Organisation, session: Session, with_settings: Callable[..., None]
) -> IssuingEntity:
    """The body that receives online, in the United Kingdom."""
    with_settings(broker_url="memory://")
    with transaction() as writing:
        body = writing.get_one(IssuingEntity, "us")
        body.jurisdiction, body.statement_code, body.time_zone = "GB", "gb_gift", "Europe/London"
    return session.get_one(IssuingEntity, "us", populate_existing=True)


@pytest.fixture
def finn(british: IssuingEntity) -> StaffMember:
    return a_person("finn", Role.FINANCE)

"""A small book of October, and Finn who exports it."""

from collections.abc import Iterator

import pytest
import time_machine
from sqlalchemy import Connection

from payments.database import transaction
from payments.donations.models import Organisation
from payments.staff.models import Role, StaffMember
from tests.cli.conftest import Almoner, almoner
from tests.reconciliation.exports import small_book

__all__ = ["Almoner", "almoner"]


@pytest.fixture
def november() -> Iterator[None]:
    """The third of November, so that two runs make the same file."""
    with time_machine.travel("2026-11-03T17:00:00Z", tick=False):
        yield


@pytest.fixture
def finn(organisation: Organisation) -> StaffMember:
    """Who keeps the books, always under the same id."""
    finn = StaffMember(id="stf_finn", email="finn@example.org", name="Finn", roles=[Role.FINANCE])
    with transaction() as session:
        session.add(finn)
        session.add(StaffMember(id="stf_vera", email="vera@example.org", name="Vera", roles=[Role.VIEWER]))
    return finn


@pytest.fixture
def book(finn: StaffMember, owner: Connection, november: None) -> StaffMember:
    """The small book, and who may export it."""
    small_book.write(owner)
    return finn

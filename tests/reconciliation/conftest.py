"""A charity with bank accounts, and Finn who keeps its books; and the house next to its sandbox Stripe."""

from collections.abc import Callable
from pathlib import Path

import pytest

from payments.database import transaction
from payments.donations.models import Organisation
from payments.reconciliation import bank_accounts
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.cli.conftest import Almoner, almoner
from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door
from tests.journeys.house import House
from tests.reconciliation.bank_files import profile
from tests.reconciliation.treasury import Bank, Treasury

__all__ = ["_doorstep", "almoner", "front_door", "house", "post_office", "stripe_next_door"]


@pytest.fixture
def finn(organisation: Organisation) -> StaffMember:
    """Who keeps the books."""
    with transaction() as session:
        adam = people.add_first(session, email="adam@example.org", name="Adam", roles=[Role.ADMIN])
        people.add(session, email="vera@example.org", name="Vera", roles=[Role.VIEWER], by=adam)
        return people.add(session, email="finn@example.org", name="Finn", roles=[Role.FINANCE], by=adam)


def open_account(
    finn: StaffMember, account: str = "giro", currency: str = "eur", csv: str = "german"
) -> None:
    """An account of the charity's in the United States."""
    with transaction() as session:
        bank_accounts.add(
            session,
            account,
            entity_id="us",
            name="Giro",
            currency=currency,
            number="DE02120300000000202051" if currency == "eur" else None,
            csv_profile=profile(csv),
            by=finn,
        )


@pytest.fixture
def bank(finn: StaffMember) -> Bank:
    """The account in euro."""
    open_account(finn)
    return Bank(finn)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], str]:
    """Write a file and say where it is."""

    def write(file: bytes) -> str:
        path = tmp_path / "statement"
        path.write_bytes(file)
        return str(path)

    return write


@pytest.fixture
def treasury(house: House, almoner: Almoner, finn: StaffMember) -> Treasury:
    """The house whose money is followed to the bank."""
    open_account(finn, "operating", currency="usd", csv="american")
    return Treasury(house, almoner, Bank(finn, "operating"))

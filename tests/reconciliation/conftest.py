"""A charity with bank accounts, and Finn who keeps its books."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import Organisation
from payments.reconciliation import bank_accounts, bank_import
from payments.reconciliation.bank_import import Imported
from payments.reconciliation.models import BankLine, BankStatement
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.cli.conftest import almoner
from tests.reconciliation.bank_files import profile

__all__ = ["almoner"]


@pytest.fixture
def finn(organisation: Organisation) -> StaffMember:
    """Who keeps the books."""
    with transaction() as session:
        adam = people.add_first(session, email="adam@example.org", name="Adam", roles=[Role.ADMIN])
        people.add(session, email="vera@example.org", name="Vera", roles=[Role.VIEWER], by=adam)
        return people.add(session, email="finn@example.org", name="Finn", roles=[Role.FINANCE], by=adam)


@dataclass
class Bank:
    """One account in euro, `giro`, and what was taken in of it."""

    finn: StaffMember
    account: str = "giro"

    def takes_in(self, file: bytes, **how: Any) -> Imported:
        """Import a file whole, in a transaction of its own."""
        with transaction() as session:
            return bank_import.take_in(
                session, file, file_name="file", account_id=self.account, by=self.finn, **how
            )

    @property
    def lines(self) -> list[BankLine]:
        """Every stored line, by its day."""
        with transaction() as session:
            return list(
                session.scalars(
                    select(BankLine)
                    .where(BankLine.bank_account_id == self.account)
                    .order_by(BankLine.booked_on, BankLine.position)
                )
            )

    @property
    def amounts(self) -> list[int]:
        """Their amounts."""
        return [line.amount for line in self.lines]

    @property
    def statements(self) -> list[BankStatement]:
        """Every stored file."""
        with transaction() as session:
            return list(session.scalars(select(BankStatement).order_by(BankStatement.first_day)))


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

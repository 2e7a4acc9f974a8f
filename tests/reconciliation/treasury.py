"""Money on its way to the bank: what people do with payouts and statements, and what they find."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from payments.database import transaction
from payments.reconciliation import bank_import
from payments.reconciliation.bank_import import Imported
from payments.reconciliation.models import BankLine, BankStatement
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner
from tests.journeys.house import Gift, House


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


@dataclass
class Treasury:
    """The house, its bank account in dollars, and a terminal."""

    house: House
    almoner: Almoner
    bank: Bank

    def a_paid_gift(self, amount: int = 2500, **choices: Any) -> Gift:
        """Given, paid, settled and booked."""
        gift = self.house.gives(amount, **choices)
        self.house.pays(gift)
        self.house.stripe_settles()
        self.house.the_workers_work()
        return gift

    def stripe_pays_out(self, **how: Any) -> str:
        """Everything that is there goes to the bank, automatically unless said otherwise."""
        made = self.house.stripe.tell("payouts", **{"currency": "usd", "all": True, **how})
        return str(made["id"])

    def everybody_works(self) -> None:
        """Webhooks arrive, payouts are asked about, and the book has it all."""
        from workers.reconciliation import fetch_payouts

        self.house.the_workers_work()
        fetch_payouts()
        self.house.the_workers_work()

    def payout(self, payout_id: str) -> dict[str, Any]:
        """As the terminal tells it to a script."""
        return dict(self.almoner("payouts", "show", payout_id, "--json").json)

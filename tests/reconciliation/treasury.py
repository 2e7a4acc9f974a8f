"""Money on its way to the bank: what people do with payouts and statements, and what they find."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text

from payments.database import transaction
from payments.reconciliation import bank_import
from payments.reconciliation.bank_import import Imported
from payments.reconciliation.models import BankLine, BankStatement
from payments.staff.models import StaffMember
from tests.cli.conftest import Almoner
from tests.journeys.house import Gift, House
from tests.reconciliation.bank_files import mt940


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

    def arrives_on(self, payout_id: str) -> date:
        """The day Stripe expects it at the bank."""
        return date.fromisoformat(self.payout(payout_id)["arrives_on"])

    def the_bank_says(self, *lines: tuple[date, int, str]) -> list[str]:
        """A statement with these lines, in the order of their days; the ids of the lines."""
        days: dict[date, list[tuple[int, str]]] = {}
        for day, amount, words in sorted(lines, key=lambda line: line[0]):
            days.setdefault(day, []).append((amount, words))
        opening = sum(self.bank.amounts)
        self.bank.takes_in(mt940(list(days.items()), opening=opening, currency="USD"))
        ids = {(line.booked_on, line.amount, line.text): line.id for line in self.bank.lines}
        return [ids[line] for line in lines]

    def reconciles(self) -> dict[str, Any]:
        """One round, as a script reads it."""
        said = self.almoner("reconcile", "--json")
        if said.error is not None:
            raise said.error
        return dict(said.json)

    def types(self, *words: str) -> Any:
        """Finn at the terminal."""
        return self.almoner(*words, "--as", "finn@example.org")

    def age(self, days: int) -> None:
        """What happened at Stripe happened so many days earlier."""
        with transaction() as session:
            session.execute(
                text("update payouts set arrives_on = arrives_on - cast(:days as int)"), {"days": days}
            )


def kinds(round_: dict[str, Any]) -> dict[str, str]:
    """What is open: kind and subject."""
    return {each["kind"]: each["subject"] for each in round_["exceptions"]}

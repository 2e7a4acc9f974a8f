"""October of a charity whose donors have names that nothing else has, and who looks at its books."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from payments.database import transaction
from payments.donations import refund_requests
from payments.donations.models import Donation
from payments.donations.refund_requests import Ask
from payments.receipts import corrections, documents
from payments.reconciliation import matching
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.cli.conftest import Almoner, almoner
from tests.factories import a_donation
from tests.money_moves.small_stripe import Thing
from tests.offline.papers import a_cheque, taken_in
from tests.reconciliation.conftest import finn, open_account
from tests.reconciliation.october import October
from tests.reconciliation.treasury import Bank

__all__ = ["Almoner", "almoner", "finn"]

SURNAME = "Quillfeather"
"""Of every donor: where it stands, one is named."""


class Audited(October):
    """The month, with a cheque, a refund that Finn asked for and a receipt that he made void."""

    def __init__(self, bank: Bank, olga: StaffMember) -> None:
        self.gifts: dict[str, str] = {}
        super().__init__(bank)
        finn = bank.finn
        cheque = a_cheque(donor_name=f"Gil {SURNAME}", received_on=self.month.last_day)
        self.gifts["gil"] = taken_in(finn, cheque, email="gil@quillfeather.example").donation.id
        self.hears()
        with transaction() as session:
            documents.write_due(session)
        with transaction() as session:
            ask = Ask(
                donation_id=self.gifts["ben"],
                amount=1500,
                reason="requested_by_customer",
                note=f"Ben {SURNAME} rang from ben@quillfeather.example",
            )
            self.refund = refund_requests.request(session, ask, by=finn).id
            number = session.scalar(
                text("select number from receipts where donation_id = :gift"), {"gift": self.gifts["eve"]}
            )
            [rent] = [line for line in bank.lines if line.amount == -90000]
            matching.ignore(session, rent.id, by=finn, reason=f"rent, as Dan {SURNAME} knows")
            corrections.void(
                session, str(number), by=finn, reason=f"Mrs {SURNAME.upper()} wants none, Eve said"
            )

    def given(self, name: str, amount: int, *, fee: int, currency: str = "usd") -> Donation:
        """From a donor of their own."""
        with transaction() as session:
            gift = a_donation(
                session,
                amount=amount,
                currency=currency,
                name=f"{name.title()} {SURNAME}",
                email=f"{name}@quillfeather.example",
            )
        self.gifts[name] = gift.id
        self.charges[name] = self.paid(gift, fee)
        return gift

    def paid(self, gift: Donation, fee: int) -> Thing:
        """Charged and settled in its own currency."""
        return self.stripe.charge(
            gift.amount, fee, gift=gift, currency=gift.currency, settled_in=gift.currency
        )


@pytest.fixture
def olga(finn: StaffMember) -> StaffMember:
    """An approver."""
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        return people.add(session, email="olga@example.org", name="Olga", roles=[Role.APPROVER], by=adam)


@pytest.fixture
def vera(finn: StaffMember) -> StaffMember:
    """The auditor: a viewer, who sees no names."""
    with transaction() as session:
        return people.find(session, "vera@example.org")


@pytest.fixture
def october(finn: StaffMember, olga: StaffMember) -> Audited:
    """The month."""
    open_account(finn, "operating", currency="usd", csv="american")
    return Audited(Bank(finn, "operating"), olga)


@pytest.fixture
def behind_the_back(owner: Connection) -> Callable[..., None]:
    """Change what nobody may change, as a restored backup or an owner of the database would."""

    def change(*statements: str) -> None:
        owner.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            assert owner.execute(text(statement)).rowcount, f"changed nothing: {statement}"
        owner.commit()

    return change

"""A numberer that lives on whatever happens to its database, in a process of its own.

python -m tests.faults.numberer 1500            write the charity and so many gifts that are due
python -m tests.faults.numberer receipts        number a few of them a transaction until none is due
python -m tests.faults.numberer statements      the same for the annual statements of their donors
"""

import contextlib
import sys
import time
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from payments import models as _every_table  # noqa: F401 - a foreign key may point into any room
from payments.database import transaction
from payments.donations.models import Allocation, Charge, Donation, IssuingEntity
from payments.donations.organisation import load
from payments.receipts import annual
from payments.receipts.issue import issue_due
from payments.receipts.models import DueReceipt
from payments.supporters.donors import Donor
from tests.factories import NOON

A_TRANSACTION = 20
STATEMENTS_A_TRANSACTION = 30
YEAR = NOON.year
GIFTS_OF_A_DONOR = 5
_CHARITY = Path(__file__).parents[2] / "payments/local/organisation.toml"


def write(gifts: int) -> None:
    """The charity, its donors, and gifts that were paid and wait for their receipts."""
    ids = [f"don_{place:032x}" for place in range(gifts)]
    donors = [f"dnr_{place:032x}" for place in range(gifts // GIFTS_OF_A_DONOR)]
    with transaction() as session:
        load(session, tomllib.loads(_CHARITY.read_text()))
        session.execute(
            insert(Donor),
            [
                {"id": name, "email": f"{name}@example.com", "name": "Ada Park", "locale": "en"}
                for name in donors
            ],
        )
        gift = {
            "entity_id": "us",
            "donor_name": "Ada Park",
            "locale": "en",
            "frequency": "once",
            "currency": "usd",
            "amount": 2500,
            "fee_cover_amount": 0,
            "source": {},
            "status": "paid",
            "paid_at": NOON,
            "gift_date": NOON.date(),
            "checkout_expires_at": NOON + timedelta(days=1),
        }
        charge = {"amount": 2500, "currency": "usd", "status": "succeeded", "charged_at": NOON}
        session.execute(
            insert(Donation),
            [
                gift | {"id": name, "donor_id": donor_id}
                for name, donor_id in zip(ids, donors * GIFTS_OF_A_DONOR, strict=True)
            ],
        )
        session.execute(
            insert(Allocation),
            [{"donation_id": name, "position": 0, "fund_id": "general", "amount": 2500} for name in ids],
        )
        session.execute(
            insert(Charge),
            [
                charge | {"stripe_charge_id": f"ch_{name}", "donation_id": name, "method": "card"}
                for name in ids
            ],
        )
        session.execute(insert(DueReceipt), [{"donation_id": name} for name in ids])


def receipts(session: Session) -> int:
    """The next few gifts get their receipts; how many were looked at."""
    return issue_due(session, limit=A_TRANSACTION)


def statements(session: Session) -> int:
    """The next few donors get their statements; how many."""
    return annual.numbering(session.get_one(IssuingEntity, "us"), YEAR)(session)


def work(deed: Callable[[Session], int]) -> None:
    """Transaction after transaction; one whose database died is simply tried again."""
    done = 1
    while done:
        with contextlib.suppress(SQLAlchemyError):
            with transaction() as session:
                done = deed(session)
            continue
        time.sleep(0.05)


if __name__ == "__main__":
    match sys.argv[1]:
        case "receipts":
            work(receipts)
        case "statements":
            annual.NUMBERS_AT_ONCE = STATEMENTS_A_TRANSACTION
            work(statements)
        case gifts:
            write(int(gifts))

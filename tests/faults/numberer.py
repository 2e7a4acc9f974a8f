"""A numberer that lives on whatever happens to its database, in a process of its own.

python -m tests.faults.numberer            number a few gifts a transaction until none is due
python -m tests.faults.numberer 1500       first write the charity and so many gifts that are due
"""

import contextlib
import sys
import time
import tomllib
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from payments import models as _every_table  # noqa: F401 - a foreign key may point into any room
from payments.database import transaction
from payments.donations.models import Allocation, Charge, Donation
from payments.donations.organisation import load
from payments.receipts.issue import issue_due
from payments.receipts.models import DueReceipt
from payments.supporters.donors import recognise
from tests.factories import NOON

A_TRANSACTION = 20
_CHARITY = Path(__file__).parents[2] / "payments/local/organisation.toml"


def write(gifts: int) -> None:
    """The charity, a donor, and gifts that were paid and wait for their receipts."""
    ids = [f"don_{place:032x}" for place in range(gifts)]
    with transaction() as session:
        load(session, tomllib.loads(_CHARITY.read_text()))
        donor_id = recognise(session, email="ada@example.com", name="Ada Park", locale="en")
        gift = {
            "entity_id": "us",
            "donor_id": donor_id,
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
        session.execute(insert(Donation), [gift | {"id": name} for name in ids])
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


def work() -> None:
    """Transaction after transaction; one whose database died is simply tried again."""
    looked_at = 1
    while looked_at:
        with contextlib.suppress(SQLAlchemyError):
            with transaction() as session:
                looked_at = issue_due(session, limit=A_TRANSACTION)
            continue
        time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1:]:
        write(int(sys.argv[1]))
    else:
        work()

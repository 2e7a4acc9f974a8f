"""Two records of one donor, and what staff do with them."""

from typing import Any

from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import Donation
from payments.ledger import fingerprint
from payments.receipts.models import Receipt
from payments.verify.checks import CHECKS, named
from payments.verify.run import breaches, snapshot
from tests.journeys.house import Gift
from tests.refunds.desk import Desk

KEPT, GONE = "ada@example.com", "ada.park@work.example"
AS_FINN = ("--as", "finn@lp.example")
WHY = (*AS_FINN, "--reason", "She wrote that both are hers")


def breaches_found(*kinds: str) -> list[str]:
    with snapshot() as connection:
        checks = named(list(kinds)) if kinds else CHECKS
        return [f"{f.kind} {f.sentence}" for check in checks for f in breaches(connection, check)]


def donor_of(gift: Gift) -> str:
    with transaction() as session:
        return session.get_one(Donation, gift.id).donor_id


def journal() -> str:
    with transaction() as session:
        return fingerprint.take(session, seen=fingerprint.seen_now(session)).sha256


def register() -> list[tuple[str, str, dict[str, Any]]]:
    with transaction() as session:
        rows = session.scalars(select(Receipt).order_by(Receipt.number)).all()
        return [(row.number, row.status, row.content) for row in rows]


def a_monthly_gift(desk: Desk, **choices: Any) -> Gift:
    gift = desk.house.gives(3000, frequency="monthly", **choices)
    desk.house.pays(gift)
    desk.house.stripe_settles()
    desk.house.the_workers_work()
    return gift


def a_month_passes(desk: Desk) -> None:
    desk.house.stripe.tell("advance", months=1)
    desk.house.stripe.tell("advance", seconds=2 * 3600)
    desk.house.stripe_settles()
    desk.house.the_workers_work()


def merges(desk: Desk, kept: str, gone: str, *more: str) -> Any:
    return desk.reads_json("donors", "merge", kept, gone, *WHY, "--yes", *more)


def page_of(desk: Desk, donor: str) -> Any:
    return desk.reads_json("donors", "show", donor, *AS_FINN)


def two_records(desk: Desk) -> tuple[str, str]:
    """Ada gave once at home, and once and each month at work."""
    at_home = desk.a_paid_gift(email=KEPT, name="Ada Park")
    at_work = desk.a_paid_gift(4000, email=GONE, name="A. Park")
    a_monthly_gift(desk, email=GONE, name="A. Park")
    return donor_of(at_home), donor_of(at_work)

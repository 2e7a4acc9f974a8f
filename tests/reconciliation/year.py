"""A year of a charity in two countries, lived through the product's own deeds.

2025, from a seed: gifts in dollars and won, split and covered, some converted; two people who give each
month; refunds, one that failed and was tried again, one that was paid by wire; disputes won and lost; a
bank debit returned; automatic payouts each week, one that failed before it reached the bank and one that
the bank sent back, one below nothing; payouts by hand in won; a reserve held and released; cheques and
cash on deposit slips, bank transfers in both countries; and a statement a month of three accounts, each
month in another format; and Stripe's own report of each month. Finn says of every line what the matching
leaves to him. Nothing is wrong in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations import owed, recording
from payments.donations.models import Fund
from payments.donations.offline import Channel
from payments.donations.recording import Paper
from payments.donations.wishes import Share
from payments.ledger import classifying
from payments.ledger.accounts import Account
from payments.ledger.classifying import Word
from payments.money import Money
from payments.receipts.issue import issue_due
from payments.receipts.owing import take_in
from payments.reconciliation import bank_accounts, reconcile
from payments.staff import people
from payments.staff.models import Role, StaffMember
from payments.webhooks import inbox
from payments.webhooks.process import apply_due
from tests.factories import a_donation
from tests.money_moves.small_stripe import SmallStripe, Thing
from tests.monthly.plan_at_stripe import Plan
from tests.monthly.telling import a_promise, everything, hears
from tests.reconciliation.bank_files import profile
from tests.reconciliation.year_at_the_bank import Expected, says_the_year
from tests.reconciliation.year_reported import takes_in_a_report

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
_DAY = timedelta(days=1)
_PAYOUTS = {"payout", "payout_reversal"}


@dataclass
class Year:
    """The charity's Stripe, what each bank account will be told, and what a test may want to name."""

    seed: int
    stripe: SmallStripe = field(default_factory=SmallStripe)
    charges: dict[str, Thing] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    gift_ids: dict[str, str] = field(default_factory=dict)
    at_the_bank: list[Expected] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - a story, no secret

    def days(self) -> Iterator[date]:
        """Every day of the year, with the clock at Stripe on its morning."""
        day = FIRST
        while day <= LAST:
            self.stripe.now = int(datetime.combine(day, time(18), UTC).timestamp())
            yield day
            day += _DAY

    def gives(
        self,
        session: Session,
        name: str,
        *,
        settled: int | None = None,
        fee: int | None = None,
        **given: Any,
    ) -> Thing:
        """A gift and the charge that paid it; in won it settles in won unless `settled` says otherwise."""
        gift = a_donation(session, email=f"d{self.chance.randrange(60)}@example.com", **given)
        is_won = gift.currency == "krw" and settled is None
        charge = self.stripe.charge(
            gift.amount,
            gift.amount * 29 // 1000 + (400 if is_won else 30) if fee is None else fee,
            gift=gift,
            currency=gift.currency,
            settled=settled,
            settled_in="krw" if is_won else "usd",
        )
        self.charges[name], self.gift_ids[name] = charge, gift.id
        return charge


def live(seed: int = 20251231) -> Year:
    """The whole year, reconciled to its last line."""
    year = Year(seed)
    finn, abe = _people()
    _places(finn)
    _promises(year)
    for day in year.days():
        with transaction() as session:
            _a_day(session, year, day)
        if (day + _DAY).day == 1:
            _hear(year)
            _offline(year, day, by=finn)
    _hear(year)
    _by_hand(year, finn, abe)
    _hear(year)
    says_the_year(year.at_the_bank, year.stripe, by=finn)
    _reports(year)
    with transaction() as session:
        reconcile.reconcile(session)
    return year


def _people() -> tuple[StaffMember, StaffMember]:
    with transaction() as session:
        adam = people.add_first(session, email="adam@example.org", name="Adam", roles=[Role.ADMIN])
        finn = people.add(session, email="finn@example.org", name="Finn", roles=[Role.FINANCE], by=adam)
        abe = people.add(session, email="abe@example.org", name="Abe", roles=[Role.APPROVER], by=adam)
    return finn, abe


def _places(finn: StaffMember) -> None:
    with transaction() as session:
        session.add(
            Fund(
                id="seoul",
                entity_id="kr",
                name={"en": "Seoul", "ko": "서울"},
                description={"en": "Work in Seoul.", "ko": "서울 사업"},
                is_restricted=False,
                position=9,
            )
        )
        for account, entity, currency, csv in (
            ("operating", "us", "usd", "american"),
            ("won", "us", "krw", "korean"),
            ("seoul", "kr", "krw", "korean"),
        ):
            bank_accounts.add(
                session,
                account,
                entity_id=entity,
                name=account,
                currency=currency,
                number=None,
                csv_profile=profile(csv),
                by=finn,
            )


def _promises(year: Year) -> None:
    """Two people who give each month of the year."""
    for day, amount in ((5, 3000), (31, 4500)):
        plan = Plan(begins=datetime(2025, 1, day, 18, tzinfo=UTC))
        with transaction() as session:
            gift, first = a_promise(session, email=f"monthly{day}@example.com", amount=amount)
            plan.joins(first, gift)
            plan.days_pass(325)
            hears(session, plan, everything(plan))
        year.stripe.balance_transactions += [
            {**row, "source": row["source"]["id"]} for row in plan.fetched_transactions()
        ]
        plan.close()


def _a_day(session: Session, year: Year, day: date) -> None:
    _ordinary_gifts(session, year, day)
    for name, deed in _DEEDS.get((day.month, day.day), ()):
        deed(session, year, name)
    if day.weekday() == 0:
        trace = {"status": "supported", "value": f"ST{day:%m%d}{year.chance.randrange(10**6):06}"}
        year.things[f"payout of {day}"] = year.stripe.pays_out(arrives_after=2, trace_id=trace)
    if (day + _DAY).day == 1 and day.month < 12:
        year.things[f"won of {day}"] = year.stripe.payout(
            400_000 + 1000 * day.month, currency="krw", arrives_after=1
        )


def _ordinary_gifts(session: Session, year: Year, day: date) -> None:
    chance = year.chance
    for number in range(chance.choice((0, 0, 1, 1))):
        name, amount = f"{day} {number}", chance.randrange(1000, 20000)
        match chance.randrange(6):
            case 0:
                year.gives(session, name, parts=(("general", amount), ("rescue", 2111)), fee_cover=99)
            case 1:
                year.gives(session, name, currency="krw", amount=amount * 10)
            case 2:
                year.gives(
                    session, name, currency="krw", amount=amount * 10, settled=amount * 10 // 13, fee=90
                )
            case _:
                year.gives(session, name, amount=amount, fund=chance.choice(("general", "education")))
    if day.day == 3:
        year.gives(session, f"{day} in won", currency="krw", amount=600_000)
    if day.day == 17:
        year.stripe.charge(1900, 85)  # the shop's


# What happens on one day of it: money back, and money that is no gift


def _give(session: Session, year: Year, name: str) -> None:
    year.gives(session, name, parts=(("general", 6001), ("rescue", 4000)), fee_cover=321, fee=329)


def _give_much(session: Session, year: Year, name: str) -> None:
    year.gives(session, name, amount=250_000, fund="rescue")


def _refund_all(_: Session, year: Year, name: str) -> None:
    charge = year.charges[name]
    year.things[name] = year.stripe.refund(charge, charge["amount"])


def _refund_part(_: Session, year: Year, name: str) -> None:
    year.things[name] = year.stripe.refund(year.charges[name], 1777)


def _refund_fails(_: Session, year: Year, name: str) -> None:
    year.stripe.refund_fails(year.things[name])


def _dispute(_: Session, year: Year, name: str) -> None:
    year.things[name] = year.stripe.dispute(year.charges[name])


def _lose(_: Session, year: Year, name: str) -> None:
    year.stripe.closes(year.things[name], "lost")


def _win(_: Session, year: Year, name: str) -> None:
    year.stripe.closes(year.things[name], "won")
    year.stripe.reinstated(year.things[name])


def _debit_returns(_: Session, year: Year, name: str) -> None:
    year.stripe.debit_returned(year.charges[name])


def _payout_fails(_: Session, year: Year, name: str) -> None:
    year.stripe.payout_fails(year.things[name])


def _moves(_: Session, year: Year, name: str) -> None:
    category, amount = name.split()
    year.things[name] = year.stripe.moves(category, int(amount), description=name)


_DEEDS = {
    (1, 15): [
        (name, _give)
        for name in ("refunded", "in part", "tried again", "by wire", "kept", "lost", "won", "returned")
    ],
    (1, 20): [("refunded", _refund_all), ("in part", _refund_part), ("tried again", _refund_all)],
    (1, 21): [("by wire", _refund_part), ("kept", _refund_part)],
    (1, 30): [("tried again", _refund_fails), ("by wire", _refund_fails), ("kept", _refund_fails)],
    (2, 4): [("tried again", _refund_all), ("lost", _dispute), ("won", _dispute)],
    (2, 28): [("returned", _debit_returns)],
    (3, 4): [("risk_reserved_funds -4000", _moves), ("fee -250", _moves), ("network_cost -33", _moves)],
    (4, 8): [("lost", _lose), ("won", _win)],
    (5, 6): [("payout of 2025-05-05", _payout_fails)],
    (6, 3): [("risk_reserved_funds 4000", _moves), ("tax -12", _moves)],
    (7, 17): [("payout of 2025-07-14", _payout_fails)],
    (8, 14): [("large", _give_much)],
    (9, 2): [("large", _refund_all)],
    (10, 7): [("other_adjustment 500", _moves)],
}
"""Deeds by day. The payout of May fails before it arrives; July's arrives, and the bank sends it back. The
large refund in September leaves less than nothing for that week's payout."""


def _hear(year: Year) -> None:
    """What Stripe has said arrives and is applied; the receipts are numbered."""
    with transaction() as session:
        inbox.store(session, year.stripe.news())
    done = 1
    while done:
        with transaction() as session:
            session.execute(text("update stripe_event_queue set next_at = now() where next_at > now()"))
            done = apply_due(session, limit=500).done
    with transaction() as session:
        while issue_due(session):
            pass


def _offline(year: Year, last_day: date, *, by: StaffMember) -> None:
    """What came in by paper in a month: its slips and transfers, and when the bank will show them."""
    chance = year.chance
    received = last_day - timedelta(days=12)

    def taken(channel: Channel, amount: int, *, fund: str = "general") -> str:
        paper = Paper(
            channel=channel,
            amount=Money(amount, "krw" if fund == "seoul" else "usd"),
            shares=(Share(fund, amount),),
            donor_name="Ada Park",
            received_on=received,
            postmarked_on=received - 2 * _DAY if channel is Channel.CHEQUE else None,
        )
        return take_in(session, paper, payer_email="paper@example.com", by=by).donation.id

    def slip(account: str, *gift_ids: str) -> None:
        made = recording.deposit(session, gift_ids, deposited_on=received + _DAY, by=by)
        year.at_the_bank.append(Expected(account, received + 2 * _DAY, made.total, "DEPOSIT", made.id))

    def transfer(account: str, amount: int, fund: str) -> None:
        gift_id = taken(Channel.BANK_TRANSFER, amount, fund=fund)
        year.at_the_bank.append(Expected(account, received, amount, "TRANSFER ADA PARK", gift_id))

    with transaction() as session:
        amounts = [chance.randrange(2000, 50000) for _ in range(4)]
        slip("operating", *(taken(Channel.CHEQUE, amount) for amount in amounts[:3]))
        slip("seoul", taken(Channel.CASH, amounts[3] * 10, fund="seoul"))
        # Two equal ones on one day: both are real.
        for _ in range(2):
            transfer("operating", 12_500, "rescue")
        transfer("seoul", 100_000 + 1000 * last_day.month, "seoul")
    year.at_the_bank += [
        Expected("operating", last_day, -180_000, "RENT"),
        Expected("operating", last_day, 7, "INTEREST", "interest"),
        Expected("seoul", last_day, -550_000, "임대료"),
    ]


def _reports(year: Year) -> None:
    """Stripe's own reports, a month each."""
    moved = [row for row in year.stripe.balance_transactions if row["reporting_category"] not in _PAYOUTS]
    with transaction() as session:
        for month in range(1, 13):
            rows = [row for row in moved if _month_of(row) == (2025, month)]
            takes_in_a_report(session, date(2025, month, 1), rows)


def _month_of(row: Thing) -> tuple[int, int]:
    at = datetime.fromtimestamp(row["created"], UTC)
    return at.year, at.month


def _by_hand(year: Year, finn: StaffMember, abe: StaffMember) -> None:
    """What people said of failed refunds and of a movement that no rule knows."""
    with transaction() as session:
        payment = owed.prepare(
            session, year.gift_ids["by wire"], transfer_reference="WIRE 7", by=finn, reason="card closed"
        )
        owed.approve(session, payment.id, by=abe)
        owed.keep(session, year.gift_ids["kept"], by=finn, reason="the donor wrote")
        classifying.classify(
            session,
            year.things["other_adjustment 500"]["id"],
            Word(account=Account.OTHER_RECEIPTS, fund_id=None, reason="goodwill"),
            time_zone="America/Los_Angeles",
            by=finn,
        )
    year.at_the_bank.append(Expected("operating", LAST, -1777, "WIRE 7"))

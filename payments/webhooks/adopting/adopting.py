"""The adoption as a whole: begun once, gone on with after a crash, ended when the balance is Stripe's own.

Who calls opens the transactions and asks Stripe between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import new_id
from payments.donations.models import Charge, Fund
from payments.donations.organisation import receiving_entity
from payments.errors import AlmonerError
from payments.ledger.models import BalanceTransaction
from payments.ledger.rules import OPENING_BALANCE
from payments.money import Money
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.stripe_gateway import shapes
from payments.stripe_gateway.shapes import Balance, as_bytes, read
from payments.webhooks import inbox, sweep
from payments.webhooks.adopting.models import Adoption, AdoptionList
from payments.webhooks.adopting.reading import LISTS, Fetched
from payments.webhooks.adopting.rules import Rules
from payments.webhooks.models import QueuedEvent, StripeCursor, StripeEvent

MAY_ADOPT = (Role.ADMIN, Role.FINANCE)


class AdoptionRefused(AlmonerError):
    """It cannot begin, or go on, as it was asked; the sentence says what to do."""


def rules_of(session: Session, document: Mapping[str, Any]) -> Rules:
    """A document of rules, checked against the funds of the body whose Stripe account it is."""
    entity = receiving_entity(session)
    funds = session.scalars(select(Fund.id).where(Fund.entity_id == entity.id).order_by(Fund.position))
    return Rules(document, funds=funds.all())


def begin(session: Session, *, since: datetime, rules: Mapping[str, Any], by: StaffMember) -> Adoption:
    """The adoption that is under way, or a new one: the first from `since`, a later one from where the last
    one ended."""
    people.require(by, *MAY_ADOPT)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("adopt", 0))))
    known = session.scalars(select(Adoption).order_by(Adoption.since)).all()
    if known and known[0].since != since:
        raise AdoptionRefused(
            f"This account was adopted from {known[0].since.date()} on, and a book begins but once. Say"
            f" `--since {known[0].since.date()}` to go on with it."
        )
    running = next((row for row in known if row.finished_at is None), None)
    if running is not None:
        if running.rules != dict(rules):
            raise AdoptionRefused(
                "An adoption is under way with other rules. Go on with the rules it was begun with; what they"
                " leave over can be looked at when it is done."
            )
        return running
    earlier = session.scalar(select(func.min(BalanceTransaction.created_at)))
    if not known and earlier is not None and earlier < since:
        raise AdoptionRefused(
            f"The book has movements since {earlier.date()} already; it cannot begin on {since.date()}."
        )
    adoption = imagine(session, since=known[-1].until if known else since, rules=rules, by=by)
    session.add(adoption)
    session.flush()
    session.add_all(AdoptionList(adoption_id=adoption.id, name=name, totals={}, read=0) for name in LISTS)
    audit.note(
        session,
        by,
        "adoption.begin",
        subject=adoption.id,
        reason="an account that took gifts before",
        since=adoption.since.isoformat(),
        until=adoption.until.isoformat(),
        rules=adoption.rules,
    )
    return adoption


def imagine(session: Session, *, since: datetime, rules: Mapping[str, Any], by: StaffMember) -> Adoption:
    """One that is only looked at: it is written nowhere."""
    people.require(by, *MAY_ADOPT)
    adoption = Adoption(
        id=new_id("adp"),
        since=since,
        until=now().replace(microsecond=0),
        rules=dict(rules),
        started_by=by.id,
        started_at=now(),
    )
    if adoption.since >= adoption.until:
        raise AdoptionRefused("There is nothing to adopt yet: --since is not in the past.")
    return adoption


def place_in(session: Session, adoption: Adoption, name: str) -> AdoptionList:
    """How far a list was read."""
    return session.get_one(AdoptionList, (adoption.id, name), populate_existing=True)


def note_read(session: Session, adoption: Adoption, name: str) -> None:
    """A list was read to its end."""
    session.execute(
        update(AdoptionList)
        .where(AdoptionList.adoption_id == adoption.id, AdoptionList.name == name)
        .values(is_read=True)
    )


# A house that has adopted nothing has all of its movements, and asks for none.
_WAITING = text("""
    select e.object_id, e.body from stripe_events e join stripe_event_queue q using (stripe_event_id)
    where e.type = 'balance_transaction' and q.parked_reason is null and exists (select from adoptions)
    order by e.object_id limit 1000
""")


def charges_not_known(session: Session) -> list[str]:
    """Charges from before the book begins, of which a refund or dispute within it is waiting to hear."""
    found: set[str] = set()
    for _, body in session.execute(_WAITING):
        charge = read(shapes.BalanceTransaction, bytes(body)).stripe_charge_id
        if charge is not None:
            found.add(charge)
    known = session.scalars(select(Charge.stripe_charge_id).where(Charge.stripe_charge_id.in_(found)))
    return sorted(found - set(known))


def wake(session: Session) -> int:
    """What waits for something else is tried again at once; how much that is."""
    waiting = select(StripeEvent.stripe_event_id).where(
        StripeEvent.type.in_((inbox.FETCHED_BALANCE_TRANSACTION, "adopted_gift", "invoice", "subscription"))
    )
    woken = session.execute(
        update(QueuedEvent)
        .where(QueuedEvent.stripe_event_id.in_(waiting), QueuedEvent.parked_reason.is_(None))
        .values(next_at=func.now())
        .returning(QueuedEvent.stripe_event_id)
    )
    return len(woken.all())


def not_applied(session: Session) -> list[tuple[str, str]]:
    """What of the history is not in the book yet, with the reason where there is one."""
    rows = session.execute(
        select(StripeEvent.object_id, func.coalesce(QueuedEvent.parked_reason, QueuedEvent.last_error))
        .join(QueuedEvent, QueuedEvent.stripe_event_id == StripeEvent.stripe_event_id)
        .where(StripeEvent.source == "fetch")
        .order_by(QueuedEvent.place)
        .limit(100)
    )
    return [(object_id or "", reason or "waiting") for object_id, reason in rows]


def openings(session: Session, adoption: Adoption, said: Fetched) -> list[Fetched]:
    """What stood in the balance before the book begins, a movement for each currency: what Stripe holds now,
    less everything that is mirrored."""
    balance = read(Balance, as_bytes(said))
    held: dict[str, int] = {}
    for part in (*balance.available, *balance.pending):
        held[part.currency] = held.get(part.currency, 0) + part.amount
    rows = session.execute(
        select(
            BalanceTransaction.currency,
            func.sum(BalanceTransaction.net),
            func.min(BalanceTransaction.created_at),
            func.bool_or(BalanceTransaction.reporting_category == OPENING_BALANCE),
        ).group_by(BalanceTransaction.currency)
    ).all()
    mirrored = {currency: (int(net), first, is_open) for currency, net, first, is_open in rows}
    begin = session.scalars(select(func.min(Adoption.since))).one() or adoption.since
    found = []
    for currency in sorted(held.keys() | mirrored.keys()):
        net, first, is_open = mirrored.get(currency, (0, begin, False))
        amount = held.get(currency, 0) - net
        if amount and is_open:
            raise AdoptionRefused(
                f"Stripe holds {Money(held.get(currency, 0), currency)} and the book says"
                f" {Money(net, currency)}: a movement is on its way. Run it again in a minute."
            )
        if amount:
            # Before everything that is mirrored, a payout that was on its way included.
            at = int(min(first, begin).timestamp()) - 1
            found.append(_opening(currency, amount, at=at, begin=begin))
    return found


def _opening(currency: str, amount: int, *, at: int, begin: datetime) -> Fetched:
    return {
        "id": f"opening:{currency}",
        "object": "balance_transaction",
        "type": OPENING_BALANCE,
        "reporting_category": OPENING_BALANCE,
        "amount": amount,
        "fee": 0,
        "net": amount,
        "currency": currency,
        "exchange_rate": None,
        "created": at,
        "available_on": at,
        "description": f"Held by Stripe before {begin.date()}",
        "source": None,
    }


def finish(session: Session, adoption: Adoption, *, by: StaffMember) -> None:
    """All of it is in the book. From here on the usual reading of Stripe's lists goes on where this one
    ended."""
    row = session.get_one(Adoption, adoption.id, with_for_update=True)
    row.finished_at = now()
    for name in (sweep.BALANCE_TRANSACTIONS, sweep.EVENTS):
        cursor = insert(StripeCursor).values(
            name=name, read_to=row.until, checked_at=func.now() - timedelta(days=1)
        )
        session.execute(
            cursor.on_conflict_do_update(
                index_elements=["name"],
                set_={"read_to": func.least(StripeCursor.read_to, cursor.excluded.read_to)},
            )
        )
    audit.note(session, by, "adoption.finish", subject=row.id, reason="the balance is Stripe's own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month of one currency and category: what Stripe listed, and what stands in the book."""

    month: str
    currency: str
    category: str
    at_stripe: Sequence[int]
    """Count, amount, fee, net."""
    in_the_book: Sequence[int]

    @property
    def agrees(self) -> bool:
        """Whether the book has just what Stripe listed."""
        return list(self.at_stripe) == list(self.in_the_book)


_IN_THE_BOOK = text("""
    select to_char(created_at at time zone :zone, 'YYYY-MM') || ' ' || currency || ' ' || reporting_category,
        count(*), sum(amount)::bigint, sum(fee)::bigint, sum(net)::bigint
    from balance_transactions
    where created_at >= :since and created_at < :until and reporting_category <> :opening
    group by 1 order by 1
""")


def months(session: Session, adoption: Adoption) -> list[Month]:
    """Every month of the history, side by side."""
    zone = receiving_entity(session).time_zone
    listed = place_in(session, adoption, "balance_transactions").totals
    given = {"zone": zone, "since": adoption.since, "until": adoption.until, "opening": OPENING_BALANCE}
    book = {key: sums for key, *sums in session.execute(_IN_THE_BOOK, given)}
    nothing = [0, 0, 0, 0]
    found = []
    for key in sorted(listed.keys() | book.keys()):
        month, currency, category = key.split(" ")
        found.append(
            Month(
                month=month,
                currency=currency,
                category=category,
                at_stripe=listed.get(key, nothing),
                in_the_book=book.get(key, nothing),
            )
        )
    return found


_OF_ADOPTED = "select count(*) from donations where channel = 'adopted'"


def counted(session: Session) -> dict[str, int]:
    """What of another platform is in this house."""
    counts = {
        "monthly_gifts": "select count(*) from monthly_gifts where receipts_from is not null",
        "single_gifts": f"{_OF_ADOPTED} and monthly_gift_id is null",
        "instalments": f"{_OF_ADOPTED} and monthly_gift_id is not null",
        "donors": "select count(distinct donor_id) from donations where channel = 'adopted'",
        "movements": "select count(*) from balance_transactions"
        " where reporting_category <> 'opening_balance'",
        "payouts": "select count(*) from payouts",
    }
    return {name: int(session.execute(text(sql)).scalar_one()) for name, sql in counts.items()}


def midnight(session: Session, day: Any) -> datetime:
    """When a day begins where the books are kept."""
    return datetime.combine(day, datetime.min.time(), ZoneInfo(receiving_entity(session).time_zone))

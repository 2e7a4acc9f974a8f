"""Writing down what never passed through Stripe: a cheque, cash, a transfer, stock, a thing.

It becomes a gift like any other, paid on the day that counts as its gift date: the postmark of a
mailed cheque, otherwise the day of receipt. The book recognises it on the day of receipt. Cheques and
cash wait as undeposited funds until a deposit slip takes them to the bank; what was wrong is taken
back in the open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments.clock import day_in, now
from payments.database import new_id
from payments.donations import paper_refusals as refused
from payments.donations.checkout import find as find_gift
from payments.donations.lines import gift_of
from payments.donations.models import Allocation, Donation, DonationStatus, Fund, IssuingEntity
from payments.donations.offline import Channel, DepositSlip, OfflineGift, PayerKind
from payments.donations.wishes import LONGEST_NAME, Share
from payments.ledger import posting, rules_by_hand
from payments.ledger.accounts import Account
from payments.ledger.models import JournalEntry, JournalMove
from payments.ledger.rules import Books, Entry, Move
from payments.money import Money, smallest_step
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_RECORD = (Role.FINANCE,)
LARGEST = 10**13
"""Minor units of one gift. A longer number is a cheque's or a telephone's, typed into the wrong field."""

TO_DEPOSIT = frozenset({Channel.CHEQUE, Channel.CASH})
THINGS = frozenset({Channel.STOCK, Channel.IN_KIND})
_INTO = {
    Channel.CHEQUE: Account.UNDEPOSITED_FUNDS,
    Channel.CASH: Account.UNDEPOSITED_FUNDS,
    Channel.BANK_TRANSFER: Account.BANK,
    Channel.STOCK: Account.GIFTS_IN_KIND,
    Channel.IN_KIND: Account.GIFTS_IN_KIND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One offline gift as it lies on the desk. The shares add up to the amount."""

    channel: Channel
    amount: Money
    shares: tuple[Share, ...]
    donor_name: str
    received_on: date
    locale: str = "en"
    payer_kind: PayerKind = PayerKind.PERSON
    postmarked_on: date | None = None
    document_number: str | None = None
    document_date: date | None = None
    description: str | None = None
    benefit: int = 0
    benefit_text: str | None = None
    items_cost: int | None = None
    """What items with the charity's name cost it, where the donor got nothing else; instead of `benefit`."""


def record(
    session: Session, paper: Paper, *, donor_id: str, soft_credit_donor_id: str | None, by: StaffMember
) -> Donation:
    """The gift, its paper and its entry in the book, in one go."""
    people.require(by, *MAY_RECORD)
    funds = {fund.id: fund for fund in session.scalars(select(Fund))}
    entity = _entity(session, paper, funds)
    _check(paper, today=day_in(entity.time_zone, now()))
    gift_date = paper.postmarked_on or paper.received_on
    donation = Donation(
        id=new_id("don"),
        created_at=now(),
        entity_id=entity.id,
        donor_id=donor_id,
        donor_name=" ".join(paper.donor_name.split()),
        locale=paper.locale,
        frequency="once",
        currency=paper.amount.currency,
        amount=paper.amount.minor,
        fee_cover_amount=0,
        source={},
        status=DonationStatus.PAID,
        paid_at=_noon(entity, gift_date),
        gift_date=gift_date,
        channel=paper.channel.value,
        payer_kind=paper.payer_kind.value,
        soft_credit_donor_id=soft_credit_donor_id,
        benefit_amount=paper.benefit,
        benefit_text=paper.benefit_text,
        allocations=[
            Allocation(position=position, fund_id=share.fund_id, amount=share.amount)
            for position, share in enumerate(paper.shares)
        ],
    )
    session.add(donation)
    session.flush()
    # The database has led both to the donors whose records were merged.
    session.refresh(donation, ["donor_id", "soft_credit_donor_id"])
    session.add(
        OfflineGift(
            donation_id=donation.id,
            received_on=paper.received_on,
            postmarked_on=paper.postmarked_on,
            document_number=paper.document_number,
            document_date=paper.document_date,
            description=paper.description,
            recorded_by=by.id,
            recorded_at=now(),
        )
    )
    posting.post(session, [_entry(donation, funds, entity, received_on=paper.received_on)])
    audit.note(
        session,
        by,
        "offline.record",
        subject=donation.id,
        reason="an offline gift",
        channel=paper.channel.value,
        amount=paper.amount.minor,
        currency=paper.amount.currency,
        payer_kind=paper.payer_kind.value,
        funds={share.fund_id: share.amount for share in paper.shares},
        received_on=paper.received_on.isoformat(),
        gift_date=gift_date.isoformat(),
    )
    return donation


def deposit(
    session: Session,
    donation_ids: Sequence[str],
    *,
    deposited_on: date,
    total: Money | None = None,
    by: StaffMember,
) -> DepositSlip:
    """Carry cheques and cash to the bank together. With `total`, the slip must come to just that."""
    people.require(by, *MAY_RECORD)
    wanted = sorted(set(donation_ids))
    rows = session.execute(
        select(Donation, OfflineGift)
        .join(OfflineGift, OfflineGift.donation_id == Donation.id)
        .where(Donation.id.in_(wanted))
        .order_by(Donation.id)
        .with_for_update()
    ).all()
    if not wanted or len(rows) != len(wanted):
        raise refused.NothingToDeposit
    for donation, paper in rows:
        _check_depositable(donation, paper, deposited_on=deposited_on)
    first = rows[0][0]
    if any((gift.currency, gift.entity_id) != (first.currency, first.entity_id) for gift, _ in rows):
        raise refused.SlipMixed
    sum_of_all = Money(sum(donation.amount for donation, _ in rows), first.currency)
    if total is not None and total != sum_of_all:
        raise refused.CountedOtherwise(sum=sum_of_all, counted=total)
    entity = session.get_one(IssuingEntity, first.entity_id)
    if deposited_on > day_in(entity.time_zone, now()):
        raise refused.DepositStillToCome
    slip = DepositSlip(
        id=new_id("dep"),
        entity_id=entity.id,
        deposited_on=deposited_on,
        currency=sum_of_all.currency,
        total=sum_of_all.minor,
        recorded_by=by.id,
        recorded_at=now(),
    )
    session.add(slip)
    session.flush()
    for _, paper in rows:
        paper.deposit_slip_id = slip.id
    at = _noon(entity, deposited_on)
    posting.post(session, [rules_by_hand.deposited(slip.id, sum_of_all, _books(entity), deposited_at=at)])
    audit.note(
        session,
        by,
        "offline.deposit",
        subject=slip.id,
        reason="a deposit slip",
        gifts=wanted,
        amount=sum_of_all.minor,
        currency=sum_of_all.currency,
        deposited_on=deposited_on.isoformat(),
    )
    return slip


def reverse(session: Session, donation_id: str, *, by: StaffMember, reason: str) -> Donation:
    """Take an offline gift back in the open, today: the cheque bounced, or something was mistyped."""
    people.require(by, *MAY_RECORD)
    reason = people.reason_given(reason)
    donation = find_gift(session, donation_id, for_update=True)
    paper = session.get(OfflineGift, donation_id)
    if paper is None:
        raise refused.NotOnPaper
    if paper.reversed_at is not None:
        raise refused.TakenBackAlready
    paper.reversed_at = now()
    paper.reversed_by = by.id
    paper.reversal_reason = reason
    entity = session.get_one(IssuingEntity, donation.entity_id)
    backwards = rules_by_hand.offline_gift_reversed(
        _posted(session, donation, entity),
        reversed_at=now(),
        is_deposited=paper.deposit_slip_id is not None,
    )
    posting.post(session, [backwards])
    audit.note(
        session,
        by,
        "offline.reverse",
        subject=donation.id,
        reason=reason,
        amount=donation.amount,
        currency=donation.currency,
        deposit_slip=paper.deposit_slip_id,
    )
    return donation


def to_deposit(session: Session) -> list[tuple[Donation, OfflineGift]]:
    """Cheques and cash that are not at the bank yet, the oldest first."""
    rows = session.execute(
        select(Donation, OfflineGift)
        .join(OfflineGift, OfflineGift.donation_id == Donation.id)
        .where(
            Donation.channel.in_([channel.value for channel in TO_DEPOSIT]),
            OfflineGift.deposit_slip_id.is_(None),
            OfflineGift.reversed_at.is_(None),
        )
        .order_by(OfflineGift.received_on, Donation.id)
        .options(selectinload(Donation.allocations))
    )
    return [(donation, paper) for donation, paper in rows]


def _entity(session: Session, paper: Paper, funds: Mapping[str, Fund]) -> IssuingEntity:
    """Whose funds these are: the money is that body's, and the receipt too."""
    if any(share.fund_id not in funds for share in paper.shares) or not paper.shares:
        raise refused.FundUnknown
    owners = {funds[share.fund_id].entity_id for share in paper.shares}
    if len(owners) != 1:
        raise refused.FundsOfTwoBodies
    return session.get_one(IssuingEntity, owners.pop())


def _check(paper: Paper, *, today: date) -> None:
    step = smallest_step(paper.amount.currency)
    parts = [share.amount for share in paper.shares]
    if paper.channel is Channel.ONLINE:
        raise refused.CameOnline
    if paper.amount.minor <= 0 or paper.amount.minor % step:
        raise refused.NotAnAmountOnPaper(least=Money(step, paper.amount.currency))
    if paper.amount.minor > LARGEST:
        raise refused.AmountTooLong(most=Money(LARGEST, paper.amount.currency))
    if any(part <= 0 for part in parts) or sum(parts) != paper.amount.minor:
        raise refused.PartsDoNotAddUp(amount=paper.amount)
    if not paper.donor_name.strip() or len(paper.donor_name) > LONGEST_NAME:
        raise refused.PayerUnnamed(most=str(LONGEST_NAME))
    if paper.received_on > today:
        raise refused.NotReceivedYet
    if paper.postmarked_on is not None and paper.channel is not Channel.CHEQUE:
        raise refused.NoPostmark
    if paper.postmarked_on is not None and paper.postmarked_on > paper.received_on:
        raise refused.PostedLater
    if paper.channel in THINGS and not (paper.description or "").strip():
        raise refused.ThingNotDescribed
    if not 0 <= paper.benefit <= paper.amount.minor:
        raise refused.BenefitOutOfBounds
    if paper.items_cost is not None and (paper.benefit or paper.items_cost <= 0):
        raise refused.BenefitAndItems
    got_something = bool(paper.benefit) or paper.items_cost is not None
    if got_something != bool((paper.benefit_text or "").strip()):
        raise refused.BenefitHalfSaid


def _check_depositable(donation: Donation, paper: OfflineGift, *, deposited_on: date) -> None:
    if Channel(donation.channel) not in TO_DEPOSIT:
        raise refused.NotForDeposit(gift=donation.id)
    if paper.deposit_slip_id is not None:
        raise refused.OnSlipAlready(gift=donation.id, slip=paper.deposit_slip_id)
    if paper.reversed_at is not None:
        raise refused.WasTakenBack(gift=donation.id)
    if deposited_on < paper.received_on:
        raise refused.ReceivedLater(gift=donation.id)


def _entry(
    donation: Donation, funds: Mapping[str, Fund], entity: IssuingEntity, *, received_on: date
) -> Entry:
    return rules_by_hand.offline_gift(
        gift_of(donation, funds),
        _INTO[Channel(donation.channel)],
        _books(entity),
        currency=donation.currency,
        received_at=_noon(entity, received_on),
    )


def _posted(session: Session, donation: Donation, entity: IssuingEntity) -> Entry:
    """The entry as it stands in the book, whatever has been said of its funds since."""
    entry = session.get_one(JournalEntry, f"offline:{donation.id}")
    moves = session.scalars(
        select(JournalMove).where(JournalMove.reference == entry.reference).order_by(JournalMove.position)
    )
    return Entry(
        reference=entry.reference,
        kind=entry.kind,
        books=_books(entity),
        occurred_at=entry.occurred_at,
        currency=donation.currency,
        description=entry.description,
        donation_id=donation.id,
        moves=tuple(
            Move(Account(move.from_account), Account(move.to_account), move.amount, move.fund_id)
            for move in moves
        ),
    )


def _books(entity: IssuingEntity) -> Books:
    return Books(entity_id=entity.id, time_zone=entity.time_zone)


def _noon(entity: IssuingEntity, day: date) -> datetime:
    """A day known without its hour stands at noon where the books are kept."""
    return datetime.combine(day, time(12), ZoneInfo(entity.time_zone))

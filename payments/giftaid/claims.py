"""Claims: which gifts can be claimed, which cannot and why, and the schedule that claims them.

A gift is on one schedule, ever. What goes back of it afterwards, and all of it once no declaration covers it
any more, is told to HMRC on the next schedule as over-claimed, with the tax on it. A claim keeps its files:
asked for again, they are the same bytes.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import new_id
from payments.donations.models import Donation, DonationStatus, IssuingEntity
from payments.donations.offline import PayerKind
from payments.donations.reversals import CLOSED_DISPUTES, Dispute
from payments.giftaid import deadline, declarations, schedule
from payments.giftaid.declarations import GiftAidRefused
from payments.giftaid.models import GiftAidClaim, GiftAidCorrection, GiftAidDeclaration, GiftAidLine
from payments.giftaid.schedule import Line, Person
from payments.receipts import standing
from payments.receipts.content import THINGS
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_CLAIM = (Role.FINANCE,)
_TAX_ON_A_HUNDRED = 25
"""The basic rate of 20% is of the gift with its tax: a quarter of the gift itself."""


class NothingToClaim(GiftAidRefused):
    """HMRC takes no schedule without a line."""

    def __init__(self, refused: int, over_claimed: int) -> None:
        waits = f" Over-claimed {schedule.pounds(over_claimed)} waits for the next." if over_claimed else ""
        super().__init__(
            f"No gift can be claimed; {refused} cannot: `almoner giftaid claim --preview` says why.{waits}"
        )


class ClaimUnknown(GiftAidRefused):
    """No claim has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no claim {number}: `almoner giftaid claims` lists them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimable:
    """A gift that can be claimed, and the declaration that lets it; pence."""

    donation_id: str
    gift_date: date
    amount: int
    declaration: GiftAidDeclaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A gift that cannot be claimed, and what a person can do."""

    donation_id: str
    gift_date: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a claim would say."""

    lines: tuple[tuple[Line, tuple[Claimable, ...]], ...]
    left: int
    """Lines beyond the thousand, for the next claim."""
    refused: tuple[Refused, ...]
    corrections: tuple[tuple[str, int], ...]
    """Gifts claimed before of which so much is not a Gift Aid donation any more, in pence."""

    @property
    def over_claimed(self) -> int:
        """The tax to give back, in pence; a fraction counts as a whole one."""
        return -(-sum(amount for _, amount in self.corrections) * _TAX_ON_A_HUNDRED // 100)

    @property
    def total(self) -> int:
        """The gifts, in pence."""
        return sum(line.amount for line, _ in self.lines)


def prepare(session: Session, entity: IssuingEntity, *, until: date, aggregate: bool = False) -> Prepared:
    """Look at every gift that no claim has, up to a day."""
    declarations.require_british(entity)
    today = day_in(entity.time_zone, now())
    if until > today:
        raise GiftAidRefused("A claim ends today or on a day before.")
    judged = list(_judge(session, entity, _unclaimed(session, entity, until), today=today))
    claimable = [gift for gift in judged if isinstance(gift, Claimable)]
    refused = [gift for gift in judged if isinstance(gift, Refused)]
    lines = []
    for line, gifts in _lines(claimable, aggregate=aggregate):
        if faults := schedule.wrong_on(line, today=today):
            reason = " ".join(faults)
            refused += [
                Refused(donation_id=gift.donation_id, gift_date=gift.gift_date, reason=reason)
                for gift in gifts
            ]
        else:
            lines.append((line, gifts))
    return Prepared(
        lines=tuple(lines[: schedule.MOST_LINES]),
        left=max(0, len(lines) - schedule.MOST_LINES),
        refused=tuple(refused),
        corrections=tuple(_corrections(session, entity)),
    )


def claim(
    session: Session, entity: IssuingEntity, *, until: date, aggregate: bool = False, by: StaffMember
) -> tuple[GiftAidClaim, Prepared]:
    """Put the next gifts on a schedule and keep it."""
    people.require(by, *MAY_CLAIM)
    lock = func.hashtextextended(f"giftaid:{entity.id}", 0)
    session.execute(select(func.pg_advisory_xact_lock(lock)))
    prepared = prepare(session, entity, until=until, aggregate=aggregate)
    if not prepared.lines:
        raise NothingToClaim(len(prepared.refused), prepared.over_claimed)
    lines = [line for line, _ in prepared.lines]
    earliest = min(gift.gift_date for _, gifts in prepared.lines for gift in gifts)
    ods = schedule.as_ods(lines, earliest=earliest, over_claimed=prepared.over_claimed)
    csv = schedule.as_csv(lines)
    last = session.scalar(select(func.max(GiftAidClaim.number)).where(GiftAidClaim.entity_id == entity.id))
    made = GiftAidClaim(
        id=new_id("gac"),
        entity_id=entity.id,
        number=(last or 0) + 1,
        until=until,
        made_by=by.id,
        line_count=len(lines),
        earliest=earliest,
        total=prepared.total,
        over_claimed=prepared.over_claimed,
        ods=ods,
        csv=csv,
        ods_sha256=hashlib.sha256(ods).hexdigest(),
        csv_sha256=hashlib.sha256(csv).hexdigest(),
    )
    session.add(made)
    session.flush()
    session.add_all(
        GiftAidLine(
            donation_id=gift.donation_id,
            claim_id=made.id,
            item=item,
            declaration_id=gift.declaration.id,
            amount=gift.amount,
        )
        for item, (_, gifts) in enumerate(prepared.lines, start=1)
        for gift in gifts
    )
    session.add_all(
        GiftAidCorrection(claim_id=made.id, donation_id=donation_id, amount=amount)
        for donation_id, amount in prepared.corrections
    )
    session.flush()
    audit.note(
        session, by, "giftaid.claim", subject=made.id, reason="a claim", number=made.number, lines=len(lines)
    )
    return made, prepared


def made(session: Session, entity: IssuingEntity) -> Sequence[GiftAidClaim]:
    """Every claim, the newest first."""
    return session.scalars(
        select(GiftAidClaim).where(GiftAidClaim.entity_id == entity.id).order_by(GiftAidClaim.number.desc())
    ).all()


def download(session: Session, entity: IssuingEntity, number: int, *, as_csv: bool, by: StaffMember) -> bytes:
    """The file of a claim, as it was made. Who took it stands in the audit log."""
    people.require(by, *MAY_CLAIM)
    found = session.scalars(
        select(GiftAidClaim).where(GiftAidClaim.entity_id == entity.id, GiftAidClaim.number == number)
    ).one_or_none()
    if found is None:
        raise ClaimUnknown(number)
    audit.note(
        session, by, "giftaid.download", subject=found.id, reason="its file", file="csv" if as_csv else "ods"
    )
    return found.csv if as_csv else found.ods


def _unclaimed(session: Session, entity: IssuingEntity, until: date) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(
        select(
            Donation.id,
            Donation.donor_id,
            Donation.gift_date,
            Donation.amount,
            Donation.currency,
            Donation.channel,
            Donation.payer_kind,
            Donation.benefit_amount,
            exists()
            .where(Dispute.donation_id == Donation.id, Dispute.status.not_in(CLOSED_DISPUTES))
            .label("is_disputed"),
        )
        .where(
            Donation.entity_id == entity.id,
            Donation.status == DonationStatus.PAID.value,
            Donation.gift_date <= until,
            ~exists().where(GiftAidLine.donation_id == Donation.id),
        )
        .order_by(Donation.gift_date, Donation.id)
    ).all()


def _judge(
    session: Session, entity: IssuingEntity, gifts: Sequence[Row[*tuple[Any, ...]]], *, today: date
) -> Iterator[Claimable | Refused]:
    """Each gift with its declaration, or the reason; nothing of one of which nothing is left."""
    stands = standing.changed(session, [gift.id for gift in gifts])
    declared = declarations.by_donor(session, entity, (gift.donor_id for gift in gifts))
    for gift in gifts:
        amount = stands[gift.id].amount if gift.id in stands else gift.amount
        if amount <= 0:
            continue
        covering = [
            declaration
            for declaration in declared[gift.donor_id]
            if declarations.covers(declaration, donation_id=gift.id, gift_date=gift.gift_date)
        ]
        reason = (
            _unfit(gift)
            or _too_late(gift.gift_date, entity, today=today)
            or ("" if covering else _uncovered(declared[gift.donor_id]))
        )
        if reason:
            yield Refused(donation_id=gift.id, gift_date=gift.gift_date, reason=reason)
        else:
            yield Claimable(
                donation_id=gift.id, gift_date=gift.gift_date, amount=amount, declaration=covering[0]
            )


def _unfit(gift: Row[*tuple[Any, ...]]) -> str:
    if gift.payer_kind != PayerKind.PERSON:
        return "Gift Aid is for people, and the payer is none."
    if gift.channel in THINGS:
        return "Gift Aid is for money."
    if gift.is_disputed:
        return "The donor's bank disputes it: it waits for the outcome."
    if gift.currency != "gbp":
        return "The gift is not in pounds: claim its sterling value by hand."
    if gift.benefit_amount:
        return "The donor got something in return: apply HMRC's donor benefit rules by hand."
    return ""


def _too_late(gift_date: date, entity: IssuingEntity, *, today: date) -> str:
    last = deadline.last_day(gift_date, entity.receipt_facts)
    if today <= last:
        return ""
    return (
        f"Its time is over: it could be claimed until {last}, four years after the end of the period in which"
        " it was received."
    )


def _uncovered(declared: Sequence[GiftAidDeclaration]) -> str:
    if any(row.channel == "oral" and row.record_sent_on is None for row in declared):
        return "The declaration was spoken: send its written record, then `almoner giftaid record-sent`."
    if declared:
        return "No declaration of this donor covers this gift."
    return "There is no declaration: `almoner giftaid declare`, once the donor has given one."


def _lines(
    claimable: Sequence[Claimable], *, aggregate: bool
) -> Iterator[tuple[Line, tuple[Claimable, ...]]]:
    small: dict[str, list[Claimable]] = defaultdict(list)
    for gift in claimable:
        if aggregate and gift.amount < schedule.AGGREGATED_BELOW:
            small[gift.gift_date.strftime("%Y-%m")].append(gift)
            continue
        yield Line(day=gift.gift_date, amount=gift.amount, person=person_of(gift.declaration)), (gift,)
    for month, gifts in sorted(small.items()):
        for part in _up_to(schedule.AGGREGATED_MOST, gifts):
            yield (
                Line(
                    day=max(gift.gift_date for gift in part),
                    amount=sum(gift.amount for gift in part),
                    aggregated=f"Small gifts of {month}",
                ),
                tuple(part),
            )


def _up_to(most: int, gifts: Sequence[Claimable]) -> Iterator[list[Claimable]]:
    part: list[Claimable] = []
    for gift in gifts:
        if part and sum(one.amount for one in part) + gift.amount > most:
            yield part
            part = []
        part.append(gift)
    if part:
        yield part


def person_of(declaration: GiftAidDeclaration) -> Person:
    """Who declared, as a line names them."""
    return Person(
        title=declaration.title or "",
        first_name=declaration.first_name,
        last_name=declaration.last_name,
        house=declaration.house,
        postcode=declaration.postcode,
    )


def _corrections(session: Session, entity: IssuingEntity) -> Iterator[tuple[str, int]]:
    """Gifts claimed before of which more is not to be claimed than any schedule said: something went back,
    or the declaration was cancelled so that it does not cover them."""
    told = (
        select(GiftAidCorrection.donation_id, func.sum(GiftAidCorrection.amount).label("amount"))
        .group_by(GiftAidCorrection.donation_id)
        .subquery()
    )
    claimed = {
        row.donation_id: int(row.left)
        for row in session.execute(
            select(
                GiftAidLine.donation_id,
                (GiftAidLine.amount - func.coalesce(told.c.amount, 0)).label("left"),
            )
            .join(GiftAidClaim, GiftAidClaim.id == GiftAidLine.claim_id)
            .outerjoin(told, told.c.donation_id == GiftAidLine.donation_id)
            .where(GiftAidClaim.entity_id == entity.id)
            .order_by(GiftAidLine.donation_id)
        )
    }
    stands = {
        donation_id: max(0, found.amount)
        for donation_id, found in standing.changed(session, list(claimed)).items()
    }
    stands |= dict.fromkeys(_uncovered_by_now(session, entity), 0)
    for donation_id, amount in sorted(stands.items()):
        if (over := claimed[donation_id] - amount) > 0:
            yield donation_id, over


def _uncovered_by_now(session: Session, entity: IssuingEntity) -> Iterator[str]:
    """Gifts claimed on a declaration that was cancelled since, which no declaration covers now."""
    rows = session.execute(
        select(Donation.id, Donation.donor_id, Donation.gift_date)
        .join(GiftAidLine, GiftAidLine.donation_id == Donation.id)
        .join(GiftAidDeclaration, GiftAidDeclaration.id == GiftAidLine.declaration_id)
        .where(GiftAidDeclaration.entity_id == entity.id, GiftAidDeclaration.cancelled_on.is_not(None))
    ).all()
    declared = declarations.by_donor(session, entity, (row.donor_id for row in rows))
    for row in rows:
        if row.gift_date is not None and not any(
            declarations.covers(declaration, donation_id=row.id, gift_date=row.gift_date)
            for declaration in declared[row.donor_id]
        ):
            yield row.id

"""The story, day by day: who joins, what happens to whom, and the clock that moves on.

Donors come by the same door as anybody (`open_checkout`), pay at the sandbox, and use the deeds that the
manage page uses. Stripe's side is told by the sandbox's control door what cards and banks do.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import open_checkout
from payments.donations import refund_requests
from payments.donations.models import Charge, Donation, DonationStatus
from payments.donations.refund_requests import Ask
from payments.donations.reversals import RefundStatus
from payments.donations.wishes import Wish, evenly
from payments.errors import AlmonerError
from payments.local.simulation import town
from payments.local.simulation.hands import Hands, do_what_was_asked_for
from payments.local.simulation.stripe_town import Sandbox
from payments.local.simulation.town import Neighbour, Turn
from payments.money import Money
from payments.monthly import changes
from payments.monthly.changes import Asked
from payments.monthly.models import EndReason, MonthlyGift, MonthlyInvoice
from payments.staff.models import StaffMember

_AT_ONCE = 8
"""Donors who stand at Stripe's page at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Who works for the charity: one asks, and where it takes two another agrees."""

    asks: StaffMember
    agrees: StaffMember


@dataclass(slots=True)
class Lived:
    """What the story's own memory holds against the books at its end."""

    joined: dict[int, str] = field(default_factory=dict)
    """Each donor's monthly gift."""
    turned: dict[Turn, int] = field(default_factory=lambda: defaultdict(int))
    missed: dict[Turn, int] = field(default_factory=lambda: defaultdict(int))
    """Turns that could not happen any more: the gift had ended before."""


@dataclass(slots=True)
class Year:
    """One story under way."""

    neighbours: list[Neighbour]
    sandbox: Sandbox
    sandbox_address: str
    hands: Hands
    desk: Desk
    lived: Lived = field(default_factory=Lived)
    _later: dict[int, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    _today: int = 0

    def live(self, *, months: int) -> Iterator[int]:
        """Live it; each day that is over is yielded."""
        self.sandbox.advance(to=int(town.BEGINS.timestamp()))
        joining, turning = defaultdict(list), defaultdict(list)
        for neighbour in self.neighbours:
            joining[neighbour.joins_on].append(neighbour)
            turning[neighbour.turns_on].append(neighbour)
        for day in range(town.days_of(months)):
            self._today = day
            self._join(joining[day])
            for neighbour in turning[day]:
                self._turn(neighbour)
            for happens in self._later.pop(day, ()):
                happens()
            do_what_was_asked_for()
            tomorrow = town.date_of(day + 1)
            self.sandbox.advance(to=int(tomorrow.timestamp()))
            self.hands.end_of_day()
            yield day

    def _join(self, neighbours: list[Neighbour]) -> None:
        parts = [neighbours[at::_AT_ONCE] for at in range(_AT_ONCE)]
        with ThreadPoolExecutor(_AT_ONCE) as doors:
            for joined in doors.map(self._join_some, (part for part in parts if part)):
                self.lived.joined.update(joined)

    def _join_some(self, neighbours: Iterable[Neighbour]) -> dict[int, str]:
        sandbox = Sandbox(self.sandbox_address)
        begun = {}
        for neighbour in neighbours:
            opened = open_checkout(_wish(neighbour), key=f"simulation:{neighbour.number}")
            if opened.checkout_url is None:
                raise RuntimeError(f"no page was opened for {opened.donation_id}")
            sandbox.pays(opened.checkout_url)
            begun[neighbour.number] = opened.donation_id
        with transaction() as session:
            promised = select(Donation.id, Donation.monthly_gift_id).where(Donation.id.in_(begun.values()))
            gifts = {row.id: row.monthly_gift_id for row in session.execute(promised)}
        return {number: gifts[donation_id] for number, donation_id in begun.items()}

    def _turn(self, neighbour: Neighbour) -> None:
        if neighbour.turn is Turn.NOTHING:
            return
        with transaction() as session:
            gift = session.get_one(MonthlyGift, self.lived.joined[neighbour.number])
        try:
            self._happens(neighbour, gift)
        except AlmonerError:  # it ended before, or is paused: then this did not happen in this life
            self.lived.missed[neighbour.turn] += 1
        else:
            self.lived.turned[neighbour.turn] += 1

    def _happens(self, neighbour: Neighbour, gift: MonthlyGift) -> None:
        customer = gift.stripe_customer_id or ""
        match neighbour.turn:
            case Turn.FALLS_SHORT:
                self.sandbox.next_answers(customer, "insufficient_funds", "insufficient_funds")
            case Turn.CARD_EXPIRES:
                self.sandbox.next_answers(customer, "expired_card")
                self._in(36, lambda: self.sandbox.has_card(customer, "5555555555554444"))
            case Turn.CARD_IS_LOST:
                self.sandbox.next_answers(customer, *["lost_card"] * 20)
            case Turn.MUST_CONFIRM:
                self.sandbox.next_answers(customer, "authentication_required")
                self._in(34, lambda: self._confirm(gift.id))
            case Turn.DISPUTES:
                self._dispute(gift.id)
            case Turn.ASKS_BACK:
                with transaction() as session:
                    newest = _newest_instalment(session, gift.id)
                    ask = Ask(
                        donation_id=newest, amount=None, reason="requested_by_customer", note="asked for"
                    )
                    refund = refund_requests.request(session, ask, by=self.desk.asks)
                    if refund.status == RefundStatus.REQUESTED:
                        refund_requests.approve(session, refund.id, by=self.desk.agrees)
            case _:
                with transaction() as session:
                    _ask_for_a_change(session, neighbour, gift, self.desk.asks)

    def _in(self, days: int, happens: Callable[[], None]) -> None:
        self._later[self._today + days].append(happens)

    def _confirm(self, monthly_gift_id: str) -> None:
        with transaction() as session:
            waiting = session.scalars(
                select(MonthlyInvoice.stripe_invoice_id)
                .where(
                    MonthlyInvoice.monthly_gift_id == monthly_gift_id,
                    MonthlyInvoice.status == "open",
                    MonthlyInvoice.refused_attempts > 0,
                )
                .order_by(MonthlyInvoice.made_at.desc())
            ).first()
        if waiting is not None:
            self.sandbox.confirms(waiting)

    def _dispute(self, monthly_gift_id: str) -> None:
        with transaction() as session:
            charge = session.scalars(
                select(Charge.stripe_charge_id).where(
                    Charge.donation_id == _newest_instalment(session, monthly_gift_id),
                    Charge.status == "succeeded",
                )
            ).one()
        dispute = self.sandbox.disputes(charge)
        self._in(10, lambda: self.sandbox.loses(dispute))


def _wish(neighbour: Neighbour) -> Wish:
    return Wish(
        amount=neighbour.amount,
        currency=neighbour.currency,
        frequency="monthly",
        shares=evenly(neighbour.amount, neighbour.funds),
        cover_fees=neighbour.covers_fee,
        donor_name=neighbour.name,
        donor_email=neighbour.email,
        locale=neighbour.locale,
        source={"page": "/stories/crossing"},
    )


def _ask_for_a_change(session: Session, neighbour: Neighbour, gift: MonthlyGift, desk: StaffMember) -> None:
    match neighbour.turn:
        case Turn.LEAVES:
            changes.cancel(session, gift.id)
        case Turn.STOPPED_BY_STAFF:
            changes.stop(session, gift.id, Asked(by=desk.id, reason="asked by phone"), reason=EndReason.STAFF)
        case Turn.PAUSES:
            changes.pause(session, gift.id, months=2)
        case Turn.SKIPS:
            changes.skip_one(session, gift.id)
        case Turn.GIVES_MORE:
            more = Money(neighbour.amount * 2, neighbour.currency)
            changes.change_amount(session, gift.id, amount=more)
        case Turn.MOVES_THE_DAY:
            changes.change_day(session, gift.id, day=15)
        case unknown:
            raise NotImplementedError(unknown)


def _newest_instalment(session: Session, monthly_gift_id: str) -> str:
    return session.scalars(
        select(Donation.id)
        .where(Donation.monthly_gift_id == monthly_gift_id, Donation.status == DonationStatus.PAID.value)
        .order_by(Donation.paid_at.desc())
        .limit(1)
    ).one()

"""Gifts with their donors, for the programs that keep donors: the only exports with personal data.

A batch claims entries like any other, and tells of every gift that one of them is about, once: as it stands
at the end of the batch's last day. So a gift that went back later comes again in a later batch, under the
same id and with another status.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload

from payments.database import stream
from payments.donations.lines import gift_of
from payments.donations.models import Charge, Donation, Fund
from payments.donations.turns import load, standing_of
from payments.ledger.accounts import Account
from payments.ledger.rules import in_proportion
from payments.money import split
from payments.reconciliation.exports.format import Frame, Option

OF_GIFTS = "e.donation_id is not null"
IN_CURRENCY = "(select d.currency from donations d where d.id = e.donation_id) = :currency"

METHODS = {
    "method_card": Option("What the target calls a card.", "Credit Card"),
    "method_bank_debit": Option("What it calls a debit of the donor's bank account.", "EFT"),
    "method_cheque": Option("What it calls a cheque.", "Check"),
    "method_cash": Option("What it calls cash.", "Cash"),
    "method_bank_transfer": Option("What it calls a bank transfer.", "EFT"),
    "method_other": Option("What it calls anything else.", "Other"),
}
_CHANNELS = {"cheque": "method_cheque", "cash": "method_cash", "bank_transfer": "method_bank_transfer"}
_ONLINE = {
    "card": "method_card",
    "us_bank_account": "method_bank_debit",
    "sepa_debit": "method_bank_debit",
    "bacs_debit": "method_bank_debit",
    "acss_debit": "method_bank_debit",
    "au_becs_debit": "method_bank_debit",
}
_STANDS_IN = ", ".join(
    f"'{account}'"
    for account in (
        Account.CONTRIBUTIONS,
        Account.CONTRIBUTIONS_FEE_COVER,
        Account.CONTRIBUTIONS_IN_KIND,
        Account.AGENCY_OBLIGATIONS,
        Account.BENEFITS_EXCHANGED,
        Account.CONTRIBUTION_REFUNDS,
        Account.CHARGEBACKS,
    )
)


class State(StrEnum):
    """What became of a gift by the last day of a batch."""

    STANDS = "stands"
    PARTLY_BACK = "partly back"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged back"
    TAKEN_BACK = "taken back"
    """An offline gift that was recorded wrongly, or a cheque that bounced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftRow:
    """One gift and who gave it. Amounts in the gift's own currency."""

    id: str
    donor_id: str
    name: str
    email: str
    is_person: bool
    currency: str
    given: int
    stands: int
    """What is left of it; all that was given when nothing is."""
    state: State
    gift_date: date
    back_on: date | None
    allocations: tuple[tuple[str, int], ...]
    """Fund and amount; together what stands, less the covered fee."""
    fee_cover: int
    benefit: int
    fee: int | None
    """What the processor kept; None where that is in another currency."""
    method: str
    """The name of the option that says what the target calls it."""
    cheque_number: str | None
    campaign: str | None
    dedication_kind: str | None
    dedication_name: str | None

    @property
    def first_and_last_name(self) -> tuple[str, str]:
        """The last word is the last name; a name of one word is a last name. Nobody asked the donor which is
        which."""
        first, _, last = " ".join(self.name.split()).rpartition(" ")
        return first, last


def rows(session: Session, frame: Frame) -> Iterator[GiftRow]:
    """Every gift of a batch, by its day."""
    funds = {fund.id: fund for fund in session.scalars(select(Fund))}
    for row in stream(session, _ROWS, frame.chosen.parameters):
        state = _state(row)
        yield _told(row, state, _left(session, row, funds) if state is State.PARTLY_BACK else row.amount)


def currencies(session: Session, target: str, number: int) -> dict[str, int]:
    """How many gifts of a batch were given in each currency."""
    found = session.execute(
        text("""
            select d.currency, count(distinct d.id) as gifts
            from exported_entries x
            join journal_entries e on e.number = x.entry_number
            join donations d on d.id = e.donation_id
            where x.target = :target and x.batch_number = :number
            group by d.currency
        """),
        {"target": target, "number": number},
    )
    return {row.currency: row.gifts for row in found}


def funds_used(session: Session, target: str, number: int) -> list[tuple[Account, str | None]]:
    """Every fund that a gift of a batch is for."""
    found = session.scalars(
        text("""
            select distinct a.fund_id
            from exported_entries x
            join journal_entries e on e.number = x.entry_number
            join donation_allocations a on a.donation_id = e.donation_id
            where x.target = :target and x.batch_number = :number
            order by a.fund_id
        """),
        {"target": target, "number": number},
    )
    return [(Account.CONTRIBUTIONS, fund_id) for fund_id in found]


_ROWS = f"""
    with touched as materialized (
        select distinct e.donation_id
        from exported_entries x join journal_entries e on e.number = x.entry_number
        where x.target = %(target)s and x.batch_number = %(batch)s
    ), moved as materialized (
        select e.donation_id, m.currency,
            sum(case when e.kind in ('gift', 'offline_gift') and m.from_account in ({_STANDS_IN})
                then m.amount else 0 end)::bigint as gross,
            sum(case when m.from_account in ({_STANDS_IN}) then m.amount else 0 end
                - case when m.to_account in ({_STANDS_IN}) then m.amount else 0 end)::bigint as kept,
            sum(case when m.to_account = 'processing_fees' then m.amount
                when m.from_account = 'processing_fees' then -m.amount else 0 end)::bigint as fee,
            max(e.effective_on) filter (where m.to_account in ({_STANDS_IN})) as back_on,
            bool_or(m.to_account = 'chargebacks') as is_charged_back,
            bool_or(e.kind = 'offline_gift_reversed') as is_taken_back
        from touched join journal_entries e using (donation_id) join journal_moves m using (reference)
        where e.effective_on <= %(last)s
        group by e.donation_id, m.currency
    )
    select d.id, d.donor_id, d.donor_name, n.email, d.payer_kind, d.currency, d.amount, d.fee_cover_amount,
        d.benefit_amount, coalesce(d.gift_date, d.created_at::date) as gift_date, d.channel, c.method,
        o.document_number, d.source ->> 'campaign' as campaign, d.dedication_kind, d.dedication_name,
        s.currency as settled_in, s.gross, s.kept, s.fee, s.back_on, s.is_charged_back, s.is_taken_back,
        a.funds, a.amounts
    from moved s
    join donations d on d.id = s.donation_id
    join donors n on n.id = d.donor_id
    left join offline_gifts o on o.donation_id = d.id
    left join lateral (
        select method from charges where donation_id = d.id and status = 'succeeded' limit 1
    ) c on true
    cross join lateral (
        select array_agg(fund_id order by position) as funds, array_agg(amount order by position) as amounts
        from donation_allocations where donation_id = d.id
    ) a
    order by gift_date, d.id, s.currency
"""


def _left(session: Session, row: Any, funds: Mapping[str, Fund]) -> int:
    """What is left of a gift, in its own currency.

    The book has that to the cent only where the gift was settled in the same one. Otherwise the standing of
    the gift tells it, if it is what the book had on the last day.
    """
    if row.settled_in == row.currency:
        return int(row.kept)
    charge = session.scalars(
        select(Charge).where(Charge.donation_id == row.id, Charge.status == "succeeded")
    ).first()
    if charge is not None:
        donation = session.get_one(Donation, row.id, options=[selectinload(Donation.allocations)])
        stands = standing_of(gift_of(donation, funds), load(session, charge))
        back = stands.refunded + stands.lost
        if in_proportion(back, of=row.amount, to=row.gross) == row.gross - row.kept:
            return int(row.amount) - back
    return in_proportion(row.kept, of=row.gross, to=row.amount)


def _told(row: Any, state: State, stands: int) -> GiftRow:
    *parts, cover = _shared(stands, row.amounts, row.fee_cover_amount)
    return GiftRow(
        id=row.id,
        donor_id=row.donor_id,
        name=row.donor_name,
        email=row.email,
        is_person=row.payer_kind == "person",
        currency=row.currency,
        given=row.amount,
        stands=stands,
        state=state,
        gift_date=row.gift_date,
        back_on=row.back_on if state is not State.STANDS else None,
        allocations=tuple(zip(row.funds, parts, strict=True)),
        fee_cover=cover,
        benefit=min(row.benefit_amount, stands),
        fee=row.fee if row.settled_in == row.currency else None,
        method=_CHANNELS.get(row.channel) or _ONLINE.get(row.method or "", "method_other"),
        cheque_number=row.document_number,
        campaign=row.campaign,
        dedication_kind=row.dedication_kind,
        dedication_name=row.dedication_name,
    )


def _state(row: Any) -> State:
    if row.kept == row.gross:
        return State.STANDS
    if row.kept > 0:
        return State.PARTLY_BACK
    if row.is_taken_back:
        return State.TAKEN_BACK
    return State.CHARGED_BACK if row.is_charged_back else State.REFUNDED


def _shared(stands: int, amounts: Sequence[int], fee_cover: int) -> list[int]:
    return split(stands, [*amounts, fee_cover])

"""Which line of the bank may be which payout or top-up, and what speaks for it.

Amount and currency must be the same to the cent, and the bank's day near the one Stripe expected. Beyond
that a bank may print Stripe's trace id, the payout's descriptor, or Stripe's name. Words are compared
without blanks and signs, because banks break them anywhere.

A top-up is the charity's own money on its way to Stripe: it leaves the bank days before it is in the
balance, or after, by how it was sent. No words of a bank's tell it from other business with Stripe, so it is
only ever suggested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from payments.reconciliation.telling import Several, Told
from payments.translations import N_

TOPUPS = ("topup", "topup_reversal")
"""Stripe's categories of the charity's own money that goes into the balance, and back from it."""

WORDS = """regexp_replace(
    upper(concat_ws(' ', l.text, l.payment_reference, l.bank_reference, l.counterparty)),
    '[^[:alnum:]]', '', 'g')"""
"""Everything that the bank says of the line `l`, in capitals without blanks and signs."""

CANDIDATES = f"""
with told as (
    select l.id as bank_line_id, l.amount, l.currency, l.booked_on, {WORDS} as words
    from bank_lines l
    join bank_accounts a on a.id = l.bank_account_id
    join issuing_entities e on e.id = a.entity_id and e.receives_online
    where l.amount <> 0
        and not exists (select from bank_matches m where m.bank_line_id = l.id and m.undone_at is null)
), topup as materialized (
    select b.stripe_balance_transaction_id as id, b.currency, b.amount,
        (b.created_at at time zone e.time_zone)::date as day
    from balance_transactions b join issuing_entities e on e.receives_online
    where b.reporting_category in ('topup', 'topup_reversal')
), expected as (
    select p.stripe_payout_id as subject_id, p.currency, p.arrives_on, p.trace_id, p.statement_descriptor,
        'payout' as kind, p.amount as on_statement, p.arrives_on - 1 as first_day,
        p.arrives_on + 5 as last_day
    from payouts p where p.status <> 'canceled'
    union all
    select p.stripe_payout_id, p.currency, p.arrives_on, p.trace_id, p.statement_descriptor,
        'payout_return', -p.amount, p.arrives_on - 1, p.arrives_on + 60
    from payouts p where p.status = 'failed'
    union all
    select t.id, t.currency, t.day, null, null, 'topup', -t.amount, t.day - 7, t.day + 7 from topup t
), candidate as (
    select told.bank_line_id, expected.subject_id, expected.kind, told.amount, told.currency,
        told.booked_on, told.booked_on - expected.arrives_on as days_after,
        coalesce(length(expected.trace_id) >= 6
            and strpos(told.words, regexp_replace(upper(expected.trace_id), '[^[:alnum:]]', '', 'g')) > 0,
            false) as has_trace,
        coalesce(length(expected.statement_descriptor) >= 3
            and strpos(told.words,
                regexp_replace(upper(expected.statement_descriptor), '[^[:alnum:]]', '', 'g')) > 0,
            false) as has_descriptor,
        strpos(told.words, 'STRIPE') > 0 or strpos(told.words, '스트라이프') > 0 as names_stripe
    from told join expected on expected.currency = told.currency and expected.on_statement = told.amount
        and told.booked_on between expected.first_day and expected.last_day
    where not exists (
        select from bank_matches m where m.kind = expected.kind
            and m.subject_id = expected.subject_id and m.undone_at is null
    )
)
"""

_ALL = f"{CANDIDATES} select * from candidate order by bank_line_id, subject_id, kind"
_OF_LINE = f"{CANDIDATES} select * from candidate where bank_line_id = %s order by subject_id, kind"

_CERTAIN = f"""{CANDIDATES}, traced as (
    select * from (
        select candidate.*, count(*) over (partition by bank_line_id) as of_line,
            count(*) over (partition by subject_id, kind) as of_payout
        from candidate where has_trace
    ) _ where of_line = 1 and of_payout = 1
), rest as (
    select candidate.*, count(*) over (partition by bank_line_id) as of_line,
        count(*) over (partition by subject_id, kind) as of_payout
    from candidate
    where not exists (select from traced t where t.bank_line_id = candidate.bank_line_id)
        and not exists (
            select from traced t
            where t.subject_id = candidate.subject_id and t.kind = candidate.kind
        )
), certain as (
    select * from traced
    union all
    select * from rest
    where of_line = 1 and of_payout = 1 and (has_descriptor or names_stripe) and kind <> 'topup'
)
select bank_line_id, subject_id, kind, amount, currency, booked_on, days_after, has_trace, has_descriptor,
    names_stripe
from certain c
where not exists (
    select from bank_matches m
    where m.bank_line_id = c.bank_line_id and m.subject_id = c.subject_id and m.kind = c.kind
)
order by bank_line_id
"""

# On the day; a day and more after it; a day and more before it.
_NEAR_PAYOUT = (
    N_("the same amount on the day Stripe expected it"),
    N_("the same amount {days} day after Stripe expected it"),
    N_("the same amount {days} days after Stripe expected it"),
    N_("the same amount {days} day before Stripe expected it"),
    N_("the same amount {days} days before Stripe expected it"),
)
_NEAR_TOPUP = (
    N_("a top-up of the same amount on the same day"),
    N_("a top-up of the same amount {days} day earlier"),
    N_("a top-up of the same amount {days} days earlier"),
    N_("a top-up of the same amount {days} day later"),
    N_("a top-up of the same amount {days} days later"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One payout or top-up that a line may be."""

    bank_line_id: str
    subject_id: str
    """The payout; of a top-up its balance transaction."""
    kind: str
    amount: int
    currency: str
    booked_on: date
    days_after: int
    has_trace: bool
    has_descriptor: bool
    names_stripe: bool

    @property
    def speaks_for_itself(self) -> bool:
        """Whether the bank's words name Stripe or the payout: such a line is never a gift."""
        return self.has_trace or self.has_descriptor or self.names_stripe

    @property
    def reason(self) -> str:
        """What speaks for it, in words."""
        return str(self.speaks)

    @property
    def speaks(self) -> Several:
        """The same, to be told in any language."""
        parts = [self._when()]
        if self.has_trace:
            parts.append(Told(N_("the bank prints its trace id"), {}))
        if self.has_descriptor:
            parts.append(Told(N_("the bank prints its descriptor"), {}))
        elif self.names_stripe:
            parts.append(Told(N_("the bank names Stripe"), {}))
        return Several("; ", tuple(parts))

    def _when(self) -> Told:
        at_once, one_after, more_after, one_before, more_before = (
            _NEAR_TOPUP if self.kind == "topup" else _NEAR_PAYOUT
        )
        days = abs(self.days_after)
        if not days:
            return Told(at_once, {})
        one, more = (one_after, more_after) if self.days_after > 0 else (one_before, more_before)
        return Told(one if days == 1 else more, {"days": days})


def everything(session: Session) -> Sequence[Candidate]:
    """Every pair that is possible."""
    return [Candidate(**row._mapping) for row in session.connection().exec_driver_sql(_ALL)]


def of_line(session: Session, bank_line_id: str) -> Sequence[Candidate]:
    """Everything that one line may be."""
    rows = session.connection().exec_driver_sql(_OF_LINE, (bank_line_id,))
    return [Candidate(**row._mapping) for row in rows]


def certain(session: Session) -> Sequence[Candidate]:
    """The pairs that are the only answer on both sides: one payout for the line, one line for the payout.
    A pair that a person has undone is not made again."""
    return [Candidate(**row._mapping) for row in session.connection().exec_driver_sql(_CERTAIN)]

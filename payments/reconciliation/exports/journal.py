"""The journals that every format writes: chosen entries, each for itself or summed by payout or month.

Whatever the granularity, the same moves are summed and never set off against each other: what comes in and
what goes out of one account stay two lines, so the debits of all three are the same to the cent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.database import stream
from payments.ledger.accounts import Account


class Granularity(StrEnum):
    """What becomes one journal. All are made of the same entries and come to the same sums."""

    TRANSACTION = "transaction"
    """Each entry of the book."""
    PAYOUT = "payout"
    """What one payout carries, within a month. Each line of the bank is by itself, so that it meets the
    statement; what is in no payout yet, and what is by hand, are one journal a month each."""
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which entries, and how they are put together."""

    entity_id: str
    last_day: date
    first_day: date | None = None
    currency: str | None = None
    granularity: Granularity | str = Granularity.TRANSACTION
    batch: tuple[str, int] | None = None
    """Target and number: only what was claimed for this batch."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements of this module ask for."""
        target, number = self.batch or (None, None)
        return {
            "entity": self.entity_id,
            "first": self.first_day,
            "last": self.last_day,
            "currency": self.currency,
            "target": target,
            "batch": number,
            "prefix": "ALM"
            if Granularity(self.granularity) is Granularity.TRANSACTION
            else f"ALM{number or ''}-",
        }


@dataclass(frozen=True, slots=True)
class Side:
    """One line of a journal: an account is debited or credited."""

    account: Account
    fund_id: str | None
    """Only where the account is kept by fund."""
    debit: int
    credit: int

    @property
    def signed(self) -> int:
        """Debit positive."""
        return self.debit - self.credit


@dataclass(frozen=True, slots=True)
class Move:
    """So much from an account (credit) to another (debit)."""

    from_account: Account
    to_account: Account
    amount: int
    fund_id: str | None

    @property
    def sides(self) -> tuple[Side, Side]:
        """The debit, then the credit."""
        to_fund = self.fund_id if self.to_account.is_kept_by_fund else None
        from_fund = self.fund_id if self.from_account.is_kept_by_fund else None
        return Side(self.to_account, to_fund, self.amount, 0), Side(
            self.from_account, from_fund, 0, self.amount
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One journal in one currency; balanced, because it is made of moves."""

    number: str
    """Ours, at most 21 letters and never given to another journal of the same target."""
    external_id: str
    """What it is about, such as `bt:txn_…` or `payout:po_…:2026-10`."""
    day: date
    original_day: date | None
    """When it happened, where that is another day: it came when its month was closed."""
    kind: str | None
    """None where several entries are one journal."""
    gift: str | None
    currency: str
    memo: str
    moves: tuple[Move, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        """Its lines: each account once debited and once credited at most, in the order of the moves."""
        lines: dict[tuple[Account, str | None, bool], Side] = {}
        for move in self.moves:
            for side in move.sides:
                key = side.account, side.fund_id, side.debit > 0
                before = lines.get(key)
                if before is not None:
                    side = replace(  # noqa: PLW2901
                        side, debit=before.debit + side.debit, credit=before.credit + side.credit
                    )
                lines[key] = side
        return tuple(lines.values())


def name_of(accounts: Mapping[str, str], account: Account, fund_id: str | None) -> str:
    """The name for this fund, or the one for all; empty where there is neither."""
    return accounts.get(f"{account}/{fund_id}") or accounts.get(account.value, "")


KEPT_BY_FUND = ", ".join(f"'{account}'" for account in Account if account.is_kept_by_fund)

_PICKED = f"""
    select e.number, e.reference, e.kind, e.donation_id, e.description, e.effective_on,
        nullif((e.occurred_at at time zone b.time_zone)::date, e.effective_on) as original_on,
        m.position, m.from_account, m.to_account, m.amount, m.currency,
        case when m.from_account in ({KEPT_BY_FUND}) or m.to_account in ({KEPT_BY_FUND})
            then m.fund_id end as fund_id
    from {{source}}
    join journal_moves m on m.reference = e.reference
    join issuing_entities b on b.id = e.entity_id
"""
_BY_DAYS = """(
        select * from journal_entries
        where entity_id = %(entity)s and effective_on <= %(last)s
            and (%(first)s::date is null or effective_on >= %(first)s)
            and (%(currency)s::text is null or exists (
                select from journal_moves c
                where c.reference = journal_entries.reference and c.currency = %(currency)s))
    ) e"""
_BY_BATCH = """exported_entries x
    join journal_entries e
        on e.number = x.entry_number and x.target = %(target)s and x.batch_number = %(batch)s"""

_EACH = """
    select number as ordinal, %(prefix)s || number as journal, reference as external_id,
        effective_on as day, original_on, kind, donation_id as gift, currency, position,
        from_account, to_account, amount, fund_id,
        replace(kind, '_', ' ') || coalesce(' ' || donation_id, ': ' || {words})
            || coalesce(' (of ' || original_on || ')', '') as memo
    from ({picked}) p
"""
# The day of a payout's journal is the last in it; the day of a month's is its own last.
_SUMMED = """
    select dense_rank() over (order by s.day, s.key, s.currency) as ordinal,
        %(prefix)s || dense_rank() over (order by s.day, s.key, s.currency) as journal,
        s.key as external_id, s.day, null::date as original_on, null as kind, null::text as gift, s.currency,
        row_number() over (
            partition by s.key, s.currency order by s.from_account, s.to_account, s.fund_id nulls first
        ) - 1 as position,
        s.from_account, s.to_account, s.amount, s.fund_id,
        replace(s.key, ':', ' ') || ': ' || j.entries
            || case when j.entries = 1 then ' entry' else ' entries' end
            || case when j.late > 0 then ', ' || j.late || ' of them late' else '' end as memo
    from (
        select key, currency, from_account, to_account, fund_id, sum(amount)::bigint as amount,
            max(max(day)) over (partition by key, currency) as day
        from keyed group by key, currency, from_account, to_account, fund_id
    ) s
    join (
        select key, currency, count(*) as entries, count(original_on) as late
        from keyed where position = 0 group by key, currency
    ) j using (key, currency)
"""
_BY_PAYOUT = """
    with carried as (
        select distinct on (l.stripe_balance_transaction_id)
            'bt:' || l.stripe_balance_transaction_id as reference, l.stripe_payout_id
        from payout_lines l join payouts o using (stripe_payout_id)
        order by l.stripe_balance_transaction_id, o.made_at, o.stripe_payout_id
    ), keyed as (
        select p.*, p.effective_on as day,
            case when c.stripe_payout_id is not null then 'payout:' || c.stripe_payout_id
                when p.reference like 'bank:%%' then p.reference
                when p.reference like 'bt:%%' then 'in no payout' else 'by hand' end
                || ':' || to_char(p.effective_on, 'YYYY-MM') as key
        from ({picked}) p left join carried c using (reference)
    )
"""
_BY_MONTH = """
    with keyed as (
        select p.*, 'month:' || to_char(p.effective_on, 'YYYY-MM') as key,
            least((date_trunc('month', p.effective_on) + interval '1 month - 1 day')::date, %(last)s::date)
                as day
        from ({picked}) p
    )
"""


def moves_in_sql(chosen: Chosen, *, words: str = "description") -> str:
    """A query for the moves of the journals, in no order; `ordinal` and `position` are their order. `words`
    is how Stripe's own words are taken over: everything else in a memo is ours."""
    picked = _PICKED.format(source=_BY_BATCH if chosen.batch else _BY_DAYS)
    match Granularity(chosen.granularity):
        case Granularity.TRANSACTION:
            return _EACH.format(picked=picked, words=words)
        case Granularity.PAYOUT:
            return _BY_PAYOUT.format(picked=picked) + _SUMMED
        case Granularity.MONTH:
            return _BY_MONTH.format(picked=picked) + _SUMMED


def journals(session: Session, chosen: Chosen) -> Iterator[Journal]:
    """One after the other, never all of them at once."""
    query = f"select * from ({moves_in_sql(chosen)}) w order by ordinal, position"
    rows = stream(session, query, chosen.parameters)
    for _, of_journal in groupby(rows, key=lambda row: row.ordinal):
        moves = list(of_journal)
        first = moves[0]
        yield Journal(
            number=first.journal,
            external_id=first.external_id,
            day=first.day,
            original_day=first.original_on,
            kind=first.kind,
            gift=first.gift,
            currency=first.currency,
            memo=first.memo,
            moves=tuple(
                Move(Account(row.from_account), Account(row.to_account), row.amount, row.fund_id)
                for row in moves
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a batch holds before it is written."""

    by_currency: dict[str, dict[str, int]]
    """How many entries, and what they debit, which is what they credit."""
    accounts: list[tuple[Account, str | None]]
    """Every account it touches, with the fund where it is kept by fund; in the chart's order."""


def sums(session: Session, target: str, number: int) -> Sums:
    """Read a batch's moves once."""
    found = session.execute(
        text("""
            select m.currency, m.from_account, m.to_account, m.fund_id, sum(m.amount)::bigint,
                count(*) filter (where m.position = 0)
            from exported_entries x
            join journal_entries e on e.number = x.entry_number
            join journal_moves m on m.reference = e.reference
            where x.target = :target and x.batch_number = :number
            group by 1, 2, 3, 4 order by 1
        """),
        {"target": target, "number": number},
    ).all()
    by_currency: dict[str, dict[str, int]] = {}
    accounts: set[tuple[Account, str | None]] = set()
    for currency, from_account, to_account, fund_id, moved, entries in found:
        total = by_currency.setdefault(currency, {"entries": 0, "debit": 0, "credit": 0})
        total["entries"] += entries
        total["debit"] += moved
        total["credit"] += moved
        sides = Move(Account(from_account), Account(to_account), moved, fund_id).sides
        accounts |= {(side.account, side.fund_id) for side in sides}
    order = {account: place for place, account in enumerate(Account)}
    return Sums(
        by_currency=by_currency,
        accounts=sorted(accounts, key=lambda used: (order[used[0]], used[1] or "")),
    )

"""What each account moved in each month, summed up to a number of the journal, so that no page adds up years.

The journal alone is the book: sums are made of it, may be thrown away at any time, and are proved by `ledger
verify`. Whoever reads adds what was posted since, so the answer is always of this moment. A number of the
journal may be given out before one that is smaller is committed; so the sums only go up to where the database
says that nothing smaller is under way.
"""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base
from payments.ledger.accounts import Account

WORTH_IT = 10_000
"""So many entries are added up in some milliseconds; fewer need no sums."""
AT_ONCE = 100_000
"""A year of a large house is summed up in pieces, each well within what a statement may take."""


class MonthSum(Base):
    """What one account moved in one month of the days that entries count for, as far as it is summed up."""

    __tablename__ = "ledger_month_sums"
    __table_args__ = (
        Index(
            "uq_ledger_month_sums_line",
            *("entity_id", "month", "account", "currency", "fund_id"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    month: Mapped[date]
    """Its first day."""
    account: Mapped[Account] = mapped_column(Text)
    currency: Mapped[str]
    fund_id: Mapped[str | None] = mapped_column(ForeignKey("funds.id"))
    debit: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[int] = mapped_column(BigInteger)


class SummedUp(Base):
    """Up to which number of the journal. There is one row, or none."""

    __tablename__ = "ledger_summed_up"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    through: Mapped[int] = mapped_column(BigInteger)


_MOVED = """
    select e.entity_id, date_trunc('month', e.effective_on)::date as month, s.account, m.currency, m.fund_id,
        s.debit, s.credit
    from journal_entries e join journal_moves m using (reference)
    cross join lateral (values (m.to_account, m.amount, 0), (m.from_account, 0, m.amount))
        as s (account, debit, credit)
"""

MONTH_SUMS = f"""
    select entity_id, month, account, currency, fund_id, debit, credit from ledger_month_sums
    union all
    {_MOVED} where e.number > coalesce((select through from ledger_summed_up), 0)
"""  # noqa: S608 - our own words
"""Every month of every account, in parts that are to be summed: entity_id, month (its first day), account,
currency, fund_id, debit and credit in minor units. One statement reads all of it."""


def settled(session: Session) -> int | None:
    """Up to which number every entry is committed, if it is worth summing up to there; else None.

    Waits for whoever is posting, and they for us, until the transaction ends: end it at once. Raises a
    database error where that takes longer than two seconds.
    """
    behind = session.scalar(_BEHIND) or 0
    return int(session.scalars(_SETTLED).one()) if behind >= WORTH_IT else None


def sum_up(session: Session, through: int) -> int:
    """Bring the sums nearer to this number, of which `settled` said that nothing before it is missing; up to
    which number they go now. Whoever comes second waits and finds less to do."""
    session.execute(_BEGIN)
    since = int(session.scalars(_SINCE).one())
    reached = min(through, since + AT_ONCE)
    if reached > since:
        session.execute(_ADD, {"since": since, "through": reached})
        session.execute(_DONE, {"through": reached})
    return max(since, reached)


_BEHIND = text("""
    select (select max(number) from journal_entries) - coalesce((select through from ledger_summed_up), 0)
""")
_SETTLED = text("select almoner_settled_entries()")
_BEGIN = text("insert into ledger_summed_up (id, through) values (1, 0) on conflict do nothing")
_SINCE = text("select through from ledger_summed_up for update")
_ADD = text(f"""
    insert into ledger_month_sums as kept (entity_id, month, account, currency, fund_id, debit, credit)
    select entity_id, month, account, currency, fund_id, sum(debit), sum(credit)
    from ({_MOVED} where e.number > :since and e.number <= :through) as moved
    group by entity_id, month, account, currency, fund_id
    on conflict (entity_id, month, account, currency, fund_id) do update
        set debit = kept.debit + excluded.debit, credit = kept.credit + excluded.credit
""")  # noqa: S608 - our own words
_DONE = text("update ledger_summed_up set through = :through")

"""The generic journal: one CSV line a debit or credit, entry by entry written by PostgreSQL itself.

A million entries are one `copy (select …) to stdout`, two lines a move as it stands in the book; no row of
it becomes a Python object. Summed journals are short, and each account stands in them once. Both serve a
batch and, without one, whoever wants the journal of some days.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.database import copy_out
from payments.reconciliation.exports.cells import csv_lines, decimal_in_sql, guard, guard_in_sql, major
from payments.reconciliation.exports.journal import (
    KEPT_BY_FUND,
    Chosen,
    Granularity,
    Journal,
    journals,
    moves_in_sql,
    name_of,
)

COLUMNS = (
    *("journal_no", "line_no", "date", "original_date", "entity", "kind", "external_id", "gift"),
    *("account", "account_code", "fund", "fund_code", "currency"),
    *("debit", "credit", "debit_minor", "credit_minor", "description"),
)

# PostgreSQL sorts the moves and unfolds each into its two lines afterwards; nothing above that can change
# their order, so half as much is sorted.
_LINES = f"""
    select journal, position * 2 + side, day, original_on, %(entity)s, kind, external_id, gift,
        case side when 1 then to_account else from_account end,
        case side
            when 1 then coalesce(accounts ->> (to_account || '/' || to_fund), accounts ->> to_account)
            else coalesce(accounts ->> (from_account || '/' || from_fund), accounts ->> from_account) end,
        case side when 1 then to_fund else from_fund end,
        case side when 1 then funds ->> to_fund else funds ->> from_fund end,
        currency,
        case side when 1 then major end, case side when 2 then major end,
        case side when 1 then amount end, case side when 2 then amount end,
        memo
    from (
        select w.*, unnest(array[1, 2]) as side, {decimal_in_sql("amount", "currency")} as major,
            case when to_account in ({KEPT_BY_FUND}) then fund_id end as to_fund,
            case when from_account in ({KEPT_BY_FUND}) then fund_id end as from_fund,
            %(accounts)s::jsonb as accounts, %(funds)s::jsonb as funds
        from ({{moves}}) w
        order by ordinal, position
    ) j
"""


def stream(
    session: Session,
    chosen: Chosen,
    *,
    accounts: Mapping[str, str] | None = None,
    funds: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """The heading and every line, in pieces. `accounts` and `funds` are the organisation's own codes."""
    if Granularity(chosen.granularity) is not Granularity.TRANSACTION:
        rows = (
            [str(cell) if cell is not None else "" for cell in row]
            for row in _summed(session, chosen, accounts or {}, funds or {})
        )
        yield from csv_lines(chain([COLUMNS], rows), line_end="\n")
        return
    yield (",".join(COLUMNS) + "\n").encode()
    session.execute(text("set local work_mem = '64MB'"))  # what is sorted stays off the disk
    yield from copy_out(
        session,
        _LINES.format(moves=moves_in_sql(chosen, words=guard_in_sql("description"))),
        {**chosen.parameters, "accounts": json.dumps(accounts or {}), "funds": json.dumps(funds or {})},
    )


def cells(
    journal: Journal, entity_id: str, accounts: Mapping[str, str], funds: Mapping[str, str]
) -> Iterator[tuple[Any, ...]]:
    """A journal's lines in the order of `COLUMNS`; nothing is guarded yet."""
    for line, side in enumerate(journal.sides, start=1):
        fund_code = funds.get(side.fund_id) if side.fund_id is not None else None
        yield (
            *(journal.number, line, journal.day, journal.original_day, entity_id, journal.kind),
            *(journal.external_id, journal.gift, side.account.value),
            *(name_of(accounts, side.account, side.fund_id) or None, side.fund_id, fund_code or None),
            journal.currency,
            major(side.debit, journal.currency) if side.debit else None,
            major(side.credit, journal.currency) if side.credit else None,
            *(side.debit or None, side.credit or None, journal.memo),
        )


def _summed(
    session: Session, chosen: Chosen, accounts: Mapping[str, str], funds: Mapping[str, str]
) -> Iterator[tuple[Any, ...]]:
    for journal in journals(session, chosen):
        for row in cells(journal, chosen.entity_id, accounts, funds):
            yield (*row[:-1], guard(row[-1]))

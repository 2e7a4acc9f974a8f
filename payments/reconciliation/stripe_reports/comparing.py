"""A report beside the book, row by row and set by set: what one has and the other lacks, and what differs.

Each movement in which the two disagree is told once, with everything that is not as it should be. A row
that names a movement nobody knows, while the book's movement with the very same facts is missing, is that
movement under a wrong name, and again told once.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation.stripe_reports.models import StripeReport
from payments.reconciliation.stripe_reports.reading import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One movement in which report and book disagree."""

    kind: str
    """`missing` in the report, `extra` in it, or it `differs`."""
    subject_id: str
    amount: int
    """The report's net less the book's, in minor units."""
    currency: str
    says: str
    stripe_payout_id: str | None = None
    """Where nothing differs but the payout: the one that the report names."""


_BOOK = """
    select b.stripe_balance_transaction_id as id, b.currency, b.amount, b.fee, b.net, b.reporting_category,
        b.source_id, b.created_at
    from balance_transactions b where b.reporting_category <> 'opening_balance'
"""
# The first payouts of a book also carry what stood in the balance before it begins.
_KNOWN = f"""
    {_BOOK} union all
    select stripe_balance_transaction_id, currency, amount, fee, net, reporting_category, source_id,
        created_at
    from movements_before_books
"""

# A payout's own movement may stand with either sign.
_SIGN = "case when r.reporting_category like 'payout%' and sign(r.net) <> sign(b.net) then -1 else 1 end"
_MADE_AT = "b.created_at at time zone :zone"
_ROWS = f"""
    select r.line, r.stripe_balance_transaction_id as told_id, b.id, r.currency, r.net, r.gross, r.fee,
        r.reporting_category, r.made_at, r.source_id, r.stripe_payout_id,
        concat_ws('; ',
            case when b.currency <> r.currency then format('currency: report %s, book %s', r.currency,
                b.currency) end,
            case when b.amount <> r.gross * {_SIGN} then format('gross: report %s, book %s', r.gross,
                b.amount) end,
            case when b.fee <> r.fee then format('fee: report %s, book %s', r.fee, b.fee) end,
            case when b.net <> r.net * {_SIGN} then format('net: report %s, book %s', r.net, b.net) end,
            case when b.reporting_category <> r.reporting_category then format('category: report %s, book %s',
                r.reporting_category, b.reporting_category) end,
            case when not ({_MADE_AT} = r.made_at
                    or r.made_at = date_trunc('day', r.made_at) and r.made_at = date_trunc('day', {_MADE_AT}))
                then format('created: report %s, book %s', r.made_at, {_MADE_AT}) end
        ) as facts,
        case when r.stripe_payout_id is not null and not exists (
                select from payout_lines l
                where l.stripe_balance_transaction_id = b.id and l.stripe_payout_id = r.stripe_payout_id)
            then coalesce((select string_agg(l.stripe_payout_id, ', ') from payout_lines l
                where l.stripe_balance_transaction_id = b.id), 'none yet') end as other_payout,
        b.net * {_SIGN} as book_net
    from stripe_report_rows r left join ({_KNOWN}) b on b.id = r.stripe_balance_transaction_id
    where r.report_id = :report
"""
# Where the book does not know yet what a payout carries, that is a finding of its own.
_NOT_LISTED = """
    select from payouts p where p.stripe_payout_id = t.stripe_payout_id and p.listed_at is null
"""

_SCOPES = {
    Kind.BALANCE_CHANGE: f"""
        {_BOOK} and b.reporting_category not in ('payout', 'payout_reversal')
            and b.created_at >= (cast(:first_day as date))::timestamp at time zone :days_begin_in
            and b.created_at < (cast(:last_day as date) + 1)::timestamp at time zone :days_begin_in
    """,
    Kind.PAYOUT_RECONCILIATION: f"""
        {_BOOK} and b.reporting_category <> 'payout' and exists (
            select from payout_lines l join payouts p using (stripe_payout_id)
            where l.stripe_balance_transaction_id = b.stripe_balance_transaction_id and p.is_automatic
                and case when :stripe_payout_id <> '' then p.stripe_payout_id = :stripe_payout_id
                    else p.arrives_on between :first_day and :last_day end
        )
    """,
    # What is not in it is found by its sum (`figures`); here only what may stand in it under a wrong name.
    Kind.ENDING_BALANCE: f"""
        {_BOOK} and exists (
            select from wrong w where (w.currency, w.gross, w.fee, w.net, w.reporting_category, w.source_id)
                = (b.currency, b.amount, b.fee, b.net, b.reporting_category, b.source_id)
                and w.made_at = b.created_at at time zone :zone)
    """,
}

_COMPARE = """
    with told as materialized ({rows}), wrong as materialized (
        select *, id is not null and facts = '' as is_payout_alone
        from told t where id is null or facts <> '' or (other_payout is not null and not exists (
            {not_listed}))
    ), absent as materialized (
        select b.* from ({scope}) b
        where (:currency = '' or b.currency = :currency) and not exists (
            select from stripe_report_rows r
            where r.report_id = :report and r.stripe_balance_transaction_id = b.id)
    ), renamed as materialized (
        select distinct on (a.id) a.id, w.line, w.told_id, a.currency
        from absent a join wrong w on (w.currency, w.gross, w.fee, w.net, w.reporting_category)
                = (a.currency, a.amount, a.fee, a.net, a.reporting_category)
            and (w.source_id is null or w.source_id is not distinct from a.source_id)
            and w.made_at = a.created_at at time zone :zone
        order by a.id, w.line
    )
    select 'differs' as kind, id as subject_id, 0::bigint as amount, currency,
        format('line %s of the report names it %s', line, told_id) as says, null::text as stripe_payout_id
    from renamed
    union all
    select case when id is null then 'extra' else 'differs' end, told_id,
        case when id is null then net else net - book_net end, currency,
        case when id is null then format('line %s of the report: %s %s of %s, and the book knows nothing'
                ' of it', line, reporting_category, source_id, made_at)
            else format('line %s of the report: ', line) || concat_ws('; ', nullif(facts, ''),
                case when other_payout is not null then format('payout: report %s, book %s',
                    stripe_payout_id, other_payout) end) end,
        case when is_payout_alone then stripe_payout_id end
    from wrong w where not exists (select from renamed x where x.line = w.line)
    union all
    select 'missing', id, -net, currency, format('%s %s of %s is in the book and not in the report',
        reporting_category, source_id, created_at at time zone :zone), null
    from absent a where not exists (select from renamed x where x.id = a.id)
    limit :at_most
"""


def differences(session: Session, report: StripeReport, *, rows_in: str, at_most: int) -> list[Difference]:
    """Everything that does not agree, movement by movement, but no more than so many. `rows_in` is the
    zone in which the rows tell their time."""
    kind = Kind(report.kind)
    if kind is Kind.BALANCE_SUMMARY:
        return []
    statement = _COMPARE.format(rows=_ROWS, not_listed=_NOT_LISTED, scope=_SCOPES[kind])
    found = session.execute(text(statement), _given(report, rows_in) | {"at_most": at_most})
    return _once_each([Difference(**row._mapping) for row in found])


def _once_each(found: list[Difference]) -> list[Difference]:
    """One a movement: where a file tells the same one twice, both lines in one sentence."""
    merged: dict[tuple[str, str], Difference] = {}
    for each in found:
        key = each.kind, each.subject_id
        before = merged.get(key)
        merged[key] = each if before is None else _both(before, each)
    return sorted(merged.values(), key=lambda each: (each.kind, each.subject_id))


def _both(one: Difference, other: Difference) -> Difference:
    return Difference(
        kind=one.kind,
        subject_id=one.subject_id,
        amount=one.amount + other.amount,
        currency=one.currency,
        says=f"{one.says}; {other.says}",
    )


_TOTALS = """
    select coalesce(r.currency, b.currency) as currency,
        coalesce(r.reporting_category, b.reporting_category) as category,
        coalesce(r.count, 0) as report_count, coalesce(r.gross, 0) as report_gross,
        coalesce(r.fee, 0) as report_fee, coalesce(r.net, 0) as report_net,
        coalesce(b.count, 0) as book_count, coalesce(b.gross, 0) as book_gross,
        coalesce(b.fee, 0) as book_fee, coalesce(b.net, 0) as book_net
    from (
        select currency, reporting_category, count(*), sum(gross)::bigint as gross, sum(fee)::bigint as fee,
            sum(net)::bigint as net
        from stripe_report_rows where report_id = :report group by currency, reporting_category
    ) r full join (
        select currency, reporting_category, count(*), sum(amount)::bigint as gross,
            sum(fee)::bigint as fee, sum(net)::bigint as net
        from ({scope}) b where :currency = '' or currency = :currency group by currency, reporting_category
    ) b using (currency, reporting_category)
    order by 1, 2
"""
_BY_ROWS = f"""
    select * from ({_BOOK}) b where exists (
        select from stripe_report_rows r
        where r.report_id = :report and r.stripe_balance_transaction_id = b.id)
"""


def totals(session: Session, report: StripeReport) -> list[dict[str, Any]]:
    """By currency and category, the report's beside the book's."""
    kind = Kind(report.kind)
    if kind is Kind.BALANCE_SUMMARY:
        return []
    scope = _BY_ROWS if kind is Kind.ENDING_BALANCE else _SCOPES[kind]
    rows = session.execute(text(_TOTALS.format(scope=scope)), _given(report, "UTC"))
    return [dict(row._mapping) for row in rows]


def stretch(session: Session, report_id: str, kind: Kind, *, time_zone: str) -> tuple[date, date] | None:
    """The days that a report tells, by what the book knows of its movements: a wrong date in the report
    does not widen it. None where the book knows none of them."""
    if kind is Kind.PAYOUT_RECONCILIATION:
        days = """
            select min(p.arrives_on), max(p.arrives_on) from payouts p
            where p.stripe_payout_id in (select stripe_payout_id from stripe_report_rows
                where report_id = :report)
        """
    else:
        days = f"""
            select min(day), max(day) from (
                select (created_at at time zone :zone)::date as day from ({_BY_ROWS}) found
                where reporting_category not in ('payout', 'payout_reversal')) days
        """
    found = session.execute(text(days), {"report": report_id, "zone": time_zone}).one()
    return (found[0], found[1]) if found[0] is not None else None


def _given(report: StripeReport, rows_in: str) -> dict[str, Any]:
    return {
        "report": report.id,
        "zone": rows_in,
        "days_begin_in": report.time_zone,
        "first_day": report.first_day,
        "last_day": report.last_day,
        "currency": report.currency or "",
        "stripe_payout_id": report.stripe_payout_id or "",
    }

"""What Stripe's reports say of the balance as a whole, and what the book says of the same.

Stripe's balance reports take an automatic payout off on the day it is effective, that is when it arrives,
and a manual one when it is made (docs.stripe.com/reports/balance); the book takes both off when they are
made. What was made and is not yet effective is the difference between the two.
"""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.money import Money
from payments.reconciliation.stripe_reports.comparing import Difference
from payments.reconciliation.stripe_reports.models import StripeReport, StripeReportFigure
from payments.reconciliation.stripe_reports.reading import Kind

# One row a movement, with the day on which Stripe's balance reports count it.
_COUNTED = """
    select b.currency, b.net, b.amount, b.fee,
        b.reporting_category in ('payout', 'payout_reversal') as is_payout,
        case when p.is_automatic
            then greatest(p.arrives_on, (b.created_at at time zone :zone)::date)
            else (b.created_at at time zone :zone)::date end as day
    from balance_transactions b
    left join payouts p on b.reporting_category in ('payout', 'payout_reversal')
        and p.stripe_payout_id = b.source_id
"""
_FIGURES = f"""
    select currency,
        coalesce(sum(net) filter (where day < :first_day), 0)::bigint as starting_balance,
        coalesce(sum(amount) filter (where day >= :first_day and not is_payout), 0)::bigint as activity_gross,
        coalesce(-sum(fee) filter (where day >= :first_day and not is_payout), 0)::bigint as activity_fee,
        coalesce(sum(net) filter (where day >= :first_day and not is_payout), 0)::bigint as activity,
        coalesce(sum(amount) filter (where day >= :first_day and is_payout), 0)::bigint as payouts_gross,
        coalesce(-sum(fee) filter (where day >= :first_day and is_payout), 0)::bigint as payouts_fee,
        coalesce(sum(net) filter (where day >= :first_day and is_payout), 0)::bigint as payouts,
        sum(net)::bigint as ending_balance
    from ({_COUNTED}) counted where day <= :last_day
    group by currency
"""


def of_the_book(
    session: Session, *, first_day: date, last_day: date, time_zone: str
) -> dict[tuple[str, str], int]:
    """By currency and Stripe's name of the figure, for whole days of a time zone."""
    rows = session.execute(text(_FIGURES), {"zone": time_zone, "first_day": first_day, "last_day": last_day})
    return {
        (row.currency, name): amount
        for row in rows
        for name, amount in row._mapping.items()
        if name != "currency"
    }


def report_ending(session: Session, currency: str, begins: datetime, ends: datetime) -> int | None:
    """The ending balance by the newest report of Stripe's that ends with the instant `ends`, in minor units;
    None where there is no such report. `begins` is of no account: an end is an end."""
    rows = session.execute(
        select(StripeReport.last_day, StripeReport.time_zone, StripeReportFigure.amount)
        .join(StripeReportFigure, StripeReportFigure.report_id == StripeReport.id)
        .where(StripeReportFigure.currency == currency, StripeReportFigure.name == "ending_balance")
        .order_by(StripeReport.imported_at.desc())
    )
    for last_day, time_zone, amount in rows:
        zone = ZoneInfo(time_zone)
        if datetime.combine(date.fromordinal(last_day.toordinal() + 1), datetime.min.time(), zone) == ends:
            return int(amount)
    return None


def differences(
    session: Session,
    report: StripeReport,
    figures: Sequence[StripeReportFigure],
    movements: Sequence[Difference],
) -> list[Difference]:
    """The figures in which report and book disagree, each by itself. `movements` are the differences found
    row by row, which are told there and not once more here."""
    kind = Kind(report.kind)
    if kind not in {Kind.BALANCE_SUMMARY, Kind.ENDING_BALANCE}:
        return []
    book = of_the_book(
        session, first_day=report.first_day, last_day=report.last_day, time_zone=report.time_zone
    )
    if kind is Kind.ENDING_BALANCE:
        told = _by_movements(session, report, movements)
        kept = {key: amount for key, amount in book.items() if key[1] == "ending_balance" and amount}
        told = {(currency, name): 0 for currency, name in kept if report.currency in {None, currency}} | told
    else:
        told = {(figure.currency, figure.name): figure.amount for figure in figures}
    return [
        Difference(
            kind="figure",
            subject_id=f"{currency} {name} {report.last_day}",
            amount=amount - book.get((currency, name), 0),
            currency=currency,
            says=f"{name.replace('_', ' ')} {report.first_day} to {report.last_day}: the report comes to"
            f" {Money(amount, currency)}, the book to {Money(book.get((currency, name), 0), currency)}",
        )
        for (currency, name), amount in sorted(told.items())
        if name in _COMPARED and amount != book.get((currency, name), 0)
    ]


_COMPARED = frozenset(
    {
        *("starting_balance", "ending_balance", "activity", "activity_gross", "activity_fee"),
        *("payouts", "payouts_gross", "payouts_fee"),
    }
)

_STILL_THERE = """
    select b.currency, sum(b.net)::bigint as net from balance_transactions b
    where b.stripe_balance_transaction_id in (
            select stripe_balance_transaction_id from stripe_report_rows where report_id = :report)
        or b.stripe_balance_transaction_id = any(cast(:under_another_name as text[]))
    group by b.currency
"""


def _by_movements(
    session: Session, report: StripeReport, movements: Sequence[Difference]
) -> dict[tuple[str, str], int]:
    """What the movements of an ending balance come to by the book's own figures: so this sum shows only
    what the report leaves out or has too much."""
    renamed = [each.subject_id for each in movements if each.kind == "differs"]
    rows = session.execute(text(_STILL_THERE), {"report": report.id, "under_another_name": renamed})
    return {(row.currency, "ending_balance"): row.net for row in rows}

"""Where Stripe's reports and the book disagree, as findings: one for each movement or figure.

What differed when a report was taken in is looked at again each time: a movement may have come into the
book since, a payout may have been listed, and a newer report of the same kind over the same days says more
than an older one.
"""

from payments.reconciliation.finding_rules import Rule
from payments.translations import N_

_STANDS = """
    from stripe_report_differences d join stripe_reports s on s.id = d.report_id
    where d.kind = '{kind}' and not exists (
        select from stripe_reports n
        where n.kind = s.kind and n.imported_at > s.imported_at
            and n.first_day <= s.first_day and n.last_day >= s.last_day
            and (n.currency is null or n.currency = s.currency)
            and (n.stripe_payout_id is null or n.stripe_payout_id = s.stripe_payout_id)
    )
"""
# One movement may stand in several reports; it is one exception.
_SQL = """
    select distinct on (d.subject_id) d.subject_id as subject, d.amount, d.currency,
        d.says || ' (' || s.file_name || ')' as detail, null::date as due_on
    {stands}
    order by d.subject_id, s.imported_at desc
"""


def _sql(kind: str, unless: str) -> str:
    return _SQL.format(stands=_STANDS.format(kind=kind) + unless)


RULES = (
    Rule(
        kind="report_row_missing",
        says=N_("Stripe's report leaves out {subject}: {detail}."),
        blocks_close=True,
        days=7,
        sql=_sql("missing", ""),
    ),
    Rule(
        kind="report_row_extra",
        says=N_("Stripe's report has {subject}, and the book has not: {detail}."),
        blocks_close=True,
        days=2,
        sql=_sql(
            "extra",
            "and not exists (select from balance_transactions b"
            " where b.stripe_balance_transaction_id = d.subject_id)",
        ),
    ),
    Rule(
        kind="report_row_differs",
        says=N_("Stripe's report and the book differ in {subject}: {detail}."),
        blocks_close=True,
        days=2,
        sql=_sql(
            "differs",
            "and (d.stripe_payout_id is null or not exists (select from payout_lines l"
            " where l.stripe_balance_transaction_id = d.subject_id"
            " and l.stripe_payout_id = d.stripe_payout_id))",
        ),
    ),
    Rule(
        kind="report_balance_differs",
        says=N_("Stripe's balance report and the book differ by {amount}: {detail}."),
        blocks_close=True,
        days=2,
        sql=_sql("figure", ""),
    ),
)

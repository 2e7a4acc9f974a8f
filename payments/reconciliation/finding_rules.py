"""The kinds of findings that one query over the whole can tell, each with its words.

A rule's query returns `subject`, `amount` and `currency` (or nulls), `detail` for the sentence, and
`due_on` where the day is given from outside. Where the detail is a phrase and not a bare fact, the query
returns `phrase`, one of the rule's, and its `facts`, so that it too can be told in another language. A fact
that is money is an object of `minor` and `currency`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from payments.translations import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of finding."""

    kind: str
    says: str
    """With `{subject}`, `{amount}` and `{detail}`."""
    blocks_close: bool
    days: int
    """How long its owner has."""
    sql: str
    phrases: Mapping[str, str] = field(default_factory=dict)
    """What the detail may be, by name."""


# A payout is late once two working days have gone by since the day Stripe expected: when it was to arrive
# before the last but one of them.
_WORKING_DAY_BEFORE_LAST = """(
    select day::date from generate_series({until} - interval '30 days', {until}, interval '1 day') as _ (day)
    where extract(isodow from day) < 6 and day::date <> all (cast(:closed as date[]))
    order by day desc limit 1 offset 1)"""
_TOLD_UNTIL = f"""
    select a.currency, max(s.last_day) as last_day, min(s.first_day) as first_day,
        {_WORKING_DAY_BEFORE_LAST.format(until="max(s.last_day)")} as arrived_before
    from bank_statements s join bank_accounts a on a.id = s.bank_account_id
    join issuing_entities e on e.id = a.entity_id and e.receives_online
    group by a.currency
"""
_IS_LATE = f"p.arrives_on < {_WORKING_DAY_BEFORE_LAST.format(until='cast(:today as date) - 1')}"
_ON_NO_LINE = """not exists (
    select from bank_matches m
    where m.kind = '{kind}' and m.subject_id = {subject} and m.undone_at is null)"""
_PAYOUT_LINE_LIKE_IT = """
    select l.id from bank_lines l
    join bank_matches m on m.bank_line_id = l.id and m.kind = 'payout' and m.undone_at is null
    where l.currency = d.currency and l.amount = d.amount
        and l.booked_on between o.received_on - 3 and o.received_on + 3
"""

RULES = (
    Rule(
        kind="in_suspense",
        says=N_(
            "{subject} moved {amount} ({detail}) and no rule knows what it is: `almoner ledger classify`."
        ),
        blocks_close=True,
        days=2,
        sql="""
            select b.stripe_balance_transaction_id as subject, b.net as amount, b.currency,
                b.reporting_category || ' ' || b.type as detail, null::date as due_on
            from journal_moves m
            join balance_transactions b on m.reference = 'bt:' || b.stripe_balance_transaction_id
            where (m.from_account = 'suspense_unclassified' or m.to_account = 'suspense_unclassified')
                and not exists (select from journal_entries c
                    where c.reference = 'classified:' || b.stripe_balance_transaction_id)
            order by b.created_at
        """,
    ),
    Rule(
        kind="gift_without_movement",
        says=N_(
            "Gift {subject} of {amount} was paid on {detail}, and Stripe's balance has no movement for it."
        ),
        blocks_close=True,
        days=2,
        sql="""
            select d.id as subject, d.amount, d.currency, d.gift_date::text as detail,
                null::date as due_on
            from donations d
            where d.status = 'paid' and d.channel in ('online', 'adopted')
                and d.paid_at < :now - interval '24 hours'
                and not exists (
                    select from charges c
                    join balance_transactions b on b.source_id = c.stripe_charge_id
                        and b.reporting_category = 'charge'
                    where c.donation_id = d.id
                )
            order by d.paid_at
        """,
    ),
    Rule(
        kind="payout_overdue",
        says=N_("Payout {subject} of {amount} was expected on {detail} and is not on the bank statement."),
        blocks_close=True,
        days=2,
        sql=f"""
            select p.stripe_payout_id as subject, p.amount, p.currency, p.arrives_on::text as detail,
                null::date as due_on
            from payouts p join ({_TOLD_UNTIL}) told on told.currency = p.currency
            where p.status not in ('failed', 'canceled') and p.amount <> 0
                and p.arrives_on >= told.first_day
                and {_IS_LATE} and p.arrives_on < told.arrived_before
                and {_ON_NO_LINE.format(kind="payout", subject="p.stripe_payout_id")}
            order by p.arrives_on
        """,
    ),
    Rule(
        kind="bank_not_imported",
        says=N_(
            "Payouts of {amount} were due since the last statement of {subject}, {detail}: import the next."
        ),
        blocks_close=True,
        days=2,
        sql=f"""
            select a.id as subject, sum(p.amount)::bigint as amount, p.currency,
                told.last_day::text as detail, null::date as due_on
            from payouts p join ({_TOLD_UNTIL}) told on told.currency = p.currency
            join bank_accounts a on a.currency = p.currency
            join issuing_entities e on e.id = a.entity_id and e.receives_online
            where p.status not in ('failed', 'canceled') and p.amount <> 0 and {_IS_LATE}
                and p.arrives_on >= told.arrived_before
                and {_ON_NO_LINE.format(kind="payout", subject="p.stripe_payout_id")}
            group by a.id, p.currency, told.last_day
        """,
    ),
    Rule(
        kind="payout_failed",
        says=N_("Payout {subject} of {amount} failed ({detail}) and its money has not left Stripe again."),
        blocks_close=False,
        days=2,
        sql="""
            select p.stripe_payout_id as subject, p.amount, p.currency,
                p.failure_code as detail, null::date as due_on,
                case when p.failure_code is null then 'untold' end as phrase
            from payouts p
            where p.status = 'failed' and not exists (
                select from payout_lines l
                where l.stripe_balance_transaction_id = p.failure_balance_transaction_id
            )
        """,
        phrases={"untold": N_("no reason told")},
    ),
    Rule(
        kind="balance_below_nothing",
        says=N_("Stripe's balance in {subject} is {amount}: Stripe will debit the bank."),
        blocks_close=False,
        days=7,
        sql="""
            select currency as subject, sum(net)::bigint as amount, currency, null::text as detail,
                null::date as due_on
            from balance_transactions group by currency having sum(net) < 0
        """,
    ),
    Rule(
        kind="refund_owed",
        says=N_("A refund of gift {subject} failed and {amount} is still owed to the donor."),
        blocks_close=False,
        days=7,
        sql="""
            select e.donation_id as subject,
                sum(case when m.from_account = 'refunds_payable' then m.amount else -m.amount end)::bigint
                    as amount,
                m.currency, null::text as detail, null::date as due_on
            from journal_moves m join journal_entries e on e.reference = m.reference
            where m.from_account = 'refunds_payable' or m.to_account = 'refunds_payable'
            group by e.donation_id, m.currency
            having sum(case when m.from_account = 'refunds_payable' then m.amount else -m.amount end) > 0
        """,
    ),
    Rule(
        kind="dispute_unanswered",
        says=N_("Dispute {subject} of {amount} must be answered by {detail}."),
        blocks_close=False,
        days=2,
        sql="""
            select d.stripe_dispute_id as subject, d.amount, d.currency, due.day::text as detail,
                due.day as due_on, case when due.day is null then 'untold' end as phrase
            from disputes d
            join issuing_entities e on e.receives_online
            cross join lateral (select (d.evidence_due_by at time zone e.time_zone)::date as day) due
            where d.status in ('needs_response', 'warning_needs_response', 'appeal_needs_response')
        """,
        phrases={"untold": N_("a day Stripe has not told")},
    ),
    Rule(
        kind="payout_unheard_of",
        says=N_(
            "{amount} left Stripe's balance with payout {subject}, and Stripe has told nothing else of it."
        ),
        blocks_close=True,
        days=2,
        sql="""
            select b.source_id as subject, -b.net as amount, b.currency, null::text as detail,
                null::date as due_on
            from balance_transactions b
            where b.reporting_category = 'payout' and b.source_id like 'po\\_%'
                and b.created_at < :now - interval '3 days'
                and not exists (select from payouts p where p.stripe_payout_id = b.source_id)
        """,
    ),
    Rule(
        kind="payout_not_returned",
        says=N_(
            "Payout {subject} of {amount} failed and left Stripe again, but what the bank got of the first"
            " is not on the statement as sent back."
        ),
        blocks_close=True,
        days=2,
        sql=f"""
            select p.stripe_payout_id as subject, p.amount, p.currency, null::text as detail,
                null::date as due_on
            from payouts p
            join balance_transactions b
                on b.stripe_balance_transaction_id = p.failure_balance_transaction_id
            join ({_TOLD_UNTIL}) told on told.currency = p.currency
                and b.created_at::date + 7 <= told.last_day
            where p.status = 'failed'
                and exists (select from payout_lines l
                    where l.stripe_balance_transaction_id = p.failure_balance_transaction_id)
                and not {_ON_NO_LINE.format(kind="payout", subject="p.stripe_payout_id")}
                and {_ON_NO_LINE.format(kind="payout_return", subject="p.stripe_payout_id")}
        """,
    ),
    Rule(
        kind="topup_without_line",
        says=N_(
            "Top-up {subject} of {amount} reached Stripe's balance on {detail} and is on no line of the"
            " statement: `almoner bank match --topup`. A line that was ignored is unmatched first."
        ),
        blocks_close=True,
        days=7,
        sql=f"""
            select b.stripe_balance_transaction_id as subject, b.amount, b.currency,
                moved.day::text as detail, null::date as due_on
            from balance_transactions b
            join issuing_entities e on e.receives_online
            cross join lateral (select (b.created_at at time zone e.time_zone)::date as day) moved
            join ({_TOLD_UNTIL}) told on told.currency = b.currency
                and moved.day >= told.first_day and moved.day + 7 <= told.last_day
            where b.reporting_category in ('topup', 'topup_reversal') and b.amount <> 0
                and {_ON_NO_LINE.format(kind="topup", subject="b.stripe_balance_transaction_id")}
            order by b.created_at
        """,
    ),
    Rule(
        kind="bank_line_matched_twice",
        says=N_("Bank line {subject} of {amount} stands for {detail} than it is."),
        blocks_close=True,
        days=2,
        sql="""
            with said as (
                select m.bank_line_id, case m.kind
                    when 'payout' then (select amount from payouts where stripe_payout_id = m.subject_id)
                    when 'payout_return'
                        then (select -amount from payouts where stripe_payout_id = m.subject_id)
                    when 'deposit' then (select total from deposit_slips where id = m.subject_id)
                    when 'transfer' then (select amount from donations where id = m.subject_id)
                    when 'topup' then (select -amount from balance_transactions
                        where stripe_balance_transaction_id = m.subject_id)
                    when 'owed_payment'
                        then (select -settled_amount from owed_payments where id = m.subject_id)
                    else (select amount from bank_lines where id = m.bank_line_id) end as amount
                from bank_matches m where m.undone_at is null
            )
            select l.id as subject, l.amount, l.currency, null as detail, null::date as due_on,
                case when coalesce(sum(said.amount), 0) > l.amount then 'more' else 'less' end as phrase,
                jsonb_build_object('difference', jsonb_build_object(
                    'minor', abs(coalesce(sum(said.amount), 0) - l.amount)::bigint,
                    'currency', l.currency)) as facts
            from said join bank_lines l on l.id = said.bank_line_id
            group by l.id having sum(said.amount) is distinct from l.amount
        """,
        phrases={"more": N_("{difference} more"), "less": N_("{difference} less")},
    ),
    Rule(
        kind="payout_counted_as_gift",
        says=N_(
            "Offline gift {subject} of {amount} is like the line {detail} of a payout: is it counted twice?"
        ),
        blocks_close=True,
        days=2,
        sql=f"""
            select d.id as subject, d.amount, d.currency, like_it.id as detail, null::date as due_on
            from donations d
            join offline_gifts o on o.donation_id = d.id and o.reversed_at is null
            join lateral ({_PAYOUT_LINE_LIKE_IT} order by l.id limit 1) like_it on true
            where d.channel = 'bank_transfer' and {_ON_NO_LINE.format(kind="transfer", subject="d.id")}
            order by d.id
        """,
    ),
    Rule(
        kind="deposit_not_on_statement",
        says=N_("{subject} of {amount} went to the bank on {detail} and is on no line of the statement."),
        blocks_close=True,
        days=7,
        sql=f"""
            with told as (
                select a.entity_id, a.currency, max(s.last_day) as last_day, min(s.first_day) as first_day
                from bank_statements s join bank_accounts a on a.id = s.bank_account_id
                group by a.entity_id, a.currency
            ), gone as (
                select s.id as subject, s.entity_id, s.currency, s.total as amount, s.deposited_on as day
                from deposit_slips s where {_ON_NO_LINE.format(kind="deposit", subject="s.id")}
                union all
                select d.id, d.entity_id, d.currency, d.amount, o.received_on
                from donations d join offline_gifts o on o.donation_id = d.id and o.reversed_at is null
                where d.channel = 'bank_transfer' and {_ON_NO_LINE.format(kind="transfer", subject="d.id")}
                    and not exists ({_PAYOUT_LINE_LIKE_IT})
            )
            select g.subject, g.amount, g.currency, g.day::text as detail, null::date as due_on
            from gone g join told on told.entity_id = g.entity_id and told.currency = g.currency
            where g.day >= told.first_day and g.day + 7 <= told.last_day
            order by g.day
        """,
    ),
)

"""The third side: what a line of the bank was said to be stands in the book, and nothing else does.

A match that a person has undone stays in the book with its way back, so both are looked for.
"""

from payments.verify.check import Check
from payments.verify.closing import on_another_day

CHECKS = (
    Check(
        kind="money_on_statement_differs",
        proves="Each payout and top-up that was found on the bank statement moved so in the book: once, on "
        "the bank's day, with its amount; one that was not it after all went back; and nothing else did.",
        says="{subject}: the book has {found} at the bank, what the line says is {expected}: {detail}.",
        remedy="Look at the line with `almoner bank lines`; undo what was said of it, and say it again.",
        sql=f"""
            with said as (
                select m.id, m.undone_at is not null as is_undone, l.booked_on, a.entity_id,
                    l.currency, case m.kind when 'topup' then 'topup' else 'payout' end as what,
                    case m.kind when 'payout' then p.amount when 'topup' then -t.amount else -p.amount end
                        as amount
                from bank_matches m
                join bank_lines l on l.id = m.bank_line_id
                join bank_accounts a on a.id = l.bank_account_id
                left join payouts p on p.stripe_payout_id = m.subject_id
                left join balance_transactions t on t.stripe_balance_transaction_id = m.subject_id
                where m.kind in ('payout', 'payout_return', 'topup')
                    and coalesce(p.amount, t.amount) is distinct from 0
            ), wanted as (
                select id, 'bank:' || id as reference, what || '_on_statement' as kind, entity_id, currency,
                    amount, booked_on
                from said
                union all
                select id, 'bank:' || id || ':undone', what || '_not_on_statement', entity_id, currency,
                    -amount, null
                from said where is_undone
            ), booked as (
                select e.reference, e.kind, e.entity_id, e.effective_on, m.currency,
                    sum(case when m.to_account = 'bank' then m.amount else -m.amount end)::bigint as amount
                from journal_entries e join journal_moves m using (reference)
                where e.kind in ('payout_on_statement', 'payout_not_on_statement', 'topup_on_statement',
                    'topup_not_on_statement')
                group by e.reference, m.currency
            )
            select array[coalesce(w.id, b.reference), reference], coalesce(w.currency, b.currency), b.amount,
                w.amount,
                case when w.id is null then 'nobody found it on a line'
                    when w.amount is null then 'it is said to be something that we do not have'
                    when b.reference is null then 'it is not in the book'
                    when b.kind <> w.kind then 'its entry is a ' || b.kind
                    when b.entity_id <> w.entity_id then 'it stands in the book of ' || b.entity_id
                    when (b.currency, b.amount) <> (w.currency, w.amount) then 'another amount'
                    else format('it counts for %s, and the bank booked it on %s', b.effective_on,
                        w.booked_on) end
            from wanted w full join booked b using (reference)
            where w.id is null or w.amount is null or b.reference is null
                or (b.kind, b.entity_id, b.currency, b.amount)
                    <> (w.kind, w.entity_id, w.currency, w.amount)
                or {on_another_day("b", than="w.booked_on")}
        """,
    ),
)

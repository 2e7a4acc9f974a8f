"""What people record: offline gifts, deposits, the classification of suspense, and the log of it all."""

from payments.verify.check import Check
from payments.verify.closing import on_another_day

_INTO = """case when d.channel in ('cheque', 'cash') then 'undeposited_funds'
    when d.channel = 'bank_transfer' then 'bank' else 'gifts_in_kind' end"""
_ON_ANOTHER_DAY = on_another_day("e", than="o.received_on")

CHECKS = (
    Check(
        kind="offline_gift_differs",
        proves="An offline gift is in the book once, on the day it was received, into the account of its "
        "channel, with its whole amount.",
        says="Offline gift {subject} of {expected} {detail}.",
        remedy="Compare it with the paper; reverse it and record it again.",
        sql=f"""
            with booked as (
                select m.reference, min(m.currency) as currency, sum(m.amount)::bigint as amount,
                    min(m.to_account) as into_account, max(m.to_account) as and_into
                from journal_moves m where m.reference like 'offline:%' and m.reference not like '%:reversed'
                group by m.reference
            )
            select array[coalesce(d.id, e.reference)], coalesce(d.currency, b.currency), b.amount, d.amount,
                case when d.id is null then 'is in the book and is no offline gift'
                    when o.donation_id is null then 'has no paper: nothing says when and by whom it was taken'
                    when d.paid_at is null then 'is not received'
                    when e.reference is null then 'is not in the book'
                    when (b.amount, b.currency) <> (d.amount, d.currency)
                        then format('is in the book with %s %s', b.currency, b.amount)
                    when {_ON_ANOTHER_DAY}
                        then format('counts for %s and was received on %s', e.effective_on, o.received_on)
                    when b.into_account <> {_INTO} or b.and_into <> {_INTO}
                        then format('came as %s and went into %s', d.channel, b.into_account)
                    else format('is dated %s; the paper says %s', d.gift_date,
                        coalesce(o.postmarked_on, o.received_on)) end
            from (select * from donations where channel not in ('online', 'adopted')) d
            left join offline_gifts o on o.donation_id = d.id
            full join (select * from journal_entries where kind = 'offline_gift') e
                on e.reference = 'offline:' || d.id
            left join booked b on b.reference = e.reference
            where d.id is null or o.donation_id is null or d.paid_at is null or e.reference is null
                or (b.amount, b.currency) <> (d.amount, d.currency) or {_ON_ANOTHER_DAY}
                or b.into_account <> {_INTO} or b.and_into <> {_INTO}
                or d.gift_date <> coalesce(o.postmarked_on, o.received_on)
        """,
    ),
    Check(
        kind="offline_reversal_differs",
        proves="An offline gift that was taken back is undone in the book, line by line, and no other is.",
        says="Offline gift {subject}: {detail}.",
        remedy="Compare it with the paper and the bank statement.",
        sql="""
            select array[coalesce(o.donation_id, e.donation_id)], null::text, null::bigint, null::bigint,
                case when o.donation_id is null then 'it is undone in the book, and nobody took it back'
                when e.reference is null then 'it was taken back, and the book does not say so'
                else 'its reversal is not the same moves backwards' end
            from (select * from offline_gifts where reversed_at is not null) o
            full join (select * from journal_entries where kind = 'offline_gift_reversed') e
                on e.reference = 'offline:' || o.donation_id || ':reversed'
            where o.donation_id is null or e.reference is null or exists (
                select from (
                    select replace(from_account, 'undeposited_funds', 'bank') as account, fund_id, amount
                    from journal_moves
                    where reference = 'offline:' || o.donation_id
                    union all
                    select replace(to_account, 'undeposited_funds', 'bank'), fund_id, -amount
                    from journal_moves where reference = 'offline:' || o.donation_id || ':reversed'
                ) both_ways group by account, fund_id having sum(amount) <> 0
            )
        """,
    ),
    Check(
        kind="deposit_slip_differs",
        proves="A deposit slip is the sum of the cheques and cash on it, and its one entry moves that sum "
        "to the bank on its day.",
        says="Deposit slip {subject} says {expected}; {detail}.",
        remedy="Compare it with the bank's receipt.",
        sql="""
            select array[coalesce(s.id, e.reference)], coalesce(s.currency, e.currency), g.total, s.total,
                case when s.id is null then 'it is in the book and there is no such slip'
                    when coalesce(g.total, 0) <> s.total or g.others > 0
                        then format('the gifts on it come to %s, %s of them of another kind or currency',
                            coalesce(g.total, 0), coalesce(g.others, 0))
                    when e.reference is null then 'it is not in the book'
                    else format('the book says %s %s on %s', e.currency, e.amount, e.effective_on) end
            from deposit_slips s
            left join (
                select o.deposit_slip_id as id, sum(d.amount)::bigint as total,
                    count(*) filter (where d.channel not in ('cheque', 'cash') or d.currency <> s.currency
                        or d.entity_id <> s.entity_id) as others
                from offline_gifts o join donations d on d.id = o.donation_id
                join deposit_slips s on s.id = o.deposit_slip_id
                group by o.deposit_slip_id
            ) g on g.id = s.id
            full join (
                select e.reference, e.entity_id, e.effective_on, m.currency, sum(m.amount)::bigint as amount
                from journal_entries e join journal_moves m using (reference)
                where e.kind = 'deposit'
                    and (m.from_account, m.to_account) = ('undeposited_funds', 'bank')
                group by e.reference, m.currency
            ) e on e.reference = 'deposit:' || s.id
            where s.id is null or e.reference is null or coalesce(g.total, 0) <> s.total or g.others > 0
                or (e.amount, e.currency, e.entity_id) <> (s.total, s.currency, s.entity_id)
                or (e.effective_on <> s.deposited_on and not exists (select from month_closings c
                    where c.entity_id = s.entity_id and s.deposited_on <= c.last_day
                        and e.effective_on = c.last_day + 1))
        """,
    ),
    Check(
        kind="undeposited_funds_differ",
        proves="undeposited_funds is the sum of the cheques and cash that are on no deposit slip yet.",
        says="undeposited_funds of {subject} stands at {found}; what is in the drawer comes to {expected}.",
        remedy="Count the drawer.",
        sql="""
            with book as (
                select e.entity_id, m.currency, sum(case when m.to_account = 'undeposited_funds' then m.amount
                    else -m.amount end)::bigint as total
                from journal_moves m join journal_entries e using (reference)
                where 'undeposited_funds' in (m.from_account, m.to_account)
                group by e.entity_id, m.currency
            ), drawer as (
                select d.entity_id, d.currency, sum(d.amount)::bigint as total
                from offline_gifts o join donations d on d.id = o.donation_id
                where d.channel in ('cheque', 'cash') and o.deposit_slip_id is null and o.reversed_at is null
                group by d.entity_id, d.currency
            )
            select array[entity_id], currency, coalesce(b.total, 0), coalesce(w.total, 0), null::text
            from book b full join drawer w using (entity_id, currency)
            where coalesce(b.total, 0) <> coalesce(w.total, 0)
        """,
    ),
    Check(
        kind="classification_differs",
        proves="What a person said of money in suspense moves just that money, once, out of suspense.",
        says="Entry {subject} takes {found} out of suspense; {expected} is there.",
        remedy="Only `almoner ledger classify` makes such an entry: find out who wrote this one.",
        sql="""
            with change as (
                select reference, currency, sum(case when to_account = 'suspense_unclassified' then amount
                    else -amount end)::bigint as total
                from journal_moves where 'suspense_unclassified' in (from_account, to_account)
                group by reference, currency
            )
            select array[e.reference], c.currency, -coalesce(c.total, 0), coalesce(h.total, 0), null::text
            from journal_entries e
            left join change c using (reference)
            left join change h on h.reference = 'bt:' || substring(e.reference from 12)
            where e.kind = 'classified'
                and (coalesce(c.total, 0) + coalesce(h.total,
                    0) <> 0 or c.currency is distinct from h.currency)
        """,
    ),
    Check(
        kind="reclassification_differs",
        proves="A corrected word takes back just what the word before it moved, and moves as much anew.",
        says="Entry {subject} takes back {found}; the word before it moved {expected}.",
        remedy="Only `almoner ledger reclassify` makes such an entry: find out who wrote this one.",
        sql="""
            with words as (
                select split_part(e.reference, ':', 2) as txn, e.reference, e.kind, m.currency,
                    m.amount, m.fund_id, m.from_account, m.to_account, m.position,
                    row_number() over (partition by e.reference order by m.position desc) as from_the_end,
                    dense_rank() over (partition by split_part(e.reference, ':', 2) order by e.number) as word
                from journal_entries e join journal_moves m using (reference)
                where e.kind in ('classified', 'reclassified')
            )
            select array[now.reference], now.currency, now.amount, coalesce(said.amount, 0), null::text
            from words now
            left join words said on said.txn = now.txn and said.word = now.word - 1 and said.from_the_end = 1
            where now.kind = 'reclassified' and (
                now.amount is distinct from said.amount or now.currency is distinct from said.currency
                or (now.from_the_end = 2 and (now.from_account, now.to_account, now.fund_id)
                    is distinct from (said.to_account, said.from_account, said.fund_id))
                or (now.from_the_end = 1 and
                    (now.from_account = 'suspense_unclassified')
                    is distinct from (said.from_account = 'suspense_unclassified'))
                or now.from_the_end > 2
            )
        """,
    ),
    Check(
        kind="deed_without_audit",
        proves="Every deed of a person that moves money stands in the audit log, under that person's name.",
        says="{subject}: {detail}, and the audit log does not know of it.",
        remedy="Ask the person; a deed without its line was not done through the program.",
        sql="""
            select array[x.id, x.staff_id], null::text, null::bigint, null::bigint, x.what
            from (
                select id, requested_by as staff_id, 'a refund was asked for' as what
                from refunds where origin = 'staff'
                union all
                select id, approved_by, 'a refund was approved' from refunds where approved_by is not null
                union all
                select id, requested_by, 'the payment of a debt was prepared' from owed_payments
                union all
                select id, approved_by, 'the payment of a debt was approved' from owed_payments
                where approved_by is not null
                union all
                select donation_id, recorded_by, 'an offline gift was recorded' from offline_gifts
                union all
                select donation_id, reversed_by, 'an offline gift was taken back' from offline_gifts
                where reversed_by is not null
                union all
                select id, recorded_by, 'a deposit was recorded' from deposit_slips
                union all
                select bank_line_id, matched_by, 'somebody said what a line of the bank is'
                from bank_matches where matched_by is not null
                union all
                select bank_line_id, undone_by, 'somebody undid what a line of the bank is'
                from bank_matches where undone_by is not null
                union all
                select substring(reference from 12), null, 'something was taken out of suspense'
                from journal_entries where kind = 'classified'
                union all
                select split_part(reference, ':', 2), null, 'a word about suspense was corrected'
                from journal_entries where kind = 'reclassified'
            ) x
            where not exists (
                select from audit_log a where a.subject = x.id and a.staff_id = coalesce(x.staff_id,
                    a.staff_id)
            )
        """,
    ),
)

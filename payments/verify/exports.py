"""Exports: what left for other programs is in the book, in its batch, and comes to what the batch says.

The claim of an entry has no foreign keys, because a million of them are written at once; these are they.
"""

from payments.verify.check import Check

CHECKS = (
    Check(
        kind="exported_entry_astray",
        proves="Every exported entry stands in the book, and in a batch of its target and of its legal body.",
        says="{subject}: {detail}.",
        remedy="Rows were written by hand: find out by whom. What was imported elsewhere must be compared.",
        sql="""
            select array['export:' || x.batch_number, x.target || ':' || x.entry_number],
                null::text, null::bigint, null::bigint,
                format('entry %s for %s has %s', x.entry_number, x.target,
                    case when e.number is null then 'no place in the book'
                        when b.number is null then 'no batch' else 'a batch of another body' end)
            from exported_entries x
            left join journal_entries e on e.number = x.entry_number
            left join export_batches b on b.number = x.batch_number and b.target = x.target
            where e.number is null or b.number is null or b.entity_id <> e.entity_id
        """,
    ),
    Check(
        kind="export_batch_differs",
        proves="The entries of every batch are as many, and move as much in each currency, as it says.",
        says="{subject} says {expected} and its entries move {found}: {detail}.",
        remedy="Compare the file (`almoner export again NUMBER`) with the book, entry by entry.",
        sql="""
            with held as (
                select x.batch_number as number, m.currency,
                    count(distinct x.entry_number) as entries, sum(m.amount)::bigint as moved
                from exported_entries x
                join journal_entries e on e.number = x.entry_number
                join journal_moves m on m.reference = e.reference
                group by x.batch_number, m.currency
            ), told as (
                select b.number, t.key as currency, (t.value ->> 'entries')::bigint as entries,
                    (t.value ->> 'debit')::bigint as moved
                from export_batches b cross join lateral jsonb_each(b.totals) t
            )
            select array['export:' || number], currency, h.moved, t.moved,
                format('%s entries, not %s', coalesce(h.entries, 0), t.entries)
            from told t left join held h using (number, currency)
            where h.moved is distinct from t.moved or h.entries is distinct from t.entries
            union all
            select array['export:' || h.number], h.currency, h.moved, null, 'nothing in that currency'
            from held h join export_batches b on b.number = h.number
            where not b.totals ? h.currency
            union all
            select array['export:' || b.number], null, sum(t.entries)::bigint, b.entry_count,
                'its own sums do not agree'
            from export_batches b join told t on t.number = b.number
            group by b.number, b.entry_count having sum(t.entries) <> b.entry_count
        """,
    ),
)

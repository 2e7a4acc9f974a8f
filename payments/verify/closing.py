"""Closed months: what they held when they were closed is what they hold."""

from payments.verify.check import Check

_CLOSED = "(select * from month_closings where reopened_at is null)"


def on_another_day(entry: str, *, than: str) -> str:
    """Whether an entry (a row's name in SQL) counts for neither the day that it should (a column) nor, where
    the month of that was closed, the first open one."""
    return f"""({entry}.effective_on <> {than} and not exists (select from month_closings c
        where c.entity_id = {entry}.entity_id and {than} <= c.last_day
            and {entry}.effective_on = c.last_day + 1))"""


CHECKS = (
    Check(
        kind="entry_in_closed_month",
        proves="No entry that was written after a month was closed is dated inside it.",
        says="Entry {subject} is dated {detail}.",
        remedy="A trigger was bypassed: find out by whom; reverse the entry and post it in the open month.",
        sql=f"""
            select array[e.reference], null::text, null::bigint, null::bigint,
                format('%s and was written after that month was closed', e.effective_on)
            from {_CLOSED} c
            join journal_entries e on e.entity_id = c.entity_id
                and e.effective_on between c.month and c.last_day and e.posted_at > c.sealed_at
        """,
    ),
    Check(
        kind="closed_month_changed",
        proves="A closed month holds as many entries as when it was closed, and they move as much.",
        says="Closing {subject}: {detail}.",
        remedy="Compare the journal in its pack with the book: `almoner close pack MONTH --out FILE`.",
        sql=f"""
            with held as (
                select c.id, count(distinct e.reference) as entries,
                    coalesce(sum(m.amount), 0)::bigint as moved
                from {_CLOSED} c
                left join journal_entries e on e.entity_id = c.entity_id
                    and e.effective_on between c.month and c.last_day
                left join journal_moves m on m.reference = e.reference
                group by c.id
            )
            select array[c.id, c.entity_id], null::text, h.entries, c.entries,
                format('%s of %s holds %s entries that move %s; when it was closed, %s that moved %s',
                    to_char(c.month, 'YYYY-MM'), c.entity_id, h.entries, h.moved, c.entries, c.moved)
            from held h join month_closings c using (id)
            where (h.entries, h.moved) <> (c.entries, c.moved)
        """,
    ),
    Check(
        kind="close_pack_changed",
        proves="The pack of every closing is, byte for byte, the one whose hash was stored with it.",
        says="The pack of closing {subject} is another: {detail}.",
        remedy="Restore month_closings from a backup; whoever was given the pack before has the right one.",
        sql="""
            select array[id, entity_id], null::text, null::bigint, null::bigint,
                format('its hash is %s, not %s', encode(sha256(pack), 'hex'), pack_sha256)
            from month_closings where encode(sha256(pack), 'hex') <> pack_sha256
        """,
    ),
    Check(
        kind="months_not_in_order",
        proves="Months are closed one after the other, and whoever closed one did not reopen it.",
        says="Closing {subject}: {detail}.",
        remedy="A trigger was bypassed: find out by whom, and close what is open in between.",
        sql=f"""
            select array[c.id, c.entity_id], null::text, null::bigint, null::bigint,
                format('%s is closed and the month before is open', to_char(c.month, 'YYYY-MM'))
            from {_CLOSED} c
            where exists (select from {_CLOSED} b where b.entity_id = c.entity_id and b.month < c.month)
                and not exists (select from {_CLOSED} b where b.entity_id = c.entity_id
                    and b.month = c.month - interval '1 month')
            union all
            select array[id, entity_id], null, null, null, 'reopened by whoever closed it'
            from month_closings where reopened_by = closed_by
        """,
    ),
)

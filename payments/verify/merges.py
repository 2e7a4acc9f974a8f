"""Donors who were merged: nothing stays behind, and what moved can be followed."""

from payments.verify.check import Check

CHECKS = (
    Check(
        kind="merged_donor_has_rows",
        proves="A record that was merged has nothing of its own: its gifts, promises, declarations and "
        "statements are the donor's whom it leads to, and what was given under its address since is too.",
        says="{subject} {detail}.",
        remedy="A trigger was bypassed, or a row was written by hand: take the merge back and do it again.",
        sql="""
            with gone as (select id, merged_into_id from donors where merged_into_id is not null)
            select array[d.id, g.id], null::text, null::bigint, null::bigint,
                'is a gift of a record that was merged into ' || g.merged_into_id
            from donations d join gone g on g.id in (d.donor_id, d.soft_credit_donor_id)
            union all
            select array[m.id, g.id], null, null, null,
                'is a monthly gift of a record that was merged into ' || g.merged_into_id
            from monthly_gifts m join gone g on g.id = m.donor_id
            union all
            select array[a.id, g.id], null, null, null,
                'is a declaration of a record that was merged into ' || g.merged_into_id
            from gift_aid_declarations a join gone g on g.id = a.donor_id
            union all
            select array[s.id, g.id], null, null, null,
                'is a statement of a record that was merged into ' || g.merged_into_id
            from giving_statements s join gone g on g.id = s.donor_id
        """,
    ),
    Check(
        kind="merge_without_trace",
        proves="A record leads to another exactly while a merge says so, along the merges of both, and to "
        "one that stands for itself.",
        says="Record {subject} {detail}.",
        remedy="Compare donors and donor_merges with a backup; the audit log says who merged what.",
        sql="""
            with recursive leads as (
                select gone_id as id, kept_id as reached from donor_merges where undone_at is null
                union
                select l.id, m.kept_id from leads l
                join donor_merges m on m.gone_id = l.reached and m.undone_at is null
            ), ends as (
                select id, reached from leads l
                where not exists (select from donor_merges m
                    where m.gone_id = l.reached and m.undone_at is null)
            )
            select array[coalesce(d.id, e.id)], null::text, null::bigint, null::bigint,
                case when d.merged_into_id is null then 'was merged and stands for itself'
                    when e.id is null then 'leads to ' || d.merged_into_id || ' without a merge'
                    else 'leads to ' || d.merged_into_id || ' and was merged into ' || e.reached end
            from (select id, merged_into_id from donors where merged_into_id is not null) d
            full join ends e on e.id = d.id
            where d.merged_into_id is distinct from e.reached
            union all
            select array[m.gone_id, m.id], null, null, null, 'was merged and no deed says by whom'
            from donor_merges m
            where not exists (select from audit_log a
                where a.deed = 'donors.merge' and a.facts ->> 'merge' = m.id)
        """,
    ),
    Check(
        kind="merge_lost_a_row",
        proves="Whatever a merge moved is there: with the donor who stayed while it stands, and with the "
        "record it came from once it was taken back.",
        says="{subject} moved with a merge and {detail}.",
        remedy="Find out from the audit log what moved it; donor_merge_rows says where it belongs.",
        sql="""
            with moved as (
                select m.id as merge_id, r.what, r.row_id, m.gone_id, m.undone_at is null as stands,
                    coalesce(d.merged_into_id, d.id) as survivor
                from donor_merge_rows r join donor_merges m on m.id = r.merge_id
                join donors d on d.id = m.kept_id
                where r.what in ('gift', 'monthly_gift', 'declaration', 'statement')
                    -- Of several that moved a row the last one says where it is.
                    and not exists (
                        select from donor_merge_rows later join donor_merges n on n.id = later.merge_id
                        where later.what = r.what and later.row_id = r.row_id
                            and greatest(n.merged_at, n.undone_at) > greatest(m.merged_at, m.undone_at)
                    )
            ), found as (
                select 'gift' as what, id, donor_id from donations
                union all select 'monthly_gift', id, donor_id from monthly_gifts
                union all select 'declaration', id, donor_id from gift_aid_declarations
                union all select 'statement', id, donor_id from giving_statements
            )
            select array[w.row_id, w.merge_id], null::text, null::bigint, null::bigint,
                case when f.id is null then 'is not there' else 'is with ' || f.donor_id end
            from moved w left join found f on f.what = w.what and f.id = w.row_id
            left join donors g on g.id = w.gone_id
            where f.donor_id is distinct from
                case when w.stands then w.survivor else coalesce(g.merged_into_id, g.id) end
        """,
    ),
)

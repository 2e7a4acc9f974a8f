# ruff: noqa: S608 - nothing here comes from outside
"""What may be wrong with a merge. The tests' book has nobody who was merged: each brings somebody."""

from tests.verify.victims import PLAIN_DONATION, Corruption

_DONOR = f"(select donor_id from donations where id = {PLAIN_DONATION})"
_UNSAID = f"""
    insert into donors (id, email, name, locale, merged_into_id)
    values ('dnr_gone', 'gone@lp.example', 'Gone', 'en', {_DONOR});
    insert into donor_merges (id, kept_id, gone_id, merged_by, taken)
    select 'mrg_x', {_DONOR}, 'dnr_gone', min(id), '{{}}' from staff_members;
"""
_MERGED = f"""
    {_UNSAID}
    insert into audit_log (staff_id, deed, subject, reason, facts)
    select min(id), 'donors.merge', {_DONOR}, 'asked', '{{"merge": "mrg_x"}}' from staff_members;
"""

CORRUPTIONS = [
    *(
        Corruption(
            what, "merged_donor_has_rows", f"{_MERGED} update {table} set {column} = 'dnr_gone' {which}"
        )
        for what, table, column, which in (
            ("a gift stays behind", "donations", "donor_id", f"where id = {PLAIN_DONATION} returning id"),
            (
                "somebody is thanked who was merged",
                "donations",
                "soft_credit_donor_id",
                f"where id = {PLAIN_DONATION} returning id",
            ),
            (
                "a promise stays behind",
                "monthly_gifts",
                "donor_id",
                "where id = (select min(id) from monthly_gifts) returning id",
            ),
        )
    ),
    Corruption(
        "a record that was merged stands for itself",
        "merge_without_trace",
        f"{_MERGED} update donors set merged_into_id = null where id = 'dnr_gone' returning id",
    ),
    Corruption(
        "a record leads somewhere without a merge",
        "merge_without_trace",
        f"{_MERGED} update donor_merges set undone_at = now(), undone_by = merged_by returning gone_id",
    ),
    Corruption("nobody merged two who are one", "merge_without_trace", f"{_UNSAID} select 'dnr_gone'"),
    Corruption(
        "what was moved is somebody else's",
        "merge_lost_a_row",
        f"{_MERGED} insert into donor_merge_rows (merge_id, what, row_id)"
        f" select 'mrg_x', 'gift', id from donations where donor_id <> {_DONOR} limit 1 returning row_id",
    ),
    Corruption(
        "what was moved is gone",
        "merge_lost_a_row",
        f"{_MERGED} insert into donor_merge_rows (merge_id, what, row_id)"
        " values ('mrg_x', 'monthly_gift', 'mon_gone') returning row_id",
    ),
    Corruption(
        "nobody leads a new gift to its donor",
        "guard_missing",
        "drop trigger donations_lead_to_the_survivor on donations",
    ),
    Corruption(
        "whoever leads to the donor does nothing",
        "guard_missing",
        "create or replace function almoner_follow_the_promise() returns trigger language plpgsql"
        " as 'begin return new; end'",
    ),
]

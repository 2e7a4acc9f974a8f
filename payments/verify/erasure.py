"""Erased donors: nobody knows them any more but where a law keeps a row, and no longer than it does."""

from payments.verify.check import Check

_HELD = """exists (select from erasure_holds h
    where h.table_name = '{table}' and h.row_id = {row} and h.released_at is null)"""


def _held(table: str, row: str) -> str:
    return _HELD.format(table=table, row=row)


CHECKS = (
    Check(
        kind="erased_donor_known",
        proves="An erased donor has no personal data outside the rows that a law keeps: no name, address, "
        "dedication, letter, document or event says who it was.",
        says="{subject} belongs to an erased donor and {detail}.",
        remedy="Find out what wrote it after the erasure, and tell the makers of the program.",
        sql=f"""
            with gone as (
                select id, erased_at from donors where erased_at is not null
            )
            select array[d.id], null::text, null::bigint, null::bigint, 'its donor has a name or an address'
            from donors d where d.erased_at is not null
                and (d.email <> d.id || '@erased.invalid' or d.name <> '[erased]')
            union all
            select array[g.id], null, null, null, 'has a postal address'
            from donor_addresses a join gone g on g.id = a.donor_id
            union all
            select array[d.id, g.id], null, null, null, 'names its giver or somebody dear to them'
            from donations d join gone g on g.id = d.donor_id
            where d.donor_name <> '[erased]' or d.dedication_name is not null
            union all
            select array[m.id, g.id], null, null, null, 'names its giver or somebody dear to them'
            from monthly_gifts m join gone g on g.id = m.donor_id
            where m.donor_name <> '[erased]' or m.dedication_name is not null
            union all
            select array[c.stripe_charge_id, g.id], null, null, null, 'has the last digits of a card'
            from charges c join donations d on d.id = c.donation_id join gone g on g.id = d.donor_id
            where c.last4 is not null and c.charged_at < now() - interval '15 minutes'
            union all
            select array[r.id, g.id], null, null, null, 'prints a name that nothing keeps'
            from receipts r join donations d on d.id = r.donation_id join gone g on g.id = d.donor_id
            where r.content ->> 'donor_name' <> '[erased]' and not {_held("receipts", "r.id")}
            union all
            select array[r.id, g.id], null, null, null, 'has a page that nothing keeps'
            from receipt_documents f join receipts r on r.id = f.receipt_id
            join donations d on d.id = r.donation_id join gone g on g.id = d.donor_id
            where f.pdf <> '' and r.issued_at < g.erased_at
                and not {_held("receipt_documents", "r.id")}
            union all
            select array[s.id, g.id], null, null, null, 'prints a name that nothing keeps'
            from giving_statements s join gone g on g.id = s.donor_id
            where s.content ->> 'donor_name' <> '[erased]' and not {_held("giving_statements", "s.id")}
            union all
            select array[s.id, g.id], null, null, null, 'has a page that nothing keeps'
            from statement_documents f join giving_statements s on s.id = f.statement_id
            join gone g on g.id = s.donor_id
            where f.pdf <> '' and s.issued_at < g.erased_at
                and not {_held("statement_documents", "s.id")}
            union all
            select array[a.id, g.id], null, null, null, 'names its donor and no claim keeps it'
            from gift_aid_declarations a join gone g on g.id = a.donor_id
            where a.last_name <> '[erased]' and not {_held("gift_aid_declarations", "a.id")}
            union all
            select array[g.id], null, null, null, 'has a registration number that no register keeps'
            from korean_registration_numbers k join gone g on g.id = k.donor_id
            where k.keep_until <= make_date(extract(year from g.erased_at)::int + 1, 12, 31)
            union all
            select array[m.id], null, null, null, 'still has its letter'
            from outgoing_mails m where m.to_address like '%@erased.invalid' and m.message <> ''
            union all
            select array[e.stripe_event_id, i.erasure_id], null, null, null, 'is stored as Stripe sent it'
            from erased_stripe_ids i join stripe_events e on e.object_id = i.stripe_id
            where e.received_at < now() - interval '15 minutes'
                and not exists (select from erased_rows x
                    where x.table_name = 'stripe_events' and x.row_id = e.stripe_event_id)
            union all
            select array[e.stripe_event_id, x.erasure_id], null, null, null, 'has an address in it again'
            from erased_rows x join stripe_events e on e.stripe_event_id = x.row_id
            where x.table_name = 'stripe_events' and encode(e.body, 'escape') ~ '@(?!erased\\.invalid)'
        """,
    ),
    Check(
        kind="erasure_hold_broken",
        proves="What a law keeps of an erased donor is kept until its day, and is gone two days later.",
        says="{subject} {detail}.",
        remedy="Gone too early: restore that row from a backup. Still there: see that a worker is alive.",
        sql="""
            select array[h.row_id, h.erasure_id], null::text, null::bigint, null::bigint,
                format('of %s was to be kept until %s and was erased on %s', h.table_name, h.until,
                    x.erased_at::date)
            from erasure_holds h
            join erased_rows x on x.table_name = h.table_name and x.row_id = h.row_id
            where x.erased_at::date <= h.until
            union all
            select array[row_id, erasure_id], null, null, null,
                format('of %s was to be kept until %s and is still there', table_name, until)
            from erasure_holds
            where released_at is null and until < current_date - 2
        """,
    ),
    Check(
        kind="erasure_without_proof",
        proves="Every erased donor has a proof of it, and the journal was the same before and after.",
        says="Donor {subject} {detail}.",
        remedy="Compare the journal with a backup of the day; the audit log says who did it.",
        sql="""
            select array[d.id, e.id], null::text, null::bigint, null::bigint,
                case when e.id is null then 'is erased without a proof'
                    when d.erased_at is null then 'has a proof and is not erased'
                    else 'has a proof that does not say that the journal is the same' end
            from donors d full join erasures e on e.donor_id = coalesce(d.merged_into_id, d.id)
            where (d.erased_at is not null or e.id is not null)
                and (e.id is null or d.erased_at is null
                    or (e.proof #>> '{journal,sha256_before}') is distinct from
                        (e.proof #>> '{journal,sha256_after}')
                    or e.proof #>> '{journal,sha256_after}' is null)
        """,
    ),
)

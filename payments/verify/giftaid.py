"""Gift Aid: what was claimed was given, declared and told as it is."""

from payments.verify.check import Check

CHECKS = (
    Check(
        kind="gift_aid_claim_differs",
        proves="A Gift Aid claim comes to the gifts on its lines and to the tax on its corrections, and its "
        "files are the ones that were made.",
        says="Gift Aid claim {subject} {detail}.",
        remedy="Compare it with what HMRC has; tell HMRC of a difference.",
        sql="""
            with lines as (
                select claim_id, sum(amount) as total, count(distinct item) as items
                from gift_aid_lines group by claim_id
            ), gone as (
                select claim_id, (sum(amount) * 25 + 99) / 100 as tax from gift_aid_corrections
                group by claim_id
            )
            select array[c.id], 'gbp', c.total, l.total::bigint,
                case when l.total is distinct from c.total then 'does not come to its gifts'
                    when l.items <> c.line_count then 'has other lines than it says'
                    when trunc(coalesce(g.tax, 0)) <> c.over_claimed then 'says another tax over-claimed'
                    else 'has a file that is not the one that was made' end
            from gift_aid_claims c
            left join lines l on l.claim_id = c.id left join gone g on g.claim_id = c.id
            where l.total is distinct from c.total or l.items <> c.line_count
                or trunc(coalesce(g.tax, 0)) <> c.over_claimed
                or (encode(sha256(c.ods), 'hex') <> c.ods_sha256
                    or encode(sha256(c.csv), 'hex') <> c.csv_sha256)
                    and not exists (select from erased_rows x
                        where x.table_name = 'gift_aid_claims' and x.row_id = c.id)
        """,
    ),
    Check(
        kind="gift_aid_not_due",
        proves="Each gift that was claimed for Gift Aid is a person's, in pounds, received, no larger than "
        "it was, and declared by its donor to the body that got it.",
        says="{subject} was claimed with {found} and {detail}.",
        remedy="Tell HMRC on the next claim that it was over-claimed.",
        sql="""
            select array[l.donation_id, l.claim_id], d.currency, l.amount, d.amount,
                case when d.paid_at is null then 'was not received'
                    when d.currency <> 'gbp' then 'is not in pounds'
                    when d.payer_kind <> 'person' then 'is not a person''s'
                    when l.amount > d.amount then 'was less'
                    else 'its declaration is of somebody or something else' end
            from gift_aid_lines l
            join donations d on d.id = l.donation_id
            join gift_aid_claims c on c.id = l.claim_id
            join gift_aid_declarations a on a.id = l.declaration_id
            where d.paid_at is null or d.currency <> 'gbp' or d.payer_kind <> 'person' or l.amount > d.amount
                or (a.donor_id, a.entity_id, c.entity_id) <> (d.donor_id, d.entity_id, d.entity_id)
                or a.donation_id <> d.id
        """,
    ),
)

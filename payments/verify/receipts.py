"""The receipt book: one live receipt a settled gift, numbers without a gap, contents that stand."""

from payments.verify.check import Check
from payments.verify.standings import TURNS, WITHDRAWN

LEFT = f"""
    with recursive {WITHDRAWN}, {TURNS}, left_of as materialized (
        select s.donation_id, s.given - t.gone as amount
        from stands t join settled s using (stripe_charge_id) where s.donation_id is not null
        union all
        select donation_id, 0 from offline_gifts where reversed_at is not null
    )
"""
"""What is left of each gift of which something went back."""

LEAVES_A_GIFT = """
    coalesce(l.amount, d.amount) > d.benefit_amount and not (
        d.benefit_amount * 100 > coalesce(l.amount, d.amount) * 80
        and d.entity_id in (select id from issuing_entities where statement_code = 'ca_official')
    )
"""
"""What the donor got is worth less than the payment; in Canada 80% at most (Income Tax Act s. 248(30))."""

CHECKS = (
    Check(
        kind="gift_without_receipt",
        proves="Every settled gift has its receipt, or one is due, or it was voided because the money "
        "went back, or by a person.",
        says="Gift {subject} of {found} is settled, has no receipt and none is due{detail}.",
        remedy="Insert it into due_receipts; the next round of the worker issues it.",
        sql=f"""
            {LEFT}, bare as materialized (
                select d.* from donations d
                where d.paid_at is not null
                    and not exists (select from receipts r where r.donation_id = d.id and r.status = 'issued')
                    and not exists (select from due_receipts w where w.donation_id = d.id)
            ), entitled as (
                select * from bare d
                where d.channel = 'online' or d.channel <> 'adopted' and (
                    (d.benefit_amount < d.amount
                        or d.payer_kind in ('donor_advised_fund', 'employer_match'))
                    and d.id not in (select donation_id from offline_gifts where reversed_at is not null)
                )
            ), voided as (
                select donation_id, bool_or(void_cause = 'by_hand' and not exists (
                    select from receipts n where n.replaces_id = r.id)) as is_withheld
                from receipts r where status = 'void' group by donation_id
            )
            select array[d.id], d.currency, coalesce(l.amount, d.amount), null::bigint,
                case when v.donation_id is null then '' else '; its receipt was voided and not replaced' end
            from entitled d
            left join voided v on v.donation_id = d.id left join left_of l on l.donation_id = d.id
            where {LEAVES_A_GIFT} and not coalesce(v.is_withheld, false)
        """,
    ),
    Check(
        kind="receipt_for_unsettled_gift",
        proves="Nothing is receipted, or about to be, that was not received.",
        says="{subject} is a receipt, or a due one, for a gift that is {detail}.",
        remedy="Void the receipt and tell the donor; find out how it came to be issued.",
        sql="""
            select array[r.id, r.donation_id], r.currency, r.amount, null::bigint, coalesce(d.status,
                'unknown')
            from receipts r left join donations d on d.id = r.donation_id
            where r.status = 'issued' and d.paid_at is null
            union all
            select array[w.donation_id], null, null, null, coalesce(d.status, 'unknown')
            from due_receipts w left join donations d on d.id = w.donation_id
            where d.paid_at is null
        """,
    ),
    Check(
        kind="gift_receipted_twice",
        proves="A gift has at most one receipt that counts.",
        says="Gift {subject} has {found} live receipts: {detail}.",
        remedy="Void all but one and tell the donor which one counts.",
        sql="""
            select array[donation_id], null::text, count(*), 1::bigint, string_agg(number,
                ', ' order by number)
            from receipts where status = 'issued'
            group by donation_id having count(*) > 1
        """,
    ),
    Check(
        kind="receipt_numbers_have_gaps",
        proves="In each series and tax year the numbers run from 1 without a gap or a repeat, "
        "up to the counter.",
        says="Series {subject}: {detail}.",
        remedy="A receipt was deleted or a number forged: compare with the mails that were sent.",
        sql="""
            with issued as (
                select series, tax_year, count(*) as receipts, count(distinct sequence) as numbers,
                    min(sequence) as first, max(sequence) as last
                from (
                    select series, tax_year, sequence from receipts
                    union all select series, tax_year, sequence from giving_statements
                ) numbered group by series, tax_year
            )
            select array[format('%s-%s', series, tax_year)], null::text, i.receipts, c.last_number::bigint,
                format('%s receipts with %s numbers from %s to %s, and the counter stands at %s',
                    coalesce(i.receipts, 0), coalesce(i.numbers, 0), coalesce(i.first, 0), coalesce(i.last,
                        0),
                    coalesce(c.last_number, 0))
            from issued i full join receipt_counters c using (series, tax_year)
            where (i.receipts, i.numbers, i.first, i.last) is distinct from
                (c.last_number::bigint, c.last_number::bigint, 1, c.last_number)
        """,
    ),
    Check(
        kind="receipt_differs_from_gift",
        proves="A receipt that counts says what is left of its gift, and every one the currency, day, "
        "legal entity, benefit and number of its gift, in the gift's "
        "tax year, and prints the same.",
        says="Receipt {subject} over {found} {detail}.",
        remedy="Void it and issue another; what was sent cannot be changed.",
        sql=f"""
            {LEFT}
            select array[r.id, r.donation_id], r.currency, r.amount, coalesce(l.amount, d.amount),
                case when d.id is null then 'is for a gift that we do not have'
                    when r.currency <> d.currency or r.amount > d.amount
                        then format('is for a gift of %s %s', d.currency, d.amount)
                    when r.gift_date is distinct from d.gift_date
                        then format('is dated %s, the gift %s', r.gift_date, d.gift_date)
                    when r.entity_id <> d.entity_id then format('is of %s, the gift of %s', r.entity_id,
                        d.entity_id)
                    when b.id is not null then format('is in the series %s of another', r.series)
                    when r.tax_year <> extract(year from r.gift_date)
                        then format('is in %s, its gift in %s', r.tax_year, extract(year from r.gift_date))
                    when r.number <> format('%s-%s-%s', r.series, r.tax_year, lpad(r.sequence::text, 6, '0'))
                        then format('has the number %s at place %s', r.number, r.sequence)
                    when r.status = 'issued' and r.amount <> coalesce(l.amount, d.amount)
                        and w.donation_id is null
                        then format('is for a gift of which %s %s is left', d.currency, coalesce(l.amount,
                            d.amount))
                    else 'prints otherwise than it says' end
            from receipts r
            left join donations d on d.id = r.donation_id
            left join left_of l on l.donation_id = r.donation_id
            left join due_receipts w on w.donation_id = r.donation_id
            left join issuing_entities b on b.receipt_series = r.series and b.id <> r.entity_id
            where d.id is null or r.currency <> d.currency or r.amount > d.amount
                or (r.status = 'issued' and r.amount <> coalesce(l.amount, d.amount)
                    and l.amount is distinct from 0 and w.donation_id is null)
                or r.gift_date is distinct from d.gift_date or r.entity_id <> d.entity_id
                or b.id is not null or r.tax_year <> extract(year from r.gift_date)
                or r.number <> r.series || '-' || r.tax_year || '-' || lpad(r.sequence::text, greatest(6,
                    length(r.sequence::text)), '0')
                or r.content ->> 'number' <> r.number
                or (r.content ->> 'amount_minor')::bigint <> r.amount
                or r.content ->> 'currency' <> r.currency
                or r.content ->> 'gift_date' <> r.gift_date::text
                or coalesce((r.content ->> 'benefit_minor')::bigint, 0) <> case
                    when r.kind in ('benefit', 'thanks') then d.benefit_amount else 0 end
        """,
    ),
    Check(
        kind="receipt_of_gift_gone",
        proves="No receipt counts whose gift was refunded, lost in a dispute, returned or taken back.",
        says="Receipt {subject} over {found} counts, and nothing is left of its gift.",
        remedy="Insert the gift into due_receipts; the worker then voids it and tells the donor.",
        sql=f"""
            {LEFT}
            select array[r.id, r.donation_id], r.currency, r.amount, 0::bigint, null::text
            from left_of l join receipts r on r.donation_id = l.donation_id and r.status = 'issued'
            where l.amount = 0 and not exists (select from due_receipts w where w.donation_id = l.donation_id)
        """,
    ),
    Check(
        kind="receipt_void_unexplained",
        proves="A void receipt has its cause, its reason, its moment, and where a person did it, the person; "
        "one that counts has none of them.",
        says="Receipt {subject} {detail}.",
        remedy="Ask who voided it: `almoner receipts show NUMBER`, and the audit log.",
        sql="""
            select array[id, donation_id], currency, amount, null::bigint,
                case status when 'void' then 'is void without a reason' else 'counts and says it is void' end
            from receipts
            where status = 'void' and (coalesce(void_reason, '') = '' or void_cause is null
                    or voided_at is null or (void_cause in ('by_hand', 'corrected') and voided_by is null))
                or status <> 'void' and num_nonnulls(void_reason, void_cause, voided_at, voided_by) > 0
        """,
    ),
    Check(
        kind="receipt_replaces_wrongly",
        proves="A receipt that replaces another cites a void one of the same gift, on its page too.",
        says="Receipt {subject} replaces {detail}.",
        remedy="Void the newer one and tell the donor which counts.",
        sql="""
            select array[r.id, r.donation_id], null::text, null::bigint, null::bigint,
                case when o.id is null then 'one that we do not have'
                    when o.donation_id <> r.donation_id then o.number || ', which is of another gift'
                    when o.status <> 'void' then o.number || ', which counts'
                    else o.number || ', and its page says otherwise' end
            from receipts r left join receipts o on o.id = r.replaces_id
            where r.replaces_id is not null and (o.id is null or o.donation_id <> r.donation_id
                or o.status <> 'void' or r.content ->> 'replaces_number' is distinct from o.number)
        """,
    ),
    Check(
        kind="donor_not_told_of_void",
        proves="The donor of a void receipt was told: by a notice, or by the receipt that replaces it.",
        says="Nobody told the donor that receipt {subject} is void.",
        remedy="Write to the donor; find out who deleted the notice.",
        sql="""
            select array[r.id, r.donation_id], null::text, null::bigint, null::bigint, null::text
            from receipts r
            where r.status = 'void' and not exists (select from receipts n where n.replaces_id = r.id)
                and not exists (select from outgoing_mails m where m.reference = 'void:' || r.id)
        """,
    ),
    Check(
        kind="receipt_document_changed",
        proves="The document of each receipt is kept, byte for byte as it was set, or is due.",
        says="The document of receipt {subject} {detail}.",
        remedy="Restore it from a backup, or from the mail that carried it.",
        sql="""
            select array[r.id], null::text, null::bigint, null::bigint,
                case when f.receipt_id is null then 'is missing' else 'is not the one that was issued' end
            from receipts r left join receipt_documents f on f.receipt_id = r.id
            where f.receipt_id is null and not exists (select from due_documents w where w.receipt_id = r.id)
                or encode(sha256(f.pdf), 'hex') <> f.pdf_sha256 and not exists (
                    select from erased_rows x where x.table_name = 'receipt_documents' and x.row_id = r.id)
        """,
    ),
    Check(
        kind="receipt_page_late",
        proves="A receipt has its page within the hour.",
        says="Receipt {subject} waits for its page since {detail}.",
        remedy="`almoner receipts due` says why; the donor waits for it.",
        sql="""
            select array[w.receipt_id], null::text, null::bigint, null::bigint,
                to_char(r.issued_at, 'YYYY-MM-DD HH24:MI')
            from due_documents w join receipts r on r.id = w.receipt_id
            where r.issued_at < now() - interval '1 hour'
        """,
    ),
    Check(
        kind="receipt_without_mail",
        proves="Every receipt that counts and has its page was mailed, or its mail waits or is held with a "
        "reason.",
        says="Receipt {subject} has no mail in the outbox.",
        remedy="Find out who deleted it; send the document by hand.",
        sql="""
            select array[r.id, r.donation_id], null::text, null::bigint, null::bigint, null::text
            from receipts r
            where r.status = 'issued'
                and not exists (select from outgoing_mails m where m.reference = 'receipt:' || r.id)
                and not exists (select from due_documents w where w.receipt_id = r.id)
        """,
    ),
)

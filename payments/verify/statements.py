"""Annual statements: they list what the register says, and nothing that it has taken back."""

from payments.verify.check import Check

_LISTED = """
    select s.*, part.place, part.gift ->> 'receipt_number' as receipt_number,
        (part.gift ->> 'amount_minor')::bigint as amount, part.gift ->> 'currency' as currency,
        part.gift ->> 'gift_date' as gift_date, part.is_own,
        coalesce((part.gift ->> 'benefit_minor')::bigint, 0) as benefit
    from giving_statements s
    cross join lateral (
        select gift, place, true from jsonb_array_elements(s.content -> 'gifts')
            with ordinality own (gift, place)
        union all
        select gift, place, false from jsonb_array_elements(s.content -> 'through_others')
            with ordinality others (gift, place)
    ) part (gift, place, is_own)
    where s.status = 'issued'
"""
"""What the statements that count list, a row a gift."""

_OF_THE_SAME = "n.donor_id = s.donor_id and n.entity_id = s.entity_id and n.tax_year = s.tax_year"

_ONCE_ONE = """n.entity_id = s.entity_id and n.tax_year = s.tax_year and exists (
    select from donor_merges m
    where (m.kept_id, m.gone_id) in ((n.donor_id, s.donor_id), (s.donor_id, n.donor_id)))"""

CHECKS = (
    Check(
        kind="statement_lists_void_receipt",
        proves="A statement that counts lists no receipt that is void.",
        says="Statement {subject} counts and lists receipt {detail}, which is void.",
        remedy="Void the statement with its cause and insert it into due_statements: the worker replaces it.",
        sql=f"""
            with listed as materialized ({_LISTED})
            select array[l.id, r.id], r.currency, r.amount, null::bigint, r.number
            from listed l join receipts r on r.number = l.receipt_number
            where r.status = 'void'
        """,
    ),
    Check(
        kind="statement_differs_from_register",
        proves="What a statement lists is what the register says: its donor's receipts of its year and "
        "body, each once, with their days, amounts and benefits; things without one.",
        says="Statement {subject} lists {detail}.",
        remedy="Void it and insert it into due_statements; find out what wrote it.",
        sql=f"""
            with listed as materialized ({_LISTED})
            select array[l.id], l.currency, l.amount, r.amount,
                case when r.id is null then 'a receipt ' || coalesce(l.receipt_number, '?')
                        || ' that we do not have'
                    when d.id is null then r.number || ', which is another donor''s'
                    when r.entity_id <> l.entity_id or r.tax_year <> l.tax_year
                        then r.number || ', which is of another body or year'
                    else r.number || ' otherwise than it says' end
            from listed l
            left join receipts r on r.number = l.receipt_number
            left join donations d on d.id = r.donation_id
                and l.donor_id = case when l.is_own then d.donor_id else d.soft_credit_donor_id end
            where r.id is null or d.id is null or r.entity_id <> l.entity_id or r.tax_year <> l.tax_year
                or l.currency <> r.currency or l.gift_date <> r.gift_date::text
                or l.amount <> case r.kind when 'thing' then 0 else r.amount end
                or l.is_own = (r.kind = 'thanks')
                or (l.is_own and l.benefit <> coalesce((r.content ->> 'benefit_minor')::bigint, 0))
            union all
            select array[id], null, count(*), 1, receipt_number || ' more than once'
            from listed group by id, receipt_number having count(*) > 1
            union all
            select array[id], null, null, null, 'a number that is not its own'
            from giving_statements where content ->> 'number' <> number
        """,
    ),
    Check(
        kind="collective_line_differs",
        proves="A gift on a collective confirmation is bound to it for as long as that one counts, so that "
        "it gets no confirmation of its own; and to no other.",
        says="Gift {subject} {detail}.",
        remedy="A line was ended, deleted or written by hand: void the statement before the gift is "
        "confirmed twice.",
        sql=f"""
            with listed as materialized ({_LISTED}), wanted as (
                select l.id as statement_id, r.donation_id, r.id as receipt_id
                from listed l join receipts r on r.number = l.receipt_number
                where l.is_own and l.content ->> 'statement_code' = 'de_sammelbestaetigung'
            ), standing as (select * from statement_lines where ended_at is null)
            select array[donation_id, statement_id], null::text, null::bigint, null::bigint,
                case when s.receipt_id is null then 'is on a collective confirmation and not bound to it'
                    when w.receipt_id is null then 'is bound to a confirmation that does not list it'
                    else 'is bound by another receipt' end
            from wanted w full join standing s using (statement_id, donation_id)
            where w.receipt_id is distinct from s.receipt_id
        """,
    ),
    Check(
        kind="statement_replaces_wrongly",
        proves="A statement that replaces another cites a void one of the same donor, body and year, on its "
        "page too, or of a donor who was taken for the same; and of these one counts.",
        says="Statement {subject} replaces {detail}.",
        remedy="Void the newer one and tell the donor which counts.",
        sql=f"""
            select array[s.id], null::text, null::bigint, null::bigint,
                case when n.id is null then 'one that we do not have'
                    when not ({_OF_THE_SAME} or {_ONCE_ONE}) then n.number || ', which is another''s'
                    when n.status <> 'void' then n.number || ', which counts'
                    else n.number || ', and its page says otherwise' end
            from giving_statements s left join giving_statements n on n.id = s.replaces_id
            where (s.replaces_id is not null and (n.id is null or not ({_OF_THE_SAME} or {_ONCE_ONE})
                or n.status <> 'void'))
                or s.content ->> 'replaces_number' is distinct from n.number
        """,
    ),
    Check(
        kind="donor_not_told_of_void_statement",
        proves="Whoever was sent a statement that is void now was told: by the one in its place, or by a "
        "notice; or it is due.",
        says="Nobody told the donor that statement {subject} is void.",
        remedy="Insert it into due_statements; the worker replaces it or writes the notice.",
        sql=f"""
            select array[s.id], null::text, null::bigint, null::bigint, null::text
            from giving_statements s
            where s.status = 'void'
                and exists (select from outgoing_mails m where m.reference = 'statement:' || s.id)
                and not exists (
                    select from giving_statements n
                    where {_OF_THE_SAME} and n.sequence >= s.sequence and (
                        exists (select from due_statements w where w.statement_id = n.id)
                        or exists (select from outgoing_mails m where m.reference = 'void:' || n.id)
                        or (n.id <> s.id and exists (
                            select from outgoing_mails m where m.reference = 'statement:' || n.id
                        ))
                    )
                )
        """,
    ),
    Check(
        kind="statement_document_changed",
        proves="The page of each statement is kept byte for byte as it was set.",
        says="The page of statement {subject} {detail}.",
        remedy="Restore it from a backup, or from the mail that carried it.",
        sql="""
            select array[s.id], null::text, null::bigint, null::bigint,
                case when f.statement_id is null then 'is missing' else 'is not the one that was set' end
            from giving_statements s left join statement_documents f on f.statement_id = s.id
            where encode(sha256(f.pdf), 'hex') <> f.pdf_sha256 and not exists (
                    select from erased_rows x where x.table_name = 'statement_documents' and x.row_id = s.id)
                or (f.statement_id is null
                    and exists (select from outgoing_mails m where m.reference = 'statement:' || s.id))
        """,
    ),
)

"""Monthly gifts: what was promised, what Stripe billed of it, and the gifts that came of it."""

from payments.verify.check import Check

# A refund of whatever status is somebody's word about it; where the donor's bank decides, nobody else may.
_LEFT_AS_IT_IS = """
    c.charged_at < now() - interval '1 day'
    and not exists (select from refunds r where r.donation_id = d.id)
    and not exists (select from disputes q where q.donation_id = d.id
        and q.status not like 'warning%' and q.status not in ('won', 'prevented'))
"""

_GONE = """
    gone as (
        select donation_id, sum(amount) as amount
        from (
            select donation_id, amount from refunds
            where status not in ('requested', 'declined', 'refused', 'failed', 'canceled')
            union all
            select donation_id, amount from owed_payments where status = 'paid'
            union all
            select q.donation_id, case when q.currency = d.currency then q.amount else d.amount end
            from disputes q join donations d on d.id = q.donation_id where q.status = 'lost'
        ) back group by donation_id
    )
"""
"""What went back of each gift, or is on its way back. An instalment that went back whole was not kept, and
is nothing to be looked at any more."""

CHECKS = (
    Check(
        kind="promise_parts_do_not_add_up",
        proves="What is given each month is the sum of its parts, in all its terms.",
        says="The parts of monthly gift {subject} come to {expected}, and it is {found} a month ({detail}).",
        remedy="Compare it with what the donor agreed to, and have new terms agreed on.",
        sql="""
            select array[t.monthly_gift_id], g.currency, t.amount,
                coalesce(a.total, 0) + t.fee_cover_amount, format('terms %s', t.number)
            from monthly_terms t join monthly_gifts g on g.id = t.monthly_gift_id
            left join (
                select monthly_gift_id, terms_number, sum(amount)::bigint as total
                from monthly_allocations group by 1, 2
            ) a on (a.monthly_gift_id, a.terms_number) = (t.monthly_gift_id, t.number)
            where t.amount <> coalesce(a.total, 0) + t.fee_cover_amount
        """,
    ),
    Check(
        kind="paid_instalment_without_gift",
        proves="Every paid invoice of a promise is a gift of its own.",
        says="Invoice {subject} took {found} and is no gift.",
        remedy="Replay its `invoice.paid`: `almoner events replay`.",
        sql="""
            select array[stripe_invoice_id, monthly_gift_id], currency, amount_paid, null::bigint, null::text
            from monthly_invoices
            where status = 'paid' and amount_paid > 0 and monthly_gift_id is not null and donation_id is null
        """,
    ),
    Check(
        kind="instalment_differs_from_invoice",
        proves="An instalment is what its invoice took, of the promise that the invoice is about.",
        says="Gift {subject} says {found}; {detail}.",
        remedy="Compare both with Stripe's invoice, which is the fact.",
        sql="""
            select array[d.id, d.stripe_invoice_id], d.currency, d.amount, i.amount_paid,
                case when i.stripe_invoice_id is null then 'its invoice is not known'
                    when i.donation_id is distinct from d.id then 'its invoice is of another gift'
                    when i.monthly_gift_id is distinct from d.monthly_gift_id
                        then 'its invoice is of another promise'
                    when (i.currency, i.amount_paid) is distinct from (d.currency, d.amount)
                        then format('its invoice took %s %s', i.currency, i.amount_paid)
                    when i.status <> 'paid' then format('its invoice is %s', i.status)
                    else 'its invoice was paid with another payment' end
            from donations d left join monthly_invoices i using (stripe_invoice_id)
            where d.stripe_invoice_id is not null and (i.donation_id is distinct from d.id
                or i.monthly_gift_id is distinct from d.monthly_gift_id or i.status <> 'paid'
                or (i.currency, i.amount_paid) is distinct from (d.currency, d.amount)
                or i.stripe_payment_intent_id <> d.stripe_payment_intent_id)
        """,
    ),
    Check(
        kind="instalment_of_anothers_promise",
        proves="An instalment is its promise's donor's, in its currency, to its legal body.",
        says="Gift {subject} differs from its promise: {detail}.",
        remedy="The promise is what the donor agreed to; correct the gift before its receipt is relied on.",
        sql="""
            select array[d.id, g.id], d.currency, d.amount, null::bigint,
                case when d.donor_id <> g.donor_id then 'another donor'
                    when d.entity_id <> g.entity_id then 'another legal body' else 'another currency' end
            from donations d join monthly_gifts g on g.id = d.monthly_gift_id
            where (d.donor_id, d.entity_id, d.currency) <> (g.donor_id, g.entity_id, g.currency)
        """,
    ),
    Check(
        kind="month_charged_twice",
        proves="One month of a promise is paid once; what was paid beside it went back.",
        says="Monthly gift {subject} was paid {found} times, not {expected}, for the month from {detail}.",
        remedy="Refund the later one, and look in Stripe's dashboard for a second subscription.",
        sql=f"""
            with {_GONE}
            select array[monthly_gift_id, min(stripe_invoice_id), max(stripe_invoice_id)], null::text,
                count(*), 1::bigint, period_start::text
            from monthly_invoices left join gone using (donation_id)
            where status = 'paid' and amount_paid > coalesce(gone.amount, 0) and monthly_gift_id is not null
            group by monthly_gift_id, period_start having count(*) > 1
        """,
    ),
    Check(
        kind="instalment_not_as_agreed",
        proves="What an instalment took and kept was agreed with its donor at some time.",
        says="Instalment {subject} took {found}, which was never agreed for monthly gift {detail}.",
        remedy="Somebody changed the amount at Stripe: ask the donor, and refund or agree on it.",
        sql=f"""
            with {_GONE}
            select array[i.stripe_invoice_id, i.donation_id], i.currency, i.amount_paid, null::bigint,
                i.monthly_gift_id
            from monthly_invoices i left join gone on gone.donation_id = i.donation_id
            where i.status = 'paid' and i.amount_paid > coalesce(gone.amount, 0)
                and i.monthly_gift_id is not null and not exists (select from monthly_terms t
                    where t.monthly_gift_id = i.monthly_gift_id and t.amount = i.amount_paid)
        """,
    ),
    Check(
        kind="taken_after_end_and_kept",
        proves="What was taken after a monthly gift had ended goes back within a day.",
        says="Gift {subject} took {found} after its promise had ended, and nothing of it went back.",
        remedy="It is given back by itself; see `almoner doctor` for what holds that up.",
        sql=f"""
            select array[d.id, g.id], d.currency, d.amount, null::bigint, null::text
            from monthly_gifts g join donations d on d.monthly_gift_id = g.id
            join charges c on c.donation_id = d.id and c.status = 'succeeded'
            where g.end_reason <> 'at_stripe' and c.charged_at > g.ended_at and {_LEFT_AS_IT_IS}
        """,
    ),
    Check(
        kind="taken_in_pause_and_kept",
        proves="What was taken while a monthly gift was to rest, and before Stripe knew of it, goes back "
        "within a day.",
        says="Gift {subject} took {found} while its promise was to rest {detail}, and has kept it.",
        remedy="It is given back by itself; see `almoner doctor` for what holds that up.",
        sql=f"""
            with words as (
                select *,
                    lead(asked_at) over (partition by monthly_gift_id order by asked_at) as newer_word_at
                from monthly_changes where kind in ('pause', 'resume')
            )
            select array[d.id, w.monthly_gift_id], d.currency, d.amount, null::bigint,
                format('from %s until %s', w.asked_at::date, w.paused_until::date)
            from words w join donations d on d.monthly_gift_id = w.monthly_gift_id
            join charges c on c.donation_id = d.id and c.status = 'succeeded'
            where w.kind = 'pause' and w.status <> 'refused' and c.charged_at > w.asked_at
                and c.charged_at < least(w.paused_until, w.done_at, w.newer_word_at) and {_LEFT_AS_IT_IS}
        """,
    ),
)

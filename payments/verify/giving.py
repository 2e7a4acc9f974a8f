"""Gifts, the charges that paid them, and where their money was credited."""

from payments.verify.check import Check
from payments.verify.lines import lines, shares
from payments.verify.mirror import MIRRORED_UP_TO

CHECKS = (
    Check(
        kind="gift_parts_do_not_add_up",
        proves="A gift is the sum of its parts: what each fund gets, and the cover of the fee.",
        says="The parts of gift {subject} come to {expected}; the gift is {found}.",
        remedy="Compare it with the donor's request and with Stripe's charge.",
        sql="""
            select array[d.id], d.currency, d.amount, coalesce(a.total, 0) + d.fee_cover_amount, null::text
            from donations d
            left join (
                select donation_id, sum(amount)::bigint as total from donation_allocations group by
                    donation_id
            ) a on a.donation_id = d.id
            where d.amount <> coalesce(a.total, 0) + d.fee_cover_amount
        """,
    ),
    Check(
        kind="gift_for_anothers_fund",
        proves="A gift is for funds of the legal entity that received it.",
        says="Gift {subject} is for {detail}.",
        remedy="Who receives money answers for it: correct the allocation with the donor's consent.",
        sql="""
            select array[a.donation_id, a.fund_id], d.currency, a.amount, null::bigint,
                format('fund %s of %s, and belongs to %s', a.fund_id, f.entity_id, d.entity_id)
            from donation_allocations a join donations d on d.id = a.donation_id
            join funds f on f.id = a.fund_id
            where f.entity_id <> d.entity_id
        """,
    ),
    Check(
        kind="paid_gift_without_charge",
        proves="An online gift is settled only by one charge of Stripe's that took its very amount.",
        says="Gift {subject} is settled and has {found} succeeded charges instead of {expected}.",
        remedy="Look for its payment in Stripe's dashboard; replay its events.",
        sql="""
            select array[d.id], null::text, coalesce(c.charges, 0), 1::bigint, null::text
            from donations d
            left join (
                select donation_id, count(*) as charges from charges
                where status = 'succeeded' and donation_id is not null group by donation_id
            ) c on c.donation_id = d.id
            where d.channel in ('online', 'adopted') and d.paid_at is not null and coalesce(c.charges, 0) <> 1
        """,
    ),
    Check(
        kind="charge_differs_from_gift",
        proves="A succeeded charge of a gift took the gift's amount, in its currency, and settled it at "
        "that instant.",
        says="Charge {subject} took {found}; {detail}.",
        remedy="Compare both with Stripe's dashboard; Stripe's charge is the fact.",
        sql="""
            select array[c.stripe_charge_id, d.id], c.currency, c.amount, d.amount,
                case when (c.amount, c.currency) <> (d.amount, d.currency)
                        then format('its gift is %s %s', d.currency, d.amount)
                    when d.status <> 'paid' then format('its gift is %s', d.status)
                    when d.paid_at is null then 'its gift has no day'
                    when d.paid_at <> c.charged_at then format('it was charged at %s, the gift says %s',
                        c.charged_at, d.paid_at)
                    else 'it belongs to another payment' end
            from charges c join donations d on d.id = c.donation_id
            where c.status = 'succeeded' and ((c.amount, c.currency) <> (d.amount, d.currency)
                or d.status <> 'paid' or d.paid_at is distinct from c.charged_at
                or c.stripe_payment_intent_id <> d.stripe_payment_intent_id)
        """,
    ),
    Check(
        kind="charge_not_booked",
        proves="Every succeeded charge is in the book, as the gift it paid or as foreign money.",
        says="Charge {subject} took {found} and is not in the book{detail}.",
        remedy="`almoner stripe` reaches its balance transaction; the sweep fetches what is missing.",
        sql=f"""
            select array[c.stripe_charge_id], c.currency, c.amount, null::bigint, ''::text
            from charges c
            where c.status = 'succeeded' and (c.donation_id is not null
                    or c.charged_at >= (select min(created_at) from balance_transactions))
                and c.charged_at < ({MIRRORED_UP_TO})
                and not exists (
                    select from balance_transactions b
                    where b.source_id = c.stripe_charge_id and b.reporting_category = 'charge'
                )
        """,
    ),
    Check(
        kind="charge_booked_as_another",
        proves="The entry of a charge names the gift that the charge paid, and brought in what was charged.",
        says="Charge {subject}: {detail}.",
        remedy="Compare charge and balance transaction in Stripe's dashboard; reverse a wrong entry.",
        sql="""
            select array[coalesce(c.stripe_charge_id, b.source_id), e.reference], b.currency, b.amount,
                c.amount,
                case when c.stripe_charge_id is null then 'it is in the book and not among our charges'
                    when c.status = 'failed' then 'it failed, and the book says nothing of that'
                    when c.stripe_balance_transaction_id <> b.stripe_balance_transaction_id
                        then format('it names %s, and %s names it', c.stripe_balance_transaction_id,
                            b.stripe_balance_transaction_id)
                    when c.donation_id is distinct from e.donation_id
                        then format('it paid %s and is booked for %s', coalesce(c.donation_id, 'no gift'),
                            coalesce(e.donation_id, 'no gift'))
                    else format('%s was charged and %s booked', c.amount, b.amount) end
            from balance_transactions b
            join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
            left join charges c on c.stripe_charge_id = b.source_id
            where b.reporting_category = 'charge' and e.kind in ('gift', 'other_receipt')
                and (c.stripe_charge_id is null
                    or (c.status = 'failed' and not exists (
                        select from balance_transactions f
                        where f.source_id = c.stripe_charge_id and f.reporting_category = 'charge_failure'))
                    or c.stripe_balance_transaction_id <> b.stripe_balance_transaction_id
                    or c.donation_id is distinct from e.donation_id
                    or (c.currency = b.currency and c.amount <> b.amount))
        """,
    ),
    Check(
        kind="charge_booked_twice",
        proves="A charge brings its money once.",
        says="Charge {subject} is booked by {found} balance transactions: {detail}.",
        remedy="Look the charge up in Stripe's dashboard; reverse the entry that Stripe does not know.",
        sql="""
            select array[source_id], null::text, count(*), 1::bigint,
                string_agg(stripe_balance_transaction_id, ', ' order by stripe_balance_transaction_id)
            from balance_transactions where reporting_category = 'charge' and source_id is not null
            group by source_id having count(*) > 1
        """,
    ),
    Check(
        kind="gift_entry_differs_from_funds",
        proves="A gift is credited to its funds, its fee cover and its benefit, to the cent, "
        "by largest remainder.",
        says="Entry {subject} credits {found} to {detail}; of the gift it should be {expected}.",
        remedy="Reverse the entry and post it from the gift's allocations.",
        sql=f"""
            with booked as materialized (
                select e.donation_id, e.reference, b.currency, b.amount as total, d.amount as given,
                    d.fee_cover_amount as cover, b.amount <> d.amount or d.benefit_amount > 0 as is_shared
                from journal_entries e
                join balance_transactions b on e.reference = 'bt:' || b.stripe_balance_transaction_id
                join donations d on d.id = e.donation_id
                where e.kind = 'gift' and b.amount > 0
            ), totals as materialized (select * from booked where is_shared), {lines("totals")},
            shares as (
                {shares("total", totals="totals", key="donation_id")}
                union all
                select a.donation_id, null, case when f.is_agency then 'agency_obligations'
                    else 'contributions' end, a.fund_id, a.amount
                from booked t join donation_allocations a using (donation_id) join funds f on f.id = a.fund_id
                where not t.is_shared
                union all
                select donation_id, null, 'contributions_fee_cover', null, cover from booked
                where cover > 0 and not is_shared
            ),
            credited as (
                select donation_id, account, fund_id, share::bigint as expected,
                    0::bigint as found from shares
                union all
                select t.donation_id, side.account, m.fund_id, 0, side.amount
                from booked t join journal_moves m using (reference)
                cross join lateral (
                    values (m.from_account, m.amount), (m.to_account, -m.amount)
                ) side (account, amount)
                where side.account not in ('stripe_balance', 'processing_fees')
            )
            select array[t.reference, c.donation_id], t.currency, sum(c.found)::bigint,
                sum(c.expected)::bigint,
                c.account || coalesce(' for ' || c.fund_id, '')
            from (
                select donation_id, account, fund_id, sum(found) as found, sum(expected) as expected
                from credited group by donation_id, account, fund_id having sum(found) <> sum(expected)
            ) c join booked t using (donation_id)
            group by t.reference, c.donation_id, t.currency, c.account, c.fund_id
        """,
    ),
    Check(
        kind="gift_on_wrong_day",
        proves="The day of a gift is the day it was paid where its legal entity is.",
        says="Gift {subject} is dated {detail}.",
        remedy="The day decides the tax year: correct it, then void and replace its receipt.",
        sql="""
            select array[d.id], null::text, null::bigint, null::bigint,
                format('%s, but it was paid on %s in %s', d.gift_date,
                    (d.paid_at at time zone b.time_zone)::date, b.time_zone)
            from donations d join issuing_entities b on b.id = d.entity_id
            where d.gift_date is distinct from (d.paid_at at time zone b.time_zone)::date
        """,
    ),
)

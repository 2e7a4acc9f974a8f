"""The kinds of findings between gifts, Stripe's movements and the receipt book; those of payouts and of the
bank are in `finding_rules.py`, with what a rule is."""

from payments.reconciliation.finding_rules import Rule
from payments.translations import N_

RULES = (
    Rule(
        kind="movement_not_booked",
        says=N_(
            "Stripe moved {amount} with {subject}, and it is not in the book: {detail}. `almoner events"
            " list --parked` shows what waits."
        ),
        blocks_close=True,
        days=2,
        sql="""
            select e.object_id as subject, case when is_readable then said.net::bigint end as amount,
                case when is_readable then said.currency end as currency,
                coalesce(q.parked_reason, q.last_error) as detail, null::date as due_on,
                case when coalesce(q.parked_reason, q.last_error) is null then 'waiting' end as phrase
            from stripe_event_queue q join stripe_events e using (stripe_event_id)
            cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as said (
                net text, currency text)
            -- It may be parked because it is of no shape that we know.
            cross join lateral (
                select said.net ~ '^-?[0-9]{1,15}$' and said.currency ~ '^[a-z]{3}$' as is_readable) _
            where e.type = 'balance_transaction'
                and (q.parked_reason is not null or e.received_at < :now - interval '24 hours')
            order by q.place
        """,
        phrases={"waiting": N_("nobody has applied it")},
    ),
    Rule(
        kind="fee_missing",
        says=N_(
            "Stripe took no fee of {subject} ({amount} for gift {detail}), as it did of most gifts of that"
            " month: ask Stripe whether it is still to come."
        ),
        blocks_close=False,
        days=7,
        # Where Stripe bills its fees apart, no gift has one, and none is missing.
        sql="""
            with bare as materialized (
                select stripe_balance_transaction_id, source_id, amount, currency, created_at,
                    date_trunc('month', created_at) as month
                from balance_transactions
                where reporting_category = 'charge' and fee = 0 and amount > 0
            ), usual as (
                select b.currency, m.month
                from (select distinct currency, month from bare) m
                join balance_transactions b on b.currency = m.currency and b.reporting_category = 'charge'
                    and b.amount > 0 and b.created_at >= m.month
                    and b.created_at < m.month + interval '1 month'
                group by b.currency, m.month
                having 2 * count(*) filter (where b.fee > 0) > count(*)
            )
            select bare.stripe_balance_transaction_id as subject, bare.amount, bare.currency,
                c.donation_id as detail, null::date as due_on
            from bare join usual using (currency, month)
            join charges c on c.stripe_charge_id = bare.source_id
            where c.donation_id is not null
            order by bare.created_at
        """,
    ),
    Rule(
        kind="currency_differs",
        says=N_("{subject} is {amount}, and {detail}: money of two currencies is nowhere the same."),
        blocks_close=True,
        days=2,
        sql="""
            select c.stripe_charge_id as subject, c.amount, c.currency, null as detail,
                null::date as due_on, 'gift' as phrase,
                jsonb_build_object('other', d.id, 'currency', upper(d.currency)) as facts
            from charges c join donations d on d.id = c.donation_id
            where c.currency <> d.currency
            union all
            select b.stripe_balance_transaction_id, b.amount, b.currency, null, null, 'payout',
                jsonb_build_object('other', p.stripe_payout_id, 'currency', upper(p.currency))
            from balance_transactions b
            join payout_lines l using (stripe_balance_transaction_id)
            join payouts p using (stripe_payout_id)
            where b.currency <> p.currency
            union all
            select l.id, l.amount, l.currency, null, null, 'account',
                jsonb_build_object('other', a.id, 'currency', upper(a.currency))
            from bank_lines l join bank_accounts a on a.id = l.bank_account_id
            where l.currency <> a.currency
        """,
        phrases={
            "gift": N_("gift {other} is in {currency}"),
            "payout": N_("{other}, which carries it, is in {currency}"),
            "account": N_("its account {other} is in {currency}"),
        },
    ),
    Rule(
        kind="suspense_not_zero",
        says=N_("{amount} stand in suspense beside what waits there to be classified."),
        blocks_close=True,
        days=2,
        sql="""
            with held as (
                select m.reference, m.currency,
                    case when m.to_account = 'suspense_unclassified' then m.amount else -m.amount end
                        as amount
                from journal_moves m
                where m.from_account = 'suspense_unclassified' or m.to_account = 'suspense_unclassified'
            )
            select upper(currency) as subject, sum(amount)::bigint as amount, currency,
                null::text as detail, null::date as due_on
            from held
            where not exists (
                select from balance_transactions b
                where held.reference = 'bt:' || b.stripe_balance_transaction_id
                    and not exists (select from journal_entries c
                        where c.reference = 'classified:' || b.stripe_balance_transaction_id)
            )
            group by currency having sum(amount) <> 0
        """,
    ),
    Rule(
        kind="receipt_of_money_given_back",
        says=N_(
            "Receipt {subject} of {amount} stands and the whole gift went back: void it, tell the donor."
        ),
        blocks_close=True,
        days=7,
        sql="""
            with gone as (
                select donation_id, sum(amount) as amount
                from (
                    select donation_id, amount from refunds where status = 'succeeded'
                    union all
                    select donation_id, amount from disputes where status = 'lost'
                ) _ group by donation_id
            )
            select r.number as subject, r.amount, r.currency, null::text as detail, null::date as due_on
            from gone join donations d on d.id = gone.donation_id and gone.amount >= d.amount
            join receipts r on r.donation_id = d.id and r.status = 'issued'
            order by r.number
        """,
    ),
    Rule(
        kind="receipt_gap",
        says=N_("The receipt numbers of {subject} are not without a gap: {detail}."),
        blocks_close=True,
        days=2,
        sql="""
            with numbered as (
                select series, tax_year, count(*) as receipts, max(sequence) as last
                from (
                    select series, tax_year, sequence from receipts
                    union all select series, tax_year, sequence from giving_statements
                ) _ group by series, tax_year
            )
            select format('%s-%s', series, tax_year) as subject, null::bigint as amount,
                null::text as currency, null as detail, null::date as due_on, 'counted' as phrase,
                jsonb_build_object('count', coalesce(n.receipts, 0), 'last', coalesce(n.last, 0),
                    'counter', coalesce(c.last_number, 0)) as facts
            from numbered n full join receipt_counters c using (series, tax_year)
            where coalesce(n.receipts, 0) <> coalesce(c.last_number, 0)
                or coalesce(n.last, 0) <> coalesce(c.last_number, 0)
        """,
        phrases={"counted": N_("{count} of them up to {last}, and the counter stands at {counter}")},
    ),
)

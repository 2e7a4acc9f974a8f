"""The book beside Stripe's balance transactions: each is booked once, to the cent."""

from payments.verify.check import Check

# A charge or refund is heard of before its balance transaction is fetched. Until the list at Stripe
# was read well past it, its absence is not a fault.
MIRRORED_UP_TO = """
    select least(now() - interval '1 day', coalesce(
        (select read_to - interval '1 hour' from stripe_cursors where name = 'balance_transactions'), now()
    )) as at
"""

CHECKS = (
    Check(
        kind="net_is_not_amount_less_fee",
        proves="Of every balance transaction, net is the amount less the fee.",
        says="Balance transaction {subject} nets {found}; its amount less its fee is {expected}.",
        remedy="Compare it with Stripe's dashboard; the row was changed after it was fetched.",
        sql="""
            select array[stripe_balance_transaction_id], currency, net, amount - fee, null::text
            from balance_transactions where net <> amount - fee
        """,
    ),
    Check(
        kind="movement_not_booked",
        proves="Every balance transaction of Stripe's stands in the book.",
        says="Balance transaction {subject} ({detail}, net {found}) is not in the book.",
        remedy="Replay it: `almoner events replay fetched:ID`.",
        sql="""
            select array[b.stripe_balance_transaction_id], b.currency, b.net, null::bigint,
                b.reporting_category
            from balance_transactions b
            where (b.net <> 0 or (b.amount > 0 and b.reporting_category = 'charge')) and not exists (
                select from journal_entries e where e.reference = 'bt:' || b.stripe_balance_transaction_id
            )
        """,
    ),
    Check(
        kind="movement_also_before_books",
        proves="A balance transaction is either in the book or part of the opening balance, never both.",
        says="Balance transaction {subject} ({detail}, net {found}) is in the book, and before it too.",
        remedy="Its money counts twice: compare the day the books begin with Stripe's dashboard, and correct"
        " the opening balance.",
        sql="""
            select array[b.stripe_balance_transaction_id], b.currency, b.net, null::bigint,
                b.reporting_category
            from balance_transactions b join movements_before_books using (stripe_balance_transaction_id)
        """,
    ),
    Check(
        kind="entry_without_movement",
        proves="Nothing is booked under a balance transaction that Stripe does not have.",
        says="Entry {subject} mirrors a balance transaction that we do not have.",
        remedy="Look it up in Stripe's dashboard; a forged or orphaned entry is reversed.",
        sql="""
            select array[e.reference], null::text, null::bigint, null::bigint, null::text
            from journal_entries e
            where e.reference like 'bt:%' and not exists (
                select from balance_transactions b
                where 'bt:' || b.stripe_balance_transaction_id = e.reference
            )
        """,
    ),
    Check(
        kind="entry_differs_from_movement",
        proves="An entry changes stripe_balance by exactly the net of its balance transaction, "
        "and nothing else changes stripe_balance.",
        says="Entry {subject} changes stripe_balance by {found}; Stripe says {expected}{detail}.",
        remedy="Compare both with Stripe's dashboard; correct the book by a reversing entry.",
        sql="""
            select array[reference], currency, sum(found)::bigint, sum(expected)::bigint,
                case when bool_or(is_stripes) then '' else ' in this currency' end
            from (
                select reference, currency, case when to_account = 'stripe_balance' then amount
                    else -amount end as found, 0 as expected, false as is_stripes
                from journal_moves where 'stripe_balance' in (from_account, to_account)
                union all
                select 'bt:' || stripe_balance_transaction_id, currency, 0, net, true
                from balance_transactions
            ) sides
            group by reference, currency having sum(found) <> sum(expected)
        """,
    ),
    Check(
        kind="movement_on_another_day",
        proves="An entry happened at the instant Stripe reports for its balance transaction.",
        says="Entry {subject} is dated otherwise than its balance transaction: {detail}.",
        remedy="The fact is Stripe's; reverse the entry and post it again.",
        sql="""
            select array[e.reference], null::text, null::bigint, null::bigint,
                format('%s, Stripe says %s', e.occurred_at, b.created_at)
            from journal_entries e
            join balance_transactions b on e.reference = 'bt:' || b.stripe_balance_transaction_id
            where e.occurred_at <> b.created_at
        """,
    ),
    Check(
        kind="fee_misplaced",
        proves="What Stripe kept is an expense of the right kind: processing, dispute or service fee.",
        says="Entry {subject} ({detail}) shows {found} of fees; Stripe kept {expected}.",
        remedy="Compare the fee in Stripe's dashboard; correct the book by a reversing entry.",
        sql="""
            with kept as (
                select e.reference, e.kind, b.currency,
                    case when e.kind in ('dispute_fee', 'service_fee') then -b.net
                        when e.kind = 'unclassified' then 0 else b.fee end as amount,
                    case when e.kind in ('dispute_opened', 'dispute_won', 'dispute_fee', 'earlier_dispute')
                            then 'dispute_fees'
                        when e.kind in ('payout', 'payout_failed', 'topup', 'reserve', 'service_fee')
                            then 'stripe_service_fees'
                        else 'processing_fees' end as account
                from journal_entries e
                join balance_transactions b on e.reference = 'bt:' || b.stripe_balance_transaction_id
            ), shown as (
                select reference, to_account as account, amount from journal_moves
                where to_account in ('processing_fees', 'dispute_fees', 'stripe_service_fees')
                union all
                select reference, from_account, -amount from journal_moves
                where from_account in ('processing_fees', 'dispute_fees', 'stripe_service_fees')
            )
            select array[k.reference], k.currency, coalesce(s.amount, 0), k.amount,
                format('%s, in %s instead of %s', k.kind, coalesce(s.account, 'none'), k.account)
            from kept k left join shown s using (reference)
            where coalesce(s.amount, 0) <> k.amount or s.account <> k.account
        """,
    ),
    Check(
        kind="category_booked_as_another",
        proves="A balance transaction is booked as what its reporting category says, or is in suspense.",
        says="Balance transaction {subject} is a {detail}.",
        remedy="See docs/finance.md for the rule of its category; reverse the entry and post it again.",
        sql="""
            with rule (reporting_category, kinds) as (values
                ('charge', array['gift', 'other_receipt']),
                ('refund', array['refund', 'other_refund', 'earlier_refund']),
                ('refund_failure', array['refund_failed', 'earlier_refund']),
                ('charge_failure', array['bank_debit_returned', 'earlier_refund']),
                ('dispute', array['dispute_opened', 'earlier_dispute']),
                ('dispute_reversal', array['dispute_won', 'earlier_dispute']),
                ('payout', array['payout']),
                ('opening_balance', array['opening_balance']),
                ('payout_reversal', array['payout_failed']),
                ('topup', array['topup']),
                ('topup_reversal', array['topup']),
                ('fee', array['service_fee', 'dispute_fee']),
                ('network_cost', array['service_fee', 'dispute_fee']),
                ('tax', array['service_fee', 'dispute_fee']),
                ('risk_reserved_funds', array['reserve'])
            )
            select array[b.stripe_balance_transaction_id], b.currency, b.amount, null::bigint,
                format('%s and is booked as %s', b.reporting_category, e.kind)
            from balance_transactions b
            join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
            left join rule r on r.reporting_category = b.reporting_category
            where e.kind <> 'unclassified' and e.kind <> all (coalesce(r.kinds, '{}'))
        """,
    ),
    Check(
        kind="stripe_balance_does_not_tie",
        proves="In each currency, stripe_balance is the sum of net of all balance transactions.",
        says="In {subject}, stripe_balance stands at {found}; the balance transactions add up to {expected}.",
        remedy="The checks above name the entry; keep the database as it is until it is found.",
        sql="""
            with book as (
                select currency, sum(case when to_account = 'stripe_balance'
                    then amount else -amount end)::bigint
                    as total
                from journal_moves where 'stripe_balance' in (from_account, to_account) group by currency
            ), stripe as (
                select currency, sum(net)::bigint as total from balance_transactions group by currency
            )
            select array[currency], currency, coalesce(b.total, 0), coalesce(s.total, 0), null::text
            from book b full join stripe s using (currency)
            where coalesce(b.total, 0) <> coalesce(s.total, 0)
        """,
    ),
)

"""What Stripe said beside what became of it: nothing waits unseen and nothing done is without effect."""

from payments.verify.check import Check

CHECKS = (
    Check(
        kind="queued_event_lost",
        proves="Whatever waits in the queue is an event that is stored, whole and as it was signed.",
        says="Event {subject} waits in the queue and is not stored.",
        remedy="Fetch it from Stripe, which keeps events for 30 days.",
        sql="""
            select array[q.stripe_event_id], null::text, null::bigint, null::bigint, null::text
            from stripe_event_queue q
            where not exists (select from stripe_events e where e.stripe_event_id = q.stripe_event_id)
        """,
    ),
    Check(
        kind="parked_without_reason",
        proves="An event that waits for a person says why and since when.",
        says="Event {subject} is parked {detail}.",
        remedy="Replay it: `almoner events replay ID`; it is parked again with its reason or is done.",
        sql="""
            select array[stripe_event_id], null::text, null::bigint, null::bigint,
                case when coalesce(parked_reason, '') = '' then 'without a reason' else 'without a time' end
            from stripe_event_queue
            where (parked_at is null) <> (parked_reason is null) or parked_reason = ''
        """,
    ),
    Check(
        kind="fetched_movement_lost",
        proves="Every balance transaction that was fetched and is done with stands among our facts.",
        says="Balance transaction {subject} was fetched, is done, and is not there.",
        remedy="Replay it: `almoner events replay fetched:ID`.",
        sql="""
            select array[e.object_id], null::text, null::bigint, null::bigint, null::text
            from stripe_events e
            where e.type = 'balance_transaction'
                and not exists (
                    select from balance_transactions b where b.stripe_balance_transaction_id = e.object_id
                ) and not exists (
                    select from movements_before_books o
                    where o.stripe_balance_transaction_id = e.object_id
                ) and not exists (
                    select from stripe_event_queue q where q.stripe_event_id = e.stripe_event_id
                )
        """,
    ),
    Check(
        kind="movement_differs_from_stripe",
        proves="Every balance transaction is to the cent what Stripe answered when it was fetched.",
        says="Balance transaction {subject} says {found}; {detail}.",
        remedy="The stored answer is the fact: find out who changed the row.",
        sql="""
            select array[b.stripe_balance_transaction_id], b.currency, b.net, null::bigint,
                case when s.id is null then 'no answer of Stripe''s that can be read is stored for it'
                else format('Stripe answered %s %s, fee %s, net %s, as %s', s.currency, s.amount, s.fee,
                    s.net,
                    s.reporting_category) end
            from balance_transactions b
            left join (
                -- `escape` doubles each backslash, so nothing in a text can stop the reading.
                select e.object_id, j.*
                from stripe_events e cross join lateral json_to_record(
                    case when encode(e.body, 'escape') is json object then encode(e.body, 'escape')
                    else '{}' end::json
                ) as j (id text, amount text, fee text, net text, currency text, reporting_category text,
                    created text)
                where e.type = 'balance_transaction'
            ) s on s.object_id = b.stripe_balance_transaction_id
            where (s.id, s.amount, s.fee, s.net, s.currency, s.reporting_category, s.created)
                is distinct from (b.stripe_balance_transaction_id, b.amount::text, b.fee::text, b.net::text,
                    b.currency, b.reporting_category, extract(epoch from b.created_at)::bigint::text)
        """,
    ),
    Check(
        kind="event_without_effect",
        proves="An event that is done has left its mark: its charge, refund or dispute is known, "
        "its gift is no longer waiting.",
        says="Event {subject} ({detail}) is done and left no mark.",
        remedy="Replay it: `almoner events replay ID`.",
        sql="""
            select array[e.stripe_event_id, e.object_id], null::text, null::bigint, null::bigint, e.type
            from stripe_events e
            where e.type in (
                    'charge.succeeded', 'charge.updated', 'charge.failed',
                    'refund.created', 'refund.updated', 'refund.failed',
                    'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.closed',
                    'checkout.session.completed', 'checkout.session.expired'
                )
                and case
                    when e.type like 'charge.dispute.%' then not exists (
                        select from disputes d where d.stripe_dispute_id = e.object_id)
                    when e.type like 'refund.%' then not exists (
                        select from refunds r where r.stripe_refund_id = e.object_id)
                        and encode(e.body, 'escape') !~ '"charge":\\s*null'
                    when e.type like 'charge.%' then not exists (
                        select from charges c where c.stripe_charge_id = e.object_id)
                    when e.type = 'checkout.session.expired' then exists (
                        select from donations d where d.stripe_checkout_session_id = e.object_id
                            and d.status = 'pending')
                    else exists (
                        select from donations d where d.stripe_checkout_session_id = e.object_id
                            and d.status in ('pending', 'expired'))
                end
                and not exists (select from stripe_event_queue q where q.stripe_event_id = e.stripe_event_id)
        """,
    ),
)

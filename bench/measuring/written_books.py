"""A book of any size, written by a few statements over `generate_series`: what the real rooms would have
written in days, in a minute or two. Triggers and foreign keys sleep meanwhile.

One gift a minute. Every tenth is split over two funds, every fourth covers its fee, one in twenty was
given in won and settled in dollars, one in a hundred is refunded in full, one in five hundred is disputed
(half of those lost). After so many gifts Stripe pays out all that moved since the last time. Receipts carry
a short document with its true hash.
"""

from collections.abc import Callable, Sequence

import psycopg

_GIFT = """
    create temporary table gift as
    select n, 'don_' || md5('don' || n) as id, 'ch_' || left(md5('ch' || n), 24) as charge,
        'txn_' || left(md5('txn' || n), 24) as txn, 'bt:txn_' || left(md5('txn' || n), 24) as reference,
        n % 20 = 5 as is_converted, n % 10 = 0 as is_split, n % 4 = 0 and n % 20 <> 5 as is_covered,
        n % 100 = 7 as is_refunded, n % 500 = 11 as is_disputed, n % 1000 = 11 as is_lost,
        case when n % 20 = 5 then 'krw' else 'usd' end as currency,
        case when n % 20 = 5 then 30000 + n % 9000 * 10 else 2500 + n % 9000 end as parts,
        case when n % 4 = 0 and n % 20 <> 5 then 99 else 0 end as cover,
        case when n % 20 = 5 then 2200 + n % 9000 else 2500 + n % 9000
            + case when n % 4 = 0 then 99 else 0 end end as settled,
        103 + n % 50 as fee,
        timestamptz '2020-01-01 08:00Z' + n * interval '1 minute' as at
    from generate_series(1, {gifts}) n
"""

_STATEMENTS = (
    """insert into donors (id, email, name, locale)
        select 'dnr_' || n, 'd' || n || '@example.com', 'Ada Park', 'en'
        from generate_series(0, {gifts} / 10) n""",
    """insert into donations (id, created_at, entity_id, donor_id, donor_name, locale, frequency, currency,
            amount, fee_cover_amount, source, status, paid_at, gift_date, checkout_expires_at,
            stripe_checkout_session_id, stripe_payment_intent_id)
        select id, at, 'us', 'dnr_' || n / 10, 'Ada Park', 'en', 'once', currency, parts + cover, cover,
            '{{"page": "give"}}', 'paid', at, (at at time zone 'America/Los_Angeles')::date,
            at + interval '1 day', 'cs_' || md5('cs' || n), 'pi_' || left(md5('pi' || n), 24)
        from gift""",
    """insert into donation_allocations
        select id, 0, 'general', case when is_split then parts / 3 else parts end from gift
        union all
        select id, 1, 'rescue', parts - parts / 3 from gift where is_split""",
    """insert into charges (stripe_charge_id, stripe_payment_intent_id, donation_id, amount, currency, status,
            charged_at, method, card_brand, last4, stripe_balance_transaction_id)
        select charge, 'pi_' || left(md5('pi' || n), 24), id, parts + cover, currency, 'succeeded', at,
            'card', 'visa', '4242', txn
        from gift""",
    """create temporary table movement as
        select txn as id, 'charge' as category, charge as source, settled as amount, fee, at,
            'gift' as kind, id as donation_id
        from gift
        union all
        select 'txn_r' || n, 'refund', 're_' || n, -settled, 0, at + interval '3 days', 'refund', id
        from gift where is_refunded
        union all
        select 'txn_d' || n, 'dispute', 'dp_' || n, -settled, 1500, at + interval '5 days',
            'dispute_opened', id
        from gift where is_disputed
        union all
        select 'txn_w' || n, 'dispute_reversal', 'dp_' || n, settled, 0, at + interval '40 days',
            'dispute_won', id
        from gift where is_disputed and not is_lost""",
    """create temporary table paid_out as
        select number, 'po_' || number as id, 'txn_p' || number as txn,
            timestamptz '2020-01-01 08:00:30Z' + number * {payout_after} * interval '1 minute' as at,
            sum(amount - fee)::bigint as amount
        from (
            select amount, fee, ceil(extract(epoch from at - timestamptz '2020-01-01 08:00Z')
                / 60 / {payout_after})::int as number
            from movement
        ) _ where number <= {payouts} group by number""",
    """insert into movement
        select txn, 'payout', id, -amount, 0, at, 'payout', null from paid_out""",
    """insert into balance_transactions (stripe_balance_transaction_id, reporting_category, type, source_id,
            amount, fee, net, currency, created_at, available_on)
        select id, category, category, source, amount, fee, amount - fee, 'usd', at, at + interval '2 days'
        from movement""",
    """insert into stripe_events (stripe_event_id, source, type, object_id, is_live, api_version, created_at,
            received_at, body)
        select 'fetched:' || id, 'fetch', 'balance_transaction', id, false, 'bench', at, at,
            convert_to(format('{{"id":"%s","object":"balance_transaction","amount":%s,"available_on":%s,'
                '"created":%s,"currency":"usd","description":null,"exchange_rate":null,"fee":%s,"net":%s,'
                '"reporting_category":"%s","source":"%s","status":"available","type":"%s"}}',
                id, amount, extract(epoch from at)::bigint + 172800, extract(epoch from at)::bigint, fee,
                amount - fee, category, source, category), 'UTF8')
        from movement""",
    """insert into journal_entries (reference, kind, entity_id, donation_id, effective_on, occurred_at,
            description)
        select 'bt:' || id, kind, 'us', donation_id, (at at time zone 'America/Los_Angeles')::date, at,
            category
        from movement
        union all
        select 'dispute_lost:txn_d' || n, 'dispute_lost', 'us', id,
            ((at + interval '45 days') at time zone 'America/Los_Angeles')::date, at + interval '45 days', ''
        from gift where is_lost""",
    """create temporary view line as
        select n, reference, is_refunded, is_disputed, is_lost, 0 as position, 'contributions' as account,
            'general' as fund, case when is_split then parts / 3 when is_converted then settled else parts end
            as amount
        from gift
        union all
        select n, reference, is_refunded, is_disputed, is_lost, 1, 'contributions', 'rescue',
            parts - parts / 3
        from gift where is_split
        union all
        select n, reference, is_refunded, is_disputed, is_lost, 2, 'contributions_fee_cover', null, cover
        from gift where is_covered""",
    """insert into journal_moves
        select reference, position, account, 'stripe_balance', amount, 'usd', fund from line
        union all
        select reference, 3, 'stripe_balance', 'processing_fees', fee, 'usd', null from gift
        union all
        select 'bt:txn_r' || n, position, 'stripe_balance', 'contribution_refunds', amount, 'usd', fund
        from line where is_refunded
        union all
        select 'bt:txn_d' || n, 0, 'stripe_balance', 'disputed_funds', settled, 'usd', null
        from gift where is_disputed
        union all
        select 'bt:txn_d' || n, 1, 'stripe_balance', 'dispute_fees', 1500, 'usd', null
        from gift where is_disputed
        union all
        select 'bt:txn_w' || n, 0, 'disputed_funds', 'stripe_balance', settled, 'usd', null
        from gift where is_disputed and not is_lost
        union all
        select 'dispute_lost:txn_d' || n, position, 'disputed_funds', 'chargebacks', amount, 'usd', fund
        from line where is_lost
        union all
        select 'bt:' || txn, 0, 'stripe_balance', 'payouts_in_transit', amount, 'usd', null
        from paid_out""",
    """insert into refunds (id, stripe_refund_id, donation_id, stripe_charge_id, amount, currency, status,
            origin, created_at, is_booked)
        select 'rfd_' || n, 're_' || n, id, charge, parts + cover, currency, 'succeeded', 'stripe',
            at + interval '3 days', true
        from gift where is_refunded""",
    """insert into disputes (stripe_dispute_id, stripe_charge_id, donation_id, amount, currency, reason,
            status, opened_at, closed_at)
        select 'dp_' || n, charge, id, parts + cover, currency, 'fraudulent',
            case when is_lost then 'lost' else 'won' end, at + interval '5 days', at + interval '45 days'
        from gift where is_disputed""",
    """create temporary table receipt as
        select *, extract(year from gift_date)::int as tax_year,
            row_number() over (partition by extract(year from gift_date) order by n) as sequence
        from (
            select n, id, currency, parts + cover as amount, at,
                case when is_refunded then 'refunded' when is_lost then 'disputed' end as void_cause,
                (at at time zone 'America/Los_Angeles')::date as gift_date
            from gift
        ) dated""",
    """insert into receipts (id, entity_id, donation_id, series, tax_year, sequence, number, kind, gift_date,
            issued_at, currency, amount, locale, content, template_id, template_sha256,
            status, void_cause, void_reason, voided_at)
        select 'rcp_' || md5('rcp' || n), 'us', id, 'US', tax_year, sequence,
            'US-' || tax_year || '-' || lpad(sequence::text, 6, '0'), 'gift', gift_date, at, currency, amount,
            'en', jsonb_build_object('number', 'US-' || tax_year || '-' || lpad(sequence::text, 6, '0'),
                'amount_minor', amount, 'currency', currency, 'gift_date', gift_date,
                'donor_name', 'Ada Park'),
            'bench', 'bench', case when void_cause is null then 'issued' else 'void' end, void_cause,
            void_cause, case when void_cause is not null then at + interval '46 days' end
        from receipt""",
    """insert into receipt_documents (receipt_id, pdf, pdf_sha256, is_plain_pdf, template_sha256)
        select 'rcp_' || md5('rcp' || n), pdf, encode(sha256(pdf), 'hex'), false, 'bench'
        from receipt, convert_to('%PDF of ' || id, 'UTF8') pdf""",
    """insert into receipt_counters
        select 'US', tax_year, max(sequence) from receipt group by tax_year""",
    """insert into outgoing_mails (id, reference, to_address, message_id, message, status, sent_at)
        select 'msg_' || md5('msg' || n), 'receipt:rcp_' || md5('rcp' || n), 'd@example.com',
            '<rcp_' || md5('rcp' || n) || '@example.org>',
            convert_to('From: giving@example.org', 'UTF8'), 'sent', at
        from receipt""",
    """insert into outgoing_mails (id, reference, to_address, message_id, message, status, sent_at)
        select 'msg_' || md5('void' || n), 'void:rcp_' || md5('rcp' || n), 'd@example.com',
            '<void_' || md5('rcp' || n) || '@example.org>',
            convert_to('From: giving@example.org', 'UTF8'), 'sent', at
        from receipt where void_cause is not null""",
    "insert into stripe_cursors values ('balance_transactions', now(), now())",
)


def write(
    url: str,
    gifts: int,
    *,
    payout_after: int = 1000,
    then: Sequence[str] = (),
    say: Callable[[str], None],
) -> None:
    """Fill a migrated database whose charity is loaded; `then` are further statements over the same
    temporary tables."""
    statements = (_GIFT, *_STATEMENTS, *then)
    # What the last gifts brought stays at Stripe, and the last refunds are paid from it.
    payouts = gifts * 19 // 20 // payout_after
    with psycopg.connect(url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set synchronous_commit = off")
        connection.execute("set work_mem = '128MB'")
        for number, statement in enumerate(statements, start=1):
            say(f"writing {gifts:,} gifts: statement {number} of {len(statements)}")
            connection.execute(
                statement.format(gifts=gifts, payout_after=payout_after, payouts=payouts).encode()
            )
            connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        say(f"writing {gifts:,} gifts: vacuum and analyze")
        connection.execute("vacuum analyze")

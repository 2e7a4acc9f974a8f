"""Where every gift stands of which money went back: from its turns to what must be in each account.

What goes back pays first what is owed, and only what is beyond that comes out of the gift; the turns are
taken in the order in which the money moved. From the standing each account is derived that the gift has
touched since, and compared with all its entries together: so it is no matter in what order they came.
"""

from payments.verify.lines import lines, shares

WITHDRAWN = """
    touched as (
        select stripe_charge_id from refunds
        union select stripe_charge_id from disputes
        union select source_id from balance_transactions where reporting_category = 'charge_failure'
    ), settled as materialized (
        select c.stripe_charge_id, c.donation_id, c.currency as gift_currency, c.amount as given,
            b.currency, b.amount as settled
        from touched t join charges c using (stripe_charge_id)
        join balance_transactions b on b.source_id = c.stripe_charge_id and b.reporting_category = 'charge'
        join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
        where e.kind <> 'unclassified' and c.amount > 0
    ), booked as materialized (
        select b.source_id, b.currency, b.reporting_category, b.amount, b.created_at, e.reference,
            exists (select from journal_entries l
                where l.reference = 'dispute_lost:' || b.stripe_balance_transaction_id) as is_lost
        from balance_transactions b
        join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
        where b.reporting_category in ('refund', 'refund_failure', 'charge_failure', 'dispute',
            'dispute_reversal') and e.kind <> 'unclassified'
    ), withdrawn as materialized (
        select s.stripe_charge_id, p.stripe_dispute_id, p.amount, p.currency as dispute_currency,
            s.given, s.settled, s.currency, s.gift_currency, bool_or(b.is_lost) as is_lost,
            min(b.created_at) as at,
            case when s.gift_currency <> s.currency
                and -2 * sum(b.amount) < -sum(b.amount) filter (where b.amount < 0)
                then 0 else -sum(b.amount) end::bigint as gone
        from settled s join disputes p using (stripe_charge_id)
        join booked b on b.source_id = p.stripe_dispute_id and b.currency = s.currency
        group by p.stripe_dispute_id, s.stripe_charge_id, s.given, s.settled, s.currency, s.gift_currency
    )
"""
"""`settled`: the charges that something happened to; `booked`: what is in the book of it; `withdrawn`:
what each dispute took and did not bring back."""

TURNS = """
    refunded as materialized (
        select s.stripe_charge_id, s.donation_id, r.amount, r.status, b.paid_at, b.back_at
        from settled s join refunds r using (stripe_charge_id)
        join (
            select source_id, currency,
                min(created_at) filter (where reporting_category = 'refund') as paid_at,
                min(created_at) filter (where reporting_category = 'refund_failure') as back_at
            from booked group by source_id, currency
        ) b on b.source_id = r.stripe_refund_id and b.currency = s.currency
        where b.paid_at is not null
            and (b.back_at is null or (r.status <> 'canceled' and s.donation_id is not null))
    ), turns as materialized (
        select stripe_charge_id, went, amount,
            row_number() over (partition by stripe_charge_id order by at, place) as turn
        from (
            select stripe_charge_id, 'refunded' as went, amount, paid_at as at,
                case when back_at is null then 3 else 0 end as place
            from refunded
            union all
            select stripe_charge_id, 'came back', amount, back_at, 1 from refunded where back_at is not null
            union all
            select s.stripe_charge_id, o.status, o.amount, coalesce(o.decided_at, o.requested_at), 2
            from settled s join owed_payments o using (donation_id) where o.status in ('paid', 'kept')
            union all
            select s.stripe_charge_id, 'refunded', s.given, b.created_at, 3
            from settled s join booked b on b.source_id = s.stripe_charge_id and b.currency = s.currency
                and b.reporting_category = 'charge_failure'
            union all
            select stripe_charge_id, 'lost', case when gift_currency = currency then gone
                when dispute_currency = gift_currency then amount
                else least(given, (2 * gone * given + settled) / (2 * settled)) end, at, 3
            from withdrawn where is_lost and gone <> 0
        ) happened
    ), walk (stripe_charge_id, given, turn, with_donor, refunded, lost) as (
        select stripe_charge_id, given, 0::bigint, 0::bigint, 0::bigint, 0::bigint from settled
        union all
        select w.stripe_charge_id, w.given, t.turn, s.with_donor,
            w.refunded + case t.went when 'refunded' then f.fresh
                when 'kept' then -least(t.amount, o.owed, w.refunded) else 0 end,
            w.lost + case t.went when 'lost' then f.fresh else 0 end
        from walk w join turns t on t.stripe_charge_id = w.stripe_charge_id and t.turn = w.turn + 1,
            lateral (select greatest(0, w.refunded + w.lost - w.with_donor) as owed) o,
            lateral (select w.with_donor + case t.went when 'came back' then -t.amount
                when 'paid' then least(t.amount, o.owed) when 'kept' then 0 else t.amount end
                as with_donor) s,
            lateral (select greatest(0, least(s.with_donor, w.given) - w.refunded - w.lost) as fresh) f
    ), stands as (
        select distinct on (stripe_charge_id) stripe_charge_id, refunded, refunded + lost as gone,
            greatest(0, refunded + lost - with_donor) as owed,
            greatest(0, with_donor - given) as beyond
        from walk order by stripe_charge_id, turn desc
    ), worth as materialized (
        select s.*, t.owed, t.beyond, t.gone,
            (2 * s.settled * t.refunded + s.given) / (2 * s.given) as by_refunds,
            (2 * s.settled * t.gone + s.given) / (2 * s.given) as by_all,
            (2 * s.settled * (t.gone - t.owed) + s.given) / (2 * s.given) as with_donor,
            (2 * s.settled * (s.given + t.beyond) + s.given) / (2 * s.given) - s.settled as beyond_worth
        from settled s join stands t using (stripe_charge_id)
    )
"""
"""Needs `WITHDRAWN`. `turns`, followed one by one by `walk`; `stands`, and what it is worth as settled."""

_ENTRIES = """
    entries as (
        select s.stripe_charge_id,
            b.reference from settled s join booked b on b.source_id = s.stripe_charge_id
            and b.reporting_category = 'charge_failure' and b.currency = s.currency
        union
        select s.stripe_charge_id, b.reference from settled s join refunds r using (stripe_charge_id)
        join booked b on b.source_id = r.stripe_refund_id and b.currency = s.currency
        union
        select s.stripe_charge_id, x.reference from settled s join disputes p using (stripe_charge_id)
        join booked b on b.source_id = p.stripe_dispute_id and b.currency = s.currency
        cross join lateral (values (b.reference), ('dispute_lost' || substring(b.reference from 3)))
            x (reference)
        union
        select s.stripe_charge_id, e.reference from settled s join journal_entries e using (donation_id)
        where e.kind in ('owed_paid', 'gift_kept')
    )
"""


def against_standing(parts: str, accounts: tuple[str, ...], *, with_lines: bool) -> str:
    """What the standings come to in these accounts (debit positive) beside what the entries say."""
    named = ", ".join(f"'{account}'" for account in accounts)
    fund = "m.fund_id" if with_lines else "null"  # what is held or owed lies in one balance for all funds
    of_lines = (
        f"""{lines("settled", name="gift_lines")}, lines as (
            select s.stripe_charge_id, l.line, l.account, l.fund_id, l.weight
            from settled s join gift_lines l using (donation_id)
            union all
            select stripe_charge_id, 0, 'other_receipts', null, given from settled where donation_id is null
        ), by_refunds as ({shares("by_refunds", totals="worth", key="stripe_charge_id")}),
        by_all as ({shares("by_all", totals="worth", key="stripe_charge_id")}),"""
        if with_lines
        else ""
    )
    return f"""
        with recursive {WITHDRAWN}, {TURNS}, {_ENTRIES}, {of_lines} parts as ({parts}), sides as (
            select stripe_charge_id, account, fund_id, amount as expected, 0::bigint as found from parts
            union all
            select e.stripe_charge_id, m.to_account, {fund}, 0, m.amount
            from entries e join journal_moves m using (reference) where m.to_account in ({named})
            union all
            select e.stripe_charge_id, m.from_account, {fund}, 0, -m.amount
            from entries e join journal_moves m using (reference) where m.from_account in ({named})
        )
        select array[coalesce(w.donation_id, w.stripe_charge_id), w.stripe_charge_id], w.currency,
            d.found, d.expected, d.account || coalesce(' for ' || d.fund_id, '')
        from (
            select stripe_charge_id, account, fund_id, sum(found)::bigint as found,
                sum(expected)::bigint as expected
            from sides group by stripe_charge_id, account, fund_id
            having sum(found) <> sum(expected)
        ) d join worth w using (stripe_charge_id)
    """

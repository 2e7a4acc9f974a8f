"""Money that goes back: refunds, what failed refunds still owe, and disputes.

Where a gift stands follows from the turns it took, in the order in which the money moved: what goes
back pays first what is owed, and only what is beyond that comes out of the gift. From the standing every
account is derived that the gift has touched since, and compared with all its entries together.
"""

from payments.verify.check import Check
from payments.verify.lines import lines, shares
from payments.verify.mirror import MIRRORED_UP_TO

_TURNS = """
    touched as (
        select stripe_charge_id from refunds
        union select stripe_charge_id from disputes
        union select source_id from balance_transactions where reporting_category = 'charge_failure'
    ), settled as (
        select c.stripe_charge_id, c.donation_id, c.currency as gift_currency, c.amount as given,
            b.currency, b.amount as settled
        from touched t join charges c using (stripe_charge_id)
        join balance_transactions b on b.source_id = c.stripe_charge_id and b.reporting_category = 'charge'
        join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
        where e.kind <> 'unclassified' and c.amount > 0
    ), booked as (
        select b.source_id, b.currency, b.reporting_category, b.amount, b.created_at, e.reference,
            exists (select from journal_entries l
                where l.reference = 'dispute_lost:' || b.stripe_balance_transaction_id) as is_lost
        from balance_transactions b
        join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
        where b.reporting_category in ('refund', 'refund_failure', 'charge_failure', 'dispute',
            'dispute_reversal') and e.kind <> 'unclassified'
    ), withdrawn as (
        select s.stripe_charge_id, p.stripe_dispute_id, p.amount, p.currency as dispute_currency,
            s.given, s.settled, s.currency, s.gift_currency, bool_or(b.is_lost) as is_lost,
            min(b.created_at) as at,
            case when s.gift_currency <> s.currency
                and -2 * sum(b.amount) < -sum(b.amount) filter (where b.amount < 0)
                then 0 else -sum(b.amount) end::bigint as gone
        from settled s join disputes p using (stripe_charge_id)
        join booked b on b.source_id = p.stripe_dispute_id and b.currency = s.currency
        group by p.stripe_dispute_id, s.stripe_charge_id, s.given, s.settled, s.currency, s.gift_currency
    ), refunded as (
        select s.stripe_charge_id, s.donation_id, r.amount, r.status, paid.created_at as paid_at,
            back.created_at as back_at
        from settled s join refunds r using (stripe_charge_id)
        join booked paid on paid.source_id = r.stripe_refund_id
            and paid.reporting_category = 'refund' and paid.currency = s.currency
        left join booked back on back.source_id = r.stripe_refund_id
            and back.reporting_category = 'refund_failure' and back.currency = s.currency
        where back.source_id is null or (r.status <> 'canceled' and s.donation_id is not null)
    ), turns as (
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
    ), worth as (
        select s.*, t.owed, t.beyond, t.gone,
            (2 * s.settled * t.refunded + s.given) / (2 * s.given) as by_refunds,
            (2 * s.settled * t.gone + s.given) / (2 * s.given) as by_all,
            (2 * s.settled * (t.gone - t.owed) + s.given) / (2 * s.given) as with_donor,
            (2 * s.settled * (s.given + t.beyond) + s.given) / (2 * s.given) - s.settled as beyond_worth
        from settled s join stands t using (stripe_charge_id)
    )
"""

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


def _against_standing(parts: str, accounts: tuple[str, ...], *, with_lines: bool) -> str:
    """What the standings come to in these accounts (debit positive) beside what the entries say."""
    named = ", ".join(f"'{account}'" for account in accounts)
    fund = "m.fund_id" if with_lines else "null"  # what is held or owed lies in one balance for all funds
    of_lines = (
        f"""{lines("settled").replace("lines as", "gift_lines as", 1)}, lines as (
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
        with recursive {_TURNS}, {_ENTRIES}, {of_lines} parts as ({parts}), sides as (
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


_BY_LINE = "account in ('contributions', 'contributions_fee_cover', 'contributions_in_kind')"

CHECKS = (
    Check(
        kind="refunded_more_than_given",
        proves="Of no charge goes more back than it took.",
        says="Of charge {subject} {found} was refunded or is on its way; it took {expected}.",
        remedy="Stop what is not submitted; look at the others in Stripe's dashboard.",
        sql="""
            with going as (
                select stripe_charge_id, amount from refunds
                where status not in ('declined', 'refused', 'failed', 'canceled')
                union all
                select c.stripe_charge_id, o.amount
                from owed_payments o join charges c on c.donation_id = o.donation_id
                    and c.status = 'succeeded'
                where o.status in ('requested', 'paid')
            )
            select array[c.stripe_charge_id, c.donation_id], c.currency, sum(g.amount)::bigint, c.amount,
                null::text
            from going g join charges c using (stripe_charge_id)
            group by c.stripe_charge_id having sum(g.amount) > c.amount
        """,
    ),
    Check(
        kind="refund_differs_from_charge",
        proves="A refund gives back a charge of the same gift, in the same currency.",
        says="Refund {subject} {detail}.",
        remedy="Look the refund up in Stripe's dashboard.",
        sql="""
            select array[r.id, r.stripe_charge_id], r.currency, r.amount, null::bigint,
                case when c.stripe_charge_id is null then 'is of a charge we do not have'
                    when c.currency <> r.currency
                        then format('is in %s, its charge in %s', r.currency, c.currency)
                    else format('is for %s, its charge for %s', coalesce(r.donation_id, 'no gift'),
                        coalesce(c.donation_id, 'no gift')) end
            from refunds r left join charges c using (stripe_charge_id)
            where c.stripe_charge_id is null or c.currency <> r.currency
                or c.donation_id is distinct from r.donation_id
        """,
    ),
    Check(
        kind="refund_mark_differs_from_book",
        proves="A refund counts as booked exactly when its balance transaction is.",
        says="Refund {subject} {detail}.",
        remedy="Replay its balance transaction: `almoner events replay fetched:ID`.",
        sql="""
            select array[r.id], r.currency, r.amount, null::bigint,
                case when r.is_booked then 'counts as booked and is not in the book'
                else 'is in the book and does not count as booked' end
            from refunds r
            where r.is_booked <> exists (
                select from balance_transactions b
                join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
                where b.source_id = r.stripe_refund_id and b.reporting_category = 'refund'
                    and e.kind <> 'unclassified'
            )
        """,
    ),
    Check(
        kind="refund_not_booked",
        proves="Every refund that succeeded is in the book, and so is the return of every one that failed.",
        says="Refund {subject} of {found} {detail}.",
        remedy="The sweep fetches what is missing; look for it in Stripe's dashboard.",
        sql=f"""
            with told as (
                select object_id, max(received_at) as at from stripe_events
                where type like 'refund.%' group by object_id
            ), movements as (
                select source_id, reporting_category from balance_transactions
                where reporting_category in ('refund', 'refund_failure')
            )
            select array[r.id, r.stripe_refund_id], r.currency, r.amount, null::bigint,
                case when r.status = 'succeeded' then 'succeeded and is not in the book'
                else 'came back, and its return is not in the book' end
            from refunds r
            left join told on told.object_id = r.stripe_refund_id
            left join movements gone on gone.source_id = r.stripe_refund_id
                and gone.reporting_category = 'refund'
            left join movements back
                on back.source_id = r.stripe_refund_id and back.reporting_category = 'refund_failure'
            where coalesce(told.at, r.created_at) < ({MIRRORED_UP_TO}) and (
                (r.status = 'succeeded' and gone.source_id is null)
                or (r.status in ('failed',
                    'canceled') and gone.source_id is not null and back.source_id is null)
            )
        """,
    ),
    Check(
        kind="money_back_unknown",
        proves="Every refund and dispute in the book is one we know.",
        says="Balance transaction {subject} moves {found} for {detail}, which we do not know.",
        remedy="Replay it: `almoner events replay fetched:ID`; its source comes along.",
        sql="""
            select array[b.stripe_balance_transaction_id, b.source_id], b.currency, b.amount, null::bigint,
                b.source_id
            from balance_transactions b
            join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id
            where (e.kind in ('refund', 'other_refund', 'refund_failed')
                    and not exists (select from refunds r where r.stripe_refund_id = b.source_id))
                or (e.kind in ('dispute_opened', 'dispute_won')
                    and not exists (select from disputes p where p.stripe_dispute_id = b.source_id))
        """,
    ),
    Check(
        kind="refund_relief_differs",
        proves="All that went back of a gift relieves each of its lines by the same part of what it brought "
        "in: rounded half up, then largest remainder.",
        says="What went back of {subject} relieves {detail} by {found}; the rule says {expected}.",
        remedy="Compare with `almoner gifts explain ID`; correct the book by a reversing entry.",
        sql=_against_standing(
            f"""
            select stripe_charge_id,
                case when {_BY_LINE} then 'contribution_refunds' else account end as account,
                fund_id, share::bigint as amount
            from by_refunds
            union all
            select a.stripe_charge_id, a.account, a.fund_id, (a.share - r.share)::bigint
            from by_all a join by_refunds r using (stripe_charge_id, line)
            where not a.{_BY_LINE}
            union all
            select stripe_charge_id, 'other_receipts', null, beyond_worth from worth where donation_id is null
            """,
            ("contribution_refunds", "agency_obligations", "benefits_exchanged", "other_receipts"),
            with_lines=True,
        ),
    ),
    Check(
        kind="chargebacks_differ",
        proves="A lost dispute is a chargeback over the lines of its gift; nothing else is one.",
        says="Of {subject} {found} is shown as {detail}; the rule says {expected}.",
        remedy="Replay the dispute's closing event; reverse a loss that is none.",
        sql=_against_standing(
            f"""
            select a.stripe_charge_id, 'chargebacks' as account, a.fund_id,
                (a.share - r.share)::bigint as amount
            from by_all a join by_refunds r using (stripe_charge_id, line)
            where a.{_BY_LINE}
            union all
            select stripe_charge_id, 'chargebacks', null,
                beyond_worth from worth where donation_id is not null
            """,
            ("chargebacks",),
            with_lines=True,
        ),
    ),
    Check(
        kind="refunds_payable_differs",
        proves="What is still owed for a gift is what failed refunds brought back, less what was paid since.",
        says="For {subject} {found} stands in refunds_payable; failed less repaid is {expected} "
        "(a debt is negative).",
        remedy="The donor is owed this money: find the entry that is missing or wrong before it is paid.",
        sql=_against_standing(
            """
            select stripe_charge_id, 'refunds_payable' as account, null as fund_id,
                with_donor - by_all as amount
            from worth
            """,
            ("refunds_payable",),
            with_lines=False,
        ),
    ),
    Check(
        kind="refunds_payable_astray",
        proves="Money is owed only to donors whose refund failed: never less than nothing, and for a gift.",
        says="{subject}: {found} stands in refunds_payable {detail}.",
        remedy="Find the entry in which it was credited or debited.",
        sql="""
            select array[coalesce(e.donation_id, 'no gift')], m.currency,
                sum(case when m.from_account = 'refunds_payable' then m.amount else -m.amount end)::bigint,
                null::bigint, case when e.donation_id is null then 'for no gift' else 'against the donor' end
            from journal_moves m join journal_entries e using (reference)
            where 'refunds_payable' in (m.from_account, m.to_account)
            group by e.donation_id, m.currency
            having sum(case when m.from_account = 'refunds_payable' then m.amount else -m.amount end) < 0
                or (e.donation_id is null
                    and sum(case when m.from_account = 'refunds_payable'
                        then m.amount else -m.amount end) <> 0)
        """,
    ),
    Check(
        kind="dispute_hold_differs",
        proves="disputed_funds holds what open disputes withdrew, and nothing of those that are won or lost.",
        says="For {subject} {found} is held in {detail}; its open disputes took {expected}.",
        remedy="Look at the dispute in Stripe's dashboard; replay its events.",
        sql=_against_standing(
            """
            select stripe_charge_id, 'disputed_funds' as account, null as fund_id, sum(gone)::bigint as amount
            from withdrawn where not is_lost group by stripe_charge_id
            """,
            ("disputed_funds",),
            with_lines=False,
        ),
    ),
    Check(
        kind="dispute_outcome_not_booked",
        proves="A lost dispute has its entry, a won one has brought its money back, and an open one "
        "has neither.",
        says="Dispute {subject} {detail}.",
        remedy="Replay the dispute's closing event; for a won one look for the return in Stripe's dashboard.",
        sql=f"""
            with {_TURNS.replace("with recursive", "").split("refunded as (")[0].rstrip().rstrip(",")}
            select array[p.stripe_dispute_id, p.donation_id], w.currency, w.gone, null::bigint,
                case when p.status in ('won', 'prevented', 'warning_closed')
                        then format('is %s, and what it took did not come back', p.status)
                    when w.is_lost then format('is %s, and the book says it is lost', p.status)
                    else format('is %s, and the book does not say so', p.status) end
            from disputes p join withdrawn w using (stripe_dispute_id)
            where w.gone <> 0 and case
                when p.status in ('lost', 'appeal_needs_response', 'appeal_under_review') then not w.is_lost
                when p.status in ('won', 'prevented', 'warning_closed')
                    then p.closed_at < ({MIRRORED_UP_TO})
                else w.is_lost end
        """,
    ),
    Check(
        kind="refund_without_second_person",
        proves="A refund above the limit was asked for by one person and approved by another.",
        says="Refund {subject} {detail}.",
        remedy="Ask both people; the audit log shows who did what.",
        sql="""
            with needed as (
                select subject from audit_log
                where deed = 'refund.request' and facts ->> 'status' = 'requested'
            ), agreed as (select subject, staff_id from audit_log where deed = 'refund.approve')
            select array[r.id], r.currency, r.amount, null::bigint,
                case when r.approved_by = r.requested_by then 'was approved by the one who asked for it'
                    when r.approved_by is null then 'needed a second person and went on without'
                    else format('names %s as the second person, who approved nothing', r.approved_by) end
            from refunds r
            where r.approved_by = r.requested_by
                or (r.approved_by is null and r.status not in ('requested', 'declined')
                    and r.id in (select subject from needed))
                or (r.approved_by is not null and not exists (
                    select from agreed a where a.subject = r.id and a.staff_id = r.approved_by))
        """,
    ),
    Check(
        kind="owed_payment_differs",
        proves="What is owed is paid by two people, and each such payment stands in the book.",
        says="Payment {subject} of {found} {detail}.",
        remedy="Find the bank transfer by its reference before anything is paid again.",
        sql="""
            select array[coalesce(p.id, e.reference), p.donation_id], p.settled_currency, p.settled_amount,
                null::bigint,
                case when p.id is null then 'is in the book, and nobody asked for it'
                    when p.approved_by = p.requested_by then 'was approved by the one who prepared it'
                    when e.reference is null then format('is %s and is not in the book', p.status)
                    when p.status not in ('paid', 'kept') then format('is %s and is in the book', p.status)
                    else format('is in the book with %s %s', e.currency, e.amount) end
            from owed_payments p
            full join (
                select e.reference, e.donation_id, m.currency, sum(case
                    when m.to_account = 'refunds_payable' then m.amount else -m.amount end)::bigint as amount
                from journal_entries e join journal_moves m using (reference)
                where e.kind in ('owed_paid', 'gift_kept') and 'refunds_payable' in (m.from_account,
                    m.to_account)
                group by e.reference, m.currency
            ) e on split_part(e.reference, ':', 2) = p.id
            where p.id is null or p.approved_by = p.requested_by
                or (p.status in ('paid', 'kept')) <> (e.reference is not null)
                or (e.donation_id, e.currency, e.amount)
                    <> (p.donation_id, p.settled_currency, p.settled_amount)
        """,
    ),
)

"""Money that goes back: refunds, what failed refunds still owe, and disputes."""

from payments.verify.check import Check
from payments.verify.mirror import MIRRORED_UP_TO
from payments.verify.standings import WITHDRAWN, against_standing

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
        sql=against_standing(
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
        sql=against_standing(
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
        sql=against_standing(
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
        sql=against_standing(
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
            with {WITHDRAWN}
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

# ruff: noqa: S608 - put together from our own pieces; what is said goes in as parameters
"""What donors gave, asked of the book by donor; and of the book and Stripe's movements without them."""

from payments.database import text_with

NAMES = text_with(
    """
    select d.id, d.name, a.lines, a.postcode, a.country
    from donors d left join donor_addresses a on a.donor_id = d.id where d.id = any (:ids)
    """,
    "ids",
)

_GIFTS = """
    gifts as materialized (
        select d.id, d.donor_id, d.soft_credit_donor_id, d.payer_kind, d.currency, d.amount, d.channel
        from donations d
        where d.entity_id = :entity and d.status = 'paid' and d.gift_date between :first_day and :last_day
    )
"""

_CONTRIBUTIONS = """
    ('contributions', 'contributions_fee_cover', 'contributions_in_kind', 'contribution_refunds',
        'chargebacks')
"""

# The book is read once, and all else is asked of these two: the sums of who gave, and of who is thanked.
TABLES = (
    """
    create temporary table if not exists given_by_donor (donor_id text, currency text, payers text[],
        gifts bigint, cash numeric, in_kind numeric, went_back numeric, later numeric, stands numeric)
        on commit drop
    """,
    """
    create temporary table if not exists thanked_by_donor (donor_id text, currency text, gifts bigint,
        soft numeric) on commit drop
    """,
    "delete from given_by_donor",
    "delete from thanked_by_donor",
)

SUMS = f"""
    with {_GIFTS}, by_gift as materialized (
        select g.id, g.donor_id, g.soft_credit_donor_id, g.payer_kind, m.currency,
            sum(s.credit) as stands,
            coalesce(sum(s.credit) filter (
                where s.account in ('contributions', 'contributions_fee_cover')), 0) as cash,
            coalesce(sum(s.credit) filter (where s.account = 'contributions_in_kind'), 0) as in_kind,
            coalesce(sum(s.credit) filter (
                where s.account in ('contribution_refunds', 'chargebacks')), 0) as went_back,
            coalesce(sum(s.credit) filter (
                where e.effective_on > :last_day and e.kind not in ('gift', 'offline_gift')), 0) as later
        from gifts g
        join journal_entries e on e.donation_id = g.id
        join journal_moves m using (reference)
        cross join lateral (values (m.from_account, m.amount), (m.to_account, -m.amount))
            as s (account, credit)
        where e.entity_id = :entity and s.account in {_CONTRIBUTIONS}
        group by g.id, g.donor_id, g.soft_credit_donor_id, g.payer_kind, m.currency
    ), given as (
        insert into given_by_donor
        select donor_id, currency, array_agg(distinct payer_kind order by payer_kind),
            count(*) filter (where stands > 0), sum(cash), sum(in_kind), sum(went_back), sum(later),
            sum(stands)
        from by_gift group by donor_id, currency
    )
    insert into thanked_by_donor
    select soft_credit_donor_id, currency, count(*) filter (where stands > 0), sum(stands)
    from by_gift where soft_credit_donor_id is not null group by 1, 2
"""

TOTALS = """
    select currency, count(*) as donors, sum(stands) as total from given_by_donor group by currency
"""

_MUCH = """
    with much as (
        select * from unnest(cast(:currencies as text[]), cast(:thresholds as bigint[])) m (currency, least)
    )
"""

LISTED = f"""
    {_MUCH} select g.*, coalesce(t.soft, 0) as soft
    from given_by_donor g join much using (currency) left join thanked_by_donor t using (donor_id, currency)
    where stands >= least order by currency, stands desc, donor_id collate "C"
"""

THANKED = f"""
    {_MUCH} select donor_id, currency, gifts, soft from thanked_by_donor join much using (currency)
    where soft >= least order by currency, soft desc, donor_id collate "C"
"""

SEVERAL = f"""
    {_MUCH} select count(*) from (
        select donor_id from given_by_donor left join much using (currency) where stands > 0
        group by donor_id having count(*) > 1 and not coalesce(bool_or(stands >= least), false)
    ) as spread
"""

# From the journal, without asking whose gift it was.
IN_THE_BOOK = f"""
    select m.currency, sum(case when m.from_account in {_CONTRIBUTIONS} then m.amount else 0 end
        - case when m.to_account in {_CONTRIBUTIONS} then m.amount else 0 end) as amount
    from journal_entries e join journal_moves m using (reference)
    where e.entity_id = :entity and e.donation_id in (
        select id from donations
        where status = 'paid' and gift_date between :first_day and :last_day and entity_id = :entity)
        and (m.from_account in {_CONTRIBUTIONS} or m.to_account in {_CONTRIBUTIONS})
    group by m.currency
"""

_OF_LISTED = f"""
    with {_GIFTS}, listed as (
        select * from unnest(cast(:donors as text[]), cast(:of as text[])) l (donor_id, listed_in)
    )
"""

BROUGHT = f"""
    {_OF_LISTED} select m.currency, sum(m.amount) as amount
    from gifts g join listed l using (donor_id)
    join journal_entries e on e.donation_id = g.id
    join journal_moves m on m.reference = e.reference and m.currency = l.listed_in
    where e.kind in ('gift', 'offline_gift') and m.from_account in ('contributions', 'benefits_exchanged',
        'contributions_fee_cover', 'contributions_in_kind', 'agency_obligations')
    group by m.currency
"""

MOVED = f"""
    {_OF_LISTED} select currency, sum(amount) as amount from (
        select b.currency, b.amount
        from gifts g join listed l using (donor_id)
        join charges c on c.donation_id = g.id
        join balance_transactions b on b.source_id = c.stripe_charge_id
            and b.reporting_category = 'charge' and b.currency = l.listed_in
        union all
        select g.currency, g.amount
        from gifts g join listed l on l.donor_id = g.donor_id and l.listed_in = g.currency
        where g.channel not in ('online', 'adopted')
    ) as all_of_it group by currency
"""

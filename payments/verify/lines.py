"""The lines of a gift and its largest-remainder shares, derived anew in SQL.

A gift's lines are its funds less what was sold of them, then the fee cover, then the benefit. A total is
shared over them by largest remainder, ties to the earlier line; where the total is the gift itself,
each line is its own share.
"""


def lines(among: str, *, name: str = "lines") -> str:
    """The set `name` (donation_id, line, account, fund_id, weight), of the gifts that `among` has."""
    return f"""
    {name} as (
        select a.donation_id, a.position::int as line, a.fund_id, a.amount as weight,
            case when f.is_agency then 'agency_obligations' else 'contributions' end as account
        from donation_allocations a join funds f on f.id = a.fund_id
        join donations d on d.id = a.donation_id and d.benefit_amount = 0
        where a.donation_id in (select donation_id from {among})
        union all
        select s.donation_id, s.line, s.fund_id, (s.amount - s.sold)::bigint,
            case when f.is_agency then 'agency_obligations' else 'contributions' end
        from (
            select a.donation_id, a.position::int as line, a.fund_id, a.amount,
                least(a.amount, greatest(0, d.benefit_amount + a.amount
                    - sum(a.amount) over (partition by a.donation_id order by a.position))) as sold
            from donation_allocations a join donations d on d.id = a.donation_id and d.benefit_amount > 0
            where a.donation_id in (select donation_id from {among})
        ) s join funds f on f.id = s.fund_id
        where s.amount > s.sold
        union all
        select id, 32768, null, fee_cover_amount
            - greatest(0, benefit_amount - (amount - fee_cover_amount)), 'contributions_fee_cover'
        from donations
        where fee_cover_amount > greatest(0, benefit_amount - (amount - fee_cover_amount))
            and id in (select donation_id from {among})
        union all
        select id, 32769, null, benefit_amount, 'benefits_exchanged' from donations
        where benefit_amount > 0 and id in (select donation_id from {among})
    )
    """


def shares(total: str, *, totals: str, key: str) -> str:
    """A select of `{key}`, line, account, fund_id and `share` of what `total` comes to in each row of
    `totals` (which has the key, donation_id and given), over its `lines`."""
    return f"""
        select t.{key}, l.line, l.account, l.fund_id, l.weight as share
        from {totals} t join lines l using ({key})
        where t.{total} = t.given
        union all
        select {key}, line, account, fund_id, whole + (place <= total - wholes)::int
        from (
            select t.{key}, t.{total} as total, l.line, l.account, l.fund_id,
                t.{total} * l.weight / t.given as whole,
                sum(t.{total} * l.weight / t.given) over (partition by t.{key}) as wholes,
                row_number() over (
                    partition by t.{key} order by t.{total} * l.weight % t.given desc, l.line
                ) as place
            from {totals} t join lines l using ({key})
            where t.{total} <> t.given
        ) remainders
    """

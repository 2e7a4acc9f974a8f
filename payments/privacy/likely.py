"""Records that may be of one donor: the same name in one country, or addresses a letter apart.

Suggestions and nothing else: two people may have one name, and whether these two are one is for a person to
say. Each pair that is read stands in the audit log. Where there are many donors it takes seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.privacy.searching import MAY_SEE_NAMES
from payments.staff import audit, people
from payments.staff.models import StaffMember

MOST = 50
_FEW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two records, the one with more gifts first."""

    one: str
    one_name: str
    one_email: str
    one_gifts: int
    other: str
    other_name: str
    other_email: str
    other_gifts: int
    why: str


def pairs(session: Session, *, by: StaffMember) -> Sequence[Pair]:
    """At most `MOST` of them, those whose addresses are alike first."""
    people.require(by, *MAY_SEE_NAMES)
    session.execute(text("set local statement_timeout = '5min'"))
    session.execute(text("set local work_mem = '128MB'"))
    found = [Pair(**row) for row in session.execute(_PAIRS, {"most": MOST, "few": _FEW}).mappings()]
    for pair in found:
        audit.note(session, by, "donors.doubles", subject=pair.one, reason=pair.why, beside=pair.other)
    if not found:
        audit.note(session, by, "donors.doubles", subject="nobody", reason="records that may be one donor")
    return found


# Two addresses are a letter apart where they are the same once each has lost a letter, or one of them has:
# a letter too many, too few, another one, or two that changed places. So each address is taken with every
# letter left out, and what is the same is grouped; to compare each with each would take hours. A name is
# compared without marks, blanks and capitals. A country is where a donor lives, or else what their language
# suggests. What more than a few have in common says nothing of anybody.
_PAIRS = text(r"""
    with standing as materialized (
        select d.id, lower(d.email) as address,
            regexp_replace(lower(d.name), '[[:space:][:punct:]]+', '', 'g') as plain,
            coalesce(a.country, d.locale) as place
        from donors d left join donor_addresses a on a.donor_id = d.id
        where d.erased_at is null and d.merged_into_id is null
    ), shortened as (
        select s.id, hashtextextended(overlay(s.address placing '' from place.at for 1), 0) as short
        from standing s cross join lateral generate_series(1, length(s.address)) place (at)
        where strpos(s.address, '@') > 4
        union all
        select id, hashtextextended(address, 0) from standing where strpos(address, '@') > 4
    ), groups as (
        select 1 as rank, array_agg(distinct id) as ids from shortened
        group by short having min(id) <> max(id) and count(*) <= :few
        union all
        select 2, array_agg(id) from standing where length(plain) > 1
        group by plain, place having count(*) between 2 and :few
    ), best as (
        select one.id, other.id as other_id, min(g.rank) as rank
        from groups g cross join lateral unnest(g.ids) one (id) cross join lateral unnest(g.ids) other (id)
        where other.id > one.id
        group by one.id, other.id
        order by min(g.rank), one.id, other.id
        limit :most
    ), counted as (
        select b.*,
            (select count(*) from donations where donor_id = b.id and status = 'paid') as gifts,
            (select count(*) from donations where donor_id = b.other_id and status = 'paid') as other_gifts
        from best b
    )
    select one.id as one, one.name as one_name, one.email as one_email,
        greatest(c.gifts, c.other_gifts) as one_gifts,
        other.id as other, other.name as other_name, other.email as other_email,
        least(c.gifts, c.other_gifts) as other_gifts,
        case c.rank when 1 then 'their addresses are a letter apart' else 'they have the same name' end as why
    from counted c
    join donors one on one.id = case when c.gifts >= c.other_gifts then c.id else c.other_id end
    join donors other on other.id = case when c.gifts >= c.other_gifts then c.other_id else c.id end
    order by c.rank, one.id, other.id
""")

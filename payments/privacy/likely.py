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
    found = [Pair(**row) for row in session.execute(_PAIRS, {"most": MOST}).mappings()]
    for pair in found:
        audit.note(session, by, "donors.doubles", subject=pair.one, reason=pair.why, beside=pair.other)
    if not found:
        audit.note(session, by, "donors.doubles", subject="nobody", reason="records that may be one donor")
    return found


# Two addresses are a letter apart where they are the same once each has lost a letter, or one of them has:
# a letter too many, too few, another one, or two that changed places. A name is compared without marks,
# blanks and capitals. A country is where a donor lives, or else what their language suggests.
_PAIRS = text(r"""
    with standing as materialized (
        select d.id, d.name, d.email, lower(d.email) as address,
            regexp_replace(lower(d.name), '[[:space:][:punct:]]+', '', 'g') as plain,
            coalesce(a.country, d.locale) as place,
            (select count(*) from donations g where g.donor_id = d.id and g.status = 'paid') as gifts
        from donors d left join donor_addresses a on a.donor_id = d.id
        where d.erased_at is null and d.merged_into_id is null
    ), shortened as (
        select distinct s.id, overlay(s.address placing '' from place.at for 1) as short
        from standing s
        cross join lateral generate_series(1, length(s.address)) place (at)
        where strpos(s.address, '@') > 4
        union
        select id, address from standing where strpos(address, '@') > 4
    ), alike as (
        select one.id, other.id as other_id, 1 as rank, 'their addresses are a letter apart' as why
        from shortened one join shortened other on other.short = one.short and other.id > one.id
        union
        select one.id, other.id, 2, 'they have the same name'
        from standing one join standing other on other.plain = one.plain and other.id > one.id
            and other.place = one.place
        where length(one.plain) > 1
    ), best as (
        select distinct on (id, other_id) * from alike order by id, other_id, rank
    )
    select one.id as one, one.name as one_name, one.email as one_email, one.gifts as one_gifts,
        other.id as other, other.name as other_name, other.email as other_email, other.gifts as other_gifts,
        best.why
    from best
    join standing s on s.id = best.id
    join standing o on o.id = best.other_id
    join standing one on one.id = case when s.gifts >= o.gifts then s.id else o.id end
    join standing other on other.id = case when s.gifts >= o.gifts then o.id else s.id end
    order by best.rank, one.plain = other.plain desc, one.id, other.id
    limit :most
""")

# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""What merging two records of a donor would do: every row that moves and what stays, told before it is done.

Reads only. A person looks at it, because whether two records are one person's no program can know.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.database import text_with
from payments.korea import keeping
from payments.privacy.mentions import WITH_DONORS
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters.addresses import DonorAddress
from payments.supporters.donors import Donor, DonorUnknown

MAY_MERGE = (Role.FINANCE,)
"""Whoever answers for the receipts answers for whose they are."""


class Part(StrEnum):
    """What a donor has once, and may be taken from either record."""

    NAME = "name"
    LANGUAGE = "language"
    EMAIL = "email"
    ADDRESS = "address"
    """The postal one. Where only the record that goes has one, the donor gets it unasked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two records."""

    id: str
    name: str
    email: str
    locale: str
    postal_address: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Rows of one kind, by id or number, and what becomes of them."""

    what: str
    ids: Sequence[str]
    becomes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The merge as it would be done now."""

    kept: Side
    gone: Side
    taken: Sequence[Part]
    """What the donor will have from the record that goes."""
    moves: Sequence[Moving]
    remarks: Sequence[str]
    """What a person should think of before, or do after."""
    refusals: Sequence[str]
    """Why it cannot be done; nothing, where it can."""


def look(
    session: Session,
    kept_id: str,
    gone_id: str,
    *,
    taking: Collection[Part] = (),
    mistyped: bool = False,
    by: StaffMember,
) -> Plan:
    """The plan, with a line in the audit log about each of the two records that were read."""
    people.require(by, *MAY_MERGE)
    kept, gone = session.get(Donor, kept_id), session.get(Donor, gone_id)
    if kept is None or gone is None:
        raise DonorUnknown
    for one, other in ((kept, gone), (gone, kept)):
        audit.note(session, by, "donors.compare", subject=one.id, reason="before a merge", beside=other.id)
    return make(session, kept, gone, taking=taking, mistyped=mistyped)


def make(
    session: Session,
    kept: Donor,
    gone: Donor,
    *,
    taking: Collection[Part],
    mistyped: bool,
) -> Plan:
    """What would be done, as everything stands in this transaction."""
    asked = {"kept": kept.id, "gone": gone.id}
    taken = set(taking)
    if session.get(DonorAddress, kept.id) is None and session.get(DonorAddress, gone.id) is not None:
        taken.add(Part.ADDRESS)
    return Plan(
        kept=_side(session, kept),
        gone=_side(session, gone),
        taken=sorted(taken),
        moves=_moves(session, asked),
        remarks=session.scalars(_REMARKS, {**asked, "targets": WITH_DONORS}).all(),
        refusals=_refusals(session, kept, gone, taken=taken, mistyped=mistyped),
    )


def _side(session: Session, donor: Donor) -> Side:
    home = session.get(DonorAddress, donor.id)
    return Side(
        id=donor.id,
        name=donor.name,
        email=donor.email,
        locale=donor.locale,
        postal_address=[*home.printed, home.country] if home is not None else None,
    )


def _moves(session: Session, asked: dict[str, str]) -> list[Moving]:
    found: dict[str, list[str]] = {what: [] for what in _BECOMES}
    for what, row_id in session.execute(_MOVES, asked):
        found[what].append(row_id)
    return [Moving(what=what, ids=ids, becomes=_BECOMES[what]) for what, ids in found.items() if ids]


def _refusals(
    session: Session, kept: Donor, gone: Donor, *, taken: Collection[Part], mistyped: bool
) -> list[str]:
    if kept.id == gone.id:
        return ["These are not two records: the ids are the same."]
    said = []
    for donor in (kept, gone):
        if donor.erased_at is not None:
            said.append(f"{donor.id} was erased: nobody can tell any more whose it was.")
        if donor.merged_into_id is not None:
            said.append(f"{donor.id} was merged into {donor.merged_into_id}: use that id.")
    if mistyped and Part.EMAIL in taken:
        said.append("An address that is a stranger's cannot be the donor's: leave out one of the two.")
    asked = {"kept": kept.id, "gone": gone.id}
    said += session.scalars(_OPPOSED, asked).all()
    if not keeping.is_same(session, kept.id, gone.id):
        said.append(
            "They have different registration numbers, and a person has one. Correct the wrong one first"
            " (`almoner korea rrn`)."
        )
    return said


_BECOMES = {
    "gift": "is the donor's; its amount, its name and its day stay",
    "monthly gift": "is the donor's, with its customer at Stripe",
    "customer at Stripe": "stays the one that pays its monthly gift",
    "receipt": "stays as it was issued, with its name and number",
    "thanks beside a payer": "goes to the donor",
    "statement": "stays as it was issued, and is the donor's",
    "statement of a year of both": "is void, and another in its place lists all gifts",
    "Gift Aid declaration": "speaks for all gifts of the donor",
    "registration number": "is the donor's, sealed anew",
    "flag of a double gift": "stays for whoever looks at it",
    "letter waiting": "leaves for the donor's address",
    "reader of the newsletter": "stays as it is: a consent is an address's",
    "row that a law keeps": "stays kept until its day",
    "record merged before": "leads to the donor",
}

# Whose the letters are is asked of what is waiting only, which is little.
_OF_DONOR = """
    select id from donations where donor_id = :donor
    union all select id from monthly_gifts where donor_id = :donor
    union all select r.id from receipts r join donations d on d.id = r.donation_id where d.donor_id = :donor
    union all select id from giving_statements where donor_id = :donor
    union all select f.id from refunds f join donations d on d.id = f.donation_id where d.donor_id = :donor
    union all select o.id from owed_payments o join donations d on d.id = o.donation_id
        where d.donor_id = :donor
    union all select c.id from monthly_changes c join monthly_gifts m on m.id = c.monthly_gift_id
        where m.donor_id = :donor
    union all select i.stripe_invoice_id from monthly_invoices i join monthly_gifts m
        on m.id = i.monthly_gift_id where m.donor_id = :donor
    union all select id from gift_aid_declarations where donor_id = :donor
"""
"""Whatever a letter to a donor may be about."""


def waiting(donor: str) -> str:
    """Letters about what is a donor's that have not left; the parameter of this name is the donor."""
    return f"""
        select o.id, o.to_address from outgoing_mails o
        where o.status = 'queued' and exists (
            select from unnest(string_to_array(translate(o.reference, '.', ':'), ':')) part (id)
            where part.id in ({_OF_DONOR.replace(":donor", donor)}))
    """


TO_VOID = """
    select s.id, s.number from giving_statements s
    where s.donor_id in (:kept, :gone) and s.status = 'issued' and exists (
        select from giving_statements o
        where o.donor_id in (:kept, :gone) and o.donor_id <> s.donor_id
            and (o.entity_id, o.tax_year) = (s.entity_id, s.tax_year)
            and (o.status = 'issued' or exists (select from due_statements w where w.statement_id = o.id)))
"""
"""Statements of a year of which each record has one that counts, or one that is just being replaced."""

_MOVES = text(f"""
    select * from (
        select 'gift' as what, id from donations where donor_id = :gone
        union all select 'monthly gift', id from monthly_gifts where donor_id = :gone
        union all select distinct 'customer at Stripe', stripe_customer_id from monthly_gifts
            where donor_id = :gone and stripe_customer_id is not null
        union all select 'receipt', r.number from receipts r join donations d on d.id = r.donation_id
            where d.donor_id = :gone
        union all select 'thanks beside a payer', id from donations where soft_credit_donor_id = :gone
        union all select 'statement', number from giving_statements where donor_id = :gone
        union all select 'statement of a year of both', number from ({TO_VOID}) wrong
        union all select 'Gift Aid declaration', id from gift_aid_declarations where donor_id = :gone
        union all select 'registration number', donor_id from korean_registration_numbers
            where donor_id = :gone
                and not exists (select from korean_registration_numbers where donor_id = :kept)
        union all select 'flag of a double gift', p.donation_id from possible_doubles p
            join donations d on d.id = p.donation_id where d.donor_id = :gone and p.closed_at is null
        union all select 'letter waiting', id from ({waiting(":gone")}) letters
        union all select 'reader of the newsletter', r.id || ': ' || r.standing from newsletter_readers r
            join donors d on lower(d.email) = lower(r.email) where :gone in (d.id, d.merged_into_id)
        union all select distinct 'row that a law keeps', h.table_name || ' ' || h.row_id
            from erasure_holds h where h.released_at is null and (
                h.row_id in (select r.id from receipts r join donations d on d.id = r.donation_id
                    where d.donor_id = :gone)
                or h.row_id in (select id from giving_statements where donor_id = :gone))
        union all select 'record merged before', id from donors where merged_into_id = :gone
    ) moving order by what, id
""")
_REMARKS = text_with(
    """
    select format('Each gives every month (%s): one of them may have been begun by mistake.',
        string_agg(id, ', ' order by created_at, id))
    from monthly_gifts
    where donor_id in (:kept, :gone) and status in ('pending', 'active', 'behind', 'paused')
    having count(distinct donor_id) = 2
    union all
    select format('They stand in exports as two: merge %s into %s in %s as well.', :gone, :kept,
        string_agg(distinct x.target, ', '))
    from exported_entries x join journal_entries e on e.number = x.entry_number
    join donations d on d.id = e.donation_id
    where d.donor_id = :gone and x.target = any (:targets)
    having count(*) > 0
    """,
    "targets",
)
_OPPOSED = text("""
    select format('Gift %s was paid by one of them and thanks the other: that is two.', id)
    from donations
    where (donor_id, soft_credit_donor_id) in ((:kept, :gone), (:gone, :kept))
    union all
    select format('Declaration %s was cancelled and %s stands, for the same body: settle with the donor which'
        ' counts, and cancel or renew it first (`almoner giftaid`).', c.id, s.id)
    from gift_aid_declarations c join gift_aid_declarations s on s.entity_id = c.entity_id
    where (c.donor_id, s.donor_id) in ((:kept, :gone), (:gone, :kept))
        and c.cancelled_on is not null and c.covers_future and s.cancelled_on is null and s.covers_future
        -- Renewed since: the newer word of the same record counts.
        and not exists (select from gift_aid_declarations newer
            where newer.donor_id = c.donor_id and newer.entity_id = c.entity_id
                and newer.cancelled_on is null and newer.covers_future)
""")

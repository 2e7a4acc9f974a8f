# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""A merge is taken back: whatever moved goes back to the record it came from, by the list that was kept.

What came since goes where it belongs: a gift that was begun under the other record's address was noted when
it was written, and an instalment goes with its promise. Everything else that came since stays with the donor
who stayed. One thing stands in the way: a claim of Gift Aid that relied on the two being one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.errors import AlmonerError
from payments.korea import keeping
from payments.privacy import merging
from payments.privacy.merge_plan import MAY_MERGE
from payments.receipts import restating
from payments.receipts.models import StatementCause
from payments.staff import audit, people
from payments.staff.models import StaffMember
from payments.supporters import donors
from payments.supporters.donors import Donor
from payments.supporters.merges import DonorMerge


class UnmergeRefused(AlmonerError):
    """What was done since stands in the way; the sentence says what."""


class NotMerged(UnmergeRefused):
    """This record stands for itself."""

    def __init__(self) -> None:
        super().__init__(
            "This record was not merged into another: there is nothing to take back. Give the one that went;"
            " `almoner donors show` names it."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """What taking a merge back does."""

    merge_id: str
    kept_id: str
    gone_id: str
    gifts: Sequence[str]
    monthly_gifts: Sequence[str]
    statements: Sequence[str]
    """Numbers of those that are void now, because they list the gifts of both."""
    stays: Sequence[str]
    """Gifts that came since and stay with the donor who stayed."""
    remarks: Sequence[str]


def unmerge(session: Session, gone_id: str, *, by: StaffMember, reason: str) -> Parted:
    """Let a record that was merged stand for itself again, with what was its own."""
    people.require(by, *MAY_MERGE)
    reason = people.reason_given(reason)
    standing = select(DonorMerge).where(DonorMerge.gone_id == gone_id, DonorMerge.undone_at.is_(None))
    found = session.scalar(standing)
    if found is None:
        raise NotMerged
    kept, gone = merging.hold(session, found.kept_id, gone_id)
    if kept.merged_into_id is not None:
        raise UnmergeRefused(f"{kept.id} itself was merged since: `almoner donors unmerge {kept.id}` first.")
    merge = session.scalar(standing.execution_options(populate_existing=True))
    if merge is None or merge.id != found.id:
        raise NotMerged
    donors.standing(session, kept.id)
    merging.hold_what_is_theirs(session, kept, gone)
    asked = {"merge": merge.id, "kept": kept.id, "gone": gone.id, "since": merge.merged_at}
    if (claim := session.scalar(_CLAIMED_AS_ONE, asked)) is not None:
        raise UnmergeRefused(
            f"Claim {claim} took a gift of one of them on the declaration of the other, and what was claimed"
            " stands. Tell HMRC on the next claim, and leave the two merged."
        )

    known = donors.addresses_of(session, kept.id)
    gifts = session.scalars(_THEIR_GIFTS, asked).all()
    promises = session.scalars(_THEIR_PROMISES, asked).all()
    listed = session.execute(_LISTING_BOTH, asked | {"gifts": list(gifts)}).all()
    restating.void_named(
        session,
        [row.id for row in listed],
        cause=StatementCause.PARTED,
        reason="its gifts are two donors' again",
    )
    merge.undone_at, merge.undone_by = now(), by.id
    session.flush()
    session.execute(_MOVE_GIFTS, asked | {"gifts": list(gifts)})
    session.execute(_MOVE_PROMISES, asked | {"promises": list(promises)})
    session.execute(select(func.almoner_move_papers(merge.id)))
    restating.owe(session, session.scalars(_TO_RESTATE, asked | {"parted": [row.id for row in listed]}).all())
    if session.scalar(_HAS_ITS_NUMBER, asked):
        keeping.move(session, source=kept.id, target=gone.id)
    session.execute(_PART, asked)
    remarks = _give_back(session, merge, kept, gone)
    merging.readdress(session, gone, known=known)
    stays = session.scalars(_STAYS, asked).all()
    audit.note(
        session,
        by,
        "donors.unmerge",
        subject=gone.id,
        reason=reason,
        merge=merge.id,
        kept=kept.id,
        gifts=len(gifts),
        stays=len(stays),
    )
    session.refresh(gone)
    return Parted(
        merge_id=merge.id,
        kept_id=kept.id,
        gone_id=gone.id,
        gifts=gifts,
        monthly_gifts=promises,
        statements=[row.number for row in listed],
        stays=stays,
        remarks=remarks,
    )


def _give_back(session: Session, merge: DonorMerge, kept: Donor, gone: Donor) -> list[str]:
    """Name, language and addresses as each had them; what to tell where that cannot be."""
    session.refresh(gone)
    merging.exchange(session, kept, gone, merge.taken)
    if merge.mistyped_address is None:
        return []
    if session.scalar(_TAKEN, {"email": merge.mistyped_address}) is not None:
        return ["Its address is another donor's by now: give it one with `almoner donors email`."]
    gone.email = merge.mistyped_address
    session.flush()
    return []


_OF_MERGE = "(select row_id from donor_merge_rows where merge_id = :merge and what = '{what}')"
_GIFTS, _PROMISES, _THANKS, _STATEMENTS, _RECORDS = (
    _OF_MERGE.format(what=what) for what in ("gift", "monthly_gift", "thanks", "statement", "record")
)

_THEIR_GIFTS = text(f"""
    select id from donations
    where donor_id = :kept and (id in {_GIFTS} or monthly_gift_id in {_PROMISES}) order by id
""")
_THEIR_PROMISES = text(
    f"select id from monthly_gifts where donor_id = :kept and id in {_PROMISES} order by id"
)
_MOVE_GIFTS = text(f"""
    update donations set
        donor_id = case when id = any (:gifts) then :gone else donor_id end,
        soft_credit_donor_id = case when soft_credit_donor_id = :kept and id in {_THANKS} then :gone
            else soft_credit_donor_id end
    where id = any (:gifts) or soft_credit_donor_id = :kept and id in {_THANKS}
""")
_MOVE_PROMISES = text("update monthly_gifts set donor_id = :gone where id = any (:promises)")
# A statement that came with the merge lists what was that record's alone.
_LISTING_BOTH = text(f"""
    with parting as (
        select r.number from receipts r where r.donation_id = any (:gifts)
        union all select r.number from receipts r where r.donation_id in {_THANKS}
    )
    select s.id, s.number from giving_statements s
    where s.donor_id = :kept and s.status = 'issued' and s.id not in {_STATEMENTS}
        and exists (
            select from jsonb_array_elements((s.content -> 'gifts') || (s.content -> 'through_others')) gift
            join parting on parting.number = gift ->> 'receipt_number')
    order by s.id
""")
# For whoever gets their own void statement back, of a year for which nothing counts now.
_TO_RESTATE = text("""
    select distinct on (s.entity_id, s.tax_year) s.id
    from giving_statements s
    join giving_statements p on p.id = any (:parted) and (p.entity_id, p.tax_year) = (s.entity_id, s.tax_year)
    where s.donor_id = :gone and s.status = 'void'
        and not exists (select from giving_statements n where n.donor_id = :gone and n.status = 'issued'
            and (n.entity_id, n.tax_year) = (s.entity_id, s.tax_year))
    order by s.entity_id, s.tax_year, s.sequence desc
""")
_HAS_ITS_NUMBER = text("""
    select exists (select from donor_merge_rows where merge_id = :merge and what = 'number')
""")
_PART = text(f"""
    update donors set merged_into_id = case id when :gone then null else :gone end
    where id = :gone or id in {_RECORDS}
""")
_TAKEN = text("select id from donors where lower(email) = lower(:email)")
_STAYS = text("""
    select id from donations where donor_id = :kept and created_at > :since order by created_at, id
""")
_CLAIMED_AS_ONE = text(f"""
    select l.claim_id from gift_aid_lines l
    join donations d on d.id = l.donation_id
    join gift_aid_declarations a on a.id = l.declaration_id
    where d.donor_id = :kept and a.donor_id = :kept
        and (d.id in {_GIFTS} or coalesce(d.monthly_gift_id in {_PROMISES}, false))
            <> (a.id in {_OF_MERGE.format(what="declaration")})
    limit 1
""")

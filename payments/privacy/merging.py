# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""Two records of one donor become one: a person says which stays, and everything of the other is moved to it.

Rows are moved, not pointed at, so every reader finds the donor where it always did. The record that went
stays as the address that leads to the donor. The journal, the receipts and every amount stand as they were;
consents belong to addresses and stay with them. `unmerging` takes it back, by the list of what moved.

Locks are taken in the order of everybody who holds a donor's rows: the donors, their promises, their gifts,
and then the books of statements. An event that is being applied at this moment holds a promise or a gift; it
waits for us, or we for it, and whoever is second sees what the first one did.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import new_id
from payments.errors import AlmonerError
from payments.korea import keeping
from payments.mail import outbox
from payments.mail.address import is_nowhere, nowhere
from payments.privacy import merge_plan
from payments.privacy.merge_plan import MAY_MERGE, Part, Plan
from payments.receipts import restating, statement_book
from payments.receipts.models import StatementCause
from payments.staff import audit, people
from payments.staff.models import StaffMember
from payments.supporters import donors
from payments.supporters.addresses import DonorAddress
from payments.supporters.donors import Donor, DonorUnknown
from payments.supporters.merges import DonorMerge, MergedRow


class MergeRefused(AlmonerError):
    """These two cannot become one as it was asked; each sentence says why."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What was done."""

    merge: DonorMerge
    plan: Plan | None
    """What moved; None where it had been done before, and nothing was done now."""


def merge(
    session: Session,
    kept_id: str,
    gone_id: str,
    *,
    taking: Collection[Part] = (),
    mistyped: bool = False,
    by: StaffMember,
    reason: str,
) -> Merged:
    """Put the record `gone_id` into `kept_id`. `taking` names what the donor is to have from the one that
    goes; `mistyped` says that its address is a stranger's, and leads nowhere from now on."""
    people.require(by, *MAY_MERGE)
    reason = people.reason_given(reason)
    kept, gone = hold(session, kept_id, gone_id)
    done = session.scalar(
        select(DonorMerge).where(
            DonorMerge.kept_id == kept_id, DonorMerge.gone_id == gone_id, DonorMerge.undone_at.is_(None)
        )
    )
    if done is not None:
        return Merged(merge=done, plan=None)
    hold_what_is_theirs(session, kept, gone)
    plan = merge_plan.make(session, kept, gone, taking=taking, mistyped=mistyped)
    if plan.refusals:
        raise MergeRefused(plan.refusals)
    known = [*donors.addresses_of(session, kept.id), *donors.addresses_of(session, gone.id)]

    entry = DonorMerge(
        id=new_id("mrg"),
        kept_id=kept.id,
        gone_id=gone.id,
        merged_at=now(),
        merged_by=by.id,
        taken=[part.value for part in plan.taken],
        mistyped_address=gone.email if mistyped else None,
    )
    session.add(entry)
    session.flush()
    asked = {"merge": entry.id, "kept": kept.id, "gone": gone.id}
    session.execute(_NOTE, asked)
    session.execute(_MOVE_GIFTS, asked)
    session.execute(_MOVE_PROMISES, asked)
    # Of one year and body a donor has one statement: the worker puts one in their place that lists all gifts.
    both = session.scalars(text(merge_plan.TO_VOID), asked).all()
    restating.void_named(
        session, both, cause=StatementCause.MERGED, reason="two records of the donor became one"
    )
    session.execute(select(func.almoner_move_papers(entry.id)))
    if keeping.move(session, source=gone.id, target=kept.id):
        session.add(MergedRow(merge_id=entry.id, what="number", row_id=kept.id))
    session.execute(_LEAD, asked)
    exchange(session, kept, gone, plan.taken)
    if mistyped:
        gone.email = nowhere(gone.id)
    session.flush()
    readdress(session, kept, known=known)
    audit.note(
        session,
        by,
        "donors.merge",
        subject=kept.id,
        reason=reason,
        merge=entry.id,
        gone=gone.id,
        taken=entry.taken,
        mistyped=mistyped,
        moved={moving.what: len(moving.ids) for moving in plan.moves if moving.ids},
    )
    session.refresh(entry)
    session.refresh(gone)
    return Merged(merge=entry, plan=plan)


def hold(session: Session, one_id: str, other_id: str) -> tuple[Donor, Donor]:
    """Both records, held so that nobody merges, erases or corrects them, nor begins a gift of theirs."""
    held = (
        select(Donor)
        .where(Donor.id.in_((one_id, other_id)))
        .order_by(Donor.id)
        # Whatever merely names a donor need not wait: an instalment, whose writer holds its promise.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {donor.id: donor for donor in session.scalars(held)}
    if one_id not in found or other_id not in found:
        raise DonorUnknown
    return found[one_id], found[other_id]


def hold_what_is_theirs(session: Session, *of: Donor) -> None:
    """Their promises and gifts against Stripe's news, and the books of their statements against the year's
    run and whoever makes a receipt void."""
    asked = {"donors": [donor.id for donor in of]}
    session.execute(_HOLD_PROMISES, asked)
    session.execute(_HOLD_GIFTS, asked)
    for entity_id, year in session.execute(_BOOKS, asked).all():
        statement_book.hold(session, entity_id, year)


def exchange(session: Session, one: Donor, other: Donor, parts: Collection[str]) -> None:
    """Give each of two records these parts of the other's. Doing it again undoes it."""
    if Part.NAME in parts:
        one.name, other.name = other.name, one.name
    if Part.LANGUAGE in parts:
        one.locale, other.locale = other.locale, one.locale
    if Part.EMAIL in parts:
        donors.exchange_emails(session, one, other)
    if Part.ADDRESS in parts:
        _exchange_addresses(session, one, other)


def _exchange_addresses(session: Session, one: Donor, other: Donor) -> None:
    homes = [session.get(DonorAddress, donor.id, with_for_update=True) for donor in (one, other)]
    for home in homes:
        if home is not None:
            session.delete(home)
    session.flush()
    for home, donor in zip(homes, (other, one), strict=True):
        if home is not None:
            session.add(
                DonorAddress(
                    donor_id=donor.id,
                    lines=home.lines,
                    postcode=home.postcode,
                    country=home.country,
                    noted_at=home.noted_at,
                )
            )
    session.flush()


def readdress(session: Session, donor: Donor, *, known: Collection[str]) -> None:
    """Letters about what is this donor's, to one of these addresses, leave for the donor's own. What was sent
    elsewhere by hand, and what speaks of an address and not of a donor, goes where it was going."""
    if is_nowhere(donor.email):
        return
    ids = session.scalars(_WAITING, {"donor": donor.id, "known": [email.lower() for email in known]}).all()
    outbox.redirect(session, ids, to_address=donor.email)


_WAITING = text(f"select id from ({merge_plan.waiting(':donor')}) o where lower(to_address) = any (:known)")
_HOLD_PROMISES = text(
    "select 1 from monthly_gifts where donor_id = any (:donors) order by id for no key update"
)
_HOLD_GIFTS = text("""
    select 1 from donations where donor_id = any (:donors) or soft_credit_donor_id = any (:donors)
    order by id for no key update
""")
_BOOKS = text("""
    select entity_id, tax_year from giving_statements where donor_id = any (:donors)
    union
    select r.entity_id, r.tax_year from receipts r join donations d on d.id = r.donation_id
    where d.donor_id = any (:donors)
    order by entity_id, tax_year
""")
_NOTE = text("""
    insert into donor_merge_rows (merge_id, what, row_id)
    select :merge, 'gift', id from donations where donor_id = :gone
    union all select :merge, 'thanks', id from donations where soft_credit_donor_id = :gone
    union all select :merge, 'monthly_gift', id from monthly_gifts where donor_id = :gone
    union all select :merge, 'declaration', id from gift_aid_declarations where donor_id = :gone
    union all select :merge, 'statement', id from giving_statements where donor_id = :gone
    union all select :merge, 'record', id from donors where merged_into_id = :gone
""")
_MOVE_GIFTS = text("""
    update donations set
        donor_id = case donor_id when :gone then :kept else donor_id end,
        soft_credit_donor_id = case soft_credit_donor_id when :gone then :kept else soft_credit_donor_id end
    where :gone in (donor_id, soft_credit_donor_id)
""")
_MOVE_PROMISES = text("update monthly_gifts set donor_id = :kept where donor_id = :gone")
_LEAD = text("update donors set merged_into_id = :kept where :gone in (id, merged_into_id)")

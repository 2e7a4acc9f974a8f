# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""Erasing a donor: everything that says who it was goes, in one transaction, and the books stand as before.

What a law keeps is held until its day and then goes by itself; what Stripe has is asked for by a worker. The
proof says what was done without saying whom it was about. Erasing twice changes nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.ledger import fingerprint
from payments.mail.address import nowhere
from payments.monthly import by_staff
from payments.monthly.models import MonthlyGift, MonthlyStatus
from payments.privacy import belongings, holds, late, mentions, waiting
from payments.privacy.belongings import Belongings
from payments.privacy.holds import Held
from payments.privacy.models import CustomerDeletion, ErasedStripeId, Erasure
from payments.privacy.places import AT_ONCE, FREE_TEXTS, GONE
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters.donors import Donor, DonorMerged, DonorUnknown

MAY_ERASE = (Role.FINANCE,)
"""Whoever answers for the records answers for what is kept of them."""


class ErasureRefused(AlmonerError):
    """It cannot be done as it was asked."""


class ErasureUnknown(AlmonerError):
    """This donor was not erased."""

    def __init__(self) -> None:
        super().__init__("This donor was not erased, so there is no proof of it.")


def erase(
    session: Session, donor_id: str, *, by: StaffMember, reason: str, stop_gifts: bool = False
) -> Erasure:
    """Forget who a donor was. With `stop_gifts` the monthly gifts that run are ended first."""
    people.require(by, *MAY_ERASE)
    reason = people.reason_given(reason)
    donor = session.get(Donor, donor_id, with_for_update=True)
    if donor is None:
        raise DonorUnknown
    if donor.merged_into_id is not None:
        raise DonorMerged(donor.merged_into_id)
    if donor.erased_at is not None:
        return proven(session, donor_id)
    # All events are searched once for the address: a deed of minutes in a large house, and a rare one.
    session.execute(text("set local statement_timeout = '15min'"))
    if stop_gifts:
        _stop(session, donor, by=by, reason=reason)
    mine = belongings.of(session, donor)
    waiting.require_nothing_under_way(session, mine)
    names = _names(session, mine)
    _refuse_to_name(reason, [*mine.emails, *names])

    seen = fingerprint.seen_now(session)
    before = fingerprint.take(session, seen=seen)
    erasure = Erasure(id=new_id("ers"), donor_id=donor.id, erased_by=by.id, reason=reason, proof={})
    session.add(erasure)
    session.flush()
    session.refresh(erasure)  # by the database's clock, as everything that came in
    held = holds.of(session, mine, names=names)
    holds.write(session, erasure.id, held)
    _note_stripe_ids(session, erasure, mine)
    counts = _through_the_database(session, erasure, mine, names=names)
    counts += _free_texts(session, mine, names=names)
    counts += _at_once(session, mine)
    after = fingerprint.take(session, seen=seen)
    if after != before:
        raise ErasureRefused(
            "The journal would not be the same afterwards: nothing was done. Tell its makers."
        )
    erasure.proof = _proof(erasure, mine, counts=counts, held=held, journal=after, before=before)
    audit.note(
        session, by, "donors.erase", subject=donor.id, reason=reason, erasure=erasure.id, held=len(held)
    )
    session.flush()
    session.refresh(donor)
    late.look_again_from(session, erasure)
    ring(session, Bell.DELETE_CUSTOMERS)
    return erasure


def proven(session: Session, donor_id: str) -> Erasure:
    """The erasure of a donor, with its proof."""
    found = session.scalar(select(Erasure).where(Erasure.donor_id == donor_id))
    if found is None:
        raise ErasureUnknown
    return found


def _stop(session: Session, donor: Donor, *, by: StaffMember, reason: str) -> None:
    running = session.scalars(
        select(MonthlyGift.id).where(
            MonthlyGift.donor_id == donor.id,
            MonthlyGift.status.not_in([MonthlyStatus.ENDED.value, MonthlyStatus.NEVER_STARTED.value]),
        )
    ).all()
    for monthly_gift_id in sorted(running):
        by_staff.stop(session, monthly_gift_id, by=by, reason=reason)
    session.flush()


def _names(session: Session, mine: Belongings) -> Sequence[str]:
    """However the donor wrote it; the longest first, so that none is left in half."""
    written = session.scalars(_NAMES, mine.asked).all()
    return sorted({name for name in written if _is_telling(name)}, key=len, reverse=True)


def _is_telling(name: str) -> bool:
    """Whether a text that holds it speaks of somebody: two Latin letters stand in half of all words, while
    two Korean ones may be a whole name."""
    return len(name) > 2 or (len(name) == 2 and not name.isascii())


def _refuse_to_name(reason: str, said: Sequence[str]) -> None:
    if any(word.casefold() in reason.casefold() for word in said):
        raise ErasureRefused("Give a reason that does not name the donor: it stays.")


def _note_stripe_ids(session: Session, erasure: Erasure, mine: Belongings) -> None:
    """By these what comes late is known; and the customers are to be deleted."""
    rows = [{"stripe_id": one, "erasure_id": erasure.id} for one in mine.stripe_ids]
    if rows:
        session.execute(insert(ErasedStripeId).on_conflict_do_nothing(), rows)
    session.add_all(CustomerDeletion(stripe_customer_id=one, erasure_id=erasure.id) for one in mine.customers)
    session.flush()


def _through_the_database(
    session: Session, erasure: Erasure, mine: Belongings, *, names: Sequence[str]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for table, row_id in list(mentions.found(session, mine, names=names)):
        counts[table] += bool(session.scalar(select(func.almoner_erase(erasure.id, table, row_id))))
    return counts


def _free_texts(session: Session, mine: Belongings, *, names: Sequence[str]) -> Counter[str]:
    email = "|".join(map(re.escape, mine.emails))
    asked = {
        "email": email,
        "any": "|".join([email, *(re.escape(name) for name in names)]),
        "about": [*mine.papers, *mine.stripe_ids],
        "gone": GONE,
    }
    counts: Counter[str] = Counter()
    for table, column, about in FREE_TEXTS:
        counts[table] += _changed(
            session,
            f"""update {table} set {column} = regexp_replace({column},
                    case when {about} = any (:about) then cast(:any as text) else cast(:email as text) end,
                    :gone, 'gi')
                where {column} ~* :email or {about} = any (:about) and {column} ~* :any""",
            asked,
        )
    return counts


def _at_once(session: Session, mine: Belongings) -> Counter[str]:
    asked = mine.asked | {"placeholder": nowhere(mine.donor.id)}
    counts: Counter[str] = Counter()
    for place in AT_ONCE:
        counts[place.table] += _changed(session, place.erases, asked)
    return counts


def _changed(session: Session, statement: str, asked: dict[str, Any]) -> int:
    return int(session.connection().execute(text(statement), asked).rowcount)


def _proof(
    erasure: Erasure,
    mine: Belongings,
    *,
    counts: Counter[str],
    held: Sequence[Held],
    journal: fingerprint.Fingerprint,
    before: fingerprint.Fingerprint,
) -> dict[str, Any]:
    kept = Counter((each.table, each.until, each.rule.code) for each in held)
    says = {each.rule.code: each.rule for each in held}
    return {
        "erasure": erasure.id,
        "donor": erasure.donor_id,
        "erased_at": erasure.erased_at.isoformat(),
        "erased_by": erasure.erased_by,
        "rows_erased": {table: rows for table, rows in sorted(counts.items()) if rows},
        "rows_held": [
            {"table": table, "rows": rows, "until": until.isoformat(), "rule": code}
            for (table, until, code), rows in sorted(kept.items())
        ],
        "rules": {
            code: {"says": rule.says, "source": rule.source, "confirmed": rule.confirmed}
            for code, rule in sorted(says.items())
        },
        "journal": {
            "entries": journal.entries,
            "sha256_before": before.sha256,
            "sha256_after": journal.sha256,
        },
        "stripe": {
            "customers_to_delete": list(mine.customers),
            "payments_of_guests": [one for one in mine.stripe_ids if one.startswith("pi_")]
            if not mine.customers
            else [],
        },
    }


_NAMES = text("""
    select distinct btrim(name) from (
        select name from donors where id = any (:records)
        union all select donor_name from donations where id = any (:donations)
        union all select donor_name from monthly_gifts where id = any (:promises)
    ) written
""")

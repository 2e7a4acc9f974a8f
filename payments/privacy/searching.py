"""Finding a donor by whatever a person has in hand: an id of ours or of Stripe's, the number of a receipt, an
e-mail address, a part of a name.

Every donor that is found leaves a line in the audit log with who looked; what was typed does not, because it
may be a name. Whoever sees no names may look by id only: a search by name would tell what it must not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.database import text_with
from payments.errors import AlmonerError
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_SEE_NAMES = (Role.SUPPORT, Role.FINANCE, Role.APPROVER)
"""Who answers donors or decides about their money. An auditor and an admin see ids."""
MOST = 50


class SearchRefused(AlmonerError):
    """Nothing that a donor could be found by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One donor, as far as a list needs it."""

    donor_id: str
    name: str | None
    """None, like the address, for a reader who sees no names."""
    email: str | None
    gifts: int
    monthly_gifts: int
    receipts: int
    latest_gift: str | None


def find(session: Session, typed: str, *, by: StaffMember) -> Sequence[Found]:
    """The donors that `typed` speaks of, at most `MOST`, whoever gave last first."""
    people.require(by, *people.MAY_READ)
    wanted = " ".join(typed.split())
    if len(wanted) < _SHORTEST:
        raise SearchRefused(f"Give an id, a receipt's number, an e-mail address, or {_SHORTEST} letters.")
    kind, ids = _who(session, wanted, by=by)
    sees_names = by.may(*MAY_SEE_NAMES)
    rows = session.execute(_LISTED, {"donors": ids}).all() if ids else []
    for row in rows:
        audit.note(session, by, "donors.find", subject=row.donor_id, reason=f"a search by {kind}")
    if not rows:
        audit.note(session, by, "donors.find", subject="nobody", reason=f"a search by {kind}")
    return [_found(row, sees_names=sees_names) for row in rows]


def _who(session: Session, wanted: str, *, by: StaffMember) -> tuple[str, Sequence[str]]:
    """By what it was looked for, and the ids of whom that is."""
    by_id = session.scalars(_BY_ID, {"id": wanted}).all()
    if by_id or _is_an_id(wanted):
        return "id", by_id
    people.require(by, *MAY_SEE_NAMES)
    if "@" in wanted:
        return "e-mail", session.scalars(_BY_EMAIL, {"email": wanted}).all()
    return "name", session.scalars(_BY_NAME, {"part": _as_pattern(wanted), "most": MOST}).all()


def _is_an_id(wanted: str) -> bool:
    """Whether it looks like nothing else: a name has no underscore and no digits beside a dash."""
    return " " not in wanted and ("_" in wanted or ("-" in wanted and any(c.isdigit() for c in wanted)))


def _as_pattern(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _found(row: Row[Any], *, sees_names: bool) -> Found:
    return Found(
        donor_id=row.donor_id,
        name=row.name if sees_names else None,
        email=row.email if sees_names else None,
        gifts=row.gifts,
        monthly_gifts=row.monthly_gifts,
        receipts=row.receipts,
        latest_gift=row.latest_gift,
    )


_SHORTEST = 2

# Each line is an index or a small table but for the few that a person rarely has in hand.
_BY_ID = text("""
    with known (donation_id) as (
        select id from donations where :id in (id, stripe_checkout_session_id, stripe_payment_intent_id,
            stripe_invoice_id)
        union select donation_id from receipts where :id in (id, number)
        union select donation_id from charges where :id in (stripe_charge_id, stripe_payment_intent_id,
            stripe_balance_transaction_id)
        union select donation_id from refunds where :id in (id, stripe_refund_id)
        union select donation_id from disputes where stripe_dispute_id = :id
        union select donation_id from fraud_warnings where stripe_fraud_warning_id = :id
        union select donation_id from owed_payments where id = :id
        union select c.donation_id from balance_transactions b
            join charges c on c.stripe_charge_id = b.source_id where b.stripe_balance_transaction_id = :id
        union select r.donation_id from balance_transactions b
            join refunds r on r.stripe_refund_id = b.source_id where b.stripe_balance_transaction_id = :id
        union select r.donation_id from outgoing_mails m join receipts r
            on r.id = substring(m.reference from 'rcp_[0-9a-f]+') where m.id = :id
    ), promised (monthly_gift_id) as (
        select id from monthly_gifts where :id in (id, stripe_subscription_id, stripe_customer_id)
        union select monthly_gift_id from monthly_invoices where :id in (stripe_invoice_id,
            stripe_payment_intent_id)
        union select monthly_gift_id from monthly_changes where id = :id
        union select monthly_gift_id from monthly_new_methods where stripe_payment_method_id = :id
    )
    select coalesce(merged_into_id, id) from donors where id = :id
    union select coalesce(d.merged_into_id, d.id) from donor_merges m join donors d on d.id = m.kept_id
        where m.id = :id
    union select d.donor_id from known k join donations d on d.id = k.donation_id
    union select m.donor_id from promised p join monthly_gifts m on m.id = p.monthly_gift_id
    union select donor_id from giving_statements where :id in (id, number)
    union select donor_id from gift_aid_declarations where id = :id
    union select d.donor_id from stripe_events e join donations d on e.object_id in (d.id,
            d.stripe_checkout_session_id, d.stripe_payment_intent_id)
        where e.stripe_event_id = :id
    union select d.donor_id from stripe_events e join charges c on c.stripe_charge_id = e.object_id
        join donations d on d.id = c.donation_id where e.stripe_event_id = :id
    union select m.donor_id from stripe_events e join monthly_gifts m
        on e.object_id in (m.stripe_subscription_id, m.stripe_customer_id) where e.stripe_event_id = :id
    limit 50
""")
# A record that was merged is found as the donor whom it leads to.
_BY_EMAIL = text("select coalesce(merged_into_id, id) from donors where lower(email) = lower(:email)")
_BY_NAME = text("""
    select id from (
        select coalesce(merged_into_id, id) from donors where name ilike :part
        union select donor_id from donations where donor_name ilike :part
        union select donor_id from monthly_gifts where donor_name ilike :part
    ) named (id) limit :most
""")
_LISTED = text_with(
    """
    select d.id as donor_id, d.name, d.email,
        (select count(*) from donations g where g.donor_id = d.id) as gifts,
        (select count(*) from monthly_gifts m where m.donor_id = d.id) as monthly_gifts,
        (select count(*) from receipts r join donations g on g.id = r.donation_id
            where g.donor_id = d.id) as receipts,
        latest.id as latest_gift
    from donors d
    left join lateral (select g.id, g.created_at from donations g where g.donor_id = d.id
        order by g.created_at desc limit 1) latest on true
    where d.id = any (:donors)
    order by latest.created_at desc nulls last, d.id
    """,
    "donors",
)

"""What Stripe says of a donor after the erasure: applied like everything, and stored without the person.

An event that names an id of theirs is redacted within the minute, whether or not anything acts on it; the
deletion of the customer itself comes back as such an event, with name and address in it. What it taught the
tables goes again, and the ids it brought are remembered too.
"""

from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.privacy.models import ErasedStripeId, Erasure
from payments.webhooks.models import StripeCursor

_CURSOR = "erased donors"
_OVERLAP = timedelta(minutes=1)
"""Longer than a delivery takes from its first statement to its commit."""


_SLICE = timedelta(minutes=2)
"""After an outage the inbox is read a slice a transaction: at fifty events a second each takes seconds."""


def look_again_from(session: Session, erasure: Erasure) -> None:
    """The last word of an erasure: whatever came while it was at work is looked at once more."""
    session.execute(
        update(StripeCursor)
        .where(StripeCursor.name == _CURSOR, StripeCursor.read_to > erasure.erased_at)
        .values(read_to=erasure.erased_at)
    )


def erase_late(session: Session) -> bool:
    """Redact what came since the last look; False when there is more to look at."""
    first = session.scalar(select(func.min(Erasure.erased_at)))
    if first is None:
        return True
    began = session.scalars(select(func.now())).one()
    cursor = session.get(StripeCursor, _CURSOR, with_for_update=True)
    read_to = cursor.read_to if cursor is not None else first
    until = min(began, read_to + _SLICE)
    found = session.execute(_NAMING, {"since": read_to - _OVERLAP, "until": until}).all()
    for erasure_id, stripe_event_id, object_id in found:
        session.scalar(select(func.almoner_erase(erasure_id, "stripe_events", stripe_event_id)))
        if object_id is not None:
            session.execute(_FORGET_DESCRIPTION, {"erasure": erasure_id, "movement": object_id})
            session.execute(
                insert(ErasedStripeId)
                .values(stripe_id=object_id, erasure_id=erasure_id)
                .on_conflict_do_nothing()
            )
    if found:
        for forget in _TAUGHT:
            session.execute(forget)
    if cursor is None:
        session.add(StripeCursor(name=_CURSOR, read_to=until, checked_at=began))
    else:
        cursor.read_to, cursor.checked_at = until, began
    session.flush()
    return until == began


_NAMING = text("""
    select distinct on (e.stripe_event_id) i.erasure_id, e.stripe_event_id, e.object_id
    from stripe_events e
    cross join lateral regexp_matches(
        encode(e.body, 'escape'), '"([a-z]{2,6}_[A-Za-z0-9_]{8,})"', 'g') named (ids)
    join erased_stripe_ids i on i.stripe_id = named.ids[1]
    where e.received_at between :since and :until
        -- A payout's list names the money of many, and nobody.
        and e.type not like 'payout%'
        and not exists (select from erased_rows r
            where r.table_name = 'stripe_events' and r.row_id = e.stripe_event_id)
    order by e.stripe_event_id, i.erasure_id
""")
_FORGET_DESCRIPTION = text("""
    select almoner_erase(:erasure, 'balance_transactions', stripe_balance_transaction_id)
    from balance_transactions where stripe_balance_transaction_id = :movement and description is not null
""")
_TAUGHT = (
    text("""
        update charges c set last4 = null from donations g join donors d on d.id = g.donor_id
        where c.donation_id = g.id and d.erased_at is not null and c.last4 is not null
    """),
    text("""
        update monthly_gifts m set card_last4 = null from donors d
        where d.id = m.donor_id and d.erased_at is not null and m.card_last4 is not null
    """),
    text("""
        update cards_on_file c set last4 = null from customer_deletions d
        where d.stripe_customer_id = c.stripe_customer_id and c.last4 is not null
    """),
)

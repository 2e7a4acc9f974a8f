"""Putting what Stripe said into the inbox: once, whole, and with its place in the queue.

One statement stores a batch and queues what is fresh in it, for the webhooks and for everything
fetched alike. Rows go in sorted by id: two batches that race over the same events in different
orders would otherwise wait for each other for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import among
from payments.settings import settings
from payments.stripe_gateway.shapes import API_VERSION, Envelope, as_bytes
from payments.webhooks.events import is_acted_on
from payments.webhooks.models import StripeEvent

FETCHED_BALANCE_TRANSACTION = "balance_transaction"
"""The type under which a fetched balance transaction stands in the inbox."""
FETCHED_PAYOUT = "payout"
"""The type of a fetched payout."""
FETCHED_PAYOUT_LIST = "payout_list"
"""The type of what Stripe lists of a payout, read to its end."""
FETCHED_SNAPSHOTS = frozenset({"subscription", "invoice"})
"""The types of what is fetched as it stands just now, and stored as of the moment we asked: by that it is
told from older and newer events about the same thing."""
UNREADABLE = "unreadable"
"""The type of a signed body in which no event could be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing Stripe said, ready to store."""

    stripe_event_id: str
    source: str
    type: str
    object_id: str | None
    account: str | None
    is_live: bool
    api_version: str | None
    created: int
    body: bytes
    parked_reason: str | None = None

    @property
    def is_queued(self) -> bool:
        """Whether anything is to be done about it. The rest is stored and ignored."""
        return self.parked_reason is not None or is_acted_on(self.type)


STORE = """
WITH incoming AS (
    SELECT * FROM unnest(
        %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::text[], %b::int8[],
        %b::bytea[], %b::bool[], %b::text[]
    ) AS _ (
        stripe_event_id, source, type, object_id, account, is_live, api_version, created,
        body, is_queued, parked_reason
    )
), stored AS (
    INSERT INTO stripe_events (
        stripe_event_id, source, type, object_id, account, is_live, api_version, created_at, body
    )
    SELECT
        stripe_event_id, source, type, object_id, account, is_live, api_version, to_timestamp(created), body
    FROM incoming
    ON CONFLICT DO NOTHING
    RETURNING stripe_event_id
)
INSERT INTO stripe_event_queue (stripe_event_id, parked_reason, parked_at)
SELECT stripe_event_id, parked_reason, CASE WHEN parked_reason IS NOT NULL THEN now() END
FROM incoming JOIN stored USING (stripe_event_id)
WHERE is_queued
"""


def parameters(deliveries: Iterable[Delivery]) -> tuple[list[Any], ...]:
    """The parameters of `STORE`: a list a column, one row an event, in the order of their ids."""
    unique = {delivery.stripe_event_id: delivery for delivery in deliveries}
    rows = sorted(unique.values(), key=lambda delivery: delivery.stripe_event_id)
    return (
        [row.stripe_event_id for row in rows],
        [row.source for row in rows],
        [row.type for row in rows],
        [row.object_id for row in rows],
        [row.account for row in rows],
        [row.is_live for row in rows],
        [row.api_version for row in rows],
        [row.created for row in rows],
        [row.body for row in rows],
        [row.is_queued for row in rows],
        [row.parked_reason for row in rows],
    )


def store(session: Session, deliveries: Sequence[Delivery]) -> int:
    """Store a fetched batch in this transaction; how many of it are newly queued."""
    if not deliveries:
        return 0
    return session.connection().exec_driver_sql(STORE, parameters(deliveries)).rowcount


def stored(session: Session, stripe_event_ids: Sequence[str]) -> set[str]:
    """Which of these are in the inbox already."""
    return set(
        session.scalars(
            select(StripeEvent.stripe_event_id).where(among(StripeEvent.stripe_event_id, stripe_event_ids))
        )
    )


def fetched_id(stripe_id: str) -> str:
    """Under which id a fetched object that never changes stands in the inbox."""
    return f"fetched:{stripe_id}"


def of_event(envelope: Envelope, body: bytes, *, source: str) -> Delivery:
    """An event as it is stored: parked at once when it is not for this house."""
    return Delivery(
        stripe_event_id=envelope.id,
        source=source,
        type=envelope.type,
        object_id=envelope.data.object.id,
        account=envelope.account,
        is_live=envelope.livemode,
        api_version=envelope.api_version,
        created=envelope.created,
        body=body,
        parked_reason=why_not_for_us(
            is_live=envelope.livemode, account=envelope.account, api_version=envelope.api_version
        ),
    )


def of_balance_transaction(fetched: Mapping[str, Any]) -> Delivery:
    """A fetched balance transaction as it is stored. It never changes, so its own id is its key."""
    return Delivery(
        stripe_event_id=fetched_id(str(fetched["id"])),
        source="fetch",
        type=FETCHED_BALANCE_TRANSACTION,
        object_id=str(fetched["id"]),
        account=None,
        is_live=settings().is_live,
        api_version=API_VERSION,
        created=int(fetched["created"]),
        body=as_bytes(fetched),
    )


def of_snapshot(type_: str, fetched: Mapping[str, Any], *, asked_at: datetime) -> Delivery:
    """An object of `FETCHED_SNAPSHOTS` as it stood when we asked."""
    return Delivery(
        stripe_event_id=f"fetched:{type_}:{fetched['id']}:{int(asked_at.timestamp())}",
        source="fetch",
        type=type_,
        object_id=str(fetched["id"]),
        account=None,
        is_live=settings().is_live,
        api_version=API_VERSION,
        created=int(asked_at.timestamp()),
        body=as_bytes(fetched),
    )


def of_adopted(taken: Mapping[str, Any], fetched: Mapping[str, Any]) -> Delivery:
    """Something taken over from another platform, with what was decided about it: once and for all."""
    return Delivery(
        stripe_event_id=fetched_id(f"{taken['object']}:{fetched['id']}"),
        source="fetch",
        type=str(taken["object"]),
        object_id=str(fetched["id"]),
        account=None,
        is_live=settings().is_live,
        api_version=API_VERSION,
        created=int(fetched["created"]),
        body=as_bytes(taken),
    )


def of_payout(fetched: Mapping[str, Any]) -> Delivery:
    """A payout as it was when we asked. It changes, so its key is what it says: the same is not stored
    twice."""
    return _of_something_that_changes(FETCHED_PAYOUT, str(fetched["id"]), int(fetched["created"]), fetched)


def of_payout_list(payout: Mapping[str, Any], carried: Sequence[Mapping[str, Any]]) -> Delivery:
    """What a payout carries, as one document: half a list would prove nothing."""
    listed = {
        "object": FETCHED_PAYOUT_LIST,
        "payout": payout,
        "carried": [{"id": each["id"], "net": each["net"]} for each in carried],
    }
    return _of_something_that_changes(FETCHED_PAYOUT_LIST, str(payout["id"]), int(payout["created"]), listed)


def _of_something_that_changes(
    type_: str, stripe_id: str, created: int, fetched: Mapping[str, Any]
) -> Delivery:
    body = as_bytes(fetched)
    return Delivery(
        stripe_event_id=f"fetched:{type_}:{stripe_id}:{sha256(body).hexdigest()[:24]}",
        source="fetch",
        type=type_,
        object_id=stripe_id,
        account=None,
        is_live=settings().is_live,
        api_version=API_VERSION,
        created=created,
        body=body,
    )


def why_not_for_us(*, is_live: bool, account: str | None, api_version: str | None) -> str | None:
    """Why an event must not be applied in this house; None for one that is ours."""
    if is_live != settings().is_live:
        return f"{'live' if is_live else 'test'} mode event at a server of the other mode"
    if account is not None and account != settings().stripe_account:
        return f"event of account {account}, which is not ours"
    if api_version != API_VERSION:
        return f"API version {api_version}; the endpoint must be created with {API_VERSION}"
    return None

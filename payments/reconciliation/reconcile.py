"""The whole round: match what is certain, find what does not fit, and keep the queue of exceptions.

An exception stays the same row for as long as it is found, so its owner and its age stay with it. One that
is no longer found is gone by itself; one that a person accepted does not come back with the same amount.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import extract, func, select, text, tuple_
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import new_id
from payments.donations.organisation import receiving_entity
from payments.reconciliation import findings, matching, telling
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.candidates import Candidate
from payments.reconciliation.findings import Finding
from payments.reconciliation.models import Discrepancy, ReconciliationRound
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.translations import N_, Told

MAY_ACCEPT = (Role.APPROVER,)
MAY_GIVE = (*MAY_RECONCILE, *MAY_ACCEPT)
_ONE_AT_A_TIME = func.hashtextextended("reconcile", 0)
_FRESH = timedelta(minutes=5)


class ExceptionUnknown(Told):
    """No open exception has this id."""

    sentence = N_("There is no open exception {id}. `almoner exceptions list` shows them all.")

    def __init__(self, discrepancy_id: str) -> None:
        super().__init__(id=discrepancy_id)


class OwnException(Told):
    """Whoever works on it does not also accept it."""

    sentence = N_("Whoever owns an exception does not accept it. Ask another approver.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round came to."""

    matched: Sequence[Candidate]
    opened: int
    gone: int
    open: Sequence[Discrepancy]

    @property
    def blocks_close(self) -> int:
        """How many of the open ones keep a month from closing."""
        return sum(each.blocks_close for each in self.open)


def reconcile(session: Session) -> Round:
    """One round over everything. Two at once wait for each other."""
    session.execute(text("set local statement_timeout = '5min'"))
    session.execute(text("set local lock_timeout = '5min'"))  # for as long as the other's round may take
    session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    session.execute(text("set local lock_timeout to default"))
    # Every gift meets its movement once: in memory, and not on the disk.
    session.execute(text("set local work_mem = '64MB'"))
    matched = matching.match_what_is_certain(session)
    session.flush()
    at = now()
    found = findings.everything(session, at=at, today=day_in(receiving_entity(session).time_zone, at))
    opened = _keep(session, found)
    gone = _let_go(session, found)
    done = Round(matched=matched, opened=opened, gone=gone, open=queue(session))
    session.add(
        ReconciliationRound(
            matched=len(matched),
            opened=opened,
            gone=gone,
            open=len(done.open),
            blocks_close=done.blocks_close,
        )
    )
    session.flush()
    return done


def reconcile_if_due(session: Session) -> Round | None:
    """A round, unless somebody is at it or was a moment ago; for whoever comes by the clock."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_ONE_AT_A_TIME))):
        return None
    age = standing(session).age_seconds
    if age is not None and age < _FRESH.total_seconds():
        return None
    return reconcile(session)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How reconciliation stands, without looking anew."""

    age_seconds: int | None
    """Since the last round, by the database's clock; None before the first."""
    open: int
    blocks_close: int
    payouts_not_proven: int


def standing(session: Session) -> Standing:
    """The queue in four numbers, and how old they are."""
    is_of_a_payout = Discrepancy.kind.in_(("payout_differs", "payout_not_proven"))
    counted = session.execute(
        select(
            func.count(),
            func.count().filter(Discrepancy.blocks_close),
            func.count().filter(is_of_a_payout),
        ).where(Discrepancy.status == "open")
    ).one()
    age = session.scalar(
        select(extract("epoch", func.now() - ReconciliationRound.ended_at))
        .order_by(ReconciliationRound.id.desc())
        .limit(1)
    )
    return Standing(
        age_seconds=int(age) if age is not None else None,
        open=counted[0],
        blocks_close=counted[1],
        payouts_not_proven=counted[2],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which of the open ones."""

    kind: str | None = None
    owner: StaffMember | None = None
    is_blocking: bool = False


def queue(
    session: Session, chosen: Chosen | None = None, *, limit: int | None = None, after: str | None = None
) -> Sequence[Discrepancy]:
    """What is open, what is due first on top; `after` names the last one of the page before.

    That one may be closed by now: it still has its place, and the page that follows it begins there.
    """
    chosen = chosen or Chosen()
    wanted = (
        select(Discrepancy)
        .where(Discrepancy.status == "open")
        .order_by(*_ORDER)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    if chosen.kind is not None:
        wanted = wanted.where(Discrepancy.kind == chosen.kind)
    if chosen.owner is not None:
        wanted = wanted.where(Discrepancy.owner_id == chosen.owner.id)
    if chosen.is_blocking:
        wanted = wanted.where(Discrepancy.blocks_close)
    if after is not None:
        last = session.get(Discrepancy, after)
        if last is None:
            raise ExceptionUnknown(after)
        place = (last.due_on, last.opened_at, last.kind, last.subject_id)
        wanted = wanted.where(tuple_(*_ORDER) > place)
    return session.scalars(wanted).all()


_ORDER = (Discrepancy.due_on, Discrepancy.opened_at, Discrepancy.kind, Discrepancy.subject_id)


def give_to(
    session: Session, discrepancy_id: str, owner: StaffMember, *, due_on: date | None, by: StaffMember
) -> Discrepancy:
    """Somebody looks after it from now on."""
    people.require(by, *MAY_GIVE)
    row = _open(session, discrepancy_id)
    before, row.owner_id = row.owner_id, owner.id
    row.due_on = due_on or row.due_on
    audit.note(
        session,
        by,
        "exception.give_to",
        subject=row.id,
        reason=row.kind,
        before=before,
        after=owner.id,
        due_on=row.due_on.isoformat(),
    )
    return row


def accept(session: Session, discrepancy_id: str, *, by: StaffMember, reason: str) -> Discrepancy:
    """It stays as it is, with a reason, on the word of somebody who does not work on it."""
    people.require(by, *MAY_ACCEPT)
    row = _open(session, discrepancy_id)
    if not may_accept(row, by):
        raise OwnException
    row.status, row.accepted_by, row.closed_at = "accepted", by.id, now()
    row.note = people.reason_given(reason)
    audit.note(
        session,
        by,
        "exception.accept",
        subject=row.id,
        reason=row.note,
        kind=row.kind,
        of=row.subject_id,
        amount=row.amount,
        currency=row.currency,
    )
    return row


def may_accept(row: Discrepancy, by: StaffMember) -> bool:
    """Whether this person's word lets it stand: an approver's who does not own it."""
    return by.may(*MAY_ACCEPT) and row.owner_id != by.id


def _open(session: Session, discrepancy_id: str) -> Discrepancy:
    row = session.get(Discrepancy, discrepancy_id, with_for_update=True)
    if row is None or row.status != "open":
        raise ExceptionUnknown(discrepancy_id)
    return row


_FOUND = """
    select * from unnest(
        cast(:ids as text[]), cast(:kinds as text[]), cast(:subjects as text[]), cast(:amounts as int8[]),
        cast(:currencies as text[]), cast(:sentences as text[]), cast(:blocks as bool[]),
        cast(:due as date[]), cast(:told as jsonb[])
    ) as _ (id, kind, subject_id, amount, currency, sentence, blocks_close, due_on, told)
"""

_KEEP = f"""
    insert into discrepancies (id, kind, subject_id, amount, currency, sentence, blocks_close, due_on, told)
    select f.id, f.kind, f.subject_id, f.amount, f.currency, f.sentence, f.blocks_close, f.due_on, f.told
    from ({_FOUND}) f
    where not exists (
        select from discrepancies d where d.status = 'accepted' and d.kind = f.kind
            and d.subject_id = f.subject_id and d.amount is not distinct from f.amount
    )
    on conflict (kind, subject_id) where status = 'open' do update
    set amount = excluded.amount, currency = excluded.currency, sentence = excluded.sentence,
        told = excluded.told, found_at = now()
    returning (xmax = 0) as is_new
"""

_LET_GO = """
    update discrepancies d set status = 'gone', closed_at = now()
    where d.status = 'open' and not exists (
        select from unnest(cast(:kinds as text[]), cast(:subjects as text[])) as f (kind, subject_id)
        where f.kind = d.kind and f.subject_id = d.subject_id
    )
    returning d.id
"""


def _keep(session: Session, found: Sequence[Finding]) -> int:
    """Write what was found; how much of it is new."""
    rows = session.execute(
        text(_KEEP),
        {
            "ids": [new_id("exc") for _ in found],
            "kinds": [each.kind for each in found],
            "subjects": [each.subject_id for each in found],
            "amounts": [each.amount.minor if each.amount is not None else None for each in found],
            "currencies": [each.amount.currency if each.amount is not None else None for each in found],
            "sentences": [str(each.told) for each in found],
            "blocks": [each.blocks_close for each in found],
            "due": [each.due_on for each in found],
            "told": [json.dumps(telling.as_json(each.told)) for each in found],
        },
    )
    return sum(row.is_new for row in rows)


def _let_go(session: Session, found: Sequence[Finding]) -> int:
    """What is no longer found is gone; how much that is."""
    rows = session.execute(
        text(_LET_GO),
        {
            "kinds": [each.kind for each in found],
            "subjects": [each.subject_id for each in found],
        },
    )
    return len(rows.all())


def age_in_days(row: Discrepancy, at: datetime) -> int:
    """How long it has been open."""
    return (at - row.opened_at).days

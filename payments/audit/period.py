"""What a pack says of the whole stretch beside the sample: who worked here, what people did about money,
which months are closed, how many donors were erased."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from payments.audit.masking import without_names
from payments.audit.stretch import Stretch, months_in
from payments.audit.telling import Row
from payments.database import stream
from payments.reconciliation import pack
from payments.reconciliation.closings import MonthClosing
from payments.reconciliation.months import Month

MONEY_DEEDS = frozenset(
    {
        *("adoption.begin", "adoption.finish"),
        *("bank.account_add", "bank.account_profile", "bank.import", "bank.match", "bank.unmatch"),
        *("double.close", "exception.accept", "exception.give_to"),
        *("export.make", "export.map", "fraud_warning.handle"),
        *("gift.low_cost_items", "giftaid.claim", "korea.issued"),
        *("ledger.classify", "ledger.reclassify", "month.close", "month.reopen"),
        *("monthly.amount", "monthly.day", "monthly.pause", "monthly.resume", "monthly.stop"),
        *("offline.deposit", "offline.record", "offline.reverse"),
        *("owed.approve", "owed.decline", "owed.keep", "owed.prepare"),
        *("receipt.replace", "receipt.void", "refund.approve", "refund.decline", "refund.request"),
        "stripe_report.import",
    }
)
"""Deeds that moved money, said what money is, or changed what is said of it. Who read what, who signed in and
what donors were sent is no part of it; a donor who was erased is counted and not named."""

COLUMNS: Mapping[str, Sequence[str]] = {
    "staff.csv": ("at", "person", "name", "what", "roles_before", "roles_after", "by"),
    "deeds.csv": ("number", "at", "person", "name", "deed", "subject", "gift", "reason", "facts"),
    "months.csv": (
        *("month", "status", "version", "closed_by", "closed_at", "pack_sha256", "journal_sha256"),
        *("journal_sha256_now", "book_says_the_same", "reopened_by", "reopened_at", "reopen_reason"),
    ),
    "erasures.csv": ("month", "donors_erased"),
}


def staff(session: Session, stretch: Stretch) -> Iterator[Row]:
    """Every role that was given or taken up to the stretch's end, in that order."""
    for row in stream(session, _STAFF, stretch.asked):
        facts = row.facts
        after = facts.get("after", facts.get("roles", []))
        yield (
            *(row.at, row.subject, row.name, row.deed.removeprefix("staff.")),
            *(" ".join(facts.get("before", [])), " ".join(after), row.by),
        )


def deeds(session: Session, stretch: Stretch, *, is_named: bool) -> Iterator[Row]:
    """What people did in the stretch about money; deeds about a gift of another body are left out."""
    asked = stretch.asked | {"deeds": sorted(MONEY_DEEDS)}
    for row in stream(session, _DEEDS, asked):
        personal = [each for each in row.personal or () if each]
        said = (row.reason, json.dumps(row.facts, ensure_ascii=False, sort_keys=True))
        if not is_named:
            said = (without_names(said[0], personal), without_names(said[1], personal))
        yield (row.id, row.at, row.staff_id, row.name, row.deed, row.subject, row.gift, *said)


def erasures(session: Session, stretch: Stretch) -> Iterator[Row]:
    """How many donors were erased in each month, of all bodies together."""
    yield from stream(session, _ERASURES, stretch.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthStands:
    """One closing of a month, or that it is open; and whether the book still says what its pack says."""

    month: Month
    closing: MonthClosing | None
    journal_sha256: str | None
    """Of the journal in the pack."""
    now_sha256: str
    """Of the same journal as it would be drawn now."""

    @property
    def is_closed(self) -> bool:
        """Whether this closing stands."""
        return self.closing is not None and self.closing.reopened_at is None

    @property
    def is_same(self) -> bool | None:
        """None where there is no closing that stands, and so nothing that must be the same."""
        return self.now_sha256 == self.journal_sha256 if self.is_closed else None

    def row(self, staff: Mapping[str, str]) -> Row:
        """As a line of the pack."""
        closing = self.closing
        if closing is None:
            return (self.month.name, "open", *(None,) * 5, self.now_sha256, *(None,) * 4)
        return (
            *(self.month.name, "closed" if self.is_closed else "reopened", closing.version),
            *(staff.get(closing.closed_by), closing.closed_at, closing.pack_sha256),
            *(self.journal_sha256, self.now_sha256, self.is_same),
            *(staff.get(closing.reopened_by or ""), closing.reopened_at, closing.reopen_reason),
        )


def months(session: Session, stretch: Stretch) -> Iterator[MonthStands]:
    """Every closing of every month of it. One pack at a time is in memory."""
    for month in months_in(session, stretch):
        now_sha256 = pack.journal_sha256(session, month)
        closings = session.scalars(
            select(MonthClosing)
            .where(MonthClosing.entity_id == month.entity_id, MonthClosing.month == month.first_day)
            .order_by(MonthClosing.version)
            .options(undefer(MonthClosing.pack))
        )
        found = [_stands(session, month, closing, now_sha256) for closing in closings]
        yield from found or [
            MonthStands(month=month, closing=None, journal_sha256=None, now_sha256=now_sha256)
        ]


def _stands(session: Session, month: Month, closing: MonthClosing, now_sha256: str) -> MonthStands:
    files: dict[str, Any] = pack.manifest_of(closing.pack)["files"]
    session.expire(closing, ["pack"])
    return MonthStands(
        month=month,
        closing=closing,
        journal_sha256=str(files["journal.csv"]["sha256"]),
        now_sha256=now_sha256,
    )


_STAFF = """
    select a.at, a.subject, s.name, a.deed, a.facts, by.name as by
    from audit_log a join staff_members s on s.id = a.subject join staff_members by on by.id = a.staff_id
    where a.deed in ('staff.add_first', 'staff.add', 'staff.roles', 'staff.deactivate') and a.at < %(ends)s
    order by a.id
"""

_DEEDS = """
    select a.id, a.at, a.staff_id, s.name, a.deed, a.subject, d.id as gift, a.reason, a.facts,
        array[d.donor_name, d.dedication_name, o.name, o.email, c.name, c.email,
            m.donor_name, p.name, p.email] || case when d.id is null and m.id is null then array(
                select n.name from donors n where strpos(lower(a.reason), lower(n.name)) > 0) end as personal
    from audit_log a
    join staff_members s on s.id = a.staff_id
    left join lateral (
        select coalesce(
            (select g.id from donations g where g.id = a.subject),
            (select r.donation_id from refunds r where r.id = a.subject),
            (select r.donation_id from receipts r where r.id = a.subject),
            (select p.donation_id from owed_payments p where p.id = a.subject),
            (select f.donation_id from fraud_warnings f where f.stripe_fraud_warning_id = a.subject),
            (select p.donation_id from disputes p where p.stripe_dispute_id = a.subject),
            (select g.id from donations g where g.id = a.facts ->> 'of'),
            (select g.id from discrepancies x join donations g on g.id = x.subject_id
                where x.id = a.subject),
            (select c.donation_id from balance_transactions b
                join charges c on c.stripe_charge_id = b.source_id
                where b.stripe_balance_transaction_id = a.subject)
        ) as id
    ) about on true
    left join donations d on d.id = about.id
    left join donors o on o.id = d.donor_id
    left join donors c on c.id = d.soft_credit_donor_id
    left join monthly_gifts m on m.id = a.subject
    left join donors p on p.id = m.donor_id
    where a.deed = any (%(deeds)s) and a.at >= %(begins)s and a.at < %(ends)s
        and (d.entity_id is null or d.entity_id = %(entity)s)
        and (m.entity_id is null or m.entity_id = %(entity)s)
        and not exists (
            select from bank_lines l join bank_accounts b on b.id = l.bank_account_id
            where l.id = a.subject and b.entity_id <> %(entity)s)
    order by a.id
"""

_ERASURES = """
    select to_char(erased_at at time zone %(zone)s, 'YYYY-MM') as month, count(*) as donors
    from erasures where erased_at >= %(begins)s and erased_at < %(ends)s
    group by 1 order by 1
"""

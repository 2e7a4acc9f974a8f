# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""Rows of append-only tables that speak of a donor and are kept by no law: found, to be erased one by one."""

from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.privacy.belongings import Belongings
from payments.reconciliation.exports.targets import TARGETS

WITH_DONORS = [name for name, target in TARGETS.items() if target.holds_personal_data]


def found(session: Session, mine: Belongings, *, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each with its table. Bodies of events are searched for the address and the customer, and looked up by
    the ids of everything else: to search all for all would take minutes."""
    asked = mine.asked | {
        "ids": list(mine.stripe_ids),
        "needles": [*mine.emails, *mine.customers],
        "names": list(names),
        "about": [*mine.records, *mine.papers, *mine.stripe_ids],
        "targets": WITH_DONORS,
    }
    for table, question in _QUESTIONS:
        for row_id in session.scalars(text(question), asked):
            yield table, str(row_id)


_NAMED = """exists (select from unnest(cast(:names as text[])) said (name)
    where strpos(lower({column}), lower(said.name)) > 0)"""

_QUESTIONS = (
    (
        "stripe_events",
        """
        select stripe_event_id from stripe_events where object_id = any (:ids)
        union
        select e.stripe_event_id from stripe_events e
        cross join lateral (select lower(encode(e.body, 'escape')) as body offset 0) plain
        where exists (
            select from unnest(cast(:needles as text[])) said (word)
            where strpos(plain.body, lower(encode(convert_to(said.word, 'UTF8'), 'escape'))) > 0
        )
        """,
    ),
    (
        "audit_log",
        f"""
        select id from audit_log
        where exists (select from unnest(cast(:emails as text[])) said (word)
                where strpos(lower(reason), said.word) > 0)
            or subject = any (:about) and {_NAMED.format(column="reason")}
        """,
    ),
    (
        "balance_transactions",
        # Of their events no description is left either, so the two still agree.
        """
        select stripe_balance_transaction_id from balance_transactions
        where stripe_balance_transaction_id = any (:ids) and description is not null
        """,
    ),
    (
        "export_chunks",
        """
        select distinct x.batch_number
        from exported_entries x join journal_entries e on e.number = x.entry_number
        where e.donation_id = any (:donations) and x.target = any (:targets)
        """,
    ),
    (
        "gift_aid_declarations",
        """
        select id from gift_aid_declarations a
        where a.donor_id = :donor
            and not exists (select from gift_aid_lines l where l.declaration_id = a.id)
        """,
    ),
)

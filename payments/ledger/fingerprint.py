"""One hash over the whole journal: equal before and after a deed that must not touch it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """How many entries, and the SHA-256 of all of them with their moves, in the order of writing."""

    entries: int
    sha256: str


def seen_now(session: Session) -> str:
    """What is committed at this instant, for a fingerprint that is to be taken again later: what others book
    meanwhile is then left out."""
    return str(session.execute(text("select pg_current_snapshot()::text")).scalar_one())


def take(session: Session, *, seen: str) -> Fingerprint:
    """Of every entry that was committed when `seen_now` was asked."""
    entries, sha256 = session.execute(_ALL, {"seen": seen}).one()
    return Fingerprint(entries=entries, sha256=sha256)


_ALL = text("""
    with moved as (
        select reference, string_agg(
            concat_ws('|', position, from_account, to_account, amount, currency, coalesce(fund_id, '')),
            ';' order by position) as moves
        from journal_moves group by reference
    )
    select count(*), encode(sha256(coalesce(string_agg(sha256(convert_to(
            concat_ws('|', e.reference, e.kind, e.entity_id, coalesce(e.donation_id, ''), e.effective_on,
                extract(epoch from e.occurred_at), e.description, moved.moves), 'UTF8')),
            ''::bytea order by e.number), '')), 'hex')
    from journal_entries e join moved using (reference)
    where pg_visible_in_snapshot(e.posted_in, cast(:seen as pg_snapshot))
""")

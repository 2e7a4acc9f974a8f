"""What the books say at the story's end, held against the sandbox and against the story's own memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text

from payments.database import transaction
from payments.ledger import balances
from payments.verify.checks import CHECKS
from payments.verify.run import proving


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The story in numbers, and what is wrong with it."""

    instalments: int
    receipts: int
    entries: int
    gifts: dict[str, int]
    """How many monthly gifts stand how."""
    totals: dict[str, int]
    """What was given, by currency, in minor units."""
    events: int
    """How many of Stripe's webhooks came and were stored; what nobody asked it to send is not among them."""
    parked: int
    wrong: list[str]


def reckon() -> Reckoning:
    """Prove every law of the books and add up the year."""
    with transaction() as session:
        one = session.execute(_NUMBERS).one()
        gifts = {row.status: row.many for row in session.execute(_GIFTS)}
        totals = {row.currency: row.total for row in session.execute(_TOTALS)}
        wrong = [f"{row.what}: {row.id}" for row in session.execute(_WRONG)]
        wrong += [
            f"{proof.currency}: the book does not tie"
            for proof in balances.tie_out(session)
            if not proof.is_proven
        ]
    return Reckoning(
        instalments=one.instalments,
        receipts=one.receipts,
        entries=one.entries,
        events=one.events,
        gifts=gifts,
        totals=totals,
        parked=one.parked,
        wrong=[*wrong, *_breaches()],
    )


def _breaches() -> Iterator[str]:
    with proving(CHECKS, readers=2) as proofs:
        for proof in proofs:
            for finding in proof.findings():
                yield f"{proof.check.kind}: {finding.sentence}"


_NUMBERS = text("""
    select
        (select count(*) from donations where status = 'paid') as instalments,
        (select count(*) from receipts) as receipts,
        (select count(*) from journal_entries) as entries,
        (select count(*) from stripe_events where source = 'webhook') as events,
        (select count(*) from stripe_event_queue where parked_reason is not null) as parked
""")
_GIFTS = text("select status, count(*) as many from monthly_gifts group by status order by 2 desc")
_TOTALS = text("""
    select currency, cast(sum(amount) as bigint) as total from donations
    where status = 'paid' group by currency
""")
_WRONG = text("""
    select 'paid invoice without its gift' as what, stripe_invoice_id as id from monthly_invoices
    where status = 'paid' and amount_paid > 0 and donation_id is null and monthly_gift_id is not null
    union all
    select 'instalment without a receipt', donations.id from donations
    left join receipts on receipts.donation_id = donations.id
    where donations.status = 'paid' and receipts.id is null
    union all
    select 'charged after the end and not given back', donations.id
    from donations join monthly_gifts on monthly_gifts.id = donations.monthly_gift_id
    where donations.paid_at > monthly_gifts.ended_at and not exists (
        select from refunds where refunds.donation_id = donations.id)
""")

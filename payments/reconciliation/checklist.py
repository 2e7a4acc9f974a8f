"""What must be so before a month is closed, each item with its evidence and with what to do if it is not.

The items read; nothing is mended here. Whoever closes goes a round of `reconcile` first, so that the queue
of exceptions is of today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.money import Money
from payments.reconciliation import bank_lineup, closings, months, tie_out
from payments.reconciliation import checklist_queries as queries
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.exports import departures
from payments.reconciliation.months import Month
from payments.reconciliation.tie_out import TieOut

_LOOKED_RECENTLY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was looked at."""

    kind: str
    title: str
    is_ok: bool
    sentence: str
    """What was found."""
    remedy: str = ""
    """What to do, where it is not as it should be."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """The figures behind it: numbers, ids and days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A law of the book that does not hold: its name, and the first thing to look at in words."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Laws:
    """What a proof of the book's laws came to. It is asked above this room (`payments.verify`)."""

    proved: int
    broken: tuple[Broken, ...] = ()


def checklist(
    session: Session, month: Month, laws: Laws | None, *, tied: Sequence[TieOut] | None = None
) -> tuple[Item, ...]:
    """Every item, in the order in which one works through them; without the laws where nobody proved
    them just now. `tied` are the month's tie-outs, where they are known already."""
    take_time(session)
    items = (
        _month_is_over(month),
        _months_before(session, month),
        _what_stripe_said(session, month),
        _ties_out(tie_out.tie_outs(session, month) if tied is None else tied),
        _statements(session, month),
        _bank_and_book(session, month),
        _suspense(session, month),
        _exceptions(session, month),
        _receipts(session, month),
        _exports(session, month),
    )
    return items if laws is None else (*items, _laws_hold(laws))


def take_time(session: Session) -> None:
    """What is asked of a whole book may take longer than a page."""
    session.execute(text("set local statement_timeout = '10min'"))


def _month_is_over(month: Month) -> Item:
    is_over = month.is_over(now())
    return Item(
        kind="month_over",
        title="The month is over",
        is_ok=is_over,
        sentence=f"{month.title} {'ended' if is_over else 'ends'} at midnight after {month.last_day},"
        f" {month.time_zone}.",
        remedy="" if is_over else "Wait until then.",
        evidence={"last_day": month.last_day.isoformat(), "time_zone": month.time_zone},
    )


def _months_before(session: Session, month: Month) -> Item:
    first = months.first_month(session, month.entity_id)
    through = closings.closed_through(session, month.entity_id)
    title = "The months before are closed"
    if through is not None and month.last_day <= through:
        return Item(
            kind="months_before",
            title=title,
            is_ok=False,
            sentence=f"{month.title} is closed already; the books are closed through {through}.",
            remedy="See it with `almoner close status`.",
        )
    opens_on = through + timedelta(days=1) if through is not None else first
    is_next = opens_on is None or opens_on >= month.first_day
    return Item(
        kind="months_before",
        title=title,
        is_ok=is_next,
        sentence=f"The books are closed through {through}."
        if through is not None
        else f"The book begins in {first:%B %Y}."
        if first is not None
        else "There is nothing in the book.",
        remedy="" if is_next or opens_on is None else f"First close {opens_on:%Y-%m}.",
        evidence={"closed_through": through.isoformat() if through is not None else None},
    )


def _what_stripe_said(session: Session, month: Month) -> Item:
    """Everything that was heard of is done, and Stripe's own number says that nothing was missed."""
    title = "All of Stripe is in the book"
    if not month.receives_online:
        return Item(
            kind="stripe_read", title=title, is_ok=True, sentence="Stripe's account is not this body's."
        )
    found = session.execute(text(queries.STRIPE_READ), {"ends": month.ends}).one()
    waiting = [f"{found.queued} events wait or are parked"] if found.queued else []
    waiting += [f"{found.not_booked} movements are not in the book"] if found.not_booked else []
    if found.moved and (found.asked_at is None or found.asked_at < month.ends):
        waiting.append("Stripe has not been asked for its balance since the month ended")
    return Item(
        kind="stripe_read",
        title=title,
        is_ok=not waiting,
        sentence="; ".join(waiting) + "."
        if waiting
        else f"{found.moved} movements up to the end of the month, all in the book; nothing waits.",
        remedy="`almoner events list --parked` shows what waits, `almoner close check` asks Stripe anew."
        if waiting
        else "",
        evidence={
            "movements": found.moved,
            "waiting": found.queued,
            "not_booked": found.not_booked,
            "stripe_asked_at": found.asked_at.isoformat() if found.asked_at is not None else None,
        },
    )


def _ties_out(proofs: Sequence[TieOut]) -> Item:
    wrong = [said for proof in proofs if (said := _why_not(proof)) is not None]
    right = ", ".join(str(Money(proof.closing, proof.currency)) for proof in proofs)
    return Item(
        kind="tie_out",
        title="The book ties with Stripe",
        is_ok=not wrong,
        sentence=" ".join(wrong)
        if wrong
        else f"Stripe's ending balance is the book's, to the cent: {right}."
        if proofs
        else "Stripe held nothing.",
        remedy="`almoner close tie-out` tells it by category. If Stripe was asked a moment ago, wait a minute"
        " and look again."
        if wrong
        else "",
        evidence={proof.currency: _told(proof) for proof in proofs},
    )


def _why_not(proof: TieOut) -> str | None:
    name = proof.currency.upper()
    if proof.unexplained:
        return (
            f"{name}: {Money(proof.unexplained, proof.currency)} between the book and Stripe is unexplained."
        )
    if proof.asked is not None and proof.asked.difference:
        return (
            f"{name}: Stripe says it holds {Money(proof.asked.total, proof.currency)}, its movements come to"
            f" {Money(proof.asked.mirrored, proof.currency)}."
        )
    if proof.report_ending not in (None, proof.closing):
        return (
            f"{name}: Stripe's report ends with {Money(proof.report_ending or 0, proof.currency)}, the"
            f" movements with {Money(proof.closing, proof.currency)}."
        )
    return None


def _told(proof: TieOut) -> dict[str, Any]:
    return {
        "opening": proof.opening,
        "activity": {line.category: line.net for line in proof.activity},
        "payouts": proof.payouts.net,
        "closing": proof.closing,
        "in_the_book": proof.in_the_book,
        "not_yet_effective": {each.stripe_payout_id: each.amount for each in proof.not_yet_effective},
        "late": proof.late,
        "unexplained": proof.unexplained,
        "stripes_own_number": proof.asked.total if proof.asked is not None else None,
        "report_ending": proof.report_ending,
    }


def _statements(session: Session, month: Month) -> Item:
    found = bank_lineup.accounts(session, month)
    short = [each.bank_account_id for each in found if not each.covers(month)]
    begun = [
        f"{each.bank_account_id} is told from {each.told_from}"
        for each in found
        if each.told_from is not None and each.told_from > month.first_day
    ]
    if short:
        sentence = f"The statements of {', '.join(short)} do not tell the month to its end without a gap."
    elif found:
        told = f"The statements of {', '.join(each.bank_account_id for each in found)} tell the whole month."
        sentence = " ".join([told, *(f"{each}." for each in begun)])
    else:
        sentence = "No bank account is set up, so nothing is proven at the bank."
    return Item(
        kind="bank_statements",
        title="The bank statements are complete",
        is_ok=not short,
        sentence=sentence,
        remedy="Import what is missing: `almoner bank import FILE --account ID`." if short else "",
        evidence={each.bank_account_id: _plain(asdict(each)) for each in found},
    )


def _bank_and_book(session: Session, month: Month) -> Item:
    found = bank_lineup.lineups(session, month)
    wrong = [each for each in found if each.unexplained]
    open_items = sum(len(each.not_on_statements) + len(each.of_other_months) for each in found)
    return Item(
        kind="bank_book",
        title="The bank agrees with the book",
        is_ok=not wrong,
        sentence=" ".join(
            f"{each.currency.upper()}: {Money(each.unexplained, each.currency)} is unexplained."
            for each in wrong
        )
        if wrong
        else f"Every line that is ours has its entry; {open_items} entries are on a line of another month or"
        " on none yet."
        if open_items
        else "Every line that is ours has its entry, and every entry its line.",
        remedy="`almoner reconcile`, then `almoner exceptions list`." if wrong else "",
        evidence={each.currency: _plain(asdict(each)) | {"unexplained": each.unexplained} for each in found},
    )


def _suspense(session: Session, month: Month) -> Item:
    given = {"entity": month.entity_id, "last_day": month.last_day}
    rows = session.execute(text(queries.SUSPENSE), given).all()
    unsaid = [row for row in rows if not row.is_said]
    later = [row.subject for row in rows if row.is_said]
    return Item(
        kind="suspense",
        title="Nothing is in suspense",
        is_ok=not unsaid,
        sentence=f"Nobody has said what {len(unsaid)} movements are."
        if unsaid
        else f"{len(later)} movements stood in suspense at the end of the month and were classified since."
        if later
        else "Nothing is in suspense.",
        remedy="`almoner ledger suspense`, then `almoner ledger classify`." if unsaid else "",
        evidence={"unclassified": [row.subject for row in unsaid], "classified_later": later},
    )


def _exceptions(session: Session, month: Month) -> Item:
    rows = session.execute(text(queries.EXCEPTIONS), exceptions_of(month)).all()
    age = rounds.standing(session).age_seconds
    if age is None or age > _LOOKED_RECENTLY.total_seconds():
        return Item(
            kind="exceptions",
            title="No exception keeps it open",
            is_ok=False,
            sentence="Nobody has looked for what does not fit in the last day.",
            remedy="Run `almoner reconcile`.",
        )
    blocking = [row for row in rows if row.status == "open" and row.blocks_close]
    accepted = [row for row in rows if row.status == "accepted"]
    others = len(rows) - len(blocking) - len(accepted)
    return Item(
        kind="exceptions",
        title="No exception keeps it open",
        is_ok=not blocking,
        sentence=f"{len(blocking)} open exceptions keep the month open."
        if blocking
        else f"{len(accepted)} are accepted as they are, and {others} open ones need not wait for a closing."
        if accepted or others
        else "Nothing is open.",
        remedy="`almoner exceptions list --blocking`: mend them, or let an approver accept them."
        if blocking
        else "",
        evidence={
            "blocking": {row.id: row.sentence for row in blocking},
            "accepted": {row.id: row.note for row in accepted},
        },
    )


def exceptions_of(month: Month) -> dict[str, Any]:
    """What the statement `EXCEPTIONS` asks for."""
    return {
        "zone": month.time_zone,
        "first_day": month.first_day,
        "last_day": month.last_day,
        "entity": month.entity_id,
    }


def _receipts(session: Session, month: Month) -> Item:
    given = {"entity": month.entity_id, "ends": month.ends}
    series = session.execute(text(queries.SERIES), given).all()
    gaps = [row for row in series if row.count != row.last]
    due = session.scalar(text(queries.DUE), given) or 0
    wrong = [
        f"{row.series}-{row.tax_year} has {row.last - row.count} numbers without a receipt" for row in gaps
    ]
    wrong += [f"{due} receipts of its gifts are still due"] if due else []
    return Item(
        kind="receipts",
        title="The receipt register has no gap",
        is_ok=not wrong,
        sentence="; ".join(wrong) + "."
        if wrong
        else "; ".join(f"{row.series}-{row.tax_year}: {row.count} numbers, none missing" for row in series)
        + "."
        if series
        else "No receipt was ever issued.",
        remedy="`almoner receipts due` says why receipts wait; a missing number is a fault of the database:"
        " `almoner ledger verify`."
        if wrong
        else "",
        evidence={f"{row.series}-{row.tax_year}": row.count for row in series} | {"due": due},
    )


def _exports(session: Session, month: Month) -> Item:
    days = month.first_day, month.last_day
    found = departures.covering(session, month.entity_id, *days)
    is_used = departures.in_use(session, month.entity_id)
    counted = {
        target: departures.left_behind(session, month.entity_id, target, *days)
        for target in sorted({target for _, target, _ in found})
    }
    since = {target: count for target, count in counted.items() if count}
    remedy = ""
    if since:
        told = ", ".join(f"{count} for {target}" for target, count in since.items())
        sentence = f"Entries of the month came after its export: {told}."
        remedy = f"Let them follow: `almoner export {next(iter(since))} --month {month.name}`."
    elif found:
        sentence = f"Batches {', '.join(str(number) for number, _, _ in found)} hold the whole month."
    elif is_used:
        sentence = "No batch of exports holds the whole month."
        remedy = "Make one with `almoner export`."
    else:
        sentence = "The book leaves for no other program."
    return Item(
        kind="exports",
        title="The books were exported",
        is_ok=not remedy,
        sentence=sentence,
        remedy=remedy,
        evidence={str(number): {"target": target, "sha256": digest} for number, target, digest in found},
    )


def _laws_hold(laws: Laws) -> Item:
    first = laws.broken[0] if laws.broken else None
    return Item(
        kind="laws",
        title="The laws of the book hold",
        is_ok=first is None,
        sentence=f"{laws.proved} laws proved."
        if first is None
        else f"{len(laws.broken)} breaches, such as: {first.sentence}",
        remedy="" if first is None else "`almoner ledger verify` says what to do about each.",
        evidence={"proved": laws.proved, "broken": sorted({each.kind for each in laws.broken})},
    )


def _plain(told: Any) -> Any:
    """Days as text, so that it can be kept as JSON."""
    if isinstance(told, dict):
        return {name: _plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told.isoformat() if isinstance(told, date) else told

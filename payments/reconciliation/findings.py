"""What does not fit between gifts, Stripe and the bank, as data: each kind one query over the whole.

A finding names its subject, its amount, and says in a sentence what to look at, in whatever language it is
read. Nothing is written here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from payments.database import among
from payments.money import Money
from payments.reconciliation import (
    bank_days,
    candidates,
    continuity,
    finding_rules,
    on_paper,
    payout_proof,
    rules_of_the_book,
    telling,
    together,
)
from payments.reconciliation.finding_rules import Rule
from payments.reconciliation.models import BankAccount, BankLine, BankMatch
from payments.reconciliation.payout_proof import State
from payments.reconciliation.stripe_reports.rules import RULES as REPORT_RULES
from payments.reconciliation.telling import Several, Told
from payments.translations import N_

_LIST_MAY_TAKE = timedelta(days=3)
_SOON = timedelta(days=7)
_AT_ONCE = timedelta(days=2)

RULES = (*finding_rules.RULES, *rules_of_the_book.RULES, *REPORT_RULES)
COMPUTED = frozenset({"payout_differs", "payout_not_proven", "bank_gap", "bank_line_unmatched"})
"""The kinds that no single query tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not fit."""

    kind: str
    subject_id: str
    amount: Money | None
    told: Told
    blocks_close: bool
    due_on: date


def everything(session: Session, *, at: datetime, today: date) -> list[Finding]:
    """All there is to find, kind by kind."""
    given = {"today": today, "now": at, "closed": bank_days.closed(session, today=today)}
    return [
        *(found for rule in RULES for found in _by_rule(session, rule, given, today=today)),
        *_payouts(session, today=today),
        *_gaps(session, today=today),
        *_lines(session, today=today),
    ]


def _by_rule(session: Session, rule: Rule, given: dict[str, Any], *, today: date) -> Iterator[Finding]:
    asked = {name: value for name, value in given.items() if f":{name}" in rule.sql}
    for row in session.execute(text(rule.sql), asked):
        amount = Money(int(row.amount), row.currency) if row.amount is not None else None
        yield Finding(
            kind=rule.kind,
            subject_id=row.subject,
            amount=amount,
            told=Told(
                rule.says,
                {
                    "subject": row.subject,
                    "amount": amount if amount is not None else "?",
                    "detail": _detail(rule, row),
                },
            ),
            blocks_close=rule.blocks_close,
            due_on=row.due_on or today + timedelta(days=rule.days),
        )


def _detail(rule: Rule, row: Row[Any]) -> Told | str:
    phrase = getattr(row, "phrase", None)
    if phrase is None:
        return row.detail or ""
    facts: dict[str, Any] = getattr(row, "facts", None) or {}
    return Told(rule.phrases[phrase], {name: telling.read_back(fact) for name, fact in facts.items()})


def _payouts(session: Session, *, today: date) -> Iterator[Finding]:
    """Payouts that differ from what they carry, and those that nobody could prove in time."""
    for each in payout_proof.not_proven(session):
        payout, proof = each.payout, each.proof
        is_late = payout.arrives_on + _LIST_MAY_TAKE < today
        if proof.state is State.DIFFERS or is_late:
            yield Finding(
                kind="payout_differs" if proof.state is State.DIFFERS else "payout_not_proven",
                subject_id=payout.stripe_payout_id,
                amount=Money(proof.difference or payout.amount, payout.currency),
                told=Told(
                    N_("{proof} `almoner payouts show {subject}` has every line."),
                    {"proof": proof.told, "subject": payout.stripe_payout_id},
                ),
                blocks_close=True,
                due_on=today + _AT_ONCE,
            )


def _gaps(session: Session, *, today: date) -> Iterator[Finding]:
    for account in session.scalars(select(BankAccount).order_by(BankAccount.id)):
        untold = continuity.untold(session, account.id)
        missing = Money(untold, account.currency) if untold else None
        days = continuity.hole(session, account.id)
        if missing is not None:
            told = Told(
                N_(
                    "The statements of {subject} leave {amount} untold: a gap was accepted. Import the"
                    " missing statement."
                ),
                {"subject": account.id, "amount": missing},
            )
        elif days is not None:
            told = Told(
                N_(
                    "No statement of {subject} tells of {days}: a gap was accepted. Import the missing"
                    " statement."
                ),
                {"subject": account.id, "days": days},
            )
        else:
            continue
        yield Finding(
            kind="bank_gap",
            subject_id=account.id,
            amount=missing,
            told=told,
            blocks_close=True,
            due_on=today + _AT_ONCE,
        )


def _lines(session: Session, *, today: date) -> Iterator[Finding]:
    """Money that came in and nobody has said what it is, and whatever may be a payout or a top-up, with what
    it may be. Other money that went out is the charity's own business."""
    possible: dict[str, list[candidates.Candidate]] = {}
    for each in candidates.everything(session):
        possible.setdefault(each.bank_line_id, []).append(each)
    written: dict[str, list[on_paper.OnPaper]] = {}
    for paper in on_paper.everything(session):
        written.setdefault(paper.bank_line_id, []).append(paper)
    several = together.suggestions(session)
    unsaid = session.execute(
        select(BankLine.id, BankLine.amount, BankLine.currency, BankLine.booked_on)
        .where(
            (BankLine.amount > 0) | among(BankLine.id, [*possible, *several]),
            ~select(BankMatch)
            .where(BankMatch.bank_line_id == BankLine.id, BankMatch.undone_at.is_(None))
            .exists(),
        )
        .order_by(BankLine.booked_on, BankLine.id)
    )
    for line in unsaid:
        of_stripe = possible.get(line.id, ())
        is_stripes = any(each.speaks_for_itself for each in of_stripe)
        suggestions = [*of_stripe, *(() if is_stripes else written.get(line.id, ()))]
        sums = several.get(line.id, ())
        amount = Money(line.amount, line.currency)
        facts: dict[str, Any] = {"amount": amount, "day": line.booked_on.isoformat()}
        yield Finding(
            kind="bank_line_unmatched",
            subject_id=line.id,
            amount=amount,
            told=Told(N_("{amount} came in on {day} and nobody has said what it is."), facts)
            if not suggestions and not sums
            else Told(
                N_("{amount} of {day} may be {which}."),
                facts | {"which": _or(suggestions) if suggestions else _or_together(sums)},
            ),
            blocks_close=True,
            due_on=today + _SOON,
        )


def _or_together(sums: Sequence[together.Together]) -> Several:
    one_line = N_("{payouts} in one line (together the same amount)")
    return Several(
        N_(" or "),
        tuple(Told(one_line, {"payouts": Several(N_(" and "), each.stripe_payout_ids)}) for each in sums[:5]),
    )


def _or(suggestions: Sequence[candidates.Candidate | on_paper.OnPaper]) -> Several:
    return Several(
        N_(" or "),
        tuple(
            Told("{subject} ({reason})", {"subject": each.subject_id, "reason": each.speaks})
            for each in suggestions[:5]
        ),
    )

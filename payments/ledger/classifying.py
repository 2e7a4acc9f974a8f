"""What is in suspense, and a person's word for what it is.

The entry that put it there stays; the word is an entry of its own, dated today, because a closed month
never changes. A wrong word is taken back in the open and said anew, by one more entry. What was said once is
suggested for the next of its kind, and never applied by itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from payments.clock import now
from payments.errors import AlmonerError
from payments.ledger import posting, rules_by_hand
from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction, ClassificationRule, JournalEntry, JournalMove
from payments.ledger.rules import Books, Move
from payments.money import Money
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.translations import N_, Told

MAY_CLASSIFY = (Role.FINANCE,)

_SUSPENSE = Account.SUSPENSE_UNCLASSIFIED.value
_NOT_BY_HAND = {
    Account.SUSPENSE_UNCLASSIFIED: "that is where it is",
    Account.STRIPE_BALANCE: "it is only what Stripe itself reports",
    Account.REFUNDS_PAYABLE: "it is owed gift by gift, and only a failed refund puts money there",
    Account.DISPUTED_FUNDS: "only a dispute puts money there",
}
BY_HAND = tuple(account for account in Account if account not in _NOT_BY_HAND)
"""Where people may put what was in suspense."""


class NothingInSuspense(Told):
    """No balance transaction with this id waits in suspense."""

    sentence = N_("Nothing of this id is in suspense. `almoner ledger suspense` lists what is.")


class AlreadyClassified(Told):
    """Somebody said it before."""

    sentence = N_(
        "Somebody has said already what this is; it is out of suspense. If it was wrong:"
        " `almoner ledger reclassify`."
    )


class NotYetClassified(Told):
    """There is no word yet that could be corrected."""

    sentence = N_("Nobody has said yet what this is; say it with `almoner ledger classify`.")


class SaidAlready(Told):
    """The correction says what stands there."""

    field = "account"
    sentence = N_("That is where it is already: say another account, or another fund.")


class AccountNotByHand(AlmonerError):
    """An account that people do not write into."""

    def __init__(self, account: Account) -> None:
        super().__init__(f"Nothing is put into {account} by hand: {_NOT_BY_HAND[account]}.")


class FundNeeded(Told):
    """An account that tells the funds apart, without a fund."""

    field = "fund"
    sentence = N_("Say which fund it is for (`--fund`): this account is kept by fund.")


class FundNotKept(Told):
    """A fund where there is none."""

    field = "fund"
    sentence = N_("Leave the fund (`--fund`) out: this account is not kept by fund.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One movement in suspense."""

    stripe_balance_transaction_id: str
    entity_id: str
    held: Money
    """Positive is money that left Stripe's balance, negative is money that came into it."""
    reporting_category: str
    type: str
    source_id: str | None
    description: str | None
    """Stripe's own words."""
    created_at: datetime
    suggestion: Account | None
    """What a person said of the last one like this."""


def in_suspense(session: Session, *, only: str | None = None) -> list[Held]:
    """Everything that waits for a word, the oldest first."""
    said = aliased(JournalEntry)
    change = case((JournalMove.to_account == _SUSPENSE, JournalMove.amount), else_=-JournalMove.amount)
    reference = func.concat("bt:", BalanceTransaction.stripe_balance_transaction_id)
    wanted = (
        select(BalanceTransaction, JournalEntry.entity_id, func.sum(change))
        .join(JournalMove, JournalMove.reference == reference)
        .join(JournalEntry, JournalEntry.reference == JournalMove.reference)
        .where(or_(JournalMove.from_account == _SUSPENSE, JournalMove.to_account == _SUSPENSE))
        .where(
            ~exists().where(
                said.reference == func.concat("classified:", BalanceTransaction.stripe_balance_transaction_id)
            )
        )
        .group_by(BalanceTransaction.stripe_balance_transaction_id, JournalEntry.entity_id)
        .order_by(BalanceTransaction.created_at, BalanceTransaction.stripe_balance_transaction_id)
    )
    if only is not None:
        wanted = wanted.where(BalanceTransaction.stripe_balance_transaction_id == only)
    rows = session.execute(wanted).all()
    rules = _remembered(session, [kind_of(row) for row, _, _ in rows])
    return [
        Held(
            stripe_balance_transaction_id=row.stripe_balance_transaction_id,
            entity_id=entity_id,
            held=Money(int(held), row.currency),
            reporting_category=row.reporting_category,
            type=row.type,
            source_id=row.source_id,
            description=row.description,
            created_at=row.created_at,
            suggestion=rules.get(kind_of(row)),
        )
        for row, entity_id, held in rows
        if held
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says of something in suspense."""

    account: Account
    fund_id: str | None
    reason: str
    is_to_be_remembered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What was moved, and where it was before."""

    amount: Money
    before: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The last word about a movement."""

    account: Account
    amount: Money
    former: Move
    """How it left suspense by that word."""
    words: int
    """How many there were."""
    entity_id: str


def classify(
    session: Session, stripe_balance_transaction_id: str, word: Word, *, time_zone: str, by: StaffMember
) -> Held:
    """Move it out of suspense, once; the caller has seen that the fund exists."""
    reason = _reason_of(word, by)
    _hold(session, stripe_balance_transaction_id)
    found = in_suspense(session, only=stripe_balance_transaction_id)
    if not found:
        raise AlreadyClassified if _words(session, stripe_balance_transaction_id) else NothingInSuspense
    held = found[0]
    entry = rules_by_hand.classified(
        stripe_balance_transaction_id,
        held.held,
        word.account,
        Books(entity_id=held.entity_id, time_zone=time_zone),
        fund_id=word.fund_id,
        at=now(),
    )
    posting.post(session, [entry])
    _note(
        session,
        by,
        "ledger.classify",
        stripe_balance_transaction_id,
        word,
        reason=reason,
        amount=held.held.minor,
        currency=held.held.currency,
        before=_SUSPENSE,
    )
    return held


def reclassify(
    session: Session, stripe_balance_transaction_id: str, word: Word, *, time_zone: str, by: StaffMember
) -> Corrected:
    """Take back the last word and say it anew; the caller has seen that the fund exists."""
    reason = _reason_of(word, by)
    _hold(session, stripe_balance_transaction_id)
    last = said(session, stripe_balance_transaction_id)
    if last is None:
        raise NotYetClassified
    if (last.account, last.former.fund_id) == (word.account, word.fund_id):
        raise SaidAlready
    entry = rules_by_hand.reclassified(
        stripe_balance_transaction_id,
        last.words,
        last.former,
        (word.account, word.fund_id),
        Books(entity_id=last.entity_id, time_zone=time_zone),
        currency=last.amount.currency,
        at=now(),
    )
    posting.post(session, [entry])
    _note(
        session,
        by,
        "ledger.reclassify",
        stripe_balance_transaction_id,
        word,
        reason=reason,
        amount=last.amount.minor,
        currency=last.amount.currency,
        before=last.account.value,
        before_fund=last.former.fund_id,
    )
    return Corrected(amount=last.amount, before=last.account)


def movement_of(reference: str) -> str | None:
    """The movement of which an entry is a word, by the entry's reference; None for any other entry."""
    kind, _, rest = reference.partition(":")
    return rest.partition(":")[0] if kind in {"classified", "reclassified"} else None


def said(session: Session, stripe_balance_transaction_id: str) -> Said | None:
    """The last word, or None where nobody has said one."""
    words = _words(session, stripe_balance_transaction_id)
    if not words:
        return None
    move = session.scalars(
        select(JournalMove)
        .where(JournalMove.reference == words[-1].reference)
        .order_by(JournalMove.position.desc())
        .limit(1)
    ).one()
    former = Move(Account(move.from_account), Account(move.to_account), move.amount, move.fund_id)
    return Said(
        account=next(each for each in (former.from_account, former.to_account) if each != _SUSPENSE),
        amount=Money(move.amount, move.currency),
        former=former,
        words=len(words),
        entity_id=words[-1].entity_id,
    )


def _reason_of(word: Word, by: StaffMember) -> str:
    """Why, from somebody who may say so, of an account into which people may write."""
    people.require(by, *MAY_CLASSIFY)
    reason = people.reason_given(word.reason)
    if word.account in _NOT_BY_HAND:
        raise AccountNotByHand(word.account)
    if word.account.is_kept_by_fund and word.fund_id is None:
        raise FundNeeded
    if word.fund_id is not None and not word.account.is_kept_by_fund:
        raise FundNotKept
    return reason


def _note(
    session: Session,
    by: StaffMember,
    deed: str,
    stripe_balance_transaction_id: str,
    word: Word,
    *,
    reason: str,
    **facts: object,
) -> None:
    """Who said what; and that the same is to be suggested for the next of its kind, if it is."""
    if word.is_to_be_remembered:
        _remember(session, stripe_balance_transaction_id, word.account, by=by)
    audit.note(
        session,
        by,
        deed,
        subject=stripe_balance_transaction_id,
        reason=reason,
        after=word.account.value,
        fund=word.fund_id,
        remembered=word.is_to_be_remembered,
        **facts,
    )


def _hold(session: Session, stripe_balance_transaction_id: str) -> None:
    """One word at a time about one movement."""
    key = f"classified:{stripe_balance_transaction_id}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def _words(session: Session, stripe_balance_transaction_id: str) -> Sequence[JournalEntry]:
    """What was ever said of it, the last word last."""
    first = f"classified:{stripe_balance_transaction_id}"
    anew = f"reclassified:{stripe_balance_transaction_id}:"
    return session.scalars(
        select(JournalEntry)
        .where(or_(JournalEntry.reference == first, JournalEntry.reference.startswith(anew, autoescape=True)))
        .order_by(JournalEntry.number)
    ).all()


def kind_of(row: BalanceTransaction) -> str:
    """What makes two movements of one kind: category, type, and Stripe's words but for the numbers,
    because they hold the day or the card."""
    words = re.sub(r"\d+", "#", row.description or "")
    return f"{row.reporting_category} {row.type} {words}".strip()


def _remembered(session: Session, kinds: Sequence[str]) -> dict[str, Account]:
    rules = session.scalars(select(ClassificationRule).where(ClassificationRule.description.in_(kinds)))
    return {rule.description: Account(rule.account) for rule in rules}


def _remember(
    session: Session, stripe_balance_transaction_id: str, account: Account, *, by: StaffMember
) -> None:
    row = session.get_one(BalanceTransaction, stripe_balance_transaction_id)
    rule = insert(ClassificationRule).values(
        description=kind_of(row), account=account.value, staff_id=by.id, made_at=now()
    )
    session.execute(
        rule.on_conflict_do_update(
            index_elements=["description"],
            set_={name: rule.excluded[name] for name in ("account", "staff_id", "made_at")},
        )
    )

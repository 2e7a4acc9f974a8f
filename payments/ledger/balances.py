"""Reading the book: balances, one gift's entries, and the proof that everything ties."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, case, func, select, union_all
from sqlalchemy.orm import Session

from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.money import Money

_PER_FUND = [account.value for account in Account if account.is_kept_by_fund]
_CHART_ORDER = {account: place for place, account in enumerate(Account)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What stands in one account; debit positive."""

    entity_id: str
    account: Account
    fund_id: str | None
    """Only for income and what is owed to beneficiaries: the money itself lies in one balance."""
    balance: Money


def balances(session: Session, accounts: Collection[Account] | None = None) -> list[Balance]:
    """Every account that was ever moved, or some of them, per entity, currency and fund, in the chart's
    order."""
    debit, credit = JournalMove.to_account.expression, JournalMove.from_account.expression
    sides = union_all(
        _side(debit, JournalMove.amount.expression, accounts), _side(credit, -JournalMove.amount, accounts)
    ).subquery()
    fund = case((sides.c.account.in_(_PER_FUND), sides.c.fund_id)).label("fund_id")
    keys = (JournalEntry.entity_id, sides.c.account, fund, sides.c.currency)
    totals = (
        select(*keys, func.sum(sides.c.change))
        .join(JournalEntry, JournalEntry.reference == sides.c.reference)
        .group_by(*keys)
    )
    found = [
        Balance(
            entity_id=entity_id,
            account=Account(account),
            fund_id=fund_id,
            balance=Money(int(total), currency),
        )
        for entity_id, account, fund_id, currency, total in session.execute(totals)
    ]
    return sorted(
        found,
        key=lambda row: (row.entity_id, row.balance.currency, _CHART_ORDER[row.account], row.fund_id or ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """One currency's proof: what the book says Stripe holds, and what Stripe's own rows add up to."""

    currency: str
    in_the_book: int
    at_stripe: int

    @property
    def is_proven(self) -> bool:
        """Whether the two agree to the cent."""
        return self.in_the_book == self.at_stripe


def tie_out(session: Session) -> list[TieOut]:
    """Per currency: `stripe_balance` against the sum of `net` of all balance transactions."""
    at_stripe = {
        currency: int(net)
        for currency, net in session.execute(
            select(BalanceTransaction.currency, func.sum(BalanceTransaction.net)).group_by(
                BalanceTransaction.currency
            )
        )
    }
    in_the_book: dict[str, int] = {}
    for row in balances(session, [Account.STRIPE_BALANCE]):
        currency = row.balance.currency
        in_the_book[currency] = in_the_book.get(currency, 0) + row.balance.minor
    return [
        TieOut(
            currency=currency,
            in_the_book=in_the_book.get(currency, 0),
            at_stripe=at_stripe.get(currency, 0),
        )
        for currency in sorted(at_stripe.keys() | in_the_book.keys())
    ]


def _side(
    account: ColumnElement[Account], change: ColumnElement[int], accounts: Collection[Account] | None
) -> Select[str, Account, str | None, str, int]:
    side = select(
        JournalMove.reference,
        account.label("account"),
        JournalMove.fund_id,
        JournalMove.currency,
        change.label("change"),
    )
    return side if accounts is None else side.where(account.in_([each.value for each in accounts]))

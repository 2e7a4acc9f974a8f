"""Reading the book: balances, one gift's entries, and the proof that everything ties."""

from dataclasses import dataclass

from sqlalchemy import case, func, or_, select, text
from sqlalchemy.orm import Session

from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction, JournalMove
from payments.ledger.sums import MONTH_SUMS
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


def balances(session: Session) -> list[Balance]:
    """Every account that was ever moved, per entity, currency and fund, in the chart's order."""
    found = [
        Balance(
            entity_id=entity_id,
            account=Account(account),
            fund_id=fund_id,
            balance=Money(int(total), currency),
        )
        for entity_id, account, fund_id, currency, total in session.execute(_BALANCES, {"by_fund": _PER_FUND})
    ]
    return sorted(
        found,
        key=lambda row: (row.entity_id, row.balance.currency, _CHART_ORDER[row.account], row.fund_id or ""),
    )


def in_account(session: Session, account: Account) -> list[Money]:
    """What stands in one account, all bodies and funds together, by currency; debit positive. One reading of
    the moves, without their entries."""
    change = case((JournalMove.to_account == account.value, JournalMove.amount), else_=-JournalMove.amount)
    rows = session.execute(
        select(JournalMove.currency, func.sum(change))
        .where(or_(JournalMove.to_account == account.value, JournalMove.from_account == account.value))
        .group_by(JournalMove.currency)
        .order_by(JournalMove.currency)
    )
    return [Money(int(total), currency) for currency, total in rows]


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
    in_the_book = {amount.currency: amount.minor for amount in in_account(session, Account.STRIPE_BALANCE)}
    return [
        TieOut(
            currency=currency,
            in_the_book=in_the_book.get(currency, 0),
            at_stripe=at_stripe.get(currency, 0),
        )
        for currency in sorted(at_stripe.keys() | in_the_book.keys())
    ]


_BALANCES = text(f"""
    select entity_id, account, case when account = any (:by_fund) then fund_id end as fund_id, currency,
        sum(debit - credit) as balance
    from ({MONTH_SUMS}) as sums
    group by 1, 2, 3, 4
""")  # noqa: S608 - our own words

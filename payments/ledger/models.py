"""The journal and Stripe's balance transactions, the facts it mirrors.

The database keeps the laws by itself: a trigger refuses every update, delete and truncate, refuses
a move written in another transaction than its entry, and refuses an entry without moves.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from payments.database import Base, StrPK
from payments.ledger.accounts import Account

_ACCOUNTS = ", ".join(f"'{account}'" for account in Account)


def _touches(account: str) -> str:
    return f"from_account = '{account}' or to_account = '{account}'"


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's `xid8`: which database transaction wrote a row. Only the triggers read it."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name in PostgreSQL."""
        return "xid8"


class BalanceTransaction(Base):
    """One movement of our balance at Stripe, to the cent as Stripe reports it. Never changed."""

    __tablename__ = "balance_transactions"
    __table_args__ = (
        CheckConstraint("net = amount - fee", name="net_is_amount_less_fee"),
        Index("ix_balance_transactions_source_id", "source_id"),
        Index("ix_balance_transactions_created_at", "created_at"),
        Index(
            "ix_balance_transactions_payouts",
            "source_id",
            postgresql_where=text("reporting_category = 'payout'"),
        ),
        Index(
            "ix_balance_transactions_topups",
            "created_at",
            postgresql_where=text("reporting_category in ('topup', 'topup_reversal')"),
        ),
    )

    stripe_balance_transaction_id: Mapped[StrPK]
    reporting_category: Mapped[str]
    """What the rules classify by."""
    type: Mapped[str]
    source_id: Mapped[str | None]
    amount: Mapped[int] = mapped_column(BigInteger)
    """Gross and signed, in the settlement currency."""
    fee: Mapped[int] = mapped_column(BigInteger)
    net: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    description: Mapped[str | None]
    """Stripe's own words, such as the name of a monthly fee."""
    exchange_rate: Mapped[Decimal | None] = mapped_column(Numeric)
    """As reported, for the reader; no amount is ever computed from it."""
    created_at: Mapped[datetime]
    available_on: Mapped[datetime]


class MovementBeforeBooks(Base):
    """A movement of Stripe's from before this book begins, of which a later payout, refund or dispute
    speaks. Its money is in the opening balance; it is known by name, and booked nowhere else."""

    __tablename__ = "movements_before_books"
    __table_args__ = (Index("ix_movements_before_books_source_id", "source_id"),)

    stripe_balance_transaction_id: Mapped[StrPK]
    reporting_category: Mapped[str]
    source_id: Mapped[str | None]
    amount: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger)
    net: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    created_at: Mapped[datetime]


class JournalEntry(Base):
    """One event of life in the book. `reference` names the fact, so a fact is booked once."""

    __tablename__ = "journal_entries"
    __table_args__ = (
        Index("ix_journal_entries_donation_id", "donation_id"),
        Index("ix_journal_entries_effective_on", "entity_id", "effective_on"),
    )

    reference: Mapped[StrPK]
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    """The order of writing. A rolled-back transaction leaves a hole; `reference` is the proof."""
    kind: Mapped[str]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"))
    effective_on: Mapped[date]
    """The day it counts for, in the entity's time zone."""
    occurred_at: Mapped[datetime]
    description: Mapped[str]
    posted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    posted_in: Mapped[str] = mapped_column(TransactionId(), server_default=text("pg_current_xact_id()"))
    """Seals the entry: a move that comes in a later transaction is refused."""


class ClassificationRule(Base):
    """What a person said of money in suspense, remembered for the next of its kind."""

    __tablename__ = "classification_rules"

    description: Mapped[StrPK]
    """Stripe's category and type, such as `other_adjustment adjustment`, and its own description."""
    account: Mapped[Account] = mapped_column(Text)
    staff_id: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JournalMove(Base):
    """From one account (credit) to another (debit): the whole of double entry in one row."""

    __tablename__ = "journal_moves"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("from_account <> to_account", name="goes_somewhere"),
        CheckConstraint(f"from_account in ({_ACCOUNTS})", name="from_account_known"),
        CheckConstraint(f"to_account in ({_ACCOUNTS})", name="to_account_known"),
        Index("ix_journal_moves_owed", "reference", postgresql_where=text(_touches("refunds_payable"))),
        Index(
            "ix_journal_moves_suspense", "reference", postgresql_where=text(_touches("suspense_unclassified"))
        ),
    )

    reference: Mapped[str] = mapped_column(ForeignKey("journal_entries.reference"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    from_account: Mapped[Account] = mapped_column(Text)
    to_account: Mapped[Account] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    fund_id: Mapped[str | None] = mapped_column(ForeignKey("funds.id"))

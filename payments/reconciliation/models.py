"""Bank accounts with the files and lines of their banks, and payouts with what they carry.

What a bank said is a fact: files and lines are only ever added, and the database refuses to change
them. Neither are the lists of payouts; only a payout itself goes on from status to status.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class BankAccount(Base):
    """One account of a legal body at a bank, in one currency."""

    __tablename__ = "bank_accounts"
    __table_args__ = (
        CheckConstraint("id ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name="id_is_a_short_word"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_written"),
    )

    id: Mapped[StrPK]
    """A short word of the charity's own, such as `operating`."""
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    name: Mapped[str]
    currency: Mapped[str]
    number: Mapped[str | None]
    """IBAN or account number: a file of another account is refused."""
    csv_profile: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """How this bank writes CSV (`formats/csv_profile.py`)."""
    added_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BankStatement(Base):
    """One file as it was imported, byte for byte, and the stretch of the account it tells."""

    __tablename__ = "bank_statements"
    __table_args__ = (
        UniqueConstraint("bank_account_id", "sha256"),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint("format in ('camt053', 'mt940', 'ofx', 'bai2', 'csv')", name="format_known"),
    )

    id: Mapped[StrPK]
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_accounts.id"))
    format: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[str]
    file: Mapped[bytes] = mapped_column(LargeBinary)
    first_day: Mapped[date]
    last_day: Mapped[date]
    opening: Mapped[int | None] = mapped_column(BigInteger)
    closing: Mapped[int | None] = mapped_column(BigInteger)
    line_count: Mapped[int] = mapped_column(Integer)
    """All lines of the file; those that were known already are not stored again."""
    gap_reason: Mapped[str | None]
    """Why somebody took it although it does not follow from the statements before."""
    imported_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    imported_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BankLine(Base):
    """One booked line. Positive is money that came in."""

    __tablename__ = "bank_lines"
    __table_args__ = (
        UniqueConstraint("bank_account_id", "fingerprint", "occurrence"),
        CheckConstraint("occurrence > 0", name="occurrence_positive"),
        Index("ix_bank_lines_booked_on", "bank_account_id", "booked_on"),
        Index("ix_bank_lines_amount", "currency", "amount", "booked_on"),
    )

    id: Mapped[StrPK]
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_accounts.id"))
    bank_statement_id: Mapped[str] = mapped_column(ForeignKey("bank_statements.id"))
    """The file that told it first."""
    position: Mapped[int] = mapped_column(Integer)
    """Its place in that file, from 1."""
    booked_on: Mapped[date]
    value_on: Mapped[date | None]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    bank_reference: Mapped[str | None]
    payment_reference: Mapped[str | None]
    counterparty: Mapped[str | None]
    text: Mapped[str]
    fingerprint: Mapped[str]
    """What makes it the same line in another file."""
    occurrence: Mapped[int] = mapped_column(Integer)
    """Which of several equal lines: two equal gifts on one day are both real."""


class Payout(Base):
    """A payout as Stripe last told of it. Its facts may come in any order and end the same."""

    __tablename__ = "payouts"
    __table_args__ = (
        Index("ix_payouts_arrives_on", "arrives_on"),
        Index("ix_payouts_amount", "currency", "amount"),
        Index("ix_payouts_ask_at", "ask_at", postgresql_where=text("ask_at is not null")),
    )

    stripe_payout_id: Mapped[StrPK]
    amount: Mapped[int] = mapped_column(BigInteger)
    """Negative where Stripe debits the bank."""
    currency: Mapped[str]
    status: Mapped[str]
    """`pending`, `in_transit`, `paid`; `failed` or `canceled` end it, also after `paid`."""
    made_at: Mapped[datetime]
    arrives_on: Mapped[date]
    """When Stripe expects it at the bank: its effective day."""
    is_automatic: Mapped[bool]
    """Only of an automatic one does Stripe say what it carries."""
    method: Mapped[str]
    reconciliation_status: Mapped[str]
    statement_descriptor: Mapped[str | None]
    trace_status: Mapped[str | None]
    trace_id: Mapped[str | None]
    """What the bank may print beside it."""
    failure_code: Mapped[str | None]
    stripe_balance_transaction_id: Mapped[str | None]
    failure_balance_transaction_id: Mapped[str | None]
    """The money coming back: the payout that carries this carries what the failed one did."""
    original_payout_id: Mapped[str | None]
    reversed_by_id: Mapped[str | None]
    said_at: Mapped[datetime]
    listed_at: Mapped[datetime | None]
    """When its list was read to the end."""
    ask_at: Mapped[datetime | None]
    """When Stripe is asked about it next; None when nothing more can come."""


class PayoutLine(Base):
    """That a payout carries a balance transaction. Its own transaction is one of its lines."""

    __tablename__ = "payout_lines"
    __table_args__ = (Index("ix_payout_lines_balance_transaction", "stripe_balance_transaction_id"),)

    stripe_payout_id: Mapped[StrPK]
    stripe_balance_transaction_id: Mapped[StrPK]
    net: Mapped[int] = mapped_column(BigInteger)
    """As the list says; the book's own figure must be the same."""


class BankMatch(Base):
    """What a line of the bank is. Made by itself only where amount and partner leave one answer; undone
    with a reason, which is the only change the database allows, and never deleted."""

    __tablename__ = "bank_matches"
    __table_args__ = (
        CheckConstraint(
            "kind in ('payout', 'payout_return', 'topup', 'deposit', 'transfer', 'owed_payment', 'ignored')",
            name="kind_known",
        ),
        CheckConstraint("(kind = 'ignored') = (subject_id is null)", name="names_its_subject"),
        CheckConstraint("num_nulls(undone_at, undone_by, undo_reason) in (0, 3)", name="undo_whole"),
        CheckConstraint("position between 1 and 20", name="position_counted"),
        CheckConstraint("position = 1 or kind = 'payout'", name="only_payouts_share"),
        Index(
            "uq_bank_matches_bank_line_id",
            "bank_line_id",
            "position",
            unique=True,
            postgresql_where=text("undone_at is null"),
        ),
        Index(
            "uq_bank_matches_subject",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text("undone_at is null and subject_id is not null"),
        ),
    )

    id: Mapped[StrPK]
    bank_line_id: Mapped[str] = mapped_column(ForeignKey("bank_lines.id"))
    kind: Mapped[str]
    """`payout`; `payout_return`, which the bank sent back; `topup` of Stripe's balance, or what came back of
    one; `deposit` of a slip; `transfer`, an offline gift; `owed_payment`, of what a failed refund left owed;
    `ignored`, which is none of these."""
    subject_id: Mapped[str | None]
    """The payout, the top-up's balance transaction, the slip, gift or payment."""
    position: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    """1, or which of several payouts that the bank booked as one line."""
    reason: Mapped[str]
    """What speaks for it, or a person's words."""
    matched_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    """Null where it was matched by itself."""
    matched_at: Mapped[datetime] = mapped_column(server_default=func.now())
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    undo_reason: Mapped[str | None]


class Discrepancy(Base):
    """One exception in the queue: found by `reconcile`, owned by a person, and closed when it is gone or
    accepted with a reason."""

    __tablename__ = "discrepancies"
    __table_args__ = (
        CheckConstraint("status in ('open', 'accepted', 'gone')", name="status_known"),
        CheckConstraint("(status = 'open') = (closed_at is null)", name="closed_with_time"),
        CheckConstraint("(status = 'accepted') = (accepted_by is not null)", name="accepted_by_somebody"),
        Index(
            "uq_discrepancies_open",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[StrPK]
    kind: Mapped[str]
    subject_id: Mapped[str]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    sentence: Mapped[str]
    blocks_close: Mapped[bool]
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    due_on: Mapped[date]
    status: Mapped[str] = mapped_column(server_default="open")
    """`open`; `accepted` by a person as it is; `gone` when it was no longer found."""
    note: Mapped[str | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When it was last found."""
    closed_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The sentence and its facts, to be told in another language (`telling`); null of one found long ago."""


class ReconciliationRound(Base):
    """That somebody looked, when, and how much was open then. Only ever added to."""

    __tablename__ = "reconciliation_rounds"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(server_default=func.now())
    matched: Mapped[int] = mapped_column(Integer)
    opened: Mapped[int] = mapped_column(Integer)
    gone: Mapped[int] = mapped_column(Integer)
    open: Mapped[int] = mapped_column(Integer)
    blocks_close: Mapped[int] = mapped_column(Integer)
    """How many of the open ones keep a month from closing."""

"""How far the adoption of an account has come, and what in its history nobody could decide."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class Adoption(Base):
    """One reading of the account's history, from `since` up to `until`. The first one's `since` is where the
    book begins: what moved before is one opening balance."""

    __tablename__ = "adoptions"
    __table_args__ = (
        CheckConstraint("since < until", name="stretch_in_order"),
        Index(
            "uq_adoptions_running", text("(true)"), unique=True, postgresql_where=text("finished_at is null")
        ),
    )

    id: Mapped[StrPK]
    since: Mapped[datetime]
    until: Mapped[datetime]
    """When it was begun. What comes later comes as to every other house."""
    rules: Mapped[dict[str, Any]]
    """Which of it is a gift, and for which fund."""
    started_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class AdoptionList(Base):
    """How far one of Stripe's lists was read: after a crash it goes on from there."""

    __tablename__ = "adoption_lists"

    adoption_id: Mapped[str] = mapped_column(ForeignKey("adoptions.id"), primary_key=True)
    name: Mapped[StrPK]
    last_id: Mapped[str | None]
    """The last object that is stored; lists go back from the newest."""
    read: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    is_read: Mapped[bool] = mapped_column(server_default=text("false"))
    totals: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Of movements: count, amount, fee and net by month, currency and category, as Stripe listed them."""


class AdoptionLeftOver(Base):
    """Something that was not taken over as a gift, and why. Its money is in the book all the same."""

    __tablename__ = "adoption_left_overs"
    __table_args__ = (
        CheckConstraint(
            "kind in ('no_rule', 'no_address', 'fund_unknown', 'not_monthly', 'booked_before')",
            name="kind_known",
        ),
    )

    adoption_id: Mapped[str] = mapped_column(ForeignKey("adoptions.id"), primary_key=True)
    stripe_id: Mapped[StrPK]
    kind: Mapped[str]
    says: Mapped[str]
    """What it is like: its description and the names of its metadata, never who paid."""
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    at: Mapped[datetime]

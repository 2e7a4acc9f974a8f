"""That two records are of one donor: which stayed, which went into it, and every row that moved with it.

Written with the deed (`privacy/merging.py`) and only ever undone. What is written later under the record that
went is brought to the one that stays by a trigger, which notes it here as well.
"""

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class DonorMerge(Base):
    """One merge, standing for as long as nobody took it back."""

    __tablename__ = "donor_merges"
    __table_args__ = (
        CheckConstraint("kept_id <> gone_id", name="two_records"),
        CheckConstraint("(undone_at is null) = (undone_by is null)", name="undone_by_somebody"),
        Index(
            "uq_donor_merges_standing_gone_id",
            "gone_id",
            unique=True,
            postgresql_where=text("undone_at is null"),
        ),
    )

    id: Mapped[StrPK]
    kept_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    gone_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    merged_at: Mapped[datetime] = mapped_column(server_default=func.now())
    merged_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    taken: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What the donor has from the record that went: name, language, email, address. The two are exchanged, so
    the other record holds what the donor had before."""
    mistyped_address: Mapped[str | None]
    """The address of the record that went, where it is not the donor's: it leads nowhere any more."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))


class MergedRow(Base):
    """A row that came from one record to the other."""

    __tablename__ = "donor_merge_rows"
    __table_args__ = (
        CheckConstraint(
            "what in ('gift', 'thanks', 'monthly_gift', 'declaration', 'statement', 'number', 'record')",
            name="what_known",
        ),
        Index("ix_donor_merge_rows_row_id", "row_id"),
    )

    merge_id: Mapped[str] = mapped_column(ForeignKey("donor_merges.id"), primary_key=True)
    what: Mapped[StrPK]
    """`thanks`: a gift of somebody else's, for which the donor is thanked. `record`: a record that had gone
    into this one before."""
    row_id: Mapped[StrPK]
    came_later: Mapped[bool] = mapped_column(server_default=text("false"))
    """Written after the merge, under the address of the record that went."""

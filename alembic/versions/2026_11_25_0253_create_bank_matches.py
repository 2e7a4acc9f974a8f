"""Create bank matches and the queue of exceptions.

Why: a line of the bank is one thing and a payout is on one line, which the database keeps by itself. What
does not fit is a row with an owner and a day, so that nothing is forgotten before a month is closed.

Revision: 2026_11_25_0253
Follows: 2026_11_25_0251
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0253"
down_revision = "2026_11_25_0251"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "bank_matches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("bank_line_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("matched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('payout', 'payout_return', 'deposit', 'transfer', 'ignored')",
            name=op.f("ck_bank_matches_kind_known"),
        ),
        sa.CheckConstraint(
            "(kind = 'ignored') = (subject_id is null)", name=op.f("ck_bank_matches_names_its_subject")
        ),
        sa.CheckConstraint(
            "num_nulls(undone_at, undone_by, undo_reason) in (0, 3)", name=op.f("ck_bank_matches_undo_whole")
        ),
        sa.ForeignKeyConstraint(
            ["bank_line_id"], ["bank_lines.id"], name=op.f("fk_bank_matches_bank_line_id_bank_lines")
        ),
        sa.ForeignKeyConstraint(
            ["matched_by"], ["staff_members.id"], name=op.f("fk_bank_matches_matched_by_staff_members")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["staff_members.id"], name=op.f("fk_bank_matches_undone_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_matches")),
    )
    op.create_index(
        "uq_bank_matches_bank_line_id",
        "bank_matches",
        ["bank_line_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_index(
        "uq_bank_matches_subject",
        "bank_matches",
        ["kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null and subject_id is not null"),
    )
    op.create_table(
        "discrepancies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("blocks_close", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status in ('open', 'accepted', 'gone')", name=op.f("ck_discrepancies_status_known")
        ),
        sa.CheckConstraint(
            "(status = 'open') = (closed_at is null)", name=op.f("ck_discrepancies_closed_with_time")
        ),
        sa.CheckConstraint(
            "(status = 'accepted') = (accepted_by is not null)",
            name=op.f("ck_discrepancies_accepted_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["staff_members.id"], name=op.f("fk_discrepancies_owner_id_staff_members")
        ),
        sa.ForeignKeyConstraint(
            ["accepted_by"], ["staff_members.id"], name=op.f("fk_discrepancies_accepted_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancies")),
    )
    op.create_index(
        "uq_discrepancies_open",
        "discrepancies",
        ["kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON bank_matches TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON discrepancies TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("discrepancies")
    op.drop_table("bank_matches")

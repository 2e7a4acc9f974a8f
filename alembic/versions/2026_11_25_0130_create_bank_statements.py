"""Create bank accounts, statements and lines.

Why: the bank is the third side of the proof. What it said is kept byte for byte and line by line, and the
tables refuse to change it; a line is the same in whatever file it comes again.

Revision: 2026_11_25_0130
Follows: 2026_11_25_0100
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0130"
down_revision = "2026_11_25_0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("csv_profile", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "id ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name=op.f("ck_bank_accounts_id_is_a_short_word")
        ),
        sa.CheckConstraint("currency ~ '^[a-z]{3}$'", name=op.f("ck_bank_accounts_currency_written")),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_bank_accounts_entity_id_issuing_entities")
        ),
        sa.ForeignKeyConstraint(
            ["added_by"], ["staff_members.id"], name=op.f("fk_bank_accounts_added_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
    )
    op.create_table(
        "bank_statements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("bank_account_id", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=True),
        sa.Column("closing", sa.BigInteger(), nullable=True),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("gap_reason", sa.Text(), nullable=True),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_bank_statements_days_in_order")),
        sa.CheckConstraint(
            "format in ('camt053', 'mt940', 'ofx', 'bai2', 'csv')",
            name=op.f("ck_bank_statements_format_known"),
        ),
        sa.ForeignKeyConstraint(
            ["bank_account_id"],
            ["bank_accounts.id"],
            name=op.f("fk_bank_statements_bank_account_id_bank_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["imported_by"], ["staff_members.id"], name=op.f("fk_bank_statements_imported_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statements")),
        sa.UniqueConstraint(
            "bank_account_id", "sha256", name=op.f("uq_bank_statements_bank_account_id_sha256")
        ),
    )
    op.create_table(
        "bank_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("bank_account_id", sa.Text(), nullable=False),
        sa.Column("bank_statement_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("payment_reference", sa.Text(), nullable=True),
        sa.Column("counterparty", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.CheckConstraint("occurrence > 0", name=op.f("ck_bank_lines_occurrence_positive")),
        sa.ForeignKeyConstraint(
            ["bank_account_id"],
            ["bank_accounts.id"],
            name=op.f("fk_bank_lines_bank_account_id_bank_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["bank_statement_id"],
            ["bank_statements.id"],
            name=op.f("fk_bank_lines_bank_statement_id_bank_statements"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_lines")),
        sa.UniqueConstraint(
            "bank_account_id",
            "fingerprint",
            "occurrence",
            name=op.f("uq_bank_lines_bank_account_id_fingerprint_occurrence"),
        ),
    )
    op.create_index("ix_bank_lines_booked_on", "bank_lines", ["bank_account_id", "booked_on"], unique=False)
    op.create_index("ix_bank_lines_amount", "bank_lines", ["currency", "amount", "booked_on"], unique=False)
    op.execute(
        "CREATE TRIGGER bank_statements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_statements "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        "CREATE TRIGGER bank_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_lines "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON bank_accounts TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON bank_statements TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON bank_lines TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("bank_lines")
    op.drop_table("bank_statements")
    op.drop_table("bank_accounts")

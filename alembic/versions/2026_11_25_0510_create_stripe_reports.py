"""Create Stripe's reports.

Why: what Stripe's own reports say of each movement is a second witness beside the API. Of a row only what
is compared is kept, never a donor's name or address.

Revision: 2026_11_25_0510
Follows: 2026_11_25_0505
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0510"
down_revision = "2026_11_25_0505"
branch_labels = None
depends_on = None

TABLES = ("stripe_reports", "stripe_report_rows", "stripe_report_figures", "stripe_report_differences")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "stripe_reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("stripe_payout_id", sa.Text(), nullable=True),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind in ('payout_reconciliation', 'balance_change', 'ending_balance', 'balance_summary')",
            name=op.f("ck_stripe_reports_kind_known"),
        ),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_stripe_reports_days_in_order")),
        sa.ForeignKeyConstraint(
            ["imported_by"], ["staff_members.id"], name=op.f("fk_stripe_reports_imported_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_reports")),
    )
    op.create_index("ix_stripe_reports_sha256", "stripe_reports", ["sha256"], unique=False)
    op.create_table(
        "stripe_report_rows",
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("stripe_balance_transaction_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("reporting_category", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=False), nullable=False),
        sa.Column("stripe_payout_id", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("report_id", "line", name=op.f("pk_stripe_report_rows")),
    )
    op.create_index(
        "ix_stripe_report_rows_balance_transaction",
        "stripe_report_rows",
        ["stripe_balance_transaction_id", "report_id"],
        unique=False,
    )
    op.create_table(
        "stripe_report_figures",
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["stripe_reports.id"],
            name=op.f("fk_stripe_report_figures_report_id_stripe_reports"),
        ),
        sa.PrimaryKeyConstraint("report_id", "currency", "name", name=op.f("pk_stripe_report_figures")),
    )
    op.create_table(
        "stripe_report_differences",
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("stripe_payout_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('missing', 'extra', 'differs', 'figure')",
            name=op.f("ck_stripe_report_differences_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["stripe_reports.id"],
            name=op.f("fk_stripe_report_differences_report_id_stripe_reports"),
        ),
        sa.PrimaryKeyConstraint("report_id", "kind", "subject_id", name=op.f("pk_stripe_report_differences")),
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in reversed(TABLES):
        op.drop_table(table)

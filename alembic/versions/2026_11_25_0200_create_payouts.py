"""Create payouts and what they carry.

Why: a payout is proven by its lines, and each gift must be found again in the payout that brought it to the
bank. The lists are facts; the payouts themselves go on from status to status. The index finds payouts of
which only the book knows.

Revision: 2026_11_25_0200
Follows: 2026_11_25_0146
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0200"
down_revision = "2026_11_25_0146"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "payouts",
        sa.Column("stripe_payout_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reconciliation_status", sa.Text(), nullable=False),
        sa.Column("statement_descriptor", sa.Text(), nullable=True),
        sa.Column("trace_status", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("stripe_balance_transaction_id", sa.Text(), nullable=True),
        sa.Column("failure_balance_transaction_id", sa.Text(), nullable=True),
        sa.Column("original_payout_id", sa.Text(), nullable=True),
        sa.Column("reversed_by_id", sa.Text(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("stripe_payout_id", name=op.f("pk_payouts")),
    )
    op.create_index("ix_payouts_arrives_on", "payouts", ["arrives_on"], unique=False)
    op.create_index("ix_payouts_amount", "payouts", ["currency", "amount"], unique=False)
    op.create_index(
        "ix_payouts_ask_at",
        "payouts",
        ["ask_at"],
        unique=False,
        postgresql_where=sa.text("ask_at is not null"),
    )
    op.create_table(
        "payout_lines",
        sa.Column("stripe_payout_id", sa.Text(), nullable=False),
        sa.Column("stripe_balance_transaction_id", sa.Text(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "stripe_payout_id", "stripe_balance_transaction_id", name=op.f("pk_payout_lines")
        ),
    )
    op.create_index(
        "ix_payout_lines_balance_transaction", "payout_lines", ["stripe_balance_transaction_id"], unique=False
    )
    op.create_index(
        "ix_balance_transactions_payouts",
        "balance_transactions",
        ["source_id"],
        unique=False,
        postgresql_where=sa.text("reporting_category = 'payout'"),
    )
    op.execute(
        "CREATE TRIGGER payout_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_lines "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON payouts TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON payout_lines TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_index("ix_balance_transactions_payouts", table_name="balance_transactions")
    op.drop_table("payout_lines")
    op.drop_table("payouts")

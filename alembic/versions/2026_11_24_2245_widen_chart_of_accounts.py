"""Widen the chart of accounts.

Why: gifts in kind, money taken for others, sales inside a gift, foreign money on the same Stripe account and
unidentified bank receipts have accounts of their own instead of suspense. Stripe's own description is kept,
and what a person said of money in suspense is remembered.

Revision: 2026_11_24_2245
Follows: 2026_11_24_2240
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2245"
down_revision = "2026_11_24_2240"
branch_labels = None
depends_on = None

EARLIER_ACCOUNTS = (
    "'stripe_balance', "
    "'payouts_in_transit', "
    "'bank', "
    "'undeposited_funds', "
    "'disputed_funds', "
    "'stripe_reserve', "
    "'suspense_unclassified', "
    "'contributions', "
    "'contributions_fee_cover', "
    "'contribution_refunds', "
    "'chargebacks', "
    "'fx_gain_loss', "
    "'processing_fees', "
    "'dispute_fees', "
    "'stripe_service_fees', "
    "'refunds_payable'"
)
ACCOUNTS = (
    "'stripe_balance', "
    "'payouts_in_transit', "
    "'bank', "
    "'undeposited_funds', "
    "'disputed_funds', "
    "'stripe_reserve', "
    "'suspense_unclassified', "
    "'contributions', "
    "'contributions_fee_cover', "
    "'contribution_refunds', "
    "'chargebacks', "
    "'fx_gain_loss', "
    "'processing_fees', "
    "'dispute_fees', "
    "'stripe_service_fees', "
    "'refunds_payable', "
    "'gifts_in_kind', "
    "'contributions_in_kind', "
    "'agency_obligations', "
    "'unidentified_receipts', "
    "'benefits_exchanged', "
    "'other_receipts'"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "classification_rules",
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("description", name=op.f("pk_classification_rules")),
    )
    op.add_column("balance_transactions", sa.Column("description", sa.Text(), nullable=True))
    for side in ("from_account", "to_account"):
        op.drop_constraint(op.f(f"ck_journal_moves_{side}_known"), "journal_moves")
        op.create_check_constraint(
            op.f(f"ck_journal_moves_{side}_known"), "journal_moves", f"{side} in ({ACCOUNTS})"
        )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON classification_rules TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for side in ("from_account", "to_account"):
        op.drop_constraint(op.f(f"ck_journal_moves_{side}_known"), "journal_moves")
        op.create_check_constraint(
            op.f(f"ck_journal_moves_{side}_known"), "journal_moves", f"{side} in ({EARLIER_ACCOUNTS})"
        )
    op.drop_column("balance_transactions", "description")
    op.drop_table("classification_rules")

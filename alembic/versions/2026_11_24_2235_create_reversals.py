"""Create refunds, disputes and fraud warnings.

Why: money that goes back is a fact of its own beside the gift, not another status of it.

Revision: 2026_11_24_2235
Follows: 2026_11_24_2230
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2235"
down_revision = "2026_11_24_2230"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "refunds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("stripe_refund_id", sa.Text(), nullable=True),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("stripe_charge_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("first_submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_booked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("origin in ('staff', 'stripe')", name=op.f("ck_refunds_origin_known")),
        sa.CheckConstraint(
            "status in ('requested', 'approved', 'declined', 'refused', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled')",
            name=op.f("ck_refunds_status_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount_positive")),
        sa.CheckConstraint("approved_by <> requested_by", name=op.f("ck_refunds_maker_is_not_checker")),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_refunds_donation_id_donations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("stripe_refund_id", name=op.f("uq_refunds_stripe_refund_id")),
    )
    op.create_index("ix_refunds_donation_id", "refunds", ["donation_id"], unique=False)
    op.create_index("ix_refunds_stripe_charge_id", "refunds", ["stripe_charge_id"], unique=False)
    op.create_index(
        "ix_refunds_to_submit",
        "refunds",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_table(
        "disputes",
        sa.Column("stripe_dispute_id", sa.Text(), nullable=False),
        sa.Column("stripe_charge_id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence_due_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_disputes_donation_id_donations")
        ),
        sa.PrimaryKeyConstraint("stripe_dispute_id", name=op.f("pk_disputes")),
    )
    op.create_index("ix_disputes_donation_id", "disputes", ["donation_id"], unique=False)
    op.create_index("ix_disputes_stripe_charge_id", "disputes", ["stripe_charge_id"], unique=False)
    op.create_table(
        "fraud_warnings",
        sa.Column("stripe_fraud_warning_id", sa.Text(), nullable=False),
        sa.Column("stripe_charge_id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("fraud_type", sa.Text(), nullable=False),
        sa.Column("is_actionable", sa.Boolean(), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_fraud_warnings_donation_id_donations")
        ),
        sa.PrimaryKeyConstraint("stripe_fraud_warning_id", name=op.f("pk_fraud_warnings")),
    )
    op.create_index("ix_fraud_warnings_donation_id", "fraud_warnings", ["donation_id"], unique=False)
    op.execute("GRANT SELECT, INSERT, UPDATE ON refunds TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON disputes TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON fraud_warnings TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("fraud_warnings")
    op.drop_table("disputes")
    op.drop_table("refunds")

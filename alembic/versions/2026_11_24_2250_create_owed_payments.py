"""Create payments of what failed refunds still owe.

Why: a refund that came back is owed to the donor. It is paid another way by two people, one who prepares and
one who agrees. Or the donor lets the gift stand after all; that stands here too, because it ends the debt.

Revision: 2026_11_24_2250
Follows: 2026_11_24_2245
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2250"
down_revision = "2026_11_24_2245"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "owed_payments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("settled_amount", sa.BigInteger(), nullable=False),
        sa.Column("settled_currency", sa.Text(), nullable=False),
        sa.Column("transfer_reference", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="requested", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "amount > 0 and settled_amount > 0", name=op.f("ck_owed_payments_amount_positive")
        ),
        sa.CheckConstraint(
            "status in ('requested', 'paid', 'declined', 'kept')", name=op.f("ck_owed_payments_status_known")
        ),
        sa.CheckConstraint(
            "(status = 'kept') = (transfer_reference is null)",
            name=op.f("ck_owed_payments_transfer_is_named"),
        ),
        sa.CheckConstraint("approved_by <> requested_by", name=op.f("ck_owed_payments_maker_is_not_checker")),
        sa.CheckConstraint(
            "(status = 'paid') = (approved_by is not null)", name=op.f("ck_owed_payments_paid_was_approved")
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_owed_payments_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["staff_members.id"], name=op.f("fk_owed_payments_requested_by_staff_members")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["staff_members.id"], name=op.f("fk_owed_payments_approved_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owed_payments")),
    )
    op.create_index(
        "uq_owed_payments_open",
        "owed_payments",
        ["donation_id"],
        unique=True,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_index("ix_owed_payments_donation_id", "owed_payments", ["donation_id"], unique=False)
    op.execute("GRANT SELECT, INSERT, UPDATE ON owed_payments TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("owed_payments")

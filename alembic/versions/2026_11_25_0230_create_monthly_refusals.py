"""Create monthly refusals.

Why: a refused instalment is looked after by rows that know what is to be done next and when, and a card the
donor gave meanwhile is on its way to Stripe until it is used there.

Revision: 2026_11_25_0230
Follows: 2026_11_25_0215
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0230"
down_revision = "2026_11_25_0215"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "monthly_refusals",
        sa.Column("stripe_invoice_id", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("monthly_gift_id", sa.Text(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("advice_code", sa.Text(), nullable=True),
        sa.Column("course", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="heard", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("has_new_method", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "status in ('heard', 'to_try', 'under_way', 'with_donor', 'to_void', 'lapsing', 'returning', 'over')",
            name=op.f("ck_monthly_refusals_status_known"),
        ),
        sa.CheckConstraint("number > 0 and tries > 0", name=op.f("ck_monthly_refusals_counts_from_one")),
        sa.CheckConstraint(
            "(due_at is null) = (status in ('under_way', 'over'))",
            name=op.f("ck_monthly_refusals_next_step_has_its_time"),
        ),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id"],
            ["monthly_gifts.id"],
            name=op.f("fk_monthly_refusals_monthly_gift_id_monthly_gifts"),
        ),
        sa.ForeignKeyConstraint(
            ["stripe_invoice_id"],
            ["monthly_invoices.stripe_invoice_id"],
            name=op.f("fk_monthly_refusals_stripe_invoice_id_monthly_invoices"),
        ),
        sa.PrimaryKeyConstraint("stripe_invoice_id", "number", name=op.f("pk_monthly_refusals")),
    )
    op.create_index("ix_monthly_refusals_monthly_gift_id", "monthly_refusals", ["monthly_gift_id"])
    op.create_index(
        "ix_monthly_refusals_due",
        "monthly_refusals",
        ["due_at"],
        postgresql_where=sa.text("due_at is not null"),
    )
    op.create_index(
        "uq_monthly_refusals_open",
        "monthly_refusals",
        ["stripe_invoice_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'over'"),
    )
    op.create_table(
        "monthly_new_methods",
        sa.Column("monthly_gift_id", sa.Text(), nullable=False),
        sa.Column("stripe_payment_method_id", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "status in ('waiting', 'done', 'refused')", name=op.f("ck_monthly_new_methods_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id"],
            ["monthly_gifts.id"],
            name=op.f("fk_monthly_new_methods_monthly_gift_id_monthly_gifts"),
        ),
        sa.PrimaryKeyConstraint(
            "monthly_gift_id", "stripe_payment_method_id", name=op.f("pk_monthly_new_methods")
        ),
    )
    op.create_index(
        "ix_monthly_new_methods_due",
        "monthly_new_methods",
        ["next_at"],
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON monthly_refusals, monthly_new_methods TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("monthly_new_methods")
    op.drop_table("monthly_refusals")

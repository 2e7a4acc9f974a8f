"""Create monthly gifts.

Why: a promise to give each month, its terms over time, Stripe's invoices of it and what was asked of it
are facts of their own; every instalment is a gift like any other that names its promise and invoice.

Revision: 2026_11_25_0100
Follows: 2026_11_24_2310
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0100"
down_revision = "2026_11_24_2310"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "monthly_gifts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("donor_name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("dedication_kind", sa.Text(), nullable=True),
        sa.Column("dedication_name", sa.Text(), nullable=True),
        sa.Column("source", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripe_subscription_id", sa.Text(), nullable=True),
        sa.Column("stripe_customer_id", sa.Text(), nullable=True),
        sa.Column("stripe_status", sa.Text(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_charge_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("card_brand", sa.Text(), nullable=True),
        sa.Column("card_last4", sa.Text(), nullable=True),
        sa.Column("card_expires", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'ended') = (ended_at is not null)", name=op.f("ck_monthly_gifts_ended_has_its_time")
        ),
        sa.CheckConstraint(
            "dedication_kind in ('in_honour', 'in_memory') and dedication_name is not null or dedication_kind is null and dedication_name is null",
            name=op.f("ck_monthly_gifts_dedication_whole"),
        ),
        sa.CheckConstraint(
            "end_reason in ('donor', 'staff', 'dispute', 'fraud_warning', 'at_stripe')",
            name=op.f("ck_monthly_gifts_end_reason_known"),
        ),
        sa.CheckConstraint(
            "status in ('pending', 'never_started', 'active', 'behind', 'paused', 'lapsed', 'ended')",
            name=op.f("ck_monthly_gifts_status_known"),
        ),
        sa.CheckConstraint(
            "(ended_at is null) = (end_reason is null)", name=op.f("ck_monthly_gifts_ended_has_its_reason")
        ),
        sa.ForeignKeyConstraint(["donor_id"], ["donors.id"], name=op.f("fk_monthly_gifts_donor_id_donors")),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_monthly_gifts_entity_id_issuing_entities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monthly_gifts")),
        sa.UniqueConstraint("stripe_subscription_id", name=op.f("uq_monthly_gifts_stripe_subscription_id")),
    )
    op.create_index("ix_monthly_gifts_donor_id", "monthly_gifts", ["donor_id"], unique=False)
    op.create_index(
        "ix_monthly_gifts_stripe_customer_id", "monthly_gifts", ["stripe_customer_id"], unique=False
    )
    op.create_table(
        "monthly_terms",
        sa.Column("monthly_gift_id", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee_cover_amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_monthly_terms_amount_positive")),
        sa.CheckConstraint(
            "fee_cover_amount >= 0 and fee_cover_amount < amount",
            name=op.f("ck_monthly_terms_fee_cover_within_amount"),
        ),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id"],
            ["monthly_gifts.id"],
            name=op.f("fk_monthly_terms_monthly_gift_id_monthly_gifts"),
        ),
        sa.PrimaryKeyConstraint("monthly_gift_id", "number", name=op.f("pk_monthly_terms")),
    )
    op.create_table(
        "monthly_allocations",
        sa.Column("monthly_gift_id", sa.Text(), nullable=False),
        sa.Column("terms_number", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("fund_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_monthly_allocations_amount_positive")),
        sa.ForeignKeyConstraint(["fund_id"], ["funds.id"], name=op.f("fk_monthly_allocations_fund_id_funds")),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id", "terms_number"],
            ["monthly_terms.monthly_gift_id", "monthly_terms.number"],
            name="fk_monthly_allocations_monthly_terms",
        ),
        sa.PrimaryKeyConstraint(
            "monthly_gift_id", "terms_number", "position", name=op.f("pk_monthly_allocations")
        ),
    )
    op.create_table(
        "monthly_changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("monthly_gift_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="requested", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms_number", sa.SmallInteger(), nullable=True),
        sa.Column("day", sa.SmallInteger(), nullable=True),
        sa.Column("first_submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'change_amount') = (terms_number is not null)",
            name=op.f("ck_monthly_changes_change_amount_has_its_terms"),
        ),
        sa.CheckConstraint(
            "(kind = 'change_day') = (day is not null)",
            name=op.f("ck_monthly_changes_change_day_has_its_day"),
        ),
        sa.CheckConstraint(
            "(kind = 'pause') = (paused_until is not null)", name=op.f("ck_monthly_changes_pause_has_its_end")
        ),
        sa.CheckConstraint(
            "kind in ('cancel', 'pause', 'resume', 'change_amount', 'change_day')",
            name=op.f("ck_monthly_changes_kind_known"),
        ),
        sa.CheckConstraint(
            "status in ('requested', 'done', 'refused', 'overtaken')",
            name=op.f("ck_monthly_changes_status_known"),
        ),
        sa.CheckConstraint("day between 1 and 31", name=op.f("ck_monthly_changes_day_of_a_month")),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id", "terms_number"],
            ["monthly_terms.monthly_gift_id", "monthly_terms.number"],
            name="fk_monthly_changes_monthly_terms",
        ),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id"],
            ["monthly_gifts.id"],
            name=op.f("fk_monthly_changes_monthly_gift_id_monthly_gifts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monthly_changes")),
    )
    op.create_index(
        "ix_monthly_changes_due",
        "monthly_changes",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_index(
        "ix_monthly_changes_monthly_gift_id", "monthly_changes", ["monthly_gift_id"], unique=False
    )
    op.create_table(
        "monthly_invoices",
        sa.Column("stripe_invoice_id", sa.Text(), nullable=False),
        sa.Column("monthly_gift_id", sa.Text(), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.Text(), nullable=True),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="stub", nullable=False),
        sa.Column("billing_reason", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("amount_due", sa.BigInteger(), nullable=True),
        sa.Column("amount_paid", sa.BigInteger(), nullable=True),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status in ('stub', 'draft', 'open', 'uncollectible', 'void', 'paid')",
            name=op.f("ck_monthly_invoices_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_monthly_invoices_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["monthly_gift_id"],
            ["monthly_gifts.id"],
            name=op.f("fk_monthly_invoices_monthly_gift_id_monthly_gifts"),
        ),
        sa.PrimaryKeyConstraint("stripe_invoice_id", name=op.f("pk_monthly_invoices")),
        sa.UniqueConstraint("donation_id", name=op.f("uq_monthly_invoices_donation_id")),
    )
    op.create_index(
        "ix_monthly_invoices_monthly_gift_id", "monthly_invoices", ["monthly_gift_id"], unique=False
    )
    op.create_index(
        "ix_monthly_invoices_stripe_payment_intent_id",
        "monthly_invoices",
        ["stripe_payment_intent_id"],
        unique=False,
    )
    op.add_column("donations", sa.Column("monthly_gift_id", sa.Text(), nullable=True))
    op.add_column("donations", sa.Column("stripe_invoice_id", sa.Text(), nullable=True))
    op.create_index("ix_donations_monthly_gift_id", "donations", ["monthly_gift_id"], unique=False)
    op.create_unique_constraint(op.f("uq_donations_stripe_invoice_id"), "donations", ["stripe_invoice_id"])
    op.drop_constraint(op.f("ck_donations_online_has_a_checkout"), "donations", type_="check")
    op.create_check_constraint(
        op.f("ck_donations_online_has_a_checkout_or_an_invoice"),
        "donations",
        "channel <> 'online' or checkout_expires_at is not null or stripe_invoice_id is not null",
    )
    op.create_foreign_key(
        op.f("fk_donations_monthly_gift_id_monthly_gifts"),
        "donations",
        "monthly_gifts",
        ["monthly_gift_id"],
        ["id"],
    )
    op.execute(
        "GRANT SELECT, INSERT, UPDATE ON monthly_gifts, monthly_invoices, monthly_changes TO almoner_app"
    )
    op.execute("GRANT SELECT, INSERT ON monthly_terms, monthly_allocations TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_constraint(op.f("ck_donations_online_has_a_checkout_or_an_invoice"), "donations", type_="check")
    op.create_check_constraint(
        op.f("ck_donations_online_has_a_checkout"),
        "donations",
        "channel <> 'online' or checkout_expires_at is not null",
    )
    op.drop_constraint(op.f("fk_donations_monthly_gift_id_monthly_gifts"), "donations", type_="foreignkey")
    op.drop_constraint(op.f("uq_donations_stripe_invoice_id"), "donations", type_="unique")
    op.drop_index("ix_donations_monthly_gift_id", table_name="donations")
    op.drop_column("donations", "stripe_invoice_id")
    op.drop_column("donations", "monthly_gift_id")
    op.drop_index("ix_monthly_invoices_stripe_payment_intent_id", table_name="monthly_invoices")
    op.drop_index("ix_monthly_invoices_monthly_gift_id", table_name="monthly_invoices")
    op.drop_table("monthly_invoices")
    op.drop_index("ix_monthly_changes_monthly_gift_id", table_name="monthly_changes")
    op.drop_index(
        "ix_monthly_changes_due",
        table_name="monthly_changes",
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.drop_table("monthly_changes")
    op.drop_table("monthly_allocations")
    op.drop_table("monthly_terms")
    op.drop_index("ix_monthly_gifts_stripe_customer_id", table_name="monthly_gifts")
    op.drop_index("ix_monthly_gifts_donor_id", table_name="monthly_gifts")
    op.drop_table("monthly_gifts")

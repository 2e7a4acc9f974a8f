"""Create donations with their allocations, requests and charges.

Why: a gift is written before the donor leaves for Stripe, so every later fact finds its parent.

Revision: 2026_11_24_2115
Follows: 2026_11_24_2110
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_2115"
down_revision = "2026_11_24_2110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "donations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("donor_name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee_cover_amount", sa.BigInteger(), nullable=False),
        sa.Column("dedication_kind", sa.Text(), nullable=True),
        sa.Column("dedication_name", sa.Text(), nullable=True),
        sa.Column("source", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gift_date", sa.Date(), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("checkout_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("stripe_checkout_session_id", sa.Text(), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(paid_at is null or status = 'paid') and (paid_at is null) = (gift_date is null)",
            name=op.f("ck_donations_paid_has_its_day"),
        ),
        sa.CheckConstraint(
            "dedication_kind in ('in_honour', 'in_memory') and dedication_name is not null or dedication_kind is null and dedication_name is null",
            name=op.f("ck_donations_dedication_whole"),
        ),
        sa.CheckConstraint("frequency in ('once', 'monthly')", name=op.f("ck_donations_frequency_known")),
        sa.CheckConstraint(
            "status in ('pending', 'processing', 'expired', 'failed', 'paid')",
            name=op.f("ck_donations_status_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_donations_amount_positive")),
        sa.CheckConstraint(
            "fee_cover_amount >= 0 and fee_cover_amount < amount",
            name=op.f("ck_donations_fee_cover_within_amount"),
        ),
        sa.ForeignKeyConstraint(["donor_id"], ["donors.id"], name=op.f("fk_donations_donor_id_donors")),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_donations_entity_id_issuing_entities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donations")),
        sa.UniqueConstraint(
            "stripe_checkout_session_id", name=op.f("uq_donations_stripe_checkout_session_id")
        ),
        sa.UniqueConstraint("stripe_payment_intent_id", name=op.f("uq_donations_stripe_payment_intent_id")),
    )
    op.create_index("ix_donations_created_at", "donations", ["created_at"], unique=False)
    op.create_index("ix_donations_donor_id", "donations", ["donor_id"], unique=False)
    op.create_table(
        "donation_allocations",
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("fund_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_donation_allocations_amount_positive")),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_donation_allocations_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["fund_id"], ["funds.id"], name=op.f("fk_donation_allocations_fund_id_funds")
        ),
        sa.PrimaryKeyConstraint("donation_id", "position", name=op.f("pk_donation_allocations")),
    )
    op.create_table(
        "donation_requests",
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("caller_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_donation_requests_donation_id_donations")
        ),
        sa.PrimaryKeyConstraint("idempotency_key", name=op.f("pk_donation_requests")),
    )
    op.create_table(
        "charges",
        sa.Column("stripe_charge_id", sa.Text(), nullable=False),
        sa.Column("stripe_payment_intent_id", sa.Text(), nullable=True),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("card_brand", sa.Text(), nullable=True),
        sa.Column("last4", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("stripe_balance_transaction_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status in ('pending', 'failed', 'succeeded')", name=op.f("ck_charges_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_charges_donation_id_donations")
        ),
        sa.PrimaryKeyConstraint("stripe_charge_id", name=op.f("pk_charges")),
    )
    op.create_index(
        "ix_charges_awaiting_balance_transaction",
        "charges",
        ["charged_at"],
        unique=False,
        postgresql_where=sa.text("status = 'succeeded' and stripe_balance_transaction_id is null"),
    )
    op.create_index("ix_charges_donation_id", "charges", ["donation_id"], unique=False)
    op.create_index(
        "ix_charges_stripe_payment_intent_id", "charges", ["stripe_payment_intent_id"], unique=False
    )

    op.execute("GRANT SELECT, INSERT, UPDATE ON donations TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON donation_allocations TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON donation_requests TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON charges TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("charges")
    op.drop_table("donation_requests")
    op.drop_table("donation_allocations")
    op.drop_table("donations")

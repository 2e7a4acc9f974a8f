"""Create offline gifts and deposit slips.

Why: cheques, cash and things are gifts like any other, with what only paper knows beside them. Every gift
now says how it came in, who its legal payer is and what the donor got for it.

Revision: 2026_11_24_2240
Follows: 2026_11_24_2235
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2240"
down_revision = "2026_11_24_2235"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("donations", sa.Column("channel", sa.Text(), server_default="online", nullable=False))
    op.add_column("donations", sa.Column("payer_kind", sa.Text(), server_default="person", nullable=False))
    op.add_column("donations", sa.Column("soft_credit_donor_id", sa.Text(), nullable=True))
    op.add_column(
        "donations", sa.Column("benefit_amount", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("donations", sa.Column("benefit_text", sa.Text(), nullable=True))
    op.alter_column(
        "donations", "checkout_expires_at", existing_type=sa.DateTime(timezone=True), nullable=True
    )
    op.create_foreign_key(
        op.f("fk_donations_soft_credit_donor_id_donors"),
        "donations",
        "donors",
        ["soft_credit_donor_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_donations_channel_known"),
        "donations",
        "channel in ('online', 'cheque', 'cash', 'bank_transfer', 'stock', 'in_kind')",
    )
    op.create_check_constraint(
        op.f("ck_donations_payer_kind_known"),
        "donations",
        "payer_kind in ('person', 'company', 'employer_match', 'donor_advised_fund', 'estate')",
    )
    op.create_check_constraint(
        op.f("ck_donations_online_has_a_checkout"),
        "donations",
        "channel <> 'online' or checkout_expires_at is not null",
    )
    op.create_check_constraint(
        op.f("ck_donations_benefit_within_amount"),
        "donations",
        "benefit_amount >= 0 and benefit_amount <= amount",
    )
    op.add_column(
        "funds",
        sa.Column("is_board_designated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "funds", sa.Column("is_agency", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "deposit_slips",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("deposited_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("total > 0", name=op.f("ck_deposit_slips_total_positive")),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_deposit_slips_entity_id_issuing_entities")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["staff_members.id"], name=op.f("fk_deposit_slips_recorded_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_slips")),
    )
    op.create_table(
        "offline_gifts",
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("postmarked_on", sa.Date(), nullable=True),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("document_date", sa.Date(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("deposit_slip_id", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "postmarked_on is null or postmarked_on <= received_on",
            name=op.f("ck_offline_gifts_posted_before_received"),
        ),
        sa.ForeignKeyConstraint(
            ["deposit_slip_id"],
            ["deposit_slips.id"],
            name=op.f("fk_offline_gifts_deposit_slip_id_deposit_slips"),
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_offline_gifts_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["staff_members.id"], name=op.f("fk_offline_gifts_recorded_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_offline_gifts")),
    )
    op.create_index("ix_offline_gifts_deposit_slip_id", "offline_gifts", ["deposit_slip_id"], unique=False)
    op.execute("GRANT SELECT, INSERT ON deposit_slips TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON offline_gifts TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("offline_gifts")
    op.drop_table("deposit_slips")
    op.drop_column("funds", "is_agency")
    op.drop_column("funds", "is_board_designated")
    op.drop_constraint(op.f("ck_donations_channel_known"), "donations")
    op.drop_constraint(op.f("ck_donations_payer_kind_known"), "donations")
    op.drop_constraint(op.f("ck_donations_online_has_a_checkout"), "donations")
    op.drop_constraint(op.f("ck_donations_benefit_within_amount"), "donations")
    op.alter_column(
        "donations", "checkout_expires_at", existing_type=sa.DateTime(timezone=True), nullable=False
    )
    op.drop_column("donations", "benefit_text")
    op.drop_column("donations", "benefit_amount")
    op.drop_column("donations", "soft_credit_donor_id")
    op.drop_column("donations", "payer_kind")
    op.drop_column("donations", "channel")

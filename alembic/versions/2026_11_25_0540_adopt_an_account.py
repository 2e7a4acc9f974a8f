"""Adopt a Stripe account.

Why: a charity that took gifts on another platform takes its history over. The book then begins on a day,
with one opening balance; gifts that were receipted elsewhere have a channel of their own; and how far the
reading of the history has come is kept, so that it goes on after a crash.

Revision: 2026_11_25_0540
Follows: 2026_11_25_0535
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0540"
down_revision = "2026_11_25_0535"
branch_labels = None
depends_on = None

EARLIER_CHANNELS = "'online', 'cheque', 'cash', 'bank_transfer', 'stock', 'in_kind'"
EARLIER_ACCOUNTS = (
    "'stripe_balance', 'payouts_in_transit', 'bank', 'undeposited_funds', 'disputed_funds', "
    "'stripe_reserve', 'suspense_unclassified', 'contributions', 'contributions_fee_cover', "
    "'contribution_refunds', 'chargebacks', 'fx_gain_loss', 'processing_fees', 'dispute_fees', "
    "'stripe_service_fees', 'refunds_payable', 'gifts_in_kind', 'contributions_in_kind', "
    "'agency_obligations', 'unidentified_receipts', 'benefits_exchanged', 'other_receipts'"
)


def _allow(*, channels: str, accounts: str) -> None:
    op.drop_constraint(op.f("ck_donations_channel_known"), "donations")
    op.create_check_constraint(op.f("ck_donations_channel_known"), "donations", f"channel in ({channels})")
    for side in ("from_account", "to_account"):
        op.drop_constraint(op.f(f"ck_journal_moves_{side}_known"), "journal_moves")
        op.create_check_constraint(
            op.f(f"ck_journal_moves_{side}_known"), "journal_moves", f"{side} in ({accounts})"
        )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    _allow(channels=f"{EARLIER_CHANNELS}, 'adopted'", accounts=f"{EARLIER_ACCOUNTS}, 'opening_balance'")
    op.add_column("monthly_gifts", sa.Column("receipts_from", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "movements_before_books",
        sa.Column("stripe_balance_transaction_id", sa.Text(), nullable=False),
        sa.Column("reporting_category", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stripe_balance_transaction_id", name=op.f("pk_movements_before_books")),
    )
    op.create_index(
        "ix_movements_before_books_source_id", "movements_before_books", ["source_id"], unique=False
    )
    op.create_table(
        "adoptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("since < until", name=op.f("ck_adoptions_stretch_in_order")),
        sa.ForeignKeyConstraint(
            ["started_by"], ["staff_members.id"], name=op.f("fk_adoptions_started_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adoptions")),
    )
    op.create_index(
        "uq_adoptions_running",
        "adoptions",
        [sa.text("(true)")],
        unique=True,
        postgresql_where=sa.text("finished_at is null"),
    )
    op.create_table(
        "adoption_lists",
        sa.Column("adoption_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_id", sa.Text(), nullable=True),
        sa.Column("read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_read", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "totals",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["adoption_id"], ["adoptions.id"], name=op.f("fk_adoption_lists_adoption_id_adoptions")
        ),
        sa.PrimaryKeyConstraint("adoption_id", "name", name=op.f("pk_adoption_lists")),
    )
    op.create_table(
        "adoption_left_overs",
        sa.Column("adoption_id", sa.Text(), nullable=False),
        sa.Column("stripe_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('no_rule', 'no_address', 'fund_unknown', 'not_monthly', 'booked_before')",
            name=op.f("ck_adoption_left_overs_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["adoption_id"], ["adoptions.id"], name=op.f("fk_adoption_left_overs_adoption_id_adoptions")
        ),
        sa.PrimaryKeyConstraint("adoption_id", "stripe_id", name=op.f("pk_adoption_left_overs")),
    )
    op.execute(
        "CREATE TRIGGER movements_before_books_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON movements_before_books FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT ON movements_before_books, adoption_left_overs TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON adoptions, adoption_lists TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # Refused by the checks below where anything was adopted: a book that begins in the middle stays one.
    op.drop_table("adoption_left_overs")
    op.drop_table("adoption_lists")
    op.drop_table("adoptions")
    op.drop_table("movements_before_books")
    op.drop_column("monthly_gifts", "receipts_from")
    _allow(channels=EARLIER_CHANNELS, accounts=EARLIER_ACCOUNTS)

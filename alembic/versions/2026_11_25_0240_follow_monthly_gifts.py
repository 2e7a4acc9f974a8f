"""Follow monthly gifts.

Why: what Stripe says of a plan comes in any order, so beside each fact stands when it was said; a refused try
is more than a try; the card a donor gave last may be heard of before its monthly gift; and a charge heard of
before its invoice must keep why it failed and until when its card is good.

Revision: 2026_11_25_0240
Follows: 2026_11_25_0230
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0240"
down_revision = "2026_11_25_0230"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("monthly_gifts", sa.Column("card_said_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("monthly_invoices", sa.Column("said_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "monthly_invoices",
        sa.Column("refused_attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("monthly_invoices", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("charges", sa.Column("card_expires", sa.Text(), nullable=True))
    op.add_column("charges", sa.Column("decline_code", sa.Text(), nullable=True))
    op.create_table(
        "cards_on_file",
        sa.Column("stripe_customer_id", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("last4", sa.Text(), nullable=True),
        sa.Column("expires", sa.Text(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stripe_customer_id", name=op.f("pk_cards_on_file")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON cards_on_file TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("cards_on_file")
    op.drop_column("charges", "decline_code")
    op.drop_column("charges", "card_expires")
    op.drop_column("monthly_invoices", "next_attempt_at")
    op.drop_column("monthly_invoices", "refused_attempts")
    op.drop_column("monthly_invoices", "said_at")
    op.drop_column("monthly_gifts", "card_said_at")

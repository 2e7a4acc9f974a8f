"""Create Stripe's balances.

Why: the movements that were mirrored are proven against a number that Stripe computes by itself. What it
answered is a fact like any other, kept whole and never changed.

Revision: 2026_11_25_0505
Follows: 2026_11_25_0500
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0505"
down_revision = "2026_11_25_0500"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "stripe_balances",
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("asked_at", "currency", name=op.f("pk_stripe_balances")),
    )
    op.execute(
        "CREATE TRIGGER stripe_balances_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stripe_balances "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT ON stripe_balances TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("stripe_balances")

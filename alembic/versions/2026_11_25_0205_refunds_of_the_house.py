"""Refunds of the house.

Why: an instalment that was taken after its monthly gift had ended goes back without anybody asking, and
who looks at a refund should see that no person asked for it.

Revision: 2026_11_25_0205
Follows: 2026_11_25_0200
"""

from alembic import op

revision = "2026_11_25_0205"
down_revision = "2026_11_25_0200"
branch_labels = None
depends_on = None

_NAME = "ck_refunds_origin_known"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_constraint(op.f(_NAME), "refunds", type_="check")
    op.create_check_constraint(op.f(_NAME), "refunds", "origin in ('staff', 'house', 'stripe')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("UPDATE refunds SET origin = 'stripe' WHERE origin = 'house'")
    op.drop_constraint(op.f(_NAME), "refunds", type_="check")
    op.create_check_constraint(op.f(_NAME), "refunds", "origin in ('staff', 'stripe')")

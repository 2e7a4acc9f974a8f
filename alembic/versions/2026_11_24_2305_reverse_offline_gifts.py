"""Let an offline gift be taken back in the open.

Why: a cheque bounces and a number is mistyped. The gift stays with its reversal beside it, as in the book.

Revision: 2026_11_24_2305
Follows: 2026_11_24_2300
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2305"
down_revision = "2026_11_24_2300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("offline_gifts", sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("offline_gifts", sa.Column("reversed_by", sa.Text(), nullable=True))
    op.add_column("offline_gifts", sa.Column("reversal_reason", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_offline_gifts_reversed_by_staff_members"),
        "offline_gifts",
        "staff_members",
        ["reversed_by"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_offline_gifts_reversal_whole"),
        "offline_gifts",
        "num_nulls(reversed_at, reversed_by, reversal_reason) in (0, 3)",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_constraint(op.f("ck_offline_gifts_reversal_whole"), "offline_gifts")
    op.drop_column("offline_gifts", "reversal_reason")
    op.drop_column("offline_gifts", "reversed_by")
    op.drop_column("offline_gifts", "reversed_at")

"""Create worker heartbeats.

Why: whether a worker is alive is read from a row, not asked over the broker.

Revision: 2026_11_24_2140
Follows: 2026_11_24_2135
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2140"
down_revision = "2026_11_24_2135"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "worker_heartbeats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("beaten_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_heartbeats")),
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON worker_heartbeats TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("worker_heartbeats")

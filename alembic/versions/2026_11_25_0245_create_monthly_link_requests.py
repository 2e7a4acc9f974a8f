"""Create monthly link requests.

Why: who asks for the link of a monthly gift by typing an address is answered at once and the same whether
it is known; a worker looks it up afterwards, and the address is kept no longer than that.

Revision: 2026_11_25_0245
Follows: 2026_11_25_0240
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0245"
down_revision = "2026_11_25_0240"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "monthly_link_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monthly_link_requests")),
    )
    op.create_index("ix_monthly_link_requests_asked_at", "monthly_link_requests", ["asked_at"], unique=False)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON monthly_link_requests TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("monthly_link_requests")

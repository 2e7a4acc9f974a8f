"""Create reconciliation rounds.

Why: that nothing is open says little if nobody has looked since. Each round notes when it looked and what it
found, so the doctor can tell, and a closed month can show it.

Revision: 2026_11_25_0425
Follows: 2026_11_25_0420
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0425"
down_revision = "2026_11_25_0420"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "reconciliation_rounds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("blocks_close", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_rounds")),
    )
    op.execute(
        "CREATE TRIGGER reconciliation_rounds_append_only "
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation_rounds "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT ON reconciliation_rounds TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("reconciliation_rounds")

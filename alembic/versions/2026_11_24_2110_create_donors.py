"""Create donors.

Why: names and addresses live in one table, so that one place is to be guarded and erased.

Revision: 2026_11_24_2110
Follows: 2026_11_24_2105
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2110"
down_revision = "2026_11_24_2105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "donors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donors")),
    )
    op.create_index("uq_donors_lower_email", "donors", [sa.literal_column("lower(email)")], unique=True)

    op.execute("GRANT SELECT, INSERT, UPDATE ON donors TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("donors")

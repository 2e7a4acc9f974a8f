"""Offer monthly gifts.

Why: what people give each month is less than what they give once, and not every currency is collected
each month; null says that a currency is not.

Revision: 2026_11_25_0140
Follows: 2026_11_25_0130
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0140"
down_revision = "2026_11_25_0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "giving_terms", sa.Column("monthly_suggested", postgresql.ARRAY(sa.BigInteger()), nullable=True)
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_column("giving_terms", "monthly_suggested")

"""Keep the facts of exceptions.

Why: an exception's sentence was stored in English only, and a page in Korean showed it so. Its facts are
stored beside it, so that it can be told in the reader's language. Rows from before have none and are told as
they are; the next round of reconciliation fills in those that are still open.

Revision: 2026_11_30_1500
Follows: 2026_11_25_0540
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_1500"
down_revision = "2026_11_25_0540"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("discrepancies", sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_column("discrepancies", "told")

"""Index what is owed and what is in suspense.

Why: both are asked for at every look at the house, and are a handful of rows among millions.

Revision: 2026_11_24_2310
Follows: 2026_11_24_2305
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2310"
down_revision = "2026_11_24_2305"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_index(
        "ix_journal_moves_owed",
        "journal_moves",
        ["reference"],
        unique=False,
        postgresql_where=sa.text("from_account = 'refunds_payable' or to_account = 'refunds_payable'"),
    )
    op.create_index(
        "ix_journal_moves_suspense",
        "journal_moves",
        ["reference"],
        unique=False,
        postgresql_where=sa.text(
            "from_account = 'suspense_unclassified' or to_account = 'suspense_unclassified'"
        ),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_index("ix_journal_moves_suspense", table_name="journal_moves")
    op.drop_index("ix_journal_moves_owed", table_name="journal_moves")

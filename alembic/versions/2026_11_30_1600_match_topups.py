"""Match top-ups, and payments of what was owed.

Why: money that the charity sends to its Stripe balance, and what it pays to a donor whose refund failed,
leave its bank account. Both stand in the book, so their lines are more than the charity's other business.
Top-ups are few among very many movements, and looked for in every round.

Revision: 2026_11_30_1600
Follows: 2026_11_30_1530
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1600"
down_revision = "2026_11_30_1530"
branch_labels = None
depends_on = None

_BEFORE = "kind in ('payout', 'payout_return', 'deposit', 'transfer', 'ignored')"
_SINCE = "kind in ('payout', 'payout_return', 'topup', 'deposit', 'transfer', 'owed_payment', 'ignored')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    _kinds(_SINCE)
    op.create_index(
        "ix_balance_transactions_topups",
        "balance_transactions",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("reporting_category in ('topup', 'topup_reversal')"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_index("ix_balance_transactions_topups", table_name="balance_transactions")
    _kinds(_BEFORE)


def _kinds(known: str) -> None:
    op.drop_constraint(op.f("ck_bank_matches_kind_known"), "bank_matches")
    op.create_check_constraint(op.f("ck_bank_matches_kind_known"), "bank_matches", known)

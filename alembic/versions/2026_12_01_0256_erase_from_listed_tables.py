"""Erase from listed tables only.

Why: while a row is noted as erased its table lets itself be changed, and a trigger sees that only that row and
only what may go of it is. A table without that trigger must not be named there, not even by the owner.

Revision: 2026_12_01_0256
Follows: 2026_12_01_0230
"""

from alembic import op

revision = "2026_12_01_0256"
down_revision = "2026_12_01_0230"
branch_labels = None
depends_on = None

_LISTED = (
    "table_name in ('audit_log', 'balance_transactions', 'bank_lines', 'bank_statements', 'export_chunks', "
    "'gift_aid_claims', 'gift_aid_declarations', 'giving_statements', 'receipt_documents', 'receipts', "
    "'statement_documents', 'stripe_events')"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_check_constraint(op.f("ck_erased_rows_table_listed"), "erased_rows", _LISTED)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_constraint(op.f("ck_erased_rows_table_listed"), "erased_rows")

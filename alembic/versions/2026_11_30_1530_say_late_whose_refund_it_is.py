"""Say late whose refund it is.

Why: of an instalment's charge it is known last which gift it pays. A refund that was heard of before that must be
told then, and the trigger that keeps a refund's amount and gift as they are forbade it. What was left without its
gift until now, disputes and warnings too, is given it here.

Revision: 2026_11_30_1530
Follows: 2026_11_30_1500
"""

from alembic import op

revision = "2026_11_30_1530"
down_revision = "2026_11_30_1500"
branch_labels = None
depends_on = None

_FIXED = (
    "CREATE TRIGGER refunds_amount_is_fixed BEFORE UPDATE ON refunds FOR EACH ROW WHEN ({}) "
    "EXECUTE FUNCTION almoner_refund_amount_is_fixed()"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER refunds_amount_is_fixed ON refunds")
    op.execute(
        _FIXED.format(
            "(OLD.amount, OLD.currency, OLD.stripe_charge_id) IS DISTINCT FROM "
            "(NEW.amount, NEW.currency, NEW.stripe_charge_id) "
            "OR OLD.donation_id IS NOT NULL AND OLD.donation_id IS DISTINCT FROM NEW.donation_id"
        )
    )
    for table in ("refunds", "disputes", "fraud_warnings"):
        op.execute(
            f"UPDATE {table} SET donation_id = charges.donation_id FROM charges "  # noqa: S608 - the names above
            f"WHERE charges.stripe_charge_id = {table}.stripe_charge_id "
            f"AND {table}.donation_id IS NULL AND charges.donation_id IS NOT NULL"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER refunds_amount_is_fixed ON refunds")
    op.execute(
        _FIXED.format(
            "(OLD.amount, OLD.currency, OLD.donation_id, OLD.stripe_charge_id) IS DISTINCT FROM "
            "(NEW.amount, NEW.currency, NEW.donation_id, NEW.stripe_charge_id)"
        )
    )

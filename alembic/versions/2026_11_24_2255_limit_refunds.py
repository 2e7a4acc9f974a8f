"""Limit refunds.

Why: above a limit of the charity's own, money goes back only when a second person agrees; without a limit
every refund needs one. And whatever the program does, what is asked for here never sums to more than the gift.

Revision: 2026_11_24_2255
Follows: 2026_11_24_2250
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2255"
down_revision = "2026_11_24_2250"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "giving_terms",
        sa.Column("refund_limit", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_giving_terms_refund_limit_not_negative"), "giving_terms", "refund_limit >= 0"
    )
    op.execute("""
        CREATE FUNCTION almoner_refunds_within_the_gift() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            given bigint;
            already numeric;
        BEGIN
            -- The lock makes two requests for one gift wait for each other, and so see each other.
            SELECT amount INTO given FROM donations
            WHERE id = NEW.donation_id AND currency = NEW.currency FOR UPDATE;
            SELECT coalesce(sum(amount), 0) INTO already FROM (
                SELECT amount FROM refunds WHERE donation_id = NEW.donation_id
                    AND status NOT IN ('declined', 'refused', 'failed', 'canceled')
                UNION ALL
                SELECT amount FROM owed_payments WHERE donation_id = NEW.donation_id
                    AND status IN ('requested', 'paid')
            ) AS goes_back;
            IF given IS NULL OR already + NEW.amount > given THEN
                RAISE EXCEPTION 'refunds would come to more than the gift'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_within_the_gift';
            END IF;
            RETURN NEW;
        END $$
    """)
    # Only what is asked for here: what Stripe tells is a fact, and facts are taken as they come.
    op.execute(
        "CREATE TRIGGER refunds_within_the_gift BEFORE INSERT ON refunds "
        "FOR EACH ROW WHEN (NEW.origin = 'staff') EXECUTE FUNCTION almoner_refunds_within_the_gift()"
    )
    op.execute(
        "CREATE TRIGGER owed_payments_within_the_gift BEFORE INSERT ON owed_payments FOR EACH ROW "
        "WHEN (NEW.status = 'requested') EXECUTE FUNCTION almoner_refunds_within_the_gift()"
    )
    op.execute("""
        CREATE FUNCTION almoner_refund_amount_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the amount of a refund is never changed'
                USING ERRCODE = 'restrict_violation', HINT = 'Decline it and ask for another.';
        END $$
    """)
    op.execute(
        "CREATE TRIGGER refunds_amount_is_fixed BEFORE UPDATE ON refunds FOR EACH ROW WHEN "
        "((OLD.amount, OLD.currency, OLD.donation_id, OLD.stripe_charge_id) IS DISTINCT FROM "
        "(NEW.amount, NEW.currency, NEW.donation_id, NEW.stripe_charge_id)) "
        "EXECUTE FUNCTION almoner_refund_amount_is_fixed()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER refunds_amount_is_fixed ON refunds")
    op.execute("DROP FUNCTION almoner_refund_amount_is_fixed()")
    op.execute("DROP TRIGGER owed_payments_within_the_gift ON owed_payments")
    op.execute("DROP TRIGGER refunds_within_the_gift ON refunds")
    op.execute("DROP FUNCTION almoner_refunds_within_the_gift()")
    op.drop_constraint(op.f("ck_giving_terms_refund_limit_not_negative"), "giving_terms")
    op.drop_column("giving_terms", "refund_limit")

"""Let a bank match only be undone, and a line carry several payouts.

Why: what was said of a line, by whom and why, is evidence of a closed month: it is undone in the open, and
never rewritten or removed. Some banks book the payouts of one day as one line, so a line may have several
parts; the first is still there only once, so a line is still said once.

Revision: 2026_11_25_0420
Follows: 2026_11_25_0255
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0420"
down_revision = "2026_11_25_0255"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "bank_matches",
        sa.Column("position", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_bank_matches_position_counted"), "bank_matches", "position between 1 and 20"
    )
    op.create_check_constraint(
        op.f("ck_bank_matches_only_payouts_share"), "bank_matches", "position = 1 or kind = 'payout'"
    )
    op.drop_index("uq_bank_matches_bank_line_id", "bank_matches")
    op.create_index(
        "uq_bank_matches_bank_line_id",
        "bank_matches",
        ["bank_line_id", "position"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.execute("""
        CREATE FUNCTION almoner_bank_matches_only_undone() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
                OR to_jsonb(NEW) - '{undone_at,undone_by,undo_reason}'::text[]
                <> to_jsonb(OLD) - '{undone_at,undone_by,undo_reason}'::text[]
            THEN
                RAISE EXCEPTION 'what was said of bank line % stands', OLD.bank_line_id
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Undo it with a reason and say what the line is.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER bank_matches_only_undone BEFORE UPDATE ON bank_matches "
        "FOR EACH ROW EXECUTE FUNCTION almoner_bank_matches_only_undone()"
    )
    op.execute(
        "CREATE TRIGGER bank_matches_append_only BEFORE DELETE OR TRUNCATE ON bank_matches "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("REVOKE UPDATE ON bank_matches FROM almoner_app")
    op.execute("GRANT UPDATE (undone_at, undone_by, undo_reason) ON bank_matches TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("REVOKE UPDATE (undone_at, undone_by, undo_reason) ON bank_matches FROM almoner_app")
    op.execute("GRANT UPDATE ON bank_matches TO almoner_app")
    op.execute("DROP TRIGGER bank_matches_append_only ON bank_matches")
    op.execute("DROP TRIGGER bank_matches_only_undone ON bank_matches")
    op.execute("DROP FUNCTION almoner_bank_matches_only_undone()")
    op.drop_index("uq_bank_matches_bank_line_id", "bank_matches")
    op.create_index(
        "uq_bank_matches_bank_line_id",
        "bank_matches",
        ["bank_line_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.drop_constraint(op.f("ck_bank_matches_only_payouts_share"), "bank_matches")
    op.drop_constraint(op.f("ck_bank_matches_position_counted"), "bank_matches")
    op.drop_column("bank_matches", "position")

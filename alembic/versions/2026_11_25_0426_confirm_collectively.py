"""Confirm collectively.

Why: a German donor may claim a gift once. Either it has a confirmation of its own, or the year's collective
confirmation lists it, and the database keeps the two apart.

Revision: 2026_11_25_0426
Follows: 2026_11_25_0425
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0426"
down_revision = "2026_11_25_0425"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "statement_lines",
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["giving_statements.id"],
            name=op.f("fk_statement_lines_statement_id_giving_statements"),
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_statement_lines_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_statement_lines_receipt_id_receipts")
        ),
        sa.PrimaryKeyConstraint("statement_id", "donation_id", name=op.f("pk_statement_lines")),
    )
    op.create_index(
        "uq_statement_lines_standing_donation_id",
        "statement_lines",
        ["donation_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    _guard()
    op.execute("GRANT SELECT, INSERT, UPDATE (ended_at) ON statement_lines TO almoner_app")


def _guard() -> None:
    op.execute(
        "CREATE TRIGGER statement_lines_append_only BEFORE DELETE OR TRUNCATE ON statement_lines "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("""
        CREATE FUNCTION almoner_statement_lines_only_ended() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
                OR to_jsonb(NEW) - 'ended_at' <> to_jsonb(OLD) - 'ended_at'
            THEN
                RAISE EXCEPTION 'a line of statement % stands as issued', OLD.statement_id
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER statement_lines_only_ended BEFORE UPDATE ON statement_lines "
        "FOR EACH ROW EXECUTE FUNCTION almoner_statement_lines_only_ended()"
    )
    # The lock keeps whoever voids the receipt waiting, who then finds the line.
    op.execute("""
        CREATE FUNCTION almoner_statement_lines_confirm_once() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            listed receipts;
        BEGIN
            SELECT * INTO listed FROM receipts WHERE id = NEW.receipt_id FOR SHARE;
            IF listed.donation_id <> NEW.donation_id OR listed.status <> 'issued'
                OR listed.content ->> 'statement_code' = 'de_geldzuwendung'
            THEN
                RAISE EXCEPTION 'receipt % cannot be listed', listed.number
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'A gift is confirmed once: by its own confirmation or by a statement.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER statement_lines_confirm_once BEFORE INSERT ON statement_lines "
        "FOR EACH ROW EXECUTE FUNCTION almoner_statement_lines_confirm_once()"
    )
    op.execute("""
        CREATE FUNCTION almoner_receipts_not_while_listed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM statement_lines WHERE donation_id = NEW.donation_id AND ended_at IS NULL
            ) THEN
                RAISE EXCEPTION 'receipt % is listed in a statement that stands', OLD.number
                    USING ERRCODE = 'restrict_violation', HINT = 'Void the statement first.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER receipts_not_while_listed BEFORE UPDATE ON receipts "
        "FOR EACH ROW WHEN (NEW.status = 'void') EXECUTE FUNCTION almoner_receipts_not_while_listed()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER receipts_not_while_listed ON receipts")
    op.drop_table("statement_lines")
    for function in (
        "receipts_not_while_listed",
        "statement_lines_confirm_once",
        "statement_lines_only_ended",
    ):
        op.execute(f"DROP FUNCTION almoner_{function}()")

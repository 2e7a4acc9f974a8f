"""Close months.

Why: what was reported of a month must read the same for ever. A closing is a row, and while it stands the
database itself refuses an entry, a bank line or a receipt dated inside, whoever writes it. Writers share
one lock that a closing takes alone, so that an entry is either seen by the closing or sees it.

Revision: 2026_11_25_0500
Follows: 2026_11_25_0436
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0500"
down_revision = "2026_11_25_0436"
branch_labels = None
depends_on = None

_FIXED = (
    "id, entity_id, month, last_day, version, closed_by, closed_at, sealed_at, evidence, entries, moved, pack,"
    " pack_sha256"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "month_closings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "sealed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("pack", sa.LargeBinary(), nullable=False),
        sa.Column("pack_sha256", sa.Text(), nullable=False),
        sa.Column("reopened_by", sa.Text(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopen_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "extract(day from month) = 1", name=op.f("ck_month_closings_month_by_its_first_day")
        ),
        sa.CheckConstraint(
            "last_day = (month + interval '1 month' - interval '1 day')::date",
            name=op.f("ck_month_closings_last_day_of_the_month"),
        ),
        sa.CheckConstraint(
            "num_nulls(reopened_by, reopened_at, reopen_reason) in (0, 3)",
            name=op.f("ck_month_closings_reopened_whole"),
        ),
        sa.CheckConstraint(
            "reopened_by <> closed_by", name=op.f("ck_month_closings_reopened_by_another_person")
        ),
        sa.CheckConstraint(
            "pack_sha256 = encode(sha256(pack), 'hex')",
            name=op.f("ck_month_closings_pack_is_what_was_hashed"),
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_month_closings_entity_id_issuing_entities")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["staff_members.id"], name=op.f("fk_month_closings_closed_by_staff_members")
        ),
        sa.ForeignKeyConstraint(
            ["reopened_by"], ["staff_members.id"], name=op.f("fk_month_closings_reopened_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_closings")),
        sa.UniqueConstraint(
            "entity_id", "month", "version", name=op.f("uq_month_closings_entity_id_month_version")
        ),
    )
    op.create_index(
        "uq_month_closings_closed",
        "month_closings",
        ["entity_id", "month"],
        unique=True,
        postgresql_where=sa.text("reopened_at is null"),
    )
    _let_closings_follow_one_another()
    _let_writers_ask()
    _refuse_what_is_dated_inside()
    op.execute("GRANT SELECT, INSERT ON month_closings TO almoner_app")
    op.execute("GRANT UPDATE (reopened_by, reopened_at, reopen_reason) ON month_closings TO almoner_app")


def _let_closings_follow_one_another() -> None:
    """Month after month, so that one last closed day tells what is closed; back the same way."""
    op.execute("""
        CREATE FUNCTION almoner_months_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            last_closed date;
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('books', 0));
            SELECT max(month) INTO last_closed FROM month_closings
            WHERE entity_id = NEW.entity_id AND reopened_at IS NULL;
            IF TG_OP = 'INSERT' AND last_closed IS NOT NULL AND NEW.month <> last_closed + interval '1 month' THEN
                RAISE EXCEPTION 'months are closed one after the other: % was the last', last_closed
                    USING ERRCODE = 'restrict_violation';
            ELSIF TG_OP = 'UPDATE' AND (OLD.reopened_at IS NOT NULL OR NEW.month <> last_closed) THEN
                RAISE EXCEPTION 'only the last closed month can be reopened, and once'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            IF TG_OP = 'INSERT' THEN
                NEW.sealed_at := clock_timestamp();
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER month_closings_in_order BEFORE INSERT OR UPDATE ON month_closings "
        "FOR EACH ROW EXECUTE FUNCTION almoner_months_in_order()"
    )
    op.execute(
        "CREATE TRIGGER month_closings_append_only BEFORE DELETE OR TRUNCATE ON month_closings "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        f"CREATE TRIGGER month_closings_fixed BEFORE UPDATE OF {_FIXED} ON month_closings "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )


def _let_writers_ask() -> None:
    # Volatile: each statement in it reads what is committed when it begins, so after the lock.
    op.execute("""
        CREATE FUNCTION almoner_closed_books() RETURNS TABLE (entity_id text, closed_through date)
        LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(hashtextextended('books', 0));
            RETURN QUERY SELECT m.entity_id, max(m.last_day) FROM month_closings m
                WHERE m.reopened_at IS NULL GROUP BY m.entity_id;
        END $$
    """)


def _refuse_what_is_dated_inside() -> None:
    op.execute("""
        CREATE FUNCTION almoner_entries_in_open_months() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            wrong record;
        BEGIN
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                -- It would not see a month that was closed after it began.
                RAISE EXCEPTION 'the book is written in read committed transactions only'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            SELECT w.reference, w.effective_on INTO wrong
            FROM almoner_closed_books() c JOIN written w USING (entity_id)
            WHERE w.effective_on <= c.closed_through LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'entry % is dated %, in a closed month', wrong.reference, wrong.effective_on
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Date it on the first open day; occurred_at keeps when it happened.';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER journal_entries_in_open_months AFTER INSERT ON journal_entries "
        "REFERENCING NEW TABLE AS written "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_entries_in_open_months()"
    )
    op.execute("""
        CREATE FUNCTION almoner_bank_lines_in_open_months() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            wrong record;
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(hashtextextended('books', 0));
            -- An account that was added later is no part of what was closed.
            SELECT w.id, w.booked_on INTO wrong
            FROM written w JOIN bank_accounts a ON a.id = w.bank_account_id
            JOIN month_closings c ON c.entity_id = a.entity_id AND c.reopened_at IS NULL
                AND w.booked_on BETWEEN c.month AND c.last_day AND a.added_at <= c.closed_at
            LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'bank line % is of %, in a closed month', wrong.id, wrong.booked_on
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Reopen the month; its statements were complete when it was closed.';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER bank_lines_in_open_months AFTER INSERT ON bank_lines "
        "REFERENCING NEW TABLE AS written "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_bank_lines_in_open_months()"
    )
    op.execute("""
        CREATE FUNCTION almoner_receipts_in_open_months() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            wrong text;
        BEGIN
            SELECT w.number INTO wrong
            FROM almoner_closed_books() c JOIN written w USING (entity_id)
            JOIN issuing_entities e ON e.id = c.entity_id
            WHERE (w.issued_at AT TIME ZONE e.time_zone)::date <= c.closed_through LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'receipt % is issued in a closed month', wrong
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'A receipt is issued on the day it is issued, whatever day the gift was.';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER receipts_in_open_months AFTER INSERT ON receipts "
        "REFERENCING NEW TABLE AS written "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_receipts_in_open_months()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table, function in (
        ("receipts", "receipts_in_open_months"),
        ("bank_lines", "bank_lines_in_open_months"),
        ("journal_entries", "entries_in_open_months"),
    ):
        op.execute(f"DROP TRIGGER {table}_in_open_months ON {table}")
        op.execute(f"DROP FUNCTION almoner_{function}()")
    op.execute("DROP FUNCTION almoner_closed_books()")
    op.drop_table("month_closings")
    op.execute("DROP FUNCTION almoner_months_in_order()")

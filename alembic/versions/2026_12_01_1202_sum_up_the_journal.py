"""Sum up the journal.

Why: a trial balance of a million gifts adds up millions of moves each time it is looked at. What each account
moved in each month is kept as a sum up to a number of the journal; readers add what came since. The program
may not touch the journal, so where nothing smaller is under way is said by a function of the owner's: it waits
for whoever is posting, two seconds at most, and reads the last number.

Revision: 2026_12_01_1202
Follows: 2026_12_01_1045
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1202"
down_revision = "2026_12_01_1045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "ledger_month_sums",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("fund_id", sa.Text(), nullable=True),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"],
            ["issuing_entities.id"],
            name=op.f("fk_ledger_month_sums_entity_id_issuing_entities"),
        ),
        sa.ForeignKeyConstraint(["fund_id"], ["funds.id"], name=op.f("fk_ledger_month_sums_fund_id_funds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_month_sums")),
    )
    op.create_index(
        "uq_ledger_month_sums_line",
        "ledger_month_sums",
        ["entity_id", "month", "account", "currency", "fund_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "ledger_summed_up",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_summed_up_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_summed_up")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON ledger_month_sums, ledger_summed_up TO almoner_app")
    op.execute("GRANT USAGE ON SEQUENCE ledger_month_sums_id_seq TO almoner_app")
    op.execute("""
        CREATE FUNCTION almoner_settled_entries() RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
        BEGIN
            LOCK TABLE journal_entries IN SHARE MODE;
            RETURN coalesce((SELECT max(number) FROM journal_entries), 0);
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION almoner_settled_entries() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION almoner_settled_entries() TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP FUNCTION almoner_settled_entries()")
    op.drop_table("ledger_summed_up")
    op.drop_table("ledger_month_sums")

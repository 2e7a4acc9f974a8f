"""Create the batches of exports, their bytes, and the maps they were made by.

Why: an entry that reaches the accounting program twice is money that does not exist. The key of
`exported_entries` refuses the second time, and the bytes are kept so that a file fetched again is the same.

Revision: 2026_11_25_0530
Follows: 2026_11_25_0515
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0530"
down_revision = "2026_11_25_0515"
branch_labels = None
depends_on = None

_TABLES = ("export_maps", "export_batches", "exported_entries", "export_chunks")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "export_maps",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_export_maps_entity_id_issuing_entities")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["staff_members.id"], name=op.f("fk_export_maps_set_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_maps")),
        sa.UniqueConstraint(
            "target", "entity_id", "version", name=op.f("uq_export_maps_target_entity_id_version")
        ),
    )
    op.create_table(
        "export_batches",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("granularity", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.Column("totals", postgresql.JSONB(), nullable=False),
        sa.Column("control", postgresql.JSONB(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "granularity in ('transaction', 'payout', 'month')",
            name=op.f("ck_export_batches_granularity_known"),
        ),
        sa.CheckConstraint(
            "first_day is null or first_day <= last_day", name=op.f("ck_export_batches_days_in_order")
        ),
        sa.CheckConstraint("entry_count > 0", name=op.f("ck_export_batches_has_entries")),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_export_batches_entity_id_issuing_entities")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff_members.id"], name=op.f("fk_export_batches_made_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_export_batches")),
    )
    op.create_index("ix_export_batches_target", "export_batches", ["target", "entity_id"])
    op.create_table(
        "exported_entries",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target", "entry_number", name=op.f("pk_exported_entries")),
    )
    op.create_index(
        "ix_exported_entries_batch_number", "exported_entries", ["batch_number"], postgresql_using="brin"
    )
    op.create_table(
        "export_chunks",
        sa.Column("batch_number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("deflated", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_number"],
            ["export_batches.number"],
            name=op.f("fk_export_chunks_batch_number_export_batches"),
        ),
        sa.PrimaryKeyConstraint("batch_number", "position", name=op.f("pk_export_chunks")),
    )
    # What is deflated already cannot be made smaller; PostgreSQL would only try.
    op.execute("ALTER TABLE export_chunks ALTER COLUMN deflated SET STORAGE EXTERNAL")
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in reversed(_TABLES):
        op.drop_table(table)

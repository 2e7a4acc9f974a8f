"""Create the receipt book.

Why: receipts are legal documents. A number is given once, what was printed never changes, and the only way
to take a receipt back is to void it with a reason.

Revision: 2026_11_24_2130
Follows: 2026_11_24_2125
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_2130"
down_revision = "2026_11_24_2125"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "due_receipts",
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_due_receipts_donation_id_donations")
        ),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_due_receipts")),
    )
    op.create_table(
        "receipt_counters",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("tax_year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", "tax_year", name=op.f("pk_receipt_counters")),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("tax_year", sa.SmallInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="issued", nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("gift_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("template_sha256", sa.Text(), nullable=False),
        sa.Column("pdf_sha256", sa.Text(), nullable=False),
        sa.Column("is_plain_pdf", sa.Boolean(), nullable=False),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'void') = (void_reason is not null)", name=op.f("ck_receipts_void_has_reason")
        ),
        sa.CheckConstraint("status in ('issued', 'void')", name=op.f("ck_receipts_status_known")),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_receipts_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_receipts_entity_id_issuing_entities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("number", name=op.f("uq_receipts_number")),
        sa.UniqueConstraint(
            "series", "tax_year", "sequence", name=op.f("uq_receipts_series_tax_year_sequence")
        ),
    )
    op.create_index(
        "uq_receipts_live_donation_id",
        "receipts",
        ["donation_id"],
        unique=True,
        postgresql_where=sa.text("status = 'issued'"),
    )
    op.create_table(
        "receipt_documents",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_receipt_documents_receipt_id_receipts")
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipt_documents")),
    )
    op.execute("""
        CREATE FUNCTION almoner_receipts_only_voided() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status <> 'issued' OR NEW.status <> 'void'
                OR to_jsonb(NEW) - '{status,void_reason,voided_at}'::text[]
                <> to_jsonb(OLD) - '{status,void_reason,voided_at}'::text[]
            THEN
                RAISE EXCEPTION 'receipt % stands as issued', OLD.number
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Void it with a reason and issue another.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER receipts_only_voided BEFORE UPDATE ON receipts "
        "FOR EACH ROW EXECUTE FUNCTION almoner_receipts_only_voided()"
    )
    op.execute(
        "CREATE TRIGGER receipts_append_only BEFORE DELETE OR TRUNCATE ON receipts "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        "CREATE TRIGGER receipt_documents_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_documents "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON due_receipts TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON receipt_counters TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE (status, void_reason, voided_at) ON receipts TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON receipt_documents TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("receipt_documents")
    op.drop_table("receipts")
    op.drop_table("receipt_counters")
    op.drop_table("due_receipts")
    op.execute("DROP FUNCTION almoner_receipts_only_voided()")

"""Write a receipt's page after its number.

Why: a number takes microseconds and is given under a lock that everybody waits for; a page takes
milliseconds. So the number and what it says stand first, the page is set from them a moment later, and its
hash stands beside its bytes.

Revision: 2026_11_25_0146
Follows: 2026_11_25_0140
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0146"
down_revision = "2026_11_25_0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "due_documents",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_due_documents_receipt_id_receipts")
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_due_documents")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON due_documents TO almoner_app")
    op.add_column("receipt_documents", sa.Column("pdf_sha256", sa.Text(), nullable=True))
    op.add_column("receipt_documents", sa.Column("is_plain_pdf", sa.Boolean(), nullable=True))
    op.add_column("receipt_documents", sa.Column("template_sha256", sa.Text(), nullable=True))
    op.add_column(
        "receipt_documents",
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.execute("ALTER TABLE receipt_documents DISABLE TRIGGER receipt_documents_append_only")
    op.execute("""
        UPDATE receipt_documents SET pdf_sha256 = r.pdf_sha256, is_plain_pdf = r.is_plain_pdf,
            template_sha256 = r.template_sha256, written_at = r.issued_at
        FROM receipts r WHERE r.id = receipt_id
    """)
    op.execute("ALTER TABLE receipt_documents ENABLE TRIGGER receipt_documents_append_only")
    for column in ("pdf_sha256", "is_plain_pdf", "template_sha256"):
        op.alter_column("receipt_documents", column, nullable=False)
        if column != "template_sha256":
            op.drop_column("receipts", column)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("receipts", sa.Column("pdf_sha256", sa.Text(), nullable=True))
    op.add_column("receipts", sa.Column("is_plain_pdf", sa.Boolean(), nullable=True))
    op.execute("ALTER TABLE receipts DISABLE TRIGGER receipts_only_voided")
    op.execute("""
        UPDATE receipts SET pdf_sha256 = d.pdf_sha256, is_plain_pdf = d.is_plain_pdf
        FROM receipt_documents d WHERE d.receipt_id = id
    """)
    op.execute("ALTER TABLE receipts ENABLE TRIGGER receipts_only_voided")
    # Stops here where a page is still to be written: let the workers finish first.
    op.alter_column("receipts", "pdf_sha256", nullable=False)
    op.alter_column("receipts", "is_plain_pdf", nullable=False)
    for column in ("pdf_sha256", "is_plain_pdf", "template_sha256", "written_at"):
        op.drop_column("receipt_documents", column)
    op.drop_table("due_documents")

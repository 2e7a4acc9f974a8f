"""Create giving statements.

Why: once a year each donor gets one document that lists every gift with its date and amount. It is numbered
in a series of its own, because it is no receipt of a gift: those keep counting gifts and nothing else.

Revision: 2026_11_25_0250
Follows: 2026_11_25_0245
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0250"
down_revision = "2026_11_25_0245"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "giving_statements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("tax_year", sa.SmallInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"],
            ["issuing_entities.id"],
            name=op.f("fk_giving_statements_entity_id_issuing_entities"),
        ),
        sa.ForeignKeyConstraint(
            ["donor_id"], ["donors.id"], name=op.f("fk_giving_statements_donor_id_donors")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_giving_statements")),
        sa.UniqueConstraint("number", name=op.f("uq_giving_statements_number")),
        sa.UniqueConstraint(
            "series", "tax_year", "sequence", name=op.f("uq_giving_statements_series_tax_year_sequence")
        ),
        sa.UniqueConstraint(
            "donor_id", "entity_id", "tax_year", name=op.f("uq_giving_statements_donor_id_entity_id_tax_year")
        ),
    )
    op.create_table(
        "statement_documents",
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("pdf_sha256", sa.Text(), nullable=False),
        sa.Column("is_plain_pdf", sa.Boolean(), nullable=False),
        sa.Column("template_sha256", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["giving_statements.id"],
            name=op.f("fk_statement_documents_statement_id_giving_statements"),
        ),
        sa.PrimaryKeyConstraint("statement_id", name=op.f("pk_statement_documents")),
    )
    for table in ("giving_statements", "statement_documents"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("statement_documents")
    op.drop_table("giving_statements")

"""Create the organisation, its issuing entities, funds and giving terms.

Why: who receives money, what it is for and what may be given are data of each charity, not code.

Revision: 2026_11_24_2105
Follows: 2026_11_24_2100
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_2105"
down_revision = "2026_11_24_2100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "organisations",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("website", sa.Text(), nullable=False),
        sa.Column("accent_colour", sa.Text(), nullable=False),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_organisations_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    op.create_table(
        "issuing_entities",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("address", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("website", sa.Text(), nullable=False),
        sa.Column("signatory_name", sa.Text(), nullable=False),
        sa.Column("signatory_title", sa.Text(), nullable=False),
        sa.Column("receipt_series", sa.Text(), nullable=False),
        sa.Column("statement_code", sa.Text(), nullable=False),
        sa.Column("receives_online", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuing_entities")),
        sa.UniqueConstraint("receipt_series", name=op.f("uq_issuing_entities_receipt_series")),
    )
    op.create_index(
        "uq_issuing_entities_receives_online",
        "issuing_entities",
        ["receives_online"],
        unique=True,
        postgresql_where=sa.text("receives_online"),
    )
    op.create_table(
        "funds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("description", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_funds_entity_id_issuing_entities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funds")),
    )
    op.create_table(
        "giving_terms",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("maximum", sa.BigInteger(), nullable=False),
        sa.Column("suggested", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("fee_basis_points", sa.Integer(), nullable=False),
        sa.Column("fee_fixed", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 < minimum and minimum <= maximum", name=op.f("ck_giving_terms_limits_in_order")
        ),
        sa.PrimaryKeyConstraint("currency", name=op.f("pk_giving_terms")),
    )

    op.execute("GRANT SELECT, INSERT, UPDATE ON organisations TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON issuing_entities TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON funds TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON giving_terms TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("giving_terms")
    op.drop_table("funds")
    op.drop_table("issuing_entities")
    op.drop_table("organisations")

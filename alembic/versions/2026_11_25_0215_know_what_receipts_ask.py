"""Know what some countries' receipts ask for.

Why: a Canadian receipt names the donor's address and a place of issue, a German one the tax office and its
notice, a British claim the donor's house and postcode. None of it is needed in the United States, so it
stands apart: facts of the legal body as they are, and addresses only of those who need them.

Revision: 2026_11_25_0215
Follows: 2026_11_25_0205
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_25_0215"
down_revision = "2026_11_25_0205"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "issuing_entities",
        sa.Column(
            "receipt_facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_table(
        "donor_addresses",
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(lines) between 1 and 4", name=op.f("ck_donor_addresses_has_lines")),
        sa.ForeignKeyConstraint(["donor_id"], ["donors.id"], name=op.f("fk_donor_addresses_donor_id_donors")),
        sa.PrimaryKeyConstraint("donor_id", name=op.f("pk_donor_addresses")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON donor_addresses TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("donor_addresses")
    op.drop_column("issuing_entities", "receipt_facts")

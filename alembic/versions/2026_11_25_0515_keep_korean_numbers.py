"""Keep Korean registration numbers apart.

Why: a designated Korean body lists each donor's registration number once a year. It is sealed, in a table
that nothing else reads, with the consent to keep it and the day on which it goes. And a gift's statutory
receipt is issued on paper or electronically, never as both.

Revision: 2026_11_25_0515
Follows: 2026_11_25_0510
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0515"
down_revision = "2026_11_25_0510"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "korean_registration_numbers",
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("consent_version", sa.Integer(), nullable=False),
        sa.Column("consent_shown", sa.Text(), nullable=False),
        sa.Column("consented_on", sa.Date(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["donor_id"], ["donors.id"], name=op.f("fk_korean_registration_numbers_donor_id_donors")
        ),
        sa.ForeignKeyConstraint(
            ["noted_by"],
            ["staff_members.id"],
            name=op.f("fk_korean_registration_numbers_noted_by_staff_members"),
        ),
        sa.PrimaryKeyConstraint("donor_id", name=op.f("pk_korean_registration_numbers")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON korean_registration_numbers TO almoner_app")
    op.create_table(
        "korean_statutory_receipts",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "form in ('paper', 'electronic')", name=op.f("ck_korean_statutory_receipts_form_known")
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_korean_statutory_receipts_receipt_id_receipts")
        ),
        sa.ForeignKeyConstraint(
            ["noted_by"],
            ["staff_members.id"],
            name=op.f("fk_korean_statutory_receipts_noted_by_staff_members"),
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_korean_statutory_receipts")),
    )
    op.execute(
        "CREATE TRIGGER korean_statutory_receipts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON korean_statutory_receipts FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT ON korean_statutory_receipts TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("korean_statutory_receipts")
    op.drop_table("korean_registration_numbers")

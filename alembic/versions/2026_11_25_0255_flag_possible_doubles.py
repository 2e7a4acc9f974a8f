"""Flag possible doubles.

Why: the same gift within minutes, or a second monthly gift beside a first, may be a mistake. The page cannot
ask without telling a stranger what somebody gives, so a person looks at it before or after the receipt.

Revision: 2026_11_25_0255
Follows: 2026_11_25_0253
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0255"
down_revision = "2026_11_25_0253"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "possible_doubles",
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("of_donation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('same_gift', 'second_plan')", name=op.f("ck_possible_doubles_kind_known")
        ),
        sa.CheckConstraint("donation_id <> of_donation_id", name=op.f("ck_possible_doubles_two_gifts")),
        sa.CheckConstraint(
            "(closed_at is null) = (closed_by is null)", name=op.f("ck_possible_doubles_closed_by_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_possible_doubles_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["of_donation_id"], ["donations.id"], name=op.f("fk_possible_doubles_of_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["staff_members.id"], name=op.f("fk_possible_doubles_closed_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_possible_doubles")),
    )
    op.create_index(
        "ix_possible_doubles_open",
        "possible_doubles",
        ["found_at"],
        unique=False,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON possible_doubles TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("possible_doubles")

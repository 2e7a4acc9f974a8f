"""Create the sessions of donors.

Why: a donor sees all gifts behind a mailed link. The link begins one session and is worth nothing after; what the
browser then holds is kept here as a hash only.

Revision: 2026_12_01_1040
Follows: 2026_12_01_0256
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1040"
down_revision = "2026_12_01_0256"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "donor_sessions",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("link_sha256", sa.Text(), nullable=False),
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("address_mark", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["donor_id"], ["donors.id"], name=op.f("fk_donor_sessions_donor_id_donors")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_donor_sessions")),
    )
    op.create_index("uq_donor_sessions_link_sha256", "donor_sessions", ["link_sha256"], unique=True)
    op.create_index("ix_donor_sessions_donor_id", "donor_sessions", ["donor_id"], unique=False)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON donor_sessions TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("donor_sessions")

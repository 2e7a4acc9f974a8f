"""Create the staff API's idempotency keys.

Why: a refund or a cheque sent twice by a nervous finger or a retrying program is one deed.

Revision: 2026_11_24_2300
Follows: 2026_11_24_2255
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2300"
down_revision = "2026_11_24_2255"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "staff_requests",
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("answer_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_members.id"], name=op.f("fk_staff_requests_staff_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("staff_id", "idempotency_key", name=op.f("pk_staff_requests")),
    )
    op.execute("GRANT SELECT, INSERT, DELETE ON staff_requests TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("staff_requests")

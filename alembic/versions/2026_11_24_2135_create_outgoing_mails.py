"""Create the outbox of mails.

Why: a mail is owed from the moment its deed is committed, and is sent later by whoever holds its lease.

Revision: 2026_11_24_2135
Follows: 2026_11_24_2130
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2135"
down_revision = "2026_11_24_2130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "outgoing_mails",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("last_answer", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'sent') = (sent_at is not null)", name=op.f("ck_outgoing_mails_sent_has_its_time")
        ),
        sa.CheckConstraint(
            "status in ('queued', 'sent', 'refused', 'given_up')", name=op.f("ck_outgoing_mails_status_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mails")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outgoing_mails_message_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_outgoing_mails_reference")),
    )
    op.create_index(
        "ix_outgoing_mails_due",
        "outgoing_mails",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )

    op.execute("GRANT SELECT, INSERT, UPDATE ON outgoing_mails TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("outgoing_mails")

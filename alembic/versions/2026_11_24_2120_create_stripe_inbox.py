"""Create the inbox of Stripe's events.

Why: an event is stored once, as the bytes that were signed, before anything is answered. The body is kept
uncompressed outside the row: compressing it would cost the intake more than the disk saves.

Revision: 2026_11_24_2120
Follows: 2026_11_24_2115
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_2120"
down_revision = "2026_11_24_2115"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "stripe_events",
        sa.Column("stripe_event_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("source in ('webhook', 'fetch')", name=op.f("ck_stripe_events_source_known")),
        sa.PrimaryKeyConstraint("stripe_event_id", name=op.f("pk_stripe_events")),
    )
    op.create_index("ix_stripe_events_object_id", "stripe_events", ["object_id"], unique=False)
    op.create_index("ix_stripe_events_received_at", "stripe_events", ["received_at"], unique=False)
    op.create_table(
        "stripe_event_queue",
        sa.Column("stripe_event_id", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("parked_reason", sa.Text(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("stripe_event_id", name=op.f("pk_stripe_event_queue")),
    )
    op.create_index(
        "ix_stripe_event_queue_due",
        "stripe_event_queue",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("parked_reason is null"),
    )
    op.create_table(
        "stripe_cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("read_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stripe_cursors")),
    )
    op.execute("ALTER TABLE stripe_events ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute(
        "CREATE TRIGGER stripe_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stripe_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT ON stripe_events TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON stripe_event_queue TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON stripe_cursors TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("stripe_cursors")
    op.drop_table("stripe_event_queue")
    op.drop_table("stripe_events")

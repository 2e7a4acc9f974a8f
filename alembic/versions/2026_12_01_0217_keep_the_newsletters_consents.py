"""Keep the newsletter's consents.

Why: whoever writes to people must be able to show who agreed, when, to which words, and that a stop was
followed. The log is only ever added to and holds no address; addresses stand apart, so that they can be
forgotten. A yes without the question it answers is refused by the database itself.

Revision: 2026_12_01_0217
Follows: 2026_12_01_0200
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0217"
down_revision = "2026_12_01_0200"
branch_labels = None
depends_on = None

_SOURCES = "'box', 'site', 'api', 'donate', 'letter', 'one_click', 'complaint', 'staff', 'calendar'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "newsletter_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("wording_version", sa.Integer(), nullable=True),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter_requests")),
    )
    op.create_index("ix_newsletter_requests_asked_at", "newsletter_requests", ["asked_at"], unique=False)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON newsletter_requests TO almoner_app")
    op.create_table(
        "newsletter_readers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), server_default="asked", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "standing in ('asked', 'subscribed', 'declined', 'withdrawn')",
            name=op.f("ck_newsletter_readers_standing_known"),
        ),
        sa.CheckConstraint(
            "standing not in ('subscribed', 'withdrawn') or subscribed_at is not null",
            name=op.f("ck_newsletter_readers_subscribed_has_its_time"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter_readers")),
    )
    op.create_index(
        "uq_newsletter_readers_lower_email", "newsletter_readers", [sa.text("lower(email)")], unique=True
    )
    op.create_index(
        "ix_newsletter_readers_standing", "newsletter_readers", ["standing", "since"], unique=False
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON newsletter_readers TO almoner_app")
    op.create_table(
        "consent_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("wording_version", sa.Integer(), nullable=True),
        sa.Column("wording_sha256", sa.Text(), nullable=True),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("answers", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "said in ('asked', 'yes', 'no', 'withdrawn', 'reminded')", name=op.f("ck_consent_log_said_known")
        ),
        sa.CheckConstraint(f"source in ({_SOURCES})", name=op.f("ck_consent_log_source_known")),
        sa.CheckConstraint(
            "said <> 'yes' or (answers is not null and wording is not null and wording_sha256 is not null)",
            name=op.f("ck_consent_log_yes_has_its_proof"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_log")),
        sa.UniqueConstraint("reader_id", "id", name=op.f("uq_consent_log_reader_id_id")),
        sa.ForeignKeyConstraint(
            ["reader_id", "answers"],
            ["consent_log.reader_id", "consent_log.id"],
            name=op.f("fk_consent_log_reader_id_answers_consent_log"),
        ),
    )
    op.create_index(
        "uq_consent_log_answers",
        "consent_log",
        ["answers"],
        unique=True,
        postgresql_where=sa.text("said = 'yes'"),
    )
    op.execute(
        "CREATE TRIGGER consent_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON consent_log FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("GRANT SELECT, INSERT ON consent_log TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("consent_log")
    op.drop_table("newsletter_readers")
    op.drop_table("newsletter_requests")

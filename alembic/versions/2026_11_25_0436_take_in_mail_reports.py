"""Take in mail reports.

Why: a server that took a mail may say later that nobody was there. The mail is then undeliverable, and a
person corrects the address or lets it go.

Revision: 2026_11_25_0436
Follows: 2026_11_25_0435
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0436"
down_revision = "2026_11_25_0435"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "mail_reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("outgoing_mail_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('bounced', 'complained')", name=op.f("ck_mail_reports_kind_known")),
        sa.CheckConstraint("source in ('mailbox', 'postmark')", name=op.f("ck_mail_reports_source_known")),
        sa.ForeignKeyConstraint(
            ["outgoing_mail_id"],
            ["outgoing_mails.id"],
            name=op.f("fk_mail_reports_outgoing_mail_id_outgoing_mails"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_reports")),
        sa.UniqueConstraint("key", name=op.f("uq_mail_reports_key")),
    )
    op.create_index("ix_mail_reports_outgoing_mail_id", "mail_reports", ["outgoing_mail_id"])
    op.execute("GRANT SELECT, INSERT ON mail_reports TO almoner_app")
    _say(
        status="status in ('queued', 'sent', 'refused', 'given_up', 'bounced', 'let_go')",
        sent="status <> 'sent' or sent_at is not null",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(
        "UPDATE outgoing_mails SET status = 'refused', sent_at = null WHERE status IN ('bounced', 'let_go')"
    )
    _say(
        status="status in ('queued', 'sent', 'refused', 'given_up')",
        sent="(status = 'sent') = (sent_at is not null)",
    )
    op.drop_table("mail_reports")


def _say(*, status: str, sent: str) -> None:
    for name, claim in (("status_known", status), ("sent_has_its_time", sent)):
        op.drop_constraint(op.f(f"ck_outgoing_mails_{name}"), "outgoing_mails", type_="check")
        op.create_check_constraint(op.f(f"ck_outgoing_mails_{name}"), "outgoing_mails", claim)

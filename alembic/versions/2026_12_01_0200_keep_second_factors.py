"""Keep passwords and second factors of staff, and count tries that were refused.

Why: a password alone is lost to one good mail, and whoever signs in here sees donors and books. A session that
begins with an invitation opens nothing but the pages on which the two are set.

Revision: 2026_12_01_0200
Follows: 2026_12_01_0130
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0200"
down_revision = "2026_12_01_0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "staff_sessions", sa.Column("opens", sa.Text(), server_default=sa.text("'console'"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_staff_sessions_opens_known"), "staff_sessions", "opens in ('console', 'welcome')"
    )
    op.create_table(
        "staff_credentials",
        sa.Column("staff_id", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column(
            "password_set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("totp_offered", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_members.id"], name=op.f("fk_staff_credentials_staff_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_credentials")),
    )
    op.create_table(
        "staff_recovery_codes",
        sa.Column("staff_id", sa.Text(), nullable=False),
        sa.Column("code_hmac", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_members.id"], name=op.f("fk_staff_recovery_codes_staff_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("staff_id", "code_hmac", name=op.f("pk_staff_recovery_codes")),
    )
    op.create_table(
        "staff_sign_in_tries",
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("whose", name=op.f("pk_staff_sign_in_tries")),
    )
    op.create_index("ix_staff_sign_in_tries_last_at", "staff_sign_in_tries", ["last_at"], unique=False)
    for table in ("staff_credentials", "staff_recovery_codes", "staff_sign_in_tries"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("staff_sign_in_tries")
    op.drop_table("staff_recovery_codes")
    op.drop_table("staff_credentials")
    op.drop_constraint(op.f("ck_staff_sessions_opens_known"), "staff_sessions")
    op.drop_column("staff_sessions", "opens")

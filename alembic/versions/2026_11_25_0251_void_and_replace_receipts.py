"""Void and replace receipts.

Why: money goes back, and names are mistyped. A receipt that does not count any more keeps its number, with
the cause, the reason, the day and the person, and the one in its place cites it. Once said, it stays said.

Revision: 2026_11_25_0251
Follows: 2026_11_25_0250
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0251"
down_revision = "2026_11_25_0250"
branch_labels = None
depends_on = None

_MAY_CHANGE = "status,void_cause,void_reason,voided_at,voided_by"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("receipts", sa.Column("replaces_id", sa.Text(), nullable=True))
    op.add_column("receipts", sa.Column("void_cause", sa.Text(), nullable=True))
    op.add_column("receipts", sa.Column("voided_by", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_receipts_replaces_id_receipts"), "receipts", "receipts", ["replaces_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_receipts_voided_by_staff_members"), "receipts", "staff_members", ["voided_by"], ["id"]
    )
    op.create_index(
        "ix_receipts_void_donation_id",
        "receipts",
        ["donation_id"],
        postgresql_where=sa.text("status = 'void'"),
    )
    op.create_index(
        "uq_receipts_replaces_id",
        "receipts",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("replaces_id is not null"),
    )
    op.execute("ALTER TABLE receipts DISABLE TRIGGER receipts_only_voided")
    op.execute("UPDATE receipts SET void_cause = 'refunded' WHERE status = 'void'")
    op.execute("ALTER TABLE receipts ENABLE TRIGGER receipts_only_voided")
    op.drop_constraint(op.f("ck_receipts_void_has_reason"), "receipts")
    op.create_check_constraint(
        op.f("ck_receipts_void_has_reason"),
        "receipts",
        "(status = 'void') = (void_reason is not null and void_cause is not null and voided_at is not null)",
    )
    op.create_check_constraint(
        op.f("ck_receipts_live_is_not_voided"),
        "receipts",
        "status = 'void' or num_nonnulls(void_reason, void_cause, voided_at, voided_by) = 0",
    )
    op.create_check_constraint(
        op.f("ck_receipts_void_cause_known"),
        "receipts",
        "void_cause in ('refunded', 'disputed', 'debit_returned', 'taken_back', 'restored', 'corrected',"
        " 'by_hand')",
    )
    op.create_check_constraint(
        op.f("ck_receipts_person_is_named"),
        "receipts",
        "void_cause not in ('by_hand', 'corrected') or voided_by is not null",
    )
    _let_change(_MAY_CHANGE)
    op.execute("GRANT UPDATE (void_cause, voided_by) ON receipts TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    _let_change("status,void_reason,voided_at")
    for constraint in ("person_is_named", "void_cause_known", "live_is_not_voided", "void_has_reason"):
        op.drop_constraint(op.f(f"ck_receipts_{constraint}"), "receipts")
    op.create_check_constraint(
        op.f("ck_receipts_void_has_reason"), "receipts", "(status = 'void') = (void_reason is not null)"
    )
    op.drop_index("uq_receipts_replaces_id", table_name="receipts")
    op.drop_index("ix_receipts_void_donation_id", table_name="receipts")
    for column in ("voided_by", "void_cause", "replaces_id"):
        op.drop_column("receipts", column)


def _let_change(columns: str) -> None:
    """The one way in which an issued receipt may change, and only once."""
    op.execute(f"""
        CREATE OR REPLACE FUNCTION almoner_receipts_only_voided() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status <> 'issued' OR NEW.status <> 'void'
                OR to_jsonb(NEW) - '{{{columns}}}'::text[]
                <> to_jsonb(OLD) - '{{{columns}}}'::text[]
            THEN
                RAISE EXCEPTION 'receipt % stands as issued', OLD.number
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Void it with a reason and issue another.';
            END IF;
            RETURN NEW;
        END $$
    """)

"""Void and replace statements.

Why: an annual statement lists receipts. Where one of them is void, the statement is wrong and its donor must
not use it: it keeps its number with the cause, and another takes its place and cites it, as with receipts.
One a donor, body and year counts. What is to be done about a statement stands in a row beside it. Whoever is thanked beside a payer is looked up
by an index of their own, so that a year's statements do not read every gift for it.

Revision: 2026_11_25_0535
Follows: 2026_11_25_0530
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0535"
down_revision = "2026_11_25_0530"
branch_labels = None
depends_on = None

_MAY_CHANGE = "status,void_cause,void_reason,voided_at"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "giving_statements", sa.Column("status", sa.Text(), server_default="issued", nullable=False)
    )
    for column in ("void_cause", "void_reason", "replaces_id"):
        op.add_column("giving_statements", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("giving_statements", sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_giving_statements_replaces_id_giving_statements"),
        "giving_statements",
        "giving_statements",
        ["replaces_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_giving_statements_status_known"), "giving_statements", "status in ('issued', 'void')"
    )
    op.create_check_constraint(
        op.f("ck_giving_statements_void_has_reason"),
        "giving_statements",
        "(status = 'void') = (void_reason is not null and void_cause is not null and voided_at is not null)",
    )
    op.create_check_constraint(
        op.f("ck_giving_statements_live_is_not_voided"),
        "giving_statements",
        "status = 'void' or num_nonnulls(void_reason, void_cause, voided_at) = 0",
    )
    op.create_check_constraint(
        op.f("ck_giving_statements_void_cause_known"),
        "giving_statements",
        "void_cause in ('receipt_void', 'gift_missing')",
    )
    op.drop_constraint(op.f("uq_giving_statements_donor_id_entity_id_tax_year"), "giving_statements")
    op.create_index(
        "uq_giving_statements_live_donor_id",
        "giving_statements",
        ["donor_id", "entity_id", "tax_year"],
        unique=True,
        postgresql_where=sa.text("status = 'issued'"),
    )
    op.create_index(
        "ix_giving_statements_void_donor_id",
        "giving_statements",
        ["donor_id"],
        postgresql_where=sa.text("status = 'void'"),
    )
    op.create_index(
        "uq_giving_statements_replaces_id",
        "giving_statements",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("replaces_id is not null"),
    )
    op.create_index(
        "ix_donations_soft_credit_donor_id",
        "donations",
        ["soft_credit_donor_id"],
        postgresql_where=sa.text("soft_credit_donor_id is not null"),
    )
    _only_voided()
    op.execute(f"GRANT UPDATE ({_MAY_CHANGE}) ON giving_statements TO almoner_app")
    op.create_table(
        "due_statements",
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["giving_statements.id"],
            name=op.f("fk_due_statements_statement_id_giving_statements"),
        ),
        sa.PrimaryKeyConstraint("statement_id", name=op.f("pk_due_statements")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON due_statements TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("due_statements")
    op.drop_index("ix_donations_soft_credit_donor_id", table_name="donations")
    op.execute("DROP TRIGGER giving_statements_only_voided ON giving_statements")
    op.execute("DROP FUNCTION almoner_statements_only_voided()")
    op.execute("DROP TRIGGER giving_statements_append_only ON giving_statements")
    op.execute(
        "CREATE TRIGGER giving_statements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON"
        " giving_statements FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(f"REVOKE UPDATE ({_MAY_CHANGE}) ON giving_statements FROM almoner_app")
    for index in ("uq_giving_statements_replaces_id", "ix_giving_statements_void_donor_id"):
        op.drop_index(index, table_name="giving_statements")
    op.drop_index("uq_giving_statements_live_donor_id", table_name="giving_statements")
    op.create_unique_constraint(
        op.f("uq_giving_statements_donor_id_entity_id_tax_year"),
        "giving_statements",
        ["donor_id", "entity_id", "tax_year"],
    )
    for column in ("voided_at", "replaces_id", "void_reason", "void_cause", "status"):
        op.drop_column("giving_statements", column)


def _only_voided() -> None:
    """The one way in which an issued statement may change, and only once."""
    op.execute(f"""
        CREATE FUNCTION almoner_statements_only_voided() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status <> 'issued' OR NEW.status <> 'void'
                OR to_jsonb(NEW) - '{{{_MAY_CHANGE}}}'::text[]
                <> to_jsonb(OLD) - '{{{_MAY_CHANGE}}}'::text[]
            THEN
                RAISE EXCEPTION 'statement % stands as issued', OLD.number
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Void it with a reason and issue another.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("DROP TRIGGER giving_statements_append_only ON giving_statements")
    op.execute(
        "CREATE TRIGGER giving_statements_append_only BEFORE DELETE OR TRUNCATE ON giving_statements "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        "CREATE TRIGGER giving_statements_only_voided BEFORE UPDATE ON giving_statements "
        "FOR EACH ROW EXECUTE FUNCTION almoner_statements_only_voided()"
    )

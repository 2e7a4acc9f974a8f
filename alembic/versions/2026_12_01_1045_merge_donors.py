# ruff: noqa: S608 - the statements are put together from our own pieces
"""Merge donors.

Why: one person may have given under two addresses. Which record stays is said by a person; whatever was the
other one's is moved to it, row by row, and each row is noted, so that it can be taken back. The other record
stays as the address that leads to the donor: a trigger brings what is still written under it to the one that
stays, whoever writes it, and notes that too. A statement and a declaration stand as they were given, so their
donor changes only along a merge that names them, and the program can only ask for it.

Revision: 2026_12_01_1045
Follows: 2026_12_01_1040
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1045"
down_revision = "2026_12_01_1040"
branch_labels = None
depends_on = None

_LED = {"donations": "gift", "monthly_gifts": "monthly_gift", "gift_aid_declarations": "declaration"}
"""Tables in which a donor is named by whoever looked the address up, and what their rows are called."""

_MOVED = {"giving_statements": "statement", "gift_aid_declarations": "declaration"}
"""Tables whose rows stand as they are but for the donor."""

_STAND = {
    "giving_statements": ("giving_statements_only_voided", "almoner_statements_only_voided"),
    "gift_aid_declarations": ("gift_aid_declarations_stand", "almoner_gift_aid_declarations_stand"),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    _tables()
    _leading()
    _moving()
    op.drop_constraint(op.f("ck_giving_statements_void_cause_known"), "giving_statements")
    op.create_check_constraint(
        op.f("ck_giving_statements_void_cause_known"),
        "giving_statements",
        "void_cause in ('receipt_void', 'gift_missing', 'merged', 'parted')",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_constraint(op.f("ck_giving_statements_void_cause_known"), "giving_statements")
    op.create_check_constraint(
        op.f("ck_giving_statements_void_cause_known"),
        "giving_statements",
        "void_cause in ('receipt_void', 'gift_missing')",
    )
    op.execute("DROP FUNCTION almoner_move_papers(text)")
    for table, (trigger, function) in _STAND.items():
        op.execute(f"DROP TRIGGER {table}_only_moved ON {table}")
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    op.execute("DROP FUNCTION almoner_only_moved()")
    op.execute("DROP TRIGGER donations_thank_the_survivor ON donations")
    for table in _LED:
        op.execute(f"DROP TRIGGER {table}_lead_to_the_survivor ON {table}")
    op.execute("DROP TRIGGER donations_follow_the_promise ON donations")
    op.execute("DROP FUNCTION almoner_follow_the_promise()")
    op.execute("DROP FUNCTION almoner_thank_the_survivor()")
    op.execute("DROP FUNCTION almoner_lead_to_the_survivor()")
    op.execute("DROP FUNCTION almoner_survivor_of(text, text, text)")
    op.drop_table("donor_merge_rows")
    op.drop_table("donor_merges")
    op.execute("DROP FUNCTION almoner_merges_only_undone()")
    op.drop_index("ix_donors_merged_into_id", table_name="donors")
    op.drop_constraint(op.f("ck_donors_not_merged_into_itself"), "donors")
    op.drop_constraint(op.f("fk_donors_merged_into_id_donors"), "donors")
    op.drop_column("donors", "merged_into_id")


def _tables() -> None:
    op.add_column("donors", sa.Column("merged_into_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_donors_merged_into_id_donors"), "donors", "donors", ["merged_into_id"], ["id"]
    )
    op.create_check_constraint(op.f("ck_donors_not_merged_into_itself"), "donors", "merged_into_id <> id")
    op.create_index(
        "ix_donors_merged_into_id",
        "donors",
        ["merged_into_id"],
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.create_table(
        "donor_merges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kept_id", sa.Text(), nullable=False),
        sa.Column("gone_id", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("merged_by", sa.Text(), nullable=False),
        sa.Column("taken", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("mistyped_address", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kept_id <> gone_id", name=op.f("ck_donor_merges_two_records")),
        sa.CheckConstraint(
            "(undone_at is null) = (undone_by is null)", name=op.f("ck_donor_merges_undone_by_somebody")
        ),
        sa.ForeignKeyConstraint(["kept_id"], ["donors.id"], name=op.f("fk_donor_merges_kept_id_donors")),
        sa.ForeignKeyConstraint(["gone_id"], ["donors.id"], name=op.f("fk_donor_merges_gone_id_donors")),
        sa.ForeignKeyConstraint(
            ["merged_by"], ["staff_members.id"], name=op.f("fk_donor_merges_merged_by_staff_members")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["staff_members.id"], name=op.f("fk_donor_merges_undone_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donor_merges")),
    )
    op.create_index(
        "uq_donor_merges_standing_gone_id",
        "donor_merges",
        ["gone_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_table(
        "donor_merge_rows",
        sa.Column("merge_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("came_later", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "what in ('gift', 'thanks', 'monthly_gift', 'declaration', 'statement', 'number', 'record')",
            name=op.f("ck_donor_merge_rows_what_known"),
        ),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["donor_merges.id"], name=op.f("fk_donor_merge_rows_merge_id_donor_merges")
        ),
        sa.PrimaryKeyConstraint("merge_id", "what", "row_id", name=op.f("pk_donor_merge_rows")),
    )
    op.create_index("ix_donor_merge_rows_row_id", "donor_merge_rows", ["row_id"])
    op.execute("""
        CREATE FUNCTION almoner_merges_only_undone() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF to_jsonb(NEW) - '{undone_at,undone_by,mistyped_address}'::text[]
                <> to_jsonb(OLD) - '{undone_at,undone_by,mistyped_address}'::text[]
                OR OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by)
                    IS DISTINCT FROM (OLD.undone_at, OLD.undone_by)
                OR NEW.mistyped_address IS NOT NULL
                    AND NEW.mistyped_address IS DISTINCT FROM OLD.mistyped_address
            THEN
                RAISE EXCEPTION 'merge % stands as it was done', OLD.id
                    USING ERRCODE = 'restrict_violation', HINT = 'Undo it and merge again.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER donor_merges_only_undone BEFORE UPDATE ON donor_merges "
        "FOR EACH ROW EXECUTE FUNCTION almoner_merges_only_undone()"
    )
    for table, refused in (
        ("donor_merges", "DELETE OR TRUNCATE"),
        ("donor_merge_rows", "UPDATE OR DELETE OR TRUNCATE"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {refused} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
        )
    op.execute("GRANT SELECT, INSERT ON donor_merges, donor_merge_rows TO almoner_app")
    op.execute("GRANT UPDATE (undone_at, undone_by, mistyped_address) ON donor_merges TO almoner_app")


def _leading() -> None:
    """Whatever is written under a record that was merged away is the donor's who stays."""
    # The lock waits for a merge that is at work, and one that begins waits for whoever writes.
    op.execute("""
        CREATE FUNCTION almoner_survivor_of(named text, called text, of_row text) RETURNS text
        LANGUAGE plpgsql AS $$
        DECLARE
            reached text := named;
            led text;
            along record;
        BEGIN
            LOOP
                SELECT merged_into_id INTO led FROM donors WHERE id = reached FOR SHARE;
                IF led IS NULL THEN
                    RETURN reached;
                END IF;
                SELECT id, kept_id INTO STRICT along
                FROM donor_merges WHERE gone_id = reached AND undone_at IS NULL;
                INSERT INTO donor_merge_rows (merge_id, what, row_id, came_later)
                VALUES (along.id, called, of_row, true) ON CONFLICT DO NOTHING;
                reached := along.kept_id;
            END LOOP;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION almoner_lead_to_the_survivor() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.donor_id := almoner_survivor_of(NEW.donor_id, TG_ARGV[0], NEW.id);
            RETURN NEW;
        END $$
    """)
    # Its writer holds the promise: to wait for the donor as well would be to wait in a circle.
    op.execute("""
        CREATE FUNCTION almoner_follow_the_promise() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.donor_id := coalesce(
                (SELECT donor_id FROM monthly_gifts WHERE id = NEW.monthly_gift_id), NEW.donor_id);
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION almoner_thank_the_survivor() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.soft_credit_donor_id := almoner_survivor_of(NEW.soft_credit_donor_id, 'thanks', NEW.id);
            RETURN NEW;
        END $$
    """)
    for table, called in _LED.items():
        alone = "WHEN (NEW.stripe_invoice_id IS NULL) " if table == "donations" else ""
        op.execute(
            f"CREATE TRIGGER {table}_lead_to_the_survivor BEFORE INSERT ON {table} "
            f"FOR EACH ROW {alone}EXECUTE FUNCTION almoner_lead_to_the_survivor('{called}')"
        )
    op.execute(
        "CREATE TRIGGER donations_follow_the_promise BEFORE INSERT ON donations FOR EACH ROW "
        "WHEN (NEW.stripe_invoice_id IS NOT NULL) EXECUTE FUNCTION almoner_follow_the_promise()"
    )
    op.execute(
        "CREATE TRIGGER donations_thank_the_survivor BEFORE INSERT ON donations "
        "FOR EACH ROW WHEN (NEW.soft_credit_donor_id IS NOT NULL) "
        "EXECUTE FUNCTION almoner_thank_the_survivor()"
    )


def _moving() -> None:
    """The only way in which a statement or a declaration comes to another donor, and back."""
    op.execute("""
        CREATE FUNCTION almoner_only_moved() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF to_jsonb(NEW) - 'donor_id' <> to_jsonb(OLD) - 'donor_id' OR NOT EXISTS (
                SELECT FROM donor_merge_rows r JOIN donor_merges m ON m.id = r.merge_id
                WHERE r.what = TG_ARGV[0] AND r.row_id = OLD.id AND (OLD.donor_id, NEW.donor_id)
                    = CASE WHEN m.undone_at IS NULL THEN (m.gone_id, m.kept_id)
                        ELSE (m.kept_id, m.gone_id) END
            ) THEN
                RAISE EXCEPTION '% % stands with its donor', TG_ARGV[0], OLD.id
                    USING ERRCODE = 'restrict_violation', HINT = 'Merge the two records.';
            END IF;
            RETURN NEW;
        END $$
    """)
    for table, (trigger, function) in _STAND.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (NEW.donor_id = OLD.donor_id) EXECUTE FUNCTION {function}()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_only_moved BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (NEW.donor_id IS DISTINCT FROM OLD.donor_id) "
            f"EXECUTE FUNCTION almoner_only_moved('{_MOVED[table]}')"
        )
    moves = "".join(
        f"""
            UPDATE {table} moved SET donor_id = target
            FROM donor_merge_rows r
            WHERE r.merge_id = merge AND r.what = '{called}' AND moved.id = r.row_id
                AND moved.donor_id = source;
        """
        for table, called in _MOVED.items()
    )
    op.execute(f"""
        CREATE FUNCTION almoner_move_papers(merge text) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            source text;
            target text;
        BEGIN
            SELECT CASE WHEN undone_at IS NULL THEN gone_id ELSE kept_id END,
                CASE WHEN undone_at IS NULL THEN kept_id ELSE gone_id END
            INTO STRICT source, target FROM donor_merges WHERE id = merge;
            {moves}
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION almoner_move_papers(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION almoner_move_papers(text) TO almoner_app")

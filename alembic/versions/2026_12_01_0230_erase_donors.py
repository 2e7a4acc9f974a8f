# ruff: noqa: S608 - the statements are put together from our own pieces
"""Erase donors.

Why: a person may ask to be forgotten, and the books must stand all the same. What may be erased of which
append-only table is written down here, in the database: a function that the program may call takes the id of
a row and nothing else, refuses what the law keeps, notes what it did in a table that only it writes, and makes
what is left by itself. So the narrow way cannot be used to write anything.

Revision: 2026_12_01_0230
Follows: 2026_12_01_0217
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0230"
down_revision = "2026_12_01_0217"
branch_labels = None
depends_on = None

_ERASABLE = {
    "stripe_events": ("stripe_event_id", "body"),
    "receipt_documents": ("receipt_id", "pdf"),
    "statement_documents": ("statement_id", "pdf"),
    "audit_log": ("id", "reason"),
    "balance_transactions": ("stripe_balance_transaction_id", "description"),
    "bank_lines": ("id", "counterparty,text,payment_reference"),
    "bank_statements": ("id", "file"),
    "gift_aid_claims": ("id", "ods,csv"),
    "export_chunks": ("batch_number", "deflated"),
}
"""Append-only tables: by what a row is named, and what of it may be erased."""

_WRITTEN_ONCE = {"erasures": "proof", "erasure_holds": "released_at"}
"""Append-only tables with one column that is filled in later, and then stands."""

_KEPT = (
    "receipts receipt_documents giving_statements statement_documents gift_aid_claims"
    " bank_lines bank_statements"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("donors", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    _tables()
    _what_is_left_of_an_event()
    _guards()
    _the_way()
    for table in ("erased_rows", "erasure_holds", "erasures", "erased_stripe_ids"):
        refused = "DELETE OR TRUNCATE" if table in _WRITTEN_ONCE else "UPDATE OR DELETE OR TRUNCATE"
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {refused} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
        )
    for table, column in _WRITTEN_ONCE.items():
        op.execute(
            f"CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION almoner_written_once('{column}')"
        )
    op.execute("GRANT SELECT ON erased_rows TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON erased_stripe_ids TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE (proof) ON erasures TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE (released_at) ON erasure_holds TO almoner_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON customer_deletions TO almoner_app")
    op.execute("GRANT DELETE ON donor_addresses TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("REVOKE DELETE ON donor_addresses FROM almoner_app")
    op.execute("DROP FUNCTION almoner_erase(text, text, text)")
    for table in _ERASABLE:
        op.execute(f"DROP TRIGGER {table}_only_erased ON {table}")
    op.execute("DROP FUNCTION almoner_only_erased()")
    _as_it_was()
    op.execute("DROP FUNCTION almoner_is_being_erased(text, text)")
    op.execute("DROP FUNCTION almoner_redacted(bytea, text)")
    op.execute("DROP FUNCTION almoner_redacted_json(jsonb, text, text)")
    op.execute("DROP FUNCTION almoner_written_once() CASCADE")
    for table in ("customer_deletions", "erased_stripe_ids", "erased_rows", "erasure_holds", "erasures"):
        op.drop_table(table)
    op.drop_column("donors", "erased_at")


def _tables() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proof", sa.dialects.postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["donor_id"], ["donors.id"], name=op.f("fk_erasures_donor_id_donors")),
        sa.ForeignKeyConstraint(
            ["erased_by"], ["staff_members.id"], name=op.f("fk_erasures_erased_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("donor_id", name=op.f("uq_erasures_donor_id")),
    )
    of_erasure = {
        table: sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasures.id"], name=op.f(f"fk_{table}_erasure_id_erasures")
        )
        for table in ("erasure_holds", "erased_rows", "erased_stripe_ids", "customer_deletions")
    }
    op.create_table(
        "erasure_holds",
        sa.Column("erasure_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        of_erasure["erasure_holds"],
        sa.PrimaryKeyConstraint("erasure_id", "table_name", "row_id", name=op.f("pk_erasure_holds")),
    )
    op.create_index("ix_erasure_holds_row_id", "erasure_holds", ["row_id"])
    op.create_index(
        "ix_erasure_holds_open", "erasure_holds", ["until"], postgresql_where=sa.text("released_at is null")
    )
    op.create_table(
        "erased_rows",
        sa.Column("erasure_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_in", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        of_erasure["erased_rows"],
        sa.PrimaryKeyConstraint("table_name", "row_id", "erasure_id", name=op.f("pk_erased_rows")),
    )
    op.create_index("ix_erased_rows_erased_in", "erased_rows", ["erased_in"])
    op.create_table(
        "erased_stripe_ids",
        sa.Column("stripe_id", sa.Text(), nullable=False),
        sa.Column("erasure_id", sa.Text(), nullable=False),
        of_erasure["erased_stripe_ids"],
        sa.PrimaryKeyConstraint("stripe_id", name=op.f("pk_erased_stripe_ids")),
    )
    op.create_table(
        "customer_deletions",
        sa.Column("stripe_customer_id", sa.Text(), nullable=False),
        sa.Column("erasure_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        of_erasure["customer_deletions"],
        sa.PrimaryKeyConstraint("stripe_customer_id", name=op.f("pk_customer_deletions")),
    )
    op.create_index(
        "ix_customer_deletions_due",
        "customer_deletions",
        ["next_at"],
        postgresql_where=sa.text("done_at is null"),
    )


class XID8(sa.types.UserDefinedType[str]):
    """PostgreSQL's id of a transaction."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name."""
        return "xid8"


def _what_is_left_of_an_event() -> None:
    """The extract that still replays: every id, number, date and status where a handler looks for it. What
    is kept is listed; whatever else is a text becomes a word that says so, and an address the donor's own
    placeholder, by which a replay finds the erased donor again."""
    op.execute(r"""
        CREATE FUNCTION almoner_redacted_json(said jsonb, called text, whose text) RETURNS jsonb
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
        DECLARE
            word text;
        BEGIN
            CASE jsonb_typeof(said)
            WHEN 'object' THEN
                RETURN coalesce((
                    SELECT jsonb_object_agg(key, CASE
                        WHEN called <> 'metadata' THEN almoner_redacted_json(value, key, whose)
                        WHEN value #>> '{}' ~ '^(don|mon|rfd)_[0-9a-f]{1,64}$' THEN value
                        ELSE '"erased"' END)
                    FROM jsonb_each(said)
                ), '{}');
            WHEN 'array' THEN
                RETURN coalesce((
                    SELECT jsonb_agg(almoner_redacted_json(value, called, whose) ORDER BY place)
                    FROM jsonb_array_elements(said) WITH ORDINALITY listed (value, place)
                ), '[]');
            WHEN 'string' THEN
                word := said #>> '{}';
                IF called IN ('email', 'receipt_email', 'customer_email') THEN
                    RETURN to_jsonb(whose || '@erased.invalid');
                ELSIF called IN ('last4', 'description') THEN
                    RETURN 'null';
                ELSIF called = ANY ('{
                    id,object,type,status,payment_status,currency,payment_intent,client_reference_id,
                    subscription,customer,charge,code,decline_code,advice_code,brand,balance_transaction,
                    failure_balance_transaction,failure_code,reason,failure_reason,fraud_type,invoice,
                    billing_reason,default_payment_method,payment_method,reporting_category,source,product,
                    price,interval,api_version,account,mode,behavior,latest_charge,latest_invoice,method,
                    collection_method,fund_id,locale,exchange_rate,ui_mode,country,funding,network
                }'::text[]) AND word ~ '^[A-Za-z0-9_.:-]{1,255}$' THEN
                    RETURN said;
                END IF;
                RETURN '"erased"';
            ELSE
                RETURN said;
            END CASE;
        END $$
    """)
    # jsonb knows neither NUL nor half of a pair; both can only stand in a text that goes anyway. What is no
    # JSON at all was never applied, and nothing of it is left.
    op.execute(r"""
        CREATE FUNCTION almoner_redacted(body bytea, whose text) RETURNS bytea
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
        BEGIN
            RETURN convert_to(almoner_redacted_json(
                regexp_replace(convert_from(body, 'UTF8'),
                    '(?<!\\)((\\\\)*)\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1 ', 'g')
                    ::jsonb, '', whose)::text, 'UTF8');
        EXCEPTION WHEN data_exception THEN
            RETURN '{"erased": true}';
        END $$
    """)


def _guards() -> None:
    op.execute("""
        CREATE FUNCTION almoner_is_being_erased(of_table text, of_row text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
            SELECT EXISTS (
                SELECT FROM erased_rows
                WHERE table_name = of_table AND (of_row IS NULL OR row_id = of_row)
                    AND erased_in = pg_current_xact_id_if_assigned()
            )
        $$
    """)
    op.execute("""
        CREATE OR REPLACE FUNCTION almoner_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- The rows themselves are guarded one by one: see almoner_only_erased.
            IF TG_OP = 'UPDATE' AND almoner_is_being_erased(TG_TABLE_NAME, NULL) THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'restrict_violation',
                HINT = 'Add a correcting row instead.';
        END $$
    """)
    op.execute("""
        CREATE FUNCTION almoner_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT almoner_is_being_erased(TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0])
                OR to_jsonb(NEW) - string_to_array(TG_ARGV[1], ',')
                <> to_jsonb(OLD) - string_to_array(TG_ARGV[1], ',')
            THEN
                RAISE EXCEPTION 'a row of % stands as it is', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION almoner_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF to_jsonb(NEW) - TG_ARGV[0] <> to_jsonb(OLD) - TG_ARGV[0]
                OR to_jsonb(OLD) -> TG_ARGV[0] NOT IN ('null', '{}')
            THEN
                RAISE EXCEPTION 'a row of % stands as it is', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    for table, (key, columns) in _ERASABLE.items():
        op.execute(
            f"CREATE TRIGGER {table}_only_erased BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION almoner_only_erased('{key}', '{columns}')"
        )
    _only_voided(
        "receipts", "receipt", "status,void_cause,void_reason,voided_at,voided_by", "content,void_reason"
    )
    _only_voided("statements", "statement", "status,void_cause,void_reason,voided_at", "content")
    _declarations_stand(
        erasing="""
            IF almoner_is_being_erased('gift_aid_declarations', OLD.id)
                AND to_jsonb(NEW) - gone = to_jsonb(OLD) - gone
            THEN
                RETURN NEW;
            END IF;
    """
    )


def _only_voided(function: str, paper: str, columns: str, erased: str) -> None:
    table = {"receipts": "receipts", "statements": "giving_statements"}[function]
    erasing = f"""
            IF almoner_is_being_erased('{table}', OLD.id)
                AND to_jsonb(NEW) - '{{{erased}}}'::text[] = to_jsonb(OLD) - '{{{erased}}}'::text[]
            THEN
                RETURN NEW;
            END IF;
    """
    _voided_function(function, paper, columns, erasing if erased else "")


def _voided_function(function: str, paper: str, columns: str, erasing: str) -> None:
    op.execute(f"""
        CREATE OR REPLACE FUNCTION almoner_{function}_only_voided() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN{erasing}
            IF OLD.status <> 'issued' OR NEW.status <> 'void'
                OR to_jsonb(NEW) - '{{{columns}}}'::text[]
                <> to_jsonb(OLD) - '{{{columns}}}'::text[]
            THEN
                RAISE EXCEPTION '{paper} % stands as issued', OLD.number
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Void it with a reason and issue another.';
            END IF;
            RETURN NEW;
        END $$
    """)


def _declarations_stand(*, erasing: str) -> None:
    gone = (
        "\n            gone text[] := '{title,first_name,last_name,house,postcode,cancelled_because}';"
        if erasing
        else ""
    )
    op.execute(f"""
        CREATE OR REPLACE FUNCTION almoner_gift_aid_declarations_stand() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            once text[] := '{{record_sent_on,cancelled_on,cancelled_because}}';{gone}
        BEGIN{erasing}
            IF to_jsonb(NEW) - once <> to_jsonb(OLD) - once
                OR OLD.record_sent_on IS NOT NULL AND NEW.record_sent_on IS DISTINCT FROM OLD.record_sent_on
                OR OLD.cancelled_on IS NOT NULL AND (NEW.cancelled_on, NEW.cancelled_because)
                    IS DISTINCT FROM (OLD.cancelled_on, OLD.cancelled_because)
            THEN
                RAISE EXCEPTION 'declaration % stands as it was given', OLD.id
                    USING ERRCODE = 'restrict_violation', HINT = 'Cancel it and take another.';
            END IF;
            RETURN NEW;
        END $$
    """)


def _the_way() -> None:
    """The only way to erase from an append-only table: which row, for which erasure, and nothing else."""
    op.execute(rf"""
        CREATE FUNCTION almoner_erase(erasure text, of_table text, of_row text) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            whose text;
            has_gone bigint;
        BEGIN
            SELECT donor_id INTO whose FROM erasures WHERE id = erasure;
            IF whose IS NULL THEN
                RAISE EXCEPTION 'there is no erasure %', erasure USING ERRCODE = 'restrict_violation';
            END IF;
            IF EXISTS (SELECT FROM erasure_holds h WHERE h.table_name = of_table AND h.row_id = of_row
                    AND h.until >= current_date)
                OR of_table = ANY (string_to_array('{_KEPT}', ' ')) AND NOT EXISTS (
                    SELECT FROM erasure_holds h WHERE h.table_name = of_table AND h.row_id = of_row
                        AND h.erasure_id = erasure)
            THEN
                RAISE EXCEPTION 'the law keeps % of % as it is', of_row, of_table
                    USING ERRCODE = 'restrict_violation', HINT = 'It goes by itself when its hold ends.';
            END IF;
            INSERT INTO erased_rows (erasure_id, table_name, row_id) VALUES (erasure, of_table, of_row)
            ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                RETURN false;
            END IF;
            CASE of_table
            WHEN 'stripe_events' THEN
                UPDATE stripe_events SET body = almoner_redacted(body, whose) WHERE stripe_event_id = of_row;
            WHEN 'receipts' THEN
                UPDATE receipts r SET
                    content = r.content || CASE d.donor_id WHEN whose
                        THEN '{{"donor_name": "[erased]", "donor_address": [], "dedication_kind": null,
                            "dedication_name": null, "last4": null}}'::jsonb ELSE '{{}}' END
                        || '{{"soft_credit_name": null}}',
                    void_reason = CASE WHEN r.voided_by IS NULL THEN r.void_reason ELSE '[erased]' END
                FROM donations d
                WHERE r.id = of_row AND d.id = r.donation_id AND whose IN (d.donor_id, d.soft_credit_donor_id);
            WHEN 'receipt_documents' THEN
                UPDATE receipt_documents f SET pdf = ''
                FROM receipts r JOIN donations d ON d.id = r.donation_id
                WHERE f.receipt_id = of_row AND r.id = of_row AND whose IN (d.donor_id, d.soft_credit_donor_id);
            WHEN 'giving_statements' THEN
                UPDATE giving_statements s SET content = s.content || CASE s.donor_id WHEN whose
                    THEN '{{"donor_name": "[erased]", "donor_address": []}}'::jsonb
                    ELSE jsonb_build_object('through_others', coalesce((
                        SELECT jsonb_agg(gift || '{{"payer_name": "[erased]"}}')
                        FROM jsonb_array_elements(s.content -> 'through_others') gifts (gift)), '[]')) END
                WHERE s.id = of_row AND (s.donor_id = whose OR EXISTS (SELECT FROM donations d
                    WHERE d.donor_id = whose AND d.soft_credit_donor_id = s.donor_id));
            WHEN 'statement_documents' THEN
                UPDATE statement_documents f SET pdf = '' FROM giving_statements s
                WHERE f.statement_id = of_row AND s.id = of_row AND (s.donor_id = whose OR EXISTS (
                    SELECT FROM donations d
                    WHERE d.donor_id = whose AND d.soft_credit_donor_id = s.donor_id));
            WHEN 'gift_aid_declarations' THEN
                UPDATE gift_aid_declarations SET title = null, first_name = '[erased]',
                    last_name = '[erased]', house = '[erased]', postcode = '[erased]'
                WHERE id = of_row AND donor_id = whose AND (
                    NOT EXISTS (SELECT FROM gift_aid_lines l WHERE l.declaration_id = of_row)
                    OR EXISTS (SELECT FROM erasure_holds h WHERE h.erasure_id = erasure
                        AND h.table_name = of_table AND h.row_id = of_row));
            WHEN 'gift_aid_claims' THEN
                UPDATE gift_aid_claims SET ods = '', csv = '' WHERE id = of_row;
            WHEN 'bank_lines' THEN
                UPDATE bank_lines SET counterparty = null, text = '', payment_reference = null
                WHERE id = of_row;
            WHEN 'bank_statements' THEN
                UPDATE bank_statements SET file = '' WHERE id = of_row;
            WHEN 'export_chunks' THEN
                UPDATE export_chunks SET deflated = '' WHERE batch_number = of_row::bigint;
            WHEN 'audit_log' THEN
                UPDATE audit_log SET reason = '[erased]' WHERE id = of_row::bigint;
            WHEN 'balance_transactions' THEN
                UPDATE balance_transactions SET description = null
                WHERE stripe_balance_transaction_id = of_row;
            END CASE;
            GET DIAGNOSTICS has_gone = ROW_COUNT;
            IF has_gone = 0 THEN
                RAISE EXCEPTION '% of % is not there, or not of this donor', of_row, of_table
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN true;
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION almoner_erase(text, text, text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION almoner_erase(text, text, text) TO almoner_app")


def _as_it_was() -> None:
    op.execute("""
        CREATE OR REPLACE FUNCTION almoner_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'restrict_violation',
                HINT = 'Add a correcting row instead.';
        END $$
    """)
    _voided_function("receipts", "receipt", "status,void_cause,void_reason,voided_at,voided_by", "")
    _voided_function("statements", "statement", "status,void_cause,void_reason,voided_at", "")
    _declarations_stand(erasing="")

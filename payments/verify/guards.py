"""The locks on the books, and the bonds between rows: in place, or a rewrite leaves no trace.

What is to be in place is read from the models, so a new table is watched from its first day.
"""

from sqlalchemy import Constraint, ForeignKeyConstraint, PrimaryKeyConstraint

from payments.database import APP_ROLE
from payments.models import Base
from payments.verify.check import Check

APPEND_ONLY = (
    *("stripe_events", "balance_transactions", "journal_entries", "journal_moves", "receipt_documents"),
    *("statement_documents", "audit_log"),
    *("bank_statements", "bank_lines", "payout_lines", "reconciliation_rounds"),
    *("gift_aid_claims", "gift_aid_lines", "gift_aid_corrections", "korean_statutory_receipts"),
    *("movements_before_books", "stripe_balances"),
    *("stripe_reports", "stripe_report_rows", "stripe_report_figures", "stripe_report_differences"),
    *("export_maps", "export_batches", "exported_entries", "export_chunks"),
    "consent_log",
    *("erased_rows", "erased_stripe_ids"),
    "donor_merge_rows",
)
"""The application may read these and add to them, and not even their owner may do more."""

ERASABLE = (
    *("stripe_events", "receipt_documents", "statement_documents", "audit_log", "balance_transactions"),
    *("bank_lines", "bank_statements", "gift_aid_claims", "export_chunks"),
)
"""Of these the database's own function may erase who a donor was; a trigger sees that nothing else goes."""

WRITTEN_ONCE = ("erasures", "erasure_holds")
"""What is filled in later stands from then on."""

ONLY_VOIDED = ("receipts", "giving_statements")
"""These may be made void, once, and nothing else of them may change."""

LEADING = (
    ("donations", "donations_lead_to_the_survivor"),
    ("donations", "donations_follow_the_promise"),
    ("donations", "donations_thank_the_survivor"),
    ("monthly_gifts", "monthly_gifts_lead_to_the_survivor"),
    ("gift_aid_declarations", "gift_aid_declarations_lead_to_the_survivor"),
)
"""They refuse nothing: what is written under a record that was merged, they bring to its donor."""

TRIGGERS = (
    *LEADING,
    *(
        (table, f"{table}_append_only")
        for table in (*APPEND_ONLY, *ONLY_VOIDED, *WRITTEN_ONCE, "bank_matches", "donor_merges")
    ),
    *((table, f"{table}_only_erased") for table in ERASABLE),
    *((table, f"{table}_written_once") for table in WRITTEN_ONCE),
    ("journal_moves", "journal_moves_sealed"),
    ("journal_entries", "journal_entries_have_moves"),
    ("receipts", "receipts_only_voided"),
    ("giving_statements", "giving_statements_only_voided"),
    ("bank_matches", "bank_matches_only_undone"),
    ("receipts", "receipts_not_while_listed"),
    ("statement_lines", "statement_lines_append_only"),
    ("statement_lines", "statement_lines_confirm_once"),
    ("statement_lines", "statement_lines_only_ended"),
    ("gift_aid_declarations", "gift_aid_declarations_append_only"),
    ("gift_aid_declarations", "gift_aid_declarations_stand"),
    ("gift_aid_declarations", "gift_aid_declarations_only_moved"),
    ("giving_statements", "giving_statements_only_moved"),
    ("donor_merges", "donor_merges_only_undone"),
    ("refunds", "refunds_within_the_gift"),
    ("refunds", "refunds_amount_is_fixed"),
    ("owed_payments", "owed_payments_within_the_gift"),
    ("journal_entries", "journal_entries_in_open_months"),
    ("bank_lines", "bank_lines_in_open_months"),
    ("receipts", "receipts_in_open_months"),
    ("month_closings", "month_closings_in_order"),
    ("month_closings", "month_closings_fixed"),
    ("month_closings", "month_closings_append_only"),
)

_DELETE, _UPDATE, _TRUNCATE = 8, 16, 32
"""As PostgreSQL notes them in `pg_trigger.tgtype`."""

MAY_DELETE = (
    *(
        "stripe_event_queue",
        "due_receipts",
        "due_documents",
        "due_statements",
        "giving_terms",
        "donation_requests",
        "worker_heartbeats",
        "monthly_link_requests",
        "newsletter_readers",
        "newsletter_requests",
        "donor_sessions",
    ),
    *("classification_rules", "staff_requests", "korean_registration_numbers", "donor_addresses"),
    *("staff_sessions", "staff_links", "staff_credentials", "staff_recovery_codes", "staff_sign_in_tries"),
)
"""What is gone when it is done; everywhere else a row stays."""


def _values(rows: list[tuple[str, ...]]) -> str:
    return ", ".join("(" + ", ".join(f"'{cell}'" for cell in row) + ")" for row in rows)


def _array(names: tuple[str, ...]) -> str:
    return "array[" + ", ".join(f"'{name}'" for name in names) + "]"


def _constraint_names() -> list[tuple[str, ...]]:
    found = []
    for table in Base.metadata.sorted_tables:
        named: list[Constraint] = [c for c in table.constraints if not isinstance(c, PrimaryKeyConstraint)]
        found += [(table.name, str(constraint.name), "constraint") for constraint in named]
        found += [(table.name, str(index.name), "index") for index in table.indexes if index.unique]
    return sorted(found)


def _orphans() -> str:
    """A row of every table that names a parent which is not there."""
    searches = []
    for table in Base.metadata.sorted_tables:
        key = " || ':' || ".join(f"c.{column.name}::text" for column in table.primary_key.columns)
        for constraint in sorted(table.foreign_key_constraints, key=lambda found: str(found.name)):
            searches.append(_orphans_of(constraint, table.name, key))
    return " union all ".join(searches)


def _orphans_of(constraint: ForeignKeyConstraint, table: str, key: str) -> str:
    parent = constraint.referred_table.name
    pairs = [(element.parent.name, element.column.name) for element in constraint.elements]
    is_named = " and ".join(f"c.{child} is not null" for child, _ in pairs)
    is_there = " and ".join(f"p.{column} = c.{child}" for child, column in pairs)
    names = " || ':' || ".join(f"c.{child}::text" for child, _ in pairs)
    return f"""
        select array[{key}, {names}], null::text, null::bigint, null::bigint,
            '{table} names {parent} ' || {names}
        from {table} c
        where {is_named} and not exists (select from {parent} p where {is_there})
    """


CHECKS = (
    Check(
        kind="row_without_parent",
        proves="Whatever a row names is there: the gift of a charge, the fund of a part, the person "
        "of a deed.",
        says="{subject}: {detail}, which is not there.",
        remedy="Restore the missing row from a backup; a foreign key was bypassed.",
        sql=_orphans(),
    ),
    Check(
        kind="guard_missing",
        proves="The triggers that keep the books append-only are in force and do refuse; those that lead "
        "from a merged record to its donor are, and do lead.",
        says="The trigger {subject} {detail}.",
        remedy="ALTER TABLE … ENABLE TRIGGER …, or run the migration again; then ask who switched it off.",
        sql=f"""
            with listed (tbl, name) as (values {_values(list(TRIGGERS))}), wanted as (
                select *, case when name <> tbl || '_append_only' then 0
                    when tbl = any ({_array(APPEND_ONLY)}) then {_UPDATE | _DELETE | _TRUNCATE}
                    else {_DELETE | _TRUNCATE} end as refuses
                from listed
            )
            select array[w.name, w.tbl], null::text, null::bigint, null::bigint,
                case when t.oid is null then 'is missing'
                    when t.tgenabled not in ('O', 'A') then 'is switched off'
                    when (t.tgtype & w.refuses) <> w.refuses or (w.refuses > 0 and t.tgqual is not null)
                        then 'looks away from some of what it must refuse'
                    else 'does nothing any more: its function was replaced' end
            from wanted w
            left join pg_class c on c.oid = to_regclass(w.tbl)
            left join pg_trigger t on t.tgrelid = c.oid and t.tgname = w.name
            left join pg_proc p on p.oid = t.tgfoid
            where t.oid is null or t.tgenabled not in ('O', 'A') or p.prosrc !~* case
                    when t.tgname = any ({_array(tuple(name for _, name in LEADING))}) then 'donor_id :='
                    else 'raise exception' end
                or (t.tgtype & w.refuses) <> w.refuses or (w.refuses > 0 and t.tgqual is not null)
        """,
    ),
    Check(
        kind="constraint_missing",
        proves="Every law that the database itself keeps is in force: keys, checks and unique numbers.",
        says="The {detail} {subject} is not in force.",
        remedy="Run the checks above, then add it again as the models say.",
        sql=f"""
            with wanted (tbl, name, what) as (values {_values(_constraint_names())})
            select array[w.name, w.tbl], null::text, null::bigint, null::bigint, w.what
            from wanted w
            where not exists (
                select from pg_constraint n where n.conrelid = to_regclass(w.tbl) and n.conname = w.name
                    and n.convalidated
            ) and not exists (
                select from pg_index i join pg_class c on c.oid = i.indexrelid
                where i.indrelid = to_regclass(w.tbl) and c.relname = w.name and i.indisvalid
                    and i.indisunique
            )
        """,
    ),
    Check(
        kind="grant_too_wide",
        proves="The role of the program may add to the books and never rewrite, empty or own them.",
        says="The program's role may {detail} {subject}.",
        remedy=f"REVOKE it from {APP_ROLE} (and from PUBLIC), and compare the grants with the migrations.",
        sql=f"""
            with tables as (
                select c.oid, c.relname as name, c.relowner,
                    c.relname = any ({_array(APPEND_ONLY)}) as is_book
                from pg_class c
                where c.relkind in ('r', 'p') and c.relnamespace = to_regnamespace('public')
            ), rights as (
                select t.*, p.privilege from tables t
                cross join unnest(array['update', 'delete', 'truncate', 'trigger']) p (privilege)
                where has_table_privilege('{APP_ROLE}', t.oid, p.privilege)
            )
            select array[name], null::text, null::bigint, null::bigint, privilege
            from rights
            where privilege in ('truncate', 'trigger')
                or (privilege = 'delete' and name <> all ({_array(MAY_DELETE)}))
                or (privilege = 'update' and (is_book or name in ('receipts', 'giving_statements',
                    'donation_allocations', 'bank_matches')))
            union all
            select array[name], null, null, null,
                'own' from tables where pg_get_userbyid(relowner) = '{APP_ROLE}'
            union all
            select array[t.name, a.attname], null, null, null, format('update the column %s of', a.attname)
            from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
            where (t.is_book or (t.name in ('receipts', 'giving_statements') and a.attname not in
                    ('status', 'void_cause', 'void_reason', 'voided_at', 'voided_by'))
                or (t.name = 'bank_matches'
                    and a.attname not in ('undone_at', 'undone_by', 'undo_reason')))
                and not has_table_privilege('{APP_ROLE}', t.oid, 'update')
                and has_column_privilege('{APP_ROLE}', t.oid, a.attnum, 'update')
            union all
            select array['everything'], null, null, null, 'bypass every guard of'
            from pg_roles where rolname = '{APP_ROLE}' and (rolsuper or rolbypassrls or rolcreaterole)
        """,
    ),
)

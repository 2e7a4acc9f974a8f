"""Every text and every byte of the database, searched for what should not be there."""

from sqlalchemy import text

from payments.database import transaction

_COLUMNS = """
    select c.relname as tbl, a.attname as col, t.typname = 'bytea' as is_bytes
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
        and t.typname in ('text', '_text', 'varchar', 'json', 'jsonb', 'bytea')
    order by 1, 2
"""


def places_that_say(*needles: str) -> dict[str, int]:
    """`table.column` and in how many rows any of these stands, however its letters are written."""
    found: dict[str, int] = {}
    asked = {"words": [needle.lower() for needle in needles]}
    with transaction() as session:
        for tbl, col, is_bytes in session.execute(text(_COLUMNS)).all():
            said = f"encode({col}, 'escape')" if is_bytes else f"{col}::text"
            rows = session.execute(
                text(
                    f"select count(*) from {tbl} where exists (select from unnest(cast(:words as text[])) w "  # noqa: S608
                    f"where strpos(lower({said}), w) > 0)"
                ),
                asked,
            ).scalar_one()
            if rows:
                found[f"{tbl}.{col}"] = rows
    return found


def columns() -> set[tuple[str, str]]:
    """Every column that holds words or bytes."""
    with transaction() as session:
        return {(tbl, col) for tbl, col, _ in session.execute(text(_COLUMNS)).all()}

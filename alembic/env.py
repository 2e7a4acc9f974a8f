"""Runs the migrations: one transaction each, giving up quickly where a long reader holds a table.

They run as the owner of the database, never under the application's role: that role may not even
alter what it may not rewrite. No `__init__.py` may stand in this folder: it would hide Alembic.
"""

from datetime import UTC, datetime

from alembic import context
from alembic.operations.ops import MigrationScript
from sqlalchemy import Connection, NullPool, create_engine

from payments.database import psycopg_url
from payments.models import Base
from payments.settings import MigrationSettings


def database_url() -> str:
    """`DATABASE_URL`, or `MIGRATION_DATABASE_URL` where the owner signs in under another name."""
    given = MigrationSettings()
    url = given.migration_database_url or given.database_url
    if not url:
        raise SystemExit("Set DATABASE_URL to the database to migrate (./dev demo does it by itself).")
    return psycopg_url(url)


def date_the_revision(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """A new revision is named by the minute it was made: files and history sort the same way."""
    for script in directives:
        script.rev_id = datetime.now(UTC).strftime("%Y_%m_%d_%H%M")


def migrate(connection: Connection) -> None:
    """Bring the schema to the wanted revision over this connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
        process_revision_directives=date_the_revision,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    owner = create_engine(
        database_url(), poolclass=NullPool, connect_args={"options": "-c lock_timeout=3000 -c timezone=UTC"}
    )
    with owner.connect() as connection:
        migrate(connection)

"""Runs the migrations: one transaction each, giving up quickly where a long reader holds a table.

They run as the owner of the database, never under the application's role: that role may not even
alter what it may not rewrite. No `__init__.py` may stand in this folder: it would hide Alembic.
"""

import os

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine

from payments.database import psycopg_url
from payments.models import Base


def database_url() -> str:
    """`DATABASE_URL`, or `MIGRATION_DATABASE_URL` where the owner signs in under another name."""
    url = os.environ.get("MIGRATION_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("Set DATABASE_URL to the database to migrate (./dev demo does it by itself).")
    return psycopg_url(url)


def migrate(connection: Connection) -> None:
    """Bring the schema to the wanted revision over this connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
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

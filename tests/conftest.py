"""What every test may ask for: a real PostgreSQL, a real broker, and the settings of a test.

Fixtures
  database        the address of this worker's own database, migrated to head and emptied for the test
  session         `payments.database.transaction()` on it, committed when the test ends
  owner           a connection as the owner of the tables, not under the application's role
  organisation    the demo organisation with its entities, funds and giving terms, loaded
  adam, finn      an admin and somebody of finance: no password, no app, no session
  broker          a real Valkey of this worker, flushed for the test; BROKER_URL points to it. Its
                  `url` is the address, and `freeze()`, `thaw()` and `flush()` do what they say
  with_settings   call it with settings to change for this test: `with_settings(stripe_api_base=url)`
  postgres        (whole run) the server's address under its owner, for tests that make databases
  head_template   (whole run) name of a database at head that `CREATE DATABASE … TEMPLATE` may copy

Nothing is started before a test asks for it. Without `broker`, BROKER_URL is a closed port; without
a sandbox, so is STRIPE_API_BASE: a test cannot reach a real Stripe by mistake. TEST_DATABASE_URL
names a server to use instead of the embedded one.
"""

import hashlib
import json
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import redis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.orm import Session

PROJECT = Path(__file__).resolve().parents[1]
_SERVER_IS_GIVEN = bool(os.environ.get("TEST_DATABASE_URL"))
NOBODY_LISTENS = "127.0.0.1:1"
TEST_ENVIRONMENT = {
    "APP_ENV": "test",
    "DATABASE_URL": "postgresql://ask-for-the-fixture-database/",
    "BROKER_URL": f"redis://{NOBODY_LISTENS}/0",
    "STRIPE_SECRET_KEY": "sk_test_almoner0123456789",
    "STRIPE_WEBHOOK_SECRET": "whsec_almoner0123456789abcdef",
    "STRIPE_API_BASE": f"http://{NOBODY_LISTENS}",
    "STRIPE_ACCOUNT": "",
    "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
    "SECRET_KEY": "a-secret-of-the-tests-0123456789abcdef",
    "SMTP_URL": f"smtp://{NOBODY_LISTENS}",
    "MAIL_FROM": "Almoner <giving@example.org>",
    "METRICS_TOKEN": "",
    "TRUSTED_PROXIES": "",
    "CHECKOUTS_PER_HOUR": "100000",
    "LOG_LEVEL": "warning",
    "LOG_FORMAT": "json",
    "DATABASE_POOL_SIZE": "10",
}
os.environ.update(TEST_ENVIRONMENT)
for name in [name for name in os.environ if name.startswith("STRIPE_") and name not in TEST_ENVIRONMENT]:
    if name != "STRIPE_TEST_KEY":
        del os.environ[name]

from payments import jobs  # noqa: E402 - the environment comes first
from payments.database import engine, transaction  # noqa: E402
from payments.donations.models import Organisation  # noqa: E402
from payments.donations.organisation import forget_offer, load, the_organisation  # noqa: E402
from payments.local import services  # noqa: E402
from payments.settings import settings  # noqa: E402
from payments.shield.attack import watch  # noqa: E402
from payments.shield.windows import windows  # noqa: E402
from payments.staff import people  # noqa: E402
from payments.staff.models import Role, StaffMember  # noqa: E402

hypothesis_settings.register_profile(
    "almoner", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# The same examples every time, so that a red build is red again on the next machine.
hypothesis_settings.register_profile("ci", hypothesis_settings.get_profile("almoner"), derandomize=True)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "almoner")


def forget_settings() -> None:
    """Let the next reader of the settings, and what was made from them, look at the environment again."""
    settings.forget()
    jobs.celery.forget()
    jobs.bell_rope.forget()
    windows.forget()
    watch.forget()
    stripe_client = sys.modules.get("payments.stripe_gateway.client")  # slow to import, and few tests need it
    if stripe_client is not None:
        stripe_client.gateway.forget()
        stripe_client.reading_gateway.forget()


@pytest.fixture
def with_settings() -> Iterator[Callable[..., None]]:
    """Change settings for one test, by their field names; they are back as they were after it."""
    with pytest.MonkeyPatch.context() as environment:

        def change(**values: str) -> None:
            for name, value in values.items():
                environment.setenv(name.upper(), value)
            forget_settings()

        yield change
    forget_settings()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The server, addressed as its owner; it stays up as long as any run of this checkout uses it."""
    with nullcontext(os.environ["TEST_DATABASE_URL"]) if _SERVER_IS_GIVEN else services.postgres() as server:
        yield server


@contextmanager
def as_owner(url: str, database: str | None = None) -> Iterator[Connection]:
    """A connection as the owner of everything, each statement its own transaction."""
    address = make_url(url)
    target = create_engine(
        address.set(database=database) if database else address,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={"options": "-c lock_timeout=10000 -c timezone=UTC"},
    )
    with target.connect() as connection:
        yield connection


@contextmanager
def making_databases(postgres: str) -> Iterator[Connection]:
    """One maker of databases at a time: `CREATE DATABASE` wants its template for itself."""
    with as_owner(postgres) as connection:
        # However long the others take: several runs of the tests may share a busy machine.
        connection.execute(text("set lock_timeout = 0"))
        connection.execute(text("select pg_advisory_lock(25519)"))
        yield connection


def migrate(connection: Connection, revision: str = "head") -> None:
    """`alembic upgrade` over this connection."""
    from alembic import command
    from alembic.config import Config

    config = Config(toml_file=PROJECT / "pyproject.toml")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.fixture(scope="session")
def head_template(postgres: str) -> str:
    """Migrated once for as long as the migrations stay the same; then every worker copies it."""
    versions = sorted((PROJECT / "alembic").rglob("*.py"))
    print_of = hashlib.sha256(b"".join(path.read_bytes() for path in versions)).hexdigest()[:16]
    template = f"almoner_head_{print_of}"
    with making_databases(postgres) as server:
        if server.scalar(text("select 1 from pg_database where datname = :name"), {"name": template}):
            return template
        create_empty_database(server, f"{template}_building")
        with as_owner(postgres, f"{template}_building") as building:
            migrate(building.execution_options(isolation_level="READ COMMITTED"))
        server.execute(text(f"alter database {template}_building rename to {template}"))
        for older in server.scalars(
            text("select datname from pg_database where datname like 'almoner\\_head\\_%'")
        ).all():
            if older != template:
                server.execute(text(f"drop database if exists {older} with (force)"))
    return template


def create_empty_database(server: Connection, name: str) -> None:
    """An empty database that sorts text as production does, whatever the machine's language."""
    server.execute(text(f"drop database if exists {name} with (force)"))
    server.execute(
        text(f"create database {name} template template0 locale_provider builtin builtin_locale 'C.UTF-8'")
    )


def copy_of_head(server: Connection, name: str, template: str) -> None:
    """A database of the tests, migrated. Nobody kills its server, so no commit waits for the disk; those who
    do kill one have a server of their own."""
    server.execute(text(f"drop database if exists {name} with (force)"))
    server.execute(text(f"create database {name} template {template}"))
    server.execute(text(f"alter database {name} set synchronous_commit = off"))


@pytest.fixture(scope="session")
def _own_database(postgres: str, head_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """This worker's database, named after the run's process so that a dead run's are recognised."""
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{run}"
    with making_databases(postgres) as server:
        _drop_databases_of_dead_runs(server)
        copy_of_head(server, name, head_template)
    address = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    os.environ["DATABASE_URL"] = address
    forget_settings()
    engine.forget()
    yield address
    engine().dispose()
    with making_databases(postgres) as server:
        server.execute(text(f"drop database if exists {name} with (force)"))


def _drop_databases_of_dead_runs(server: Connection) -> None:
    if _SERVER_IS_GIVEN:
        return  # another machine's runs may be there, whose processes we cannot see
    for name in server.scalars(text("select datname from pg_database where datname ~ '^test_.*_[0-9]+$'")):
        if not psutil.pid_exists(int(name.rpartition("_")[2])):
            server.execute(text(f"drop database if exists {name} with (force)"))


@pytest.fixture(scope="session")
def _owner_of_own_database(_own_database: str) -> Iterator[Connection]:
    with as_owner(_own_database) as connection:
        yield connection


@pytest.fixture(scope="session")
def _emptying(_owner_of_own_database: Connection) -> str:
    """One round trip that empties every table. `delete`, because for a few rows it is far quicker than
    `truncate`; under `replica`, because the append-only tables refuse even their owner otherwise."""
    tables = _owner_of_own_database.scalars(
        text(
            "select format('%I', tablename) from pg_tables "
            "where schemaname = 'public' and tablename <> 'alembic_version'"
        )
    )
    deletes = "; ".join(f"delete from {table}" for table in tables)  # noqa: S608 - our own table names
    return (
        "begin; set local session_replication_role = replica; set local synchronous_commit = off; "
        f"{deletes}; commit"
    )


@pytest.fixture
def database(_own_database: str, _owner_of_own_database: Connection, _emptying: str) -> str:
    """The address of this worker's database, emptied."""
    _owner_of_own_database.exec_driver_sql(_emptying)
    forget_offer()
    windows.forget()
    watch.forget()
    return _own_database


@pytest.fixture
def owner(database: str) -> Iterator[Connection]:
    """The owner of the tables in a transaction of its own, rolled back when the test ends."""
    target = create_engine(database, poolclass=NullPool, connect_args={"options": "-c lock_timeout=5000"})
    with target.connect() as connection:
        yield connection


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    """One transaction as a door would open it; what must be seen by others is to be committed first."""
    with transaction() as session:
        yield session


@pytest.fixture(scope="session")
def _charity(_own_database: str) -> str:
    """One round trip that puts the demo's charity into an empty database: reading its document takes as long
    as many a test, and nearly every test asks for it."""
    with (PROJECT / "payments/local/organisation.toml").open("rb") as document, transaction() as session:
        load(session, tomllib.load(document))
        session.flush()
        insert = "insert into %I select * from jsonb_populate_recordset(null::%I, %L)"
        rows = "select format('{insert}', '{name}', '{name}', jsonb_agg(to_jsonb({name}))) from {name}"
        inserts = [
            session.scalars(text(rows.format(insert=insert, name=name))).one()
            for name in ("organisations", "issuing_entities", "funds", "giving_terms")
        ]
        session.rollback()
    return "; ".join(["begin", "set local synchronous_commit = off", *inserts, "commit"])


@pytest.fixture
def organisation(database: str, _owner_of_own_database: Connection, _charity: str) -> Organisation:
    """The charity of the tests, committed."""
    _owner_of_own_database.exec_driver_sql(_charity)
    with transaction() as session:
        return the_organisation(session)


@pytest.fixture
def adam(database: str) -> StaffMember:
    """The first admin."""
    with transaction() as session:
        return people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])


@pytest.fixture
def finn(adam: StaffMember) -> StaffMember:
    """Finance."""
    with transaction() as session:
        return people.add(session, email="finn@lp.example", name="Finn", roles=[Role.FINANCE], by=adam)


@dataclass(frozen=True, slots=True)
class Broker:
    """A running Valkey."""

    url: str
    pid: int

    def freeze(self) -> None:
        """It keeps its sockets and answers nothing: the worst kind of away."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers again."""
        os.kill(self.pid, signal.SIGCONT)

    def flush(self) -> None:
        """It forgets everything it was told."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


@pytest.fixture(scope="session")
def _own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("broker")
    with services.valkey(folder) as url:
        yield Broker(url, json.loads((folder / "valkey.json").read_text())["pid"])


@pytest.fixture
def broker(_own_broker: Broker, with_settings: Callable[..., None]) -> Iterator[Broker]:
    """The broker of this worker, empty, awake, and the one that BROKER_URL names."""
    _own_broker.flush()
    with_settings(broker_url=_own_broker.url)
    yield _own_broker
    _own_broker.thaw()

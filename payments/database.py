"""One PostgreSQL, one driver, one way to open a transaction.

The door opens a transaction and the door commits it; nothing below calls commit, so a deed is whole
or did not happen. What must only be said after the commit (a bell to the workers) is handed to
`after_commit` and runs once the data is really there.
"""

import secrets
import select
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Text,
    TextClause,
    any_,
    bindparam,
    create_engine,
    event,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, mapped_column
from sqlalchemy.types import UserDefinedType

from payments.once import once
from payments.settings import settings

APP_ROLE = "almoner_app"
"""The role every process but the migrations works under: it may add to the books, never rewrite them."""

SESSION_OPTIONS = (
    f"-c role={APP_ROLE} -c statement_timeout=15000 -c lock_timeout=5000 "
    "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
)


class Base(DeclarativeBase):
    """Every constraint has a name, so that a migration can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        date: Date,
        str: Text,
        dict[str, Any]: JSONB,
    }


StrPK = Annotated[str, mapped_column(Text, primary_key=True)]


def new_id(prefix: str) -> str:
    """An id such as `don_4f…`: 128 random bits, so that knowing one tells nothing about another."""
    return f"{prefix}_{secrets.token_hex(16)}"


@once
def engine() -> Engine:
    """The pool of this process; a forked worker must call `forget_inherited_connections` first."""
    made = create_engine(
        psycopg_url(settings().database_url),
        pool_size=settings().database_pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_recycle=1800,
        # An error would quote them, in whatever log it is written to: names and addresses.
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": SESSION_OPTIONS},
    )
    event.listen(made, "checkout", _leave_if_hung_up)
    return made


def _leave_if_hung_up(connection: psycopg.Connection[Any], _record: Any, _proxy: Any) -> None:
    """A server that went away has said so on the wire, where nothing else arrives unasked: to look there
    costs a hundredth of asking with every transaction whether it is still there. One that was closed on this
    side has no wire to look at."""
    if connection.closed:
        raise DisconnectionError
    wire = select.poll()
    wire.register(connection.fileno(), select.POLLIN)
    if wire.poll(0):
        raise DisconnectionError


def psycopg_url(url: str) -> str:
    """The address with the driver named, whichever of the two spellings was set."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def libpq_url(url: str) -> str:
    """The address as libpq and psycopg themselves read it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def forget_inherited_connections() -> None:
    """After a fork: let go of the parent's sockets without closing them under the parent."""
    engine().dispose(close=False)


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        session.commit()
        for say in session.info.pop(_AFTER_COMMIT, ()):
            say()


@contextmanager
def single_statements() -> Iterator[Connection]:
    """A connection on which each statement is a transaction of its own, for a deed that is one
    statement: it costs one exchange with PostgreSQL where `transaction` needs three."""
    with engine().connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def copy_into(
    session: Session, table: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write many rows at once, in the session's transaction: a fifth of what as many inserts cost.

    Values go as they are to PostgreSQL; json is handed over as text.
    """
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table.__tablename__), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with _driver(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def copy_out(session: Session, query: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
    """The rows of a query as PostgreSQL itself writes CSV, in pieces of about a mebibyte: as quick as they
    can be read, and never all of them at once. `query` names its parameters as `%(name)s`."""
    statement = f"copy ({query}) to stdout (format csv)"
    waiting = bytearray()
    with _driver(session).cursor() as cursor, cursor.copy(statement, parameters) as copy:
        for row in copy:
            waiting += row
            if len(waiting) >= _MEBIBYTE:
                yield bytes(waiting)
                waiting.clear()
    yield bytes(waiting)


def stream(session: Session, query: str, parameters: Mapping[str, Any]) -> Iterator[Any]:
    """The rows of a query as named tuples, two thousand at a time through a cursor of the server's."""
    with _driver(session).cursor(name=f"rows_{secrets.token_hex(4)}", row_factory=namedtuple_row) as cursor:
        cursor.itersize = 2000
        cursor.execute(query, parameters)
        yield from cursor


class Texts(UserDefinedType[Iterable[str]]):
    """A text[] in one parameter, told to PostgreSQL as what it is. Told as a text to be cast, it would be
    read anew for every row it is compared with."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_kw: Any) -> str:
        """The type's name in PostgreSQL."""
        return "text[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """How it is sent."""
        return array_of


def array_of(texts: Iterable[str]) -> str:
    """Texts as PostgreSQL reads a text[]. The driver looks at every one for what must be quoted; quoting
    all of them takes a tenth of that time, and a batch names a thousand rows a dozen times."""
    quoted = [each.replace("\\", r"\\").replace('"', r"\"") for each in texts]
    joined = '","'.join(quoted)
    return f'{{"{joined}"}}' if quoted else "{}"


def among(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], ids: Iterable[str]
) -> ColumnElement[bool]:
    """`column = any(ids)`: one parameter, however many there are."""
    return column == any_(literal(tuple(ids), Texts()))


def among_named(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], name: str
) -> ColumnElement[bool]:
    """The same where the ids are given by name when it is asked: for a question that is put together once.
    To put one together costs as much as to ask it."""
    return column == any_(bindparam(name, type_=Texts()))


def text_with(sql: str, *lists: str) -> TextClause:
    """SQL of which the parameters of these names are lists of texts."""
    return text(sql).bindparams(*(bindparam(name, type_=Texts()) for name in lists))


def plan_anew(session: Session) -> None:
    """From here to the transaction's end each plan is made for what is there now. For questions that are
    asked seldom and look at much: a plan is kept with its connection, from when the house was small."""
    session.execute(_PLAN_ANEW)


def one_picture(session: Session) -> None:
    """Everything that this transaction reads is of one instant. Said before its first question."""
    session.execute(text("set transaction isolation level repeatable read"))


_PLAN_ANEW = text("set local plan_cache_mode = force_custom_plan")


def after_commit(session: Session, say: Callable[[], None]) -> None:
    """Run `say` once, after the surrounding `transaction()` has committed."""
    waiting = session.info.setdefault(_AFTER_COMMIT, [])
    if say not in waiting:
        waiting.append(say)


@contextmanager
def taken_back(session: Session) -> Iterator[None]:
    """What is done in this block is undone at its end, its locks are let go, and what it wished to say after
    the commit is never said: for whoever asks what a deed would come to."""
    known = dict(session.info)
    with session.begin_nested() as place:
        session.info.pop(_AFTER_COMMIT, None)
        try:
            yield
        finally:
            session.info.clear()
            session.info.update(known)
            if place.is_active:
                place.rollback()


def _driver(session: Session) -> psycopg.Connection[Any]:
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - there is one driver
    return driver


_AFTER_COMMIT = "after_commit"
_MEBIBYTE = 1 << 20

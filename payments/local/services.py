"""PostgreSQL 18 and Valkey on this machine, from two wheels: started, shared and stopped.

A user of a server holds a shared lock on a file for as long as it needs the server. A small keeper
process (`keeper.py`) runs the server and waits for the exclusive lock on the same file, which the
kernel grants when the last user is gone, however it went: by leaving the block, by an exception or
by SIGKILL. So test workers share one server without counting, and nobody leaves an orphan.
"""

import fcntl
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
"""A first start unpacks a database cluster; a start after a crash replays the log."""

Purpose = Literal["demo", "tests", "bench", "simulation"]
Server = Literal["postgres", "valkey"]


class LocalServerFailed(Exception):
    """A server did not start, or its folder may not be used. The message says what to do."""


def postgres(folder: Path | None = None) -> AbstractContextManager[str]:
    """PostgreSQL for as long as the block runs; the value is the address of its `postgres` database.

    Without a folder it is the server that all tests of this checkout share.
    """
    return _used("postgres", folder or data_folder("tests"))


def valkey(folder: Path | None = None) -> AbstractContextManager[str]:
    """Valkey for as long as the block runs; the value is a `redis://` address with its password.

    Give a folder of your own to have a broker that may be stopped, frozen or emptied.
    """
    return _used("valkey", folder or data_folder("tests"))


def create_database(server: str, name: str, *, template: str = "template0") -> str:
    """A new empty database, sorted as in production; its address is returned.

    With another template the database is a copy of that one, which must have no connections.
    """
    create = sql.SQL(
        "create database {} template {}"
        if template != "template0"
        else "create database {} template {} locale_provider builtin builtin_locale 'C.UTF-8'"
    )
    with _admin(server) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    return database_url(server, name)


def drop_database(server: str, name: str) -> None:
    """Remove a database if it is there, ending whatever is still connected to it."""
    with _admin(server) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def has_database(server: str, name: str) -> bool:
    """Whether the server holds a database of that name."""
    with _admin(server) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
    return found is not None


@contextmanager
def temporary_database(server: str, *, template: str = "template0") -> Iterator[str]:
    """A database of one's own while the block runs; those that killed processes left are removed too."""
    name = f"tmp_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    _drop_databases_of_the_dead(server)
    url = create_database(server, name, template=template)
    try:
        yield url
    finally:
        drop_database(server, name)


def database_url(server: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}")).replace(":///", "://postgres:@/", 1)


def data_folder(purpose: Purpose) -> Path:
    """Where the data of this checkout lives: ALMONER_HOME, else a private folder under /var/tmp.

    Not under the home folder: as root the database runs as another user, who must be able to pass
    through every parent folder, and a home folder should not be opened for that.
    """
    base = Path(os.environ["ALMONER_HOME"]) if os.environ.get("ALMONER_HOME") else _default_home()
    folder = base.expanduser().absolute() / purpose
    for part in (folder.parent, folder):
        private_folder(part)
    return folder


def private_folder(folder: Path) -> Path:
    """Make the folder, and refuse one that somebody else made: its owner could read the donors.

    As root others may pass through, not look: the database below runs as another user.
    """
    folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        raise LocalServerFailed(f"{folder} belongs to someone else; set ALMONER_HOME to a folder of your own")
    if seen.st_mode & 0o066:
        folder.chmod(seen.st_mode & 0o711)
    return folder


def wait_until_stopped(folder: Path, *, seconds: float = 30) -> bool:
    """After the last user has left: whether both servers of a folder have ended in time."""
    deadline = time.monotonic() + seconds
    while any(_is_kept(server, folder) for server in ("postgres", "valkey")):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def _used(server: Server, folder: Path) -> Iterator[str]:
    private_folder(folder)
    with (folder / f"{server}.users").open("a") as users:
        with (folder / f"{server}.start").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper is stopping the server
            url = _address(server, folder) if _is_kept(server, folder) else _start(server, folder)
        yield url


def _start(server: Server, folder: Path) -> str:
    state = folder / f"{server}.json"
    state.unlink(missing_ok=True)
    log = folder / f"{server}.log"
    with log.open("a") as output:
        keeper = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "payments.local.keeper", server, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=CHECKOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not state.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.terminate()
            raise LocalServerFailed(f"{server} did not start; the end of {log}:\n{_last_lines(log)}")
        time.sleep(0.01)
    _let_go_of(keeper)
    return _address(server, folder)


def _let_go_of(keeper: subprocess.Popen[bytes]) -> None:
    """The keeper outlives this block by design; Popen would warn about a child nobody waited for."""
    keeper.returncode = 0


def _address(server: Server, folder: Path) -> str:
    state: dict[str, Any] = json.loads((folder / f"{server}.json").read_text())
    return str(state["url"])


def _is_kept(server: str, folder: Path) -> bool:
    """Whether a keeper lives: it holds the exclusive lock on its file, which no dead process can."""
    with suppress(FileNotFoundError), (folder / f"{server}.keeper").open("r") as keeper:
        return not try_lock(keeper, fcntl.LOCK_SH)
    return False


def try_lock(file: IO[Any], kind: int) -> bool:
    """Take a lock if nobody stands in the way."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _last_lines(log: Path, *, count: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def _default_home() -> Path:
    checkout = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:8]
    return Path("/var/tmp") / f"almoner-{os.getuid()}-{checkout}"  # noqa: S108 - ownership is checked


def _admin(server: str) -> psycopg.Connection[tuple[Any, ...]]:
    plain = server.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(plain, autocommit=True, connect_timeout=10)


def _drop_databases_of_the_dead(server: str) -> None:
    with _admin(server) as connection:
        names = [name for (name,) in connection.execute("select datname from pg_database").fetchall()]
    for name in names:
        owner = re.fullmatch(r"tmp_(\d+)_[0-9a-f]{8}", name)
        if owner and not _is_alive(int(owner[1])):
            drop_database(server, name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

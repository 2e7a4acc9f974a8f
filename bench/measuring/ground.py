"""What every contender stands on: one PostgreSQL with fsync on, one Valkey, and a count of the CPU
that each process tree has used. All of it is made for one run, in a folder of its own, and ended by pid.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

import psutil
import psycopg

from payments.database import libpq_url
from payments.local import services

ROOT = Path(__file__).resolve().parents[2]
_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Ground:
    """The running services of one benchmark and the processes started on them."""

    folder: Path
    postgres: str
    postmaster: int
    valkey: str
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def database(self, name: str) -> str:
        """Make an empty database that sorts as production does; give its address."""
        services.drop_database(self.postgres, name)
        return services.create_database(self.postgres, name)

    def address(self, name: str) -> str:
        """The address of a database made before."""
        return services.database_url(self.postgres, name)

    def broker(self, number: int) -> str:
        """One of the broker's numbered stores, so that contenders do not read each other's queues."""
        parts = urlsplit(self.valkey)
        return urlunsplit(parts._replace(path=f"/{number}"))

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a process whose words go to a file in the run's folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=clean_environment(env), stdout=log, stderr=subprocess.STDOUT
            )
        self.started.append(process)
        return process

    def log_of(self, name: str) -> str:
        """The last words of a process, for when it did not do what it should."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def postgres_cpu(self) -> float:
        """CPU seconds of PostgreSQL so far, every backend and background process."""
        return tree_cpu(self.postmaster)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Start PostgreSQL and Valkey for one run; end them, and all that was started on them."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    if busy > 0.5:
        print(
            f"  The machine is busy ({busy:.1f} waiting a core): CPU figures hold, rates and waits suffer.\n"
        )
    folder = services.private_folder(services.data_folder("bench") / str(os.getpid()))
    try:
        with services.postgres(folder) as server, services.valkey(folder) as valkey:
            standing = Ground(folder, libpq_url(server), _postmaster(libpq_url(server)), valkey.rstrip("/"))
            try:
                yield standing
            finally:
                for process in standing.started:
                    end(process)
    finally:
        services.wait_until_stopped(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _postmaster(url: str) -> int:
    """The pid of the server; one without fsync is refused."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select current_setting('fsync'), pg_backend_pid()").fetchone()
        if row is None or row[0] != "on":
            raise SystemExit("PostgreSQL runs without fsync: nothing measured on it would be true")
        return psutil.Process(row[1]).ppid()


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a contender: nothing of ours leaks in but what it is given."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR"}}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def our_environment(standing: Ground, database_url: str, *, broker: int, **more: str) -> dict[str, str]:
    """The settings our own processes need for one run."""
    return {
        "APP_ENV": "test",
        "DATABASE_URL": database_url,
        "BROKER_URL": standing.broker(broker),
        "STRIPE_SECRET_KEY": "sk_test_benchbenchbenchbench",
        "SECRET_KEY": "bench" * 8,
        "LOG_LEVEL": "warning",
        "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
        **more,
    }


def migrate(database_url: str, env: Mapping[str, str]) -> None:
    """Our schema, by the real migrations."""
    run([sys.executable, "-m", "alembic", "upgrade", "head"], {**env, "DATABASE_URL": database_url})


def run(command: Sequence[str], env: Mapping[str, str]) -> None:
    """A preparing command, which must succeed."""
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(env), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}")


def rivals_python() -> str:
    """The interpreter of the rivals' own environment: ALMONER_BENCH_PYTHON, or one made here."""
    if given := os.environ.get("ALMONER_BENCH_PYTHON"):
        return given
    home = ROOT / ".venv-bench"
    python = home / "bin" / "python"
    ready = home / "ready"
    lock = ROOT / "requirements-bench.lock"
    if python.exists() and ready.exists() and ready.read_text() == lock.read_text():
        return str(python)
    print("  making .venv-bench for the rivals (once) …", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(home)], {})
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "--require-hashes", "-r", str(lock)], os.environ)
    ready.write_text(lock.read_text())
    return str(python)


def uvicorn(app: str, port: int) -> list[str]:
    """How every ASGI contender is served: one process, no access log."""
    return [
        *(sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)),
        *("--no-access-log", "--log-level", "warning", "--workers", "1"),
    ]


def wait_for_port(
    port: int, name: str, *, within: float = 30, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Until somebody listens; a process that died meanwhile is an error at once."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{name} did not come up on port {port}")


def answers(url: str) -> bool:
    """Whether an address gives a 200."""
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree_cpu(pid: int) -> float:
    """CPU seconds, user and system, of a process, its children, and those of them that have ended."""
    try:
        top = psutil.Process(pid)
        members = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_ticks(member.pid) for member in members) * _TICK


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(fields[i]) for i in (11, 12, 13, 14))


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here, with its children; kill what does not go."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        process.wait()
        return
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    _, alive = psutil.wait_procs(family, timeout=5)
    for member in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()

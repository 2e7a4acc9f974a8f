"""The town of the chaos runs: servers, neighbours, our API and our workers, from nothing to nothing.

A PostgreSQL and a broker of its own in a temporary folder; what is started here may be killed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from payments.database import engine, transaction
from payments.donations.organisation import load
from payments.local import services
from payments.local.keeper import die_with_parent
from tests.conftest import PROJECT, TEST_ENVIRONMENT, as_owner, forget_settings, migrate
from tests.faults.stage import API_KEY, Mailroom, SmallStripe, a_process, an_hour_later

WORKERS = 3


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass
class Town:
    """Everything that runs, and how to reach it."""

    folder: Path
    database: str
    broker: str
    stripe: SmallStripe
    mailroom: Mailroom
    api: str
    environment: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        """Start or replace one of our programs."""
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - as in the keeper
            )

    def stop(self, name: str) -> None:
        """Kill it and its children; a worker that is stopped gently would be no test."""
        for process in family(self.running[name].pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.running.pop(name).wait(timeout=20)

    def show_errors(self) -> None:
        """What our processes complained of last; their logs go with the folder."""
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            for line in [line for line in lines if '"error"' in line or "Traceback" in line][-3:]:
                say(f"{log.stem}: {line[:1500]}")

    def stop_all(self) -> None:
        """Nobody is left."""
        for name in list(self.running):
            self.stop(name)

    @contextmanager
    def books(self) -> Iterator[Connection]:
        """The database as its owner."""
        with as_owner(self.database) as connection:
            yield connection

    def hurry(self) -> None:
        """Pauses are over, and so are the leases of the dead."""
        with suppress(OperationalError), self.books() as connection:
            connection.exec_driver_sql(an_hour_later(sparing_seconds=3))


def family(pid: int) -> list[psutil.Process]:
    """A process and its children, the parent first; nobody when it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def town(*, celery: bool, **more: str) -> Iterator[Town]:
    """Servers, neighbours, our API and our workers, from nothing to nothing; `more` are settings of ours."""
    home = Path(tempfile.mkdtemp(prefix="almoner-chaos-", dir="/var/tmp"))
    home.chmod(0o711)
    folder = home / "house"
    try:
        with ExitStack() as stack:
            server = stack.enter_context(services.postgres(folder))
            broker = stack.enter_context(services.valkey(folder))
            database = services.create_database(server, "almoner")
            with as_owner(database) as owner:
                migrate(owner.execution_options(isolation_level="READ COMMITTED"))
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            api = f"http://127.0.0.1:{port}"
            stripe = stack.enter_context(_stripe(api))
            mailroom = stack.enter_context(_mailroom(home / "mail"))
            environment = (
                os.environ
                | {
                    "DATABASE_URL": database,
                    "BROKER_URL": broker,
                    "STRIPE_API_BASE": stripe.url,
                    "SMTP_URL": mailroom.smtp_url,
                    "LOG_LEVEL": "info",
                    "DATABASE_POOL_SIZE": "5",
                    # The donors of a run stand each before another address.
                    "TRUSTED_PROXIES": "127.0.0.1",
                }
                | more
            )
            around = Town(
                folder=home,
                database=database,
                broker=broker,
                stripe=stripe,
                mailroom=mailroom,
                api=api,
                environment=environment,
            )
            stack.callback(around.stop_all)
            _found_the_charity(database)
            start_api(around)
            around.start("workers", "tests.faults.worker_loop", str(WORKERS))
            if celery:
                pool = ("--concurrency", str(WORKERS), "--loglevel", "warning", "--without-mingle")
                around.start("celery", "celery", "-A", "workers.app", "worker", *pool)
                around.start("beat", "celery", "-A", "workers.app", "beat", "-s", str(home / "timetable"))
            yield around
        services.wait_until_stopped(folder)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _found_the_charity(database: str) -> None:
    os.environ["DATABASE_URL"] = database
    forget_settings()
    with (PROJECT / "payments/local/organisation.toml").open("rb") as document, transaction() as session:
        load(session, tomllib.load(document))
    engine().dispose()


@contextmanager
def _stripe(api: str) -> Iterator[SmallStripe]:
    endpoint = f"{api}/webhooks/stripe={TEST_ENVIRONMENT['STRIPE_WEBHOOK_SECRET']}"
    pace = ("--settle-after", "0.3", "--retry-base", "0.2", "--retry-longest", "10", "--retry-limit", "60")
    options = ("--port", "0", "--api-key", API_KEY, "--webhook", endpoint, *pace)
    with (
        a_process("payments.sandbox", *options, says=r"(http://\S+)") as where,
        SmallStripe(where[1]) as stripe,
    ):
        yield stripe


@contextmanager
def _mailroom(folder: Path) -> Iterator[Mailroom]:
    options = ("--smtp-port", "0", "--http-port", "0", "--data", str(folder))
    with a_process("payments.sandbox.mail_catcher", *options, says=r"(http://\S+) smtp (\S+)") as where:
        yield Mailroom(smtp_url=f"smtp://{where[2]}", web_url=where[1], folder=folder)


def start_api(around: Town) -> None:
    """The API on its port; the donors knock until it opens."""
    port = around.api.rpartition(":")[2]
    around.start("api", "uvicorn", "payments.app:app", "--port", port, "--no-access-log", "--lifespan", "off")

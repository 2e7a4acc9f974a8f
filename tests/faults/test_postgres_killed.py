"""PostgreSQL itself dies while numbers are given: the register comes back without a gap or a repeat."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from payments.database import libpq_url
from payments.local import services
from tests.conftest import PROJECT, TEST_ENVIRONMENT, as_owner, migrate

pytestmark = pytest.mark.slow

GIFTS = 900
DEATHS = 3


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of the test's own, where also an unprivileged database may come in."""
    home = Path(tempfile.mkdtemp(prefix="almoner-test-", dir="/var/tmp"))
    home.chmod(0o711)
    yield home / "house"
    assert services.wait_until_stopped(home / "house")
    subprocess.run(["rm", "-rf", str(home)], check=True)


def kill_everything(folder: Path) -> None:
    """The server and every process of it, at once and for good."""
    server = psutil.Process(json.loads((folder / "postgres.json").read_text())["pid"])
    children = server.children(recursive=True)
    for process in (server, *children):
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def asked(url: str, question: str) -> Any:
    """The answer, as soon as there is a server to give one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(libpq_url(url), connect_timeout=5) as connection:
                row = connection.execute(question.encode()).fetchone()
                return row[0] if row is not None else None
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server did not come back"
            time.sleep(0.01)


def test_numbers_stay_without_gap_and_repeat_when_postgresql_is_killed(folder: Path) -> None:
    with services.postgres(folder) as server:
        url = services.create_database(server, "register")
        with as_owner(url) as owner:
            migrate(owner.execution_options(isolation_level="READ COMMITTED"))
        environment = os.environ | TEST_ENVIRONMENT | {"DATABASE_URL": url, "BROKER_URL": "memory://"}
        numberer = [sys.executable, "-m", "tests.faults.numberer"]
        subprocess.run([*numberer, str(GIFTS)], cwd=PROJECT, env=environment, check=True)
        working = [subprocess.Popen(numberer, cwd=PROJECT, env=environment) for _ in range(2)]

        died_at = []
        for death in range(DEATHS):
            wanted = GIFTS * (death + 1) // (DEATHS + 2)
            while asked(url, "select count(*) from receipts") < wanted:
                assert any(process.poll() is None for process in working)
            kill_everything(folder)
            died_at.append(asked(url, "select count(*) from receipts"))
        endings = [process.wait(timeout=120) for process in working]

        assert endings == [0, 0]
        assert asked(url, "select count(*) from due_receipts") == 0
        register = "from receipts where series = 'US' and tax_year = 2026"
        assert asked(
            url, f"select array[count(*), count(distinct donation_id), min(sequence)] {register}"
        ) == [
            GIFTS,
            GIFTS,
            1,
        ]
        assert asked(url, f"select array[count(distinct sequence), max(sequence)] {register}") == [GIFTS] * 2
        assert asked(url, "select last_number from receipt_counters") == GIFTS
        assert asked(url, "select count(*) from due_documents") == GIFTS
        assert died_at == sorted(died_at)
        assert died_at[-1] < GIFTS, "every death came after the work"

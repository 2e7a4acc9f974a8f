"""PostgreSQL itself dies while numbers are given: the register comes back without a gap or a repeat."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from payments.database import libpq_url
from payments.local import services
from tests.conftest import PROJECT, TEST_ENVIRONMENT, as_owner, migrate
from tests.faults.numberer import GIFTS_OF_A_DONOR

pytestmark = pytest.mark.slow

GIFTS = 900
DONORS = GIFTS // GIFTS_OF_A_DONOR
DEATHS = 3


@dataclass(frozen=True)
class House:
    """A PostgreSQL of the tests' own, with gifts that wait for their numbers."""

    folder: Path
    url: str

    def start(self, deed: str) -> subprocess.Popen[bytes]:
        """A process that writes or numbers."""
        environment = os.environ | TEST_ENVIRONMENT | {"DATABASE_URL": self.url, "BROKER_URL": "memory://"}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.numberer", deed], cwd=PROJECT, env=environment
        )

    def asked(self, question: str) -> Any:
        """The answer, as soon as there is a server to give one."""
        return asked(self.url, question)

    def wait_for(self, count: int, table: str, by: Sequence[subprocess.Popen[bytes]]) -> None:
        """Until so many are written, while somebody still writes."""
        while self.asked(f"select count(*) from {table}") < count:  # noqa: S608 - one of our tables
            assert any(process.poll() is None for process in by)

    def dies(self, table: str) -> int:
        """The server is killed; how many were written when it came back."""
        kill_everything(self.folder)
        return int(self.asked(f"select count(*) from {table}"))  # noqa: S608 - one of our tables


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """In a data folder of its own, where also an unprivileged database may come in."""
    home = Path(tempfile.mkdtemp(prefix="almoner-test-", dir="/var/tmp"))
    home.chmod(0o711)
    folder = home / "house"
    with services.postgres(folder) as server:
        url = services.create_database(server, "register")
        with as_owner(url) as owner:
            migrate(owner.execution_options(isolation_level="READ COMMITTED"))
        house = House(folder, url)
        assert house.start(str(GIFTS)).wait(timeout=120) == 0
        yield house
    assert services.wait_until_stopped(folder)
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


def test_numbers_stay_without_gap_and_repeat_when_postgresql_is_killed(house: House) -> None:
    working = [house.start("receipts") for _ in range(2)]
    died_at = []
    for death in range(DEATHS):
        house.wait_for(GIFTS * (death + 1) // (DEATHS + 2), "receipts", by=working)
        died_at.append(house.dies("receipts"))
    endings = [process.wait(timeout=120) for process in working]

    assert endings == [0, 0]
    assert house.asked("select count(*) from due_receipts") == 0
    register = "from receipts where series = 'US' and tax_year = 2026"
    assert house.asked(f"select array[count(*), count(distinct donation_id), min(sequence)] {register}") == [
        GIFTS,
        GIFTS,
        1,
    ]
    assert house.asked(f"select array[count(distinct sequence), max(sequence)] {register}") == [GIFTS] * 2
    assert house.asked("select last_number from receipt_counters where series = 'US'") == GIFTS
    assert house.asked("select count(*) from due_documents") == GIFTS
    assert died_at == sorted(died_at)
    assert died_at[-1] < GIFTS, "every death came after the work"


_WRITING_TAKES_TIME = """
    create function take_time() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.25); return null; end $$;
    create trigger take_time before insert on giving_statements
    for each statement execute function take_time()
"""
"""Between the counter and the rows: a death nearly always falls there."""


def test_statements_are_numbered_without_gap_and_repeat_when_the_run_and_postgresql_are_killed(
    house: House,
) -> None:
    assert house.start("receipts").wait(timeout=120) == 0
    with as_owner(house.url) as owner:
        owner.exec_driver_sql(_WRITING_TAKES_TIME)

    run, another = house.start("statements"), house.start("statements")
    house.wait_for(DONORS // 6, "giving_statements", by=[run, another])
    run.kill()
    house.wait_for(DONORS // 3, "giving_statements", by=[another])
    died_at = house.dies("giving_statements")

    assert run.wait(timeout=120) == -signal.SIGKILL
    assert another.wait(timeout=120) == 0
    book = "from giving_statements where series = 'US-A' and tax_year = 2026 and status = 'issued'"
    assert house.asked(f"select array[count(*), count(distinct donor_id), min(sequence)] {book}") == [
        DONORS,
        DONORS,
        1,
    ]
    assert house.asked(f"select array[count(distinct sequence), max(sequence)] {book}") == [DONORS] * 2
    assert house.asked("select last_number from receipt_counters where series = 'US-A'") == DONORS
    lists = "from giving_statements cross join lateral jsonb_array_elements(content -> 'gifts') gift"
    assert house.asked(f"select count(distinct gift ->> 'receipt_number') {lists}") == GIFTS
    assert died_at < DONORS, "the death came after the work"

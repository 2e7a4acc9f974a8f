"""The main job, as a person meets it: one command, one gift, one receipt, one Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from payments.local.supervisor import MARK
from tests.local.waiting import eventually


@pytest.fixture
def home() -> Iterator[Path]:
    # Not pytest's own folder: as root the database's user must be able to come in.
    folder = Path(tempfile.mkdtemp(prefix="almoner-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def processes_of(folder: Path) -> list[str]:
    """Command lines of everything that the demo in this folder started and that still runs."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if str(folder) in " ".join(command) or process.environ().get(MARK) == str(folder):
                found.append(" ".join(command))
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_gift_travels_through_the_running_demo_and_ctrl_c_ends_everything(home: Path):
    port, sandbox, inbox = free_ports(3)
    command = [sys.executable, "-m", "payments.local.demo", "--port", str(port)]
    command += ["--sandbox-port", str(sandbox), "--mail-port", str(inbox)]
    environment = {**os.environ, "ALMONER_HOME": str(home)}
    with (home / "output").open("w") as output:
        running = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    said = (home / "output").read_text
    try:
        eventually(lambda: "Ctrl-C stops" in said() or running.poll() is not None, seconds=120)
        assert f"http://127.0.0.1:{port}/donate" in said()

        wish = {"amount": 2500, "currency": "usd", "frequency": "once", "fund": "general"}
        wish["donor"] = {"email": "minji.kim@example.com", "name": "김민지", "locale": "ko"}
        gift = requests.post(
            f"http://127.0.0.1:{port}/api/v1/donations",
            json=wish,
            headers={"Idempotency-Key": "one-gift-end-to-end"},
            timeout=20,
        ).json()
        session = gift["checkout_url"].rsplit("/", 1)[1].partition("#")[0]
        requests.post(
            f"http://127.0.0.1:{sandbox}/_sandbox/checkout/sessions/{session}/pay",
            json={"card": "4242424242424242"},
            timeout=20,
        ).raise_for_status()
        mails = f"http://127.0.0.1:{inbox}/api/v1/messages"
        eventually(lambda: requests.get(mails, timeout=10).json()["total"] == 1, seconds=60)

        (mail,) = requests.get(mails, timeout=10).json()["messages"]
        seen = requests.get(f"http://127.0.0.1:{port}/api/v1/donations/{gift['id']}", timeout=10).json()
        assert mail["To"][0]["Address"] == "minji.kim@example.com"
        assert mail["Attachments"] == 1
        assert seen["status"] == "paid"
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
        running.wait(60)

    assert running.returncode == 0, said()
    assert "the data stays in" in said()
    assert not processes_of(home / "demo")

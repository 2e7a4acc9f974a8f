"""`./dev demo` refuses with a sentence that says what to do."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from payments.local import demo


def start_demo(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "payments.local.demo", *options]
    environment = {**os.environ, "ALMONER_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_taken_port_is_named_with_the_option_that_moves_it(tmp_path: Path):
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]

        refused = start_demo(tmp_path, "--sandbox-port", str(taken))

    assert refused.returncode == 2
    assert f"port {taken} is taken by another program; choose another with --sandbox-port" in refused.stderr
    assert refused.stdout == ""


def test_one_port_for_two_things_is_refused(tmp_path: Path):
    refused = start_demo(tmp_path, "--port", "18123", "--mail-port", "18123")

    assert refused.returncode == 2
    assert "port 18123 is wanted twice" in refused.stderr


def test_a_second_demo_on_the_same_data_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALMONER_HOME", str(tmp_path))
    folder = demo.services.data_folder("demo")

    with demo._alone(folder):
        refused = start_demo(tmp_path)

    assert refused.returncode == 2
    assert "already running" in refused.stderr
    assert "ALMONER_HOME" in refused.stderr


def test_the_keys_are_made_once_are_private_and_can_be_read_by_a_shell(tmp_path: Path):
    ports = demo.Ports(app=8000, sandbox=12111, inbox=8025, smtp=1025)
    addresses = {"server": "postgresql+psycopg://postgres:@/postgres?host=/x", "broker": "redis://:p@h:1/0"}

    first = demo.environment_in(tmp_path, **addresses, ports=ports)
    second = demo.environment_in(tmp_path, **addresses, ports=ports)
    script = '. ./environment && printf \'%s\\n\' "$DATABASE_URL" "$MAIL_FROM"'
    shell = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert first == second
    assert re.fullmatch(r"sk_test_sandbox[0-9a-f]{24}", first["STRIPE_SECRET_KEY"])
    assert re.fullmatch(r"whsec_[0-9a-f]{32}", first["STRIPE_WEBHOOK_SECRET"])
    assert (tmp_path / "environment").stat().st_mode & 0o777 == 0o600
    assert shell.stdout.splitlines() == [first["DATABASE_URL"], first["MAIL_FROM"]]
    assert first["DATABASE_URL"] == "postgresql+psycopg://postgres:@/almoner?host=/x"

"""A short run of `chaos.py`; the long one is a command (`python -m tests.faults.chaos --kills 1000`)."""

import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

SEED = "20261124"


@pytest.mark.slow
def test_whatever_is_killed_at_random_the_books_come_out_right():
    seed = os.environ.get("CHAOS_SEED", SEED)
    command = [sys.executable, "-m", "tests.faults.chaos", "--celery", "--kills", "24", "--seed", seed]

    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=110, check=False)

    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-3000:]}"

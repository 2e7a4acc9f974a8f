"""A short run of `chaos.py`; the long one is a command (`python -m tests.faults.chaos --kills 1000`)."""

import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

SEED = "20261124"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [("--kills", "30", "--api-kills", "1"), ("--celery", "--kills", "8", "--api-kills", "0")],
    ids=["plain workers", "celery"],
)
def test_whatever_is_killed_at_random_the_books_come_out_right(options: tuple[str, ...]):
    command = [sys.executable, "-m", "tests.faults.chaos", "--seed", os.environ.get("CHAOS_SEED", SEED)]

    run = subprocess.run(
        [*command, *options], cwd=PROJECT, capture_output=True, text=True, timeout=110, check=False
    )

    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-3000:]}"
    assert "BROKEN" not in run.stdout

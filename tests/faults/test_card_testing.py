"""A short attack; the long one is a command (`python -m tests.faults.card_testing --tries 20000`)."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT


@pytest.mark.slow
def test_of_many_tries_with_stolen_cards_hardly_one_reaches_stripe_and_nobody_who_gives_is_turned_away():
    command = [sys.executable, "-m", "tests.faults.card_testing"]

    run = subprocess.run(
        [*command, "--tries", "600", "--honest", "20", "--seed", "20261201"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-3000:]}"

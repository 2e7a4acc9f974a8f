"""The sandbox as a process of its own, for tests that follow a donor to Stripe's page."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import PROJECT, TEST_ENVIRONMENT


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """The address of a running sandbox that takes the tests' key; it ends with the block."""
    command = [sys.executable, "-m", "payments.sandbox", "--port", "0", *options]
    command += ["--api-key", TEST_ENVIRONMENT["STRIPE_SECRET_KEY"]]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "listening on" in said, f"the sandbox did not start: {said!r}"
            yield said.split()[-1]
        finally:
            process.terminate()
            process.wait(timeout=10)

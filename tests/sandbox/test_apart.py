"""The sandbox stands apart: it imports nothing else of the house, and never the library it imitates."""

from __future__ import annotations

import subprocess
import sys

from tests.sandbox.conftest import ROOT


def test_it_loads_neither_the_house_nor_the_stripe_library():
    report = "import sys, payments.sandbox.__main__; print(*sorted(sys.modules))"

    ended = subprocess.run(
        [sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )

    loaded = ended.stdout.split()
    house = [name for name in loaded if name.startswith("payments.") and "payments.sandbox" not in name]
    assert house == []
    assert not {"stripe", "fastapi", "sqlalchemy", "celery", "pydantic"} & set(loaded)

"""The laws of the house that no single room can keep alone: layers, sizes, names, whole numbers."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from payments.models import Base
from tests.conftest import PROJECT

LONGEST_FILE = 400
"""Lines. A file that passes four hundred is asked which two things it is."""

BEARERS_OF_MONEY = [
    "payments/money.py",
    "payments/audit",
    "payments/donations",
    "payments/ledger",
    "payments/receipts",
    "payments/reconciliation",
    "payments/stripe_gateway",
    "payments/webhooks/batch.py",
    "payments/webhooks/handlers",
]
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "service", "manager", "managers"}
# In pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("proxy", "golang", "org"),
        ("static", "crates", "io"),
        ("index", "crates", "io"),
    ]
]
NOT_TEXT = {".pyc", ".ttf", ".otf", ".woff2", ".pdf", ".png", ".jpg", ".ico", ".mo", ".gz"}


def modules(*roots: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module below, by its path in the project."""
    for root in roots:
        path = PROJECT / root
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield str(file.relative_to(PROJECT)), parsed(file)


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def text_files() -> Iterator[Path]:
    """Everything we wrote or pinned; what machines made stays out."""
    roots = ["alembic", "bench", "docs", "payments", "tests", "workers", ".ci"]
    ours = [path for root in roots for path in sorted((PROJECT / root).rglob("*"))]
    for path in [*sorted(PROJECT.iterdir()), *ours]:
        made_by_machines = path.name in {".env", ".git"} or {"results", "__pycache__"} & set(path.parts)
        if path.is_file() and path.suffix not in NOT_TEXT and not made_by_machines:
            yield path


@pytest.fixture
def copy_of_the_house(tmp_path: Path) -> Path:
    """The packages and their contracts, to be spoilt."""
    leave_out = shutil.ignore_patterns("__pycache__", "fonts", "static", "templates")
    for package in ("payments", "workers"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=leave_out)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(house: Path) -> tuple[bool, str]:
    """Whether the contracts are kept, and what the linter says."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=house, capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stdout + run.stderr


def test_calls_fall_and_nothing_climbs() -> None:
    are_kept, said = lint_imports(PROJECT)

    assert are_kept, said


@pytest.mark.parametrize(
    ("where", "planted", "contract"),
    [
        ("payments/ledger/rules.py", "from payments.donations import models", "Doors above rooms"),
        ("payments/donations/models.py", "import payments.receipts.models", "Doors above rooms"),
        (
            "payments/supporters/donors.py",
            "from payments.donations.models import Donation",
            "Doors above rooms",
        ),
        ("payments/money.py", "from payments.settings import settings", "Doors above rooms"),
        ("payments/pages/look.py", "from payments.api import problems", "Doors above rooms"),
        ("payments/jobs.py", "def later():\n    import payments.webhooks.process", "Doors above rooms"),
        ("payments/receipts/helping.py", "import stripe", "Only the gateway"),
        ("payments/webhooks/receive.py", "from stripe import Webhook", "Only the gateway"),
        ("payments/donations/checkout.py", "from celery import shared_task", "Only the bell"),
        ("payments/donations/wishes.py", "from fastapi import HTTPException", "Only the doors"),
        ("payments/webhooks/receive.py", "from starlette.requests import Request", "Only the doors"),
        ("payments/jobs.py", "from workers.app import app", "Workers call"),
        ("payments/settings.py", "from payments.sandbox import cards", "Nothing in production"),
        ("payments/cli/house.py", "from payments.local import services", "Nothing in production"),
        ("workers/webhooks.py", "import payments.sandbox.world", "Nothing in production"),
        ("payments/sandbox/cards.py", "from payments.money import Money", "The sandbox stands apart"),
        ("payments/local/services.py", "from payments.donations import models", "The local servers"),
        ("payments/new_room.py", "", "Doors above rooms"),
    ],
)
def test_an_import_that_climbs_is_caught(
    where: str, planted: str, contract: str, copy_of_the_house: Path
) -> None:
    with (copy_of_the_house / where).open("a") as spoilt:
        spoilt.write(f"\n{planted}\n")

    are_kept, said = lint_imports(copy_of_the_house)

    assert not are_kept
    assert contract in said


def test_the_copy_is_spoilt_only_by_what_is_planted(copy_of_the_house: Path) -> None:
    are_kept, said = lint_imports(copy_of_the_house)

    assert are_kept, said


def test_no_tie_between_rows_crosses_a_wall() -> None:
    for mapper in Base.registry.mappers:
        for tie in mapper.relationships:
            assert room_of(mapper.class_) == room_of(tie.mapper.class_), f"{mapper.class_.__name__}.{tie.key}"


def room_of(model: type) -> str:
    return model.__module__.rsplit(".", 1)[0]


def test_only_the_door_commits() -> None:
    for path, module in modules("payments", "workers"):
        if path.startswith(("payments/local/", "payments/sandbox/")) or path == "payments/database.py":
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in {"commit", "rollback"}, f"{path}:{node.lineno}"


def test_whoever_bears_money_counts_in_whole_numbers() -> None:
    for path, module in modules(*BEARERS_OF_MONEY):
        for node in ast.walk(module):
            assert not is_of_fractions(node), f"{path}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


def is_of_fractions(node: ast.AST) -> bool:
    """`float`, a number with a point, or a division that is not the joining of two paths."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return not isinstance(node.right, ast.JoinedStr) and not (
            isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
        )
    return (isinstance(node, ast.Name) and node.id == "float") or (
        isinstance(node, ast.Constant) and type(node.value) is float
    )


@pytest.mark.parametrize(
    "code", ["float(x)", "x: float", "0.029 * amount", "amount / 2", "total / len(parts)"]
)
def test_fractions_are_found_where_they_hide(code: str) -> None:
    assert any(is_of_fractions(node) for node in ast.walk(ast.parse(code)))


def test_no_column_holds_a_fraction_of_money() -> None:
    for table in Base.metadata.tables.values():
        for column in table.columns:
            kind = str(column.type).upper()
            assert not kind.startswith(("FLOAT", "REAL", "DOUBLE")), f"{table.name}.{column.name}"
            if kind.startswith("NUMERIC"):
                assert (table.name, column.name) == ("balance_transactions", "exchange_rate")


def test_no_module_is_a_drawer_for_everything() -> None:
    for path, _ in modules("payments", "workers", "bench", "tests"):
        assert not EMPTY_NAMES & set(Path(path).with_suffix("").parts), path


def test_every_module_begins_by_saying_what_lives_there() -> None:
    for path, module in modules("payments", "workers", "bench", "alembic"):
        assert ast.get_docstring(module) or not module.body, path


def test_no_file_grows_past_one_thing() -> None:
    for path, _ in modules("payments", "workers", "bench", "tests"):
        lines = len((PROJECT / path).read_text().splitlines())
        assert lines <= LONGEST_FILE, f"{path} has {lines} lines"


def test_no_file_names_the_host_of_a_package_registry() -> None:
    for path in text_files():
        words = path.read_text(errors="replace")
        found = [host for host in REGISTRY_HOSTS if host in words]
        assert not found, f"{path.relative_to(PROJECT)}: {found}"


def test_no_file_holds_a_key_that_moves_real_money() -> None:
    live = ["sk" + "_live_", "rk" + "_live_"]
    for path in text_files():
        words = path.read_text(errors="replace")
        for prefix in live:
            for after in words.split(prefix)[1:]:
                assert not after[:16].isalnum() or len(after) < 16, path.relative_to(PROJECT)

"""The documents say what the code does: their tables, names, commands, links and pictures."""

import importlib.util
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
import typer

from payments.api import problems
from payments.api.donations import DonationSent
from payments.cli import app
from payments.stripe_gateway.shapes import API_VERSION
from payments.webhooks.events import TABLE
from tests.compose.composed import PROJECT

DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")],
    key=lambda path: str(path.relative_to(PROJECT)),
)
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
LARGEST_PICTURE = 150 * 1024


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    """`docs/tables.py`, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("tables", PROJECT / "docs/tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@EACH
def test_every_table_is_written_from_the_code_as_it_is(document: Path, tables: ModuleType):
    text = document.read_text()

    assert text == tables.written(text), "run python docs/tables.py"
    assert "<!-- table:" not in text or str(document.relative_to(PROJECT)) in tables.DOCUMENTS


def test_every_problem_has_its_line(tables: ModuleType):
    said = set(re.findall(r'name="([a-z-]+)"', inspect.getsource(problems)))
    said |= set(re.findall(r'"([a-z-]+)" if is_not_json else "([a-z-]+)"', inspect.getsource(problems))[0])

    listed = {name for name in tables.OTHER_PROBLEMS if not name.startswith("http-")}

    assert listed == said


@EACH
def test_every_link_and_every_path_leads_somewhere(document: Path):
    text = document.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if urlsplit(target).scheme:
            continue
        path = target.partition("#")[0]
        assert (document.parent / path).exists(), target
    for named in re.findall(r"`((?:payments|workers|tests|docs|bench|deploy|alembic)/[\w./-]*)`", text):
        assert (PROJECT / named).exists(), named


@EACH
def test_every_command_that_is_named_exists(document: Path):
    tree = typer.main.get_command(app).commands
    for command, subcommand in re.findall(
        r"(?<![/\w])almoner ([a-z]+)(?: ([a-z]+))?(?=[ `\n)])", document.read_text()
    ):
        assert command in tree, f"almoner {command}"
        of_it = getattr(tree[command], "commands", None)
        if of_it and subcommand:
            assert subcommand in of_it, f"almoner {command} {subcommand}"


def test_the_version_and_the_events_that_stripe_is_told_are_the_code_s():
    readme, going_live = (PROJECT / "README.md").read_text(), (PROJECT / "docs/going-live.md").read_text()

    assert API_VERSION in readme
    assert API_VERSION in going_live
    assert all(event in going_live for event in TABLE)


def test_the_gift_of_the_api_guide_is_one_that_the_api_takes():
    guide = (PROJECT / "docs/api.md").read_text()
    body = re.search(r"-d '(\{.*?\})'", guide, re.DOTALL)
    assert body

    wish = DonationSent.model_validate(json.loads(body[1])).wish()

    assert (wish.amount, wish.currency, wish.shares[0].fund_id) == (2500, "usd", "rescue")


def test_the_pictures_are_small():
    pictures = list((PROJECT / "docs/pictures").glob("*"))

    assert pictures
    for picture in pictures:
        assert picture.suffix == ".png"
        assert picture.stat().st_size < LARGEST_PICTURE, picture.name

"""What reaches the log: one JSON line an event, with the names that may be logged and no others."""

import ast
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy.exc import DBAPIError

from payments import logs
from payments.database import new_id, transaction
from payments.supporters.donors import Donor


@pytest.fixture(autouse=True)
def _logging_as_it_was(with_settings: Callable[..., None]) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with_settings(log_level="info", log_format="json")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("library", ["structlog", "logging"])
def test_a_line_keeps_the_names_it_may_hold_and_loses_a_donor(
    library: str, capsys: pytest.CaptureFixture[str]
):
    logs.configure()

    if library == "structlog":
        structlog.stdlib.get_logger("door").info("request", status=201, email="ada@example.com")
    else:
        logging.getLogger("door").info("request", extra={"status": 201, "email": "ada@example.com"})

    out, err = capsys.readouterr()
    line = json.loads(err)
    assert (line["event"], line["status"], line["logger"]) == ("request", 201, "door")
    assert "ada" not in err
    assert out == ""


def test_a_line_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]):
    logs.configure()

    structlog.stdlib.get_logger("door").debug("request", status=201)

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "trouble"), [("Ada Park", "duplicate key"), (None, "null value")], ids=["a key", "a whole row"]
)
def test_trouble_in_the_database_is_told_without_the_donor_it_was_about(
    name: str | None, trouble: str, database: str, capsys: pytest.CaptureFixture[str]
):
    """As Celery tells of a task that failed: the error in the line, and its traceback beside it."""
    logs.configure()

    try:
        with transaction() as session:
            session.add(Donor(id=new_id("dnr"), email="ada@example.com", name="Ada Park", locale="en"))
            session.flush()
            session.add(Donor(id=new_id("dnr"), email="ada@example.com", name=name, locale="en"))
            session.flush()
    except DBAPIError as error:
        logging.getLogger("task").exception("raised unexpected: %r", error)

    line = json.loads(capsys.readouterr().err)
    assert trouble in line["event"]
    assert trouble in line["exception"]
    assert "INSERT INTO donors" in line["exception"]
    assert "ada@example.com" not in str(line)


HOUSE = Path(__file__).parents[2]
APART = {"sandbox", "local"}
LEVELS = {"debug", "info", "warning", "error", "exception"}


def names_given(call: ast.Call) -> Iterator[str]:
    """What a log call says beside its sentence, in the words of either library."""
    for keyword in call.keywords:
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
            yield from (key.value for key in keyword.value.keys if isinstance(key, ast.Constant))
        elif keyword.arg is not None:
            yield keyword.arg


def test_no_line_of_ours_loses_what_leads_to_its_cause():
    lost = {
        f"{path.relative_to(HOUSE)}:{call.lineno} {name}"
        for room in ("payments", "workers")
        for path in (HOUSE / room).rglob("*.py")
        if not APART & set(path.parts)
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr) in {("log", level) for level in LEVELS}
        for name in names_given(call)
        if name not in logs.MAY_BE_LOGGED | {"exc_info"}  # which becomes the `exception`
    }

    assert lost == set()

"""What reaches the log: one JSON line an event, with the names that may be logged and no others."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from payments import logs


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

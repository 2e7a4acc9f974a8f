"""A mail server for the tests of whoever sends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys import neighbours
from tests.journeys.neighbours import PostOffice


@pytest.fixture(scope="session")
def _catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostOffice]:
    with neighbours.post_office(tmp_path_factory.mktemp("mail")) as office:
        yield office


@pytest.fixture
def returning_post(tmp_path: Path, with_settings: Callable[..., None]) -> Iterator[Path]:
    """A mail server that reports on mail to bounce@… into the mailbox that the house reads."""
    with neighbours.post_office(tmp_path / "mail", "--returned", str(tmp_path / "returned")) as office:
        with_settings(
            smtp_url=office.smtp_url,
            mail_reports_url=f"maildir:{tmp_path}/returned",
            broker_url="memory://",
        )
        yield tmp_path / "returned"


@pytest.fixture
def post_office(_catcher: PostOffice, with_settings: Callable[..., None]) -> PostOffice:
    """An empty mail server in a friendly mood, to which SMTP_URL points."""
    _catcher.forget_everything()
    with_settings(smtp_url=_catcher.smtp_url, broker_url="memory://")
    return _catcher

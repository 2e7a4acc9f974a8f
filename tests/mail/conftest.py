"""A mail server for the tests of whoever sends."""

from collections.abc import Callable, Iterator

import pytest

from tests.journeys import neighbours
from tests.journeys.neighbours import PostOffice


@pytest.fixture(scope="session")
def _catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostOffice]:
    with neighbours.post_office(tmp_path_factory.mktemp("mail")) as office:
        yield office


@pytest.fixture
def post_office(_catcher: PostOffice, with_settings: Callable[..., None]) -> PostOffice:
    """An empty mail server in a friendly mood, to which SMTP_URL points."""
    _catcher.forget_everything()
    with_settings(smtp_url=_catcher.smtp_url, broker_url="memory://")
    return _catcher

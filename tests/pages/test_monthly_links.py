"""The link of a monthly gift: what an old or a forged one opens, and how a donor comes by a new one."""

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from fastapi.testclient import TestClient

from tests.pages.conftest import browser
from tests.pages.steering import changes_of, mails, old_token_of, token_of


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t[1:], lambda t: t + "A", lambda t: "x"])
@pytest.mark.parametrize("deed", ["", "/stop", "/card", "/new-link"])
def test_a_link_that_is_not_ours_opens_nothing(donor: TestClient, gift_id: str, spoil, deed: str) -> None:
    address = f"/monthly/{spoil(token_of(gift_id))}{deed}"

    answer = donor.post(address, data={"lang": "en"}) if deed else donor.get(f"{address}?lang=en")

    assert answer.status_code == 404
    assert "please copy all of it" in answer.text
    assert not changes_of(gift_id)


@pytest.mark.parametrize("deed", ["", "/stop", "/card", "/amount"])
def test_an_old_link_does_nothing_and_offers_a_new_one(donor: TestClient, gift_id: str, deed: str) -> None:
    address = f"/monthly/{old_token_of(gift_id)}{deed}"

    answer = donor.post(address, data={"lang": "en"}) if deed else donor.get(f"{address}?lang=en")

    assert answer.status_code == 410
    assert "Send me a new link" in answer.text
    assert "$30" not in answer.text
    assert not changes_of(gift_id)


def test_a_new_link_goes_to_the_donor_and_at_most_once_an_hour(donor: TestClient, gift_id: str) -> None:
    for _ in range(3):
        answer = donor.post(f"/monthly/{old_token_of(gift_id)}/new-link", data={"lang": "en"})
        assert answer.headers["location"] == "/monthly/sent?lang=en"

    assert mails() == [("monthly_new_link", "ada@example.com")]


def test_a_new_link_is_asked_for_with_the_same_answer_when_the_gift_is_gone(donor: TestClient) -> None:
    answer = donor.post(f"/monthly/{old_token_of('mon_of_nobody')}/new-link", data={"lang": "en"})

    assert answer.headers["location"] == "/monthly/sent?lang=en"
    assert not mails()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_ways_to_a_link_are_drawn_in_both_languages(donor: TestClient, gift_id: str, lang: str) -> None:
    for path in ("/monthly/sent", f"/monthly/{old_token_of(gift_id)}"):
        answer = donor.get(f"{path}?lang={lang}")
        assert answer.status_code in {200, 410}
        assert f'<html lang="{lang}"' in answer.text
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"


@pytest.fixture
def telling_all(with_settings: Callable[..., None]) -> Iterator[None]:
    """Every line is logged; afterwards the log is as quiet as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with_settings(log_level="debug")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_no_log_line_holds_the_link(
    gift_id: str, telling_all: None, capsys: pytest.CaptureFixture[str]
) -> None:
    donor, token = browser(), token_of(gift_id)

    donor.get(f"/monthly/{token}")
    donor.post(f"/monthly/{token}/stop")

    ours = [line for line in capsys.readouterr().err.splitlines() if '"logger": "httpx2"' not in line]
    said = "\n".join(ours)  # the lines of the test's own browser are not ours
    assert '"route": "/monthly/{token}/stop"' in said
    assert token not in said

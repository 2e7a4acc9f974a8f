"""Postmark tells of mail that came back, and proves that it is Postmark."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.mail.test_smtp import owe, standing

SECRET = "a-secret-of-sixteen-letters"  # noqa: S105 - of this test alone
WHERE = "/webhooks/mail/postmark"


def report(**changed: Any) -> dict[str, Any]:
    """As Postmark documents it, with a field it may add tomorrow."""
    return {
        "RecordType": "Bounce",
        "MessageStream": "outbound",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"mail": "rcp_1@lanternpath.example"},
        "Email": "ada@example.com",
        "BouncedAt": "2026-11-28T09:00:00Z",
        "Subject": "Receipt",
        "Tomorrow": {},
    } | changed


@pytest.fixture
def house(client: TestClient, with_settings: Callable[..., None]) -> TestClient:
    """One that sends through Postmark, with a mail to Ada on its way."""
    with_settings(mail_provider="postmark", mail_webhook_secret=SECRET, broker_url="memory://")
    owe("rcp_1")
    return client


def test_a_bounce_is_taken_in_once(house: TestClient):
    first = house.post(WHERE, json=report(), auth=("postmark", SECRET))
    again = house.post(WHERE, json=report(), auth=("postmark", SECRET))

    assert (first.status_code, first.json(), again.status_code) == (200, {"noted": True}, 200)
    assert standing() == [("bounced", "HardBounce", 0)]


@pytest.mark.parametrize(
    "said",
    [
        report(Type="Transient"),
        report(Type="AutoResponder"),
        report(RecordType="SpamComplaint", Type="SpamComplaint"),
        report(RecordType="Delivery"),
        report(Metadata={}),
        report(Metadata={"mail": "another@lanternpath.example"}),
        report(Email="ada@old.example"),
    ],
)
def test_whatever_is_no_final_bounce_of_this_mail_leaves_it_as_it_is(house: TestClient, said: dict[str, Any]):
    answer = house.post(WHERE, json=said, auth=("postmark", SECRET))

    assert answer.status_code == 200
    assert standing() == [("queued", None, 0)]


@pytest.mark.parametrize("auth", [None, ("postmark", "something else"), ("postmark", "")])
def test_nobody_else_may_say_so(house: TestClient, auth: tuple[str, str] | None):
    answer = house.post(WHERE, json=report(), auth=auth)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert standing() == [("queued", None, 0)]


def test_a_house_without_a_provider_takes_no_reports(client: TestClient):
    assert client.post(WHERE, json=report(), auth=("postmark", SECRET)).status_code == 404


def test_what_is_not_a_report_is_a_problem_that_says_so(house: TestClient):
    answer = house.post(WHERE, json=["Bounce"], auth=("postmark", SECRET))

    assert answer.status_code == 422
    assert standing() == [("queued", None, 0)]

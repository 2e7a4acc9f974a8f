"""The webhook door by itself, served as in production, with an old and a new signing secret."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from payments.stripe_gateway.shapes import API_VERSION
from tests.conftest import TEST_ENVIRONMENT
from tests.journeys import neighbours
from tests.webhooks.signing import signed

OLD_SECRET = TEST_ENVIRONMENT["STRIPE_WEBHOOK_SECRET"]
NEW_SECRET = "whsec_rolled0123456789abcdefghij"  # noqa: S105 - signs nothing outside these tests


@dataclass(frozen=True)
class Answer:
    """What the door said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> str:
        """Its sentence."""
        return str(json.loads(self.body)["detail"])


@dataclass(frozen=True)
class Door:
    """Where Stripe delivers."""

    url: str

    def takes(self, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """A delivery, properly signed unless the headers say otherwise."""
        return self.asked("POST", body, signed(body) if headers is None else headers)

    def asked(self, method: str, body: Any, headers: dict[str, Any], *, chunked: bool = False) -> Answer:
        """A request as it is put on the wire; header values may be bytes."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=15)
        try:
            connection.request(method, "/webhooks/stripe", body=body, headers=headers, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def _served(_own_database: str) -> Iterator[str]:
    from fastapi import FastAPI

    from payments.settings import Settings
    from payments.webhooks.receive import WebhookDoor

    both = Settings(stripe_webhook_secret=f"{OLD_SECRET}, {NEW_SECRET}")
    with (
        neighbours.free_socket() as listener,
        neighbours.serving(WebhookDoor(FastAPI(), both), listener) as url,
    ):
        yield url


@pytest.fixture(autouse=True)
def _bells_that_cost_nothing(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


@pytest.fixture
def door(database: str, _served: str) -> Door:
    """The door before an empty inbox."""
    return Door(_served)


def an_event(event_id: str = "evt_1", type_: str = "charge.updated", **given: Any) -> dict[str, Any]:
    """An event about a charge of nobody's."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": 1_764_000_000,
        "livemode": False,
        "type": type_,
        "data": {"object": {"id": "ch_1", "object": "charge"}},
    } | given


def written(event: dict[str, Any]) -> bytes:
    """An event as Stripe puts it on the wire."""
    return json.dumps(event, indent=2, ensure_ascii=False).encode()

"""Who lives next door: the sandbox Stripe and the mail catcher as processes, our own server in a thread.

Each is a block that ends what it started. Everything listens on a free port of the loopback.
"""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uvicorn

from tests.conftest import PROJECT, TEST_ENVIRONMENT


def wait_until(claim: Callable[[], Any], *, within: float = 15.0) -> Any:
    """What the claim returns once it is true; an AssertionError when it never is."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if found := claim():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{claim} did not come true within {within} seconds")


@contextmanager
def running(module: str, *options: str) -> Iterator[str]:
    """A module of ours as a process; the value is the line in which it says where it listens."""
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "listening on" in said, f"{module} did not start: {said!r}"
            yield said
        finally:
            process.terminate()
            process.wait(timeout=10)


@dataclass(frozen=True)
class Stripe:
    """The sandbox, with its control door."""

    url: str

    def tell(self, door: str, /, **what: Any) -> Any:
        """Have the donor, the bank or the network do something."""
        answer = requests.post(f"{self.url}/_sandbox/{door}", json=what, timeout=15)
        assert answer.ok, answer.text
        return answer.json()

    def ask(self, door: str, /, **what: str) -> Any:
        """Look at what only the sandbox shows."""
        answer = requests.get(f"{self.url}/_sandbox/{door}", params=what, timeout=15)
        answer.raise_for_status()
        return answer.json()

    def list(self, kind: str) -> list[dict[str, Any]]:
        """A list of the API itself, newest first."""
        answer = requests.get(
            f"{self.url}/v1/{kind}",
            params={"limit": "100"},
            headers={
                "Authorization": f"Bearer {TEST_ENVIRONMENT['STRIPE_SECRET_KEY']}",
                "Stripe-Version": _api_version(),
            },
            timeout=15,
        )
        answer.raise_for_status()
        return list(answer.json()["data"])

    def makes(self, kind: str, **what: str) -> dict[str, Any]:
        """Something made through the API itself, by somebody who is not our house."""
        answer = requests.post(
            f"{self.url}/v1/{kind}",
            data=what,
            headers={
                "Authorization": f"Bearer {TEST_ENVIRONMENT['STRIPE_SECRET_KEY']}",
                "Stripe-Version": _api_version(),
            },
            timeout=15,
        )
        answer.raise_for_status()
        return dict(answer.json())

    def fails(self, kind: str, *, times: int = 1, path: str = "/v1/checkout/sessions") -> None:
        """The next so many requests there go wrong in this way."""
        self.tell("faults", kind=kind, times=times, path=path)

    def forget_everything(self) -> None:
        """A Stripe that has seen nobody yet."""
        self.tell("reset")

    def is_silent(self) -> bool:
        """Whether no webhook is under way."""
        return not {"new", "pending"} & self.ask("state")["deliveries"].keys()


def _api_version() -> str:
    from payments.sandbox import API_VERSION

    return API_VERSION


@contextmanager
def stripe(*options: str) -> Iterator[Stripe]:
    """A sandbox that takes the tests' key; balance transactions come only when asked for."""
    key = TEST_ENVIRONMENT["STRIPE_SECRET_KEY"]
    with running(
        "payments.sandbox", "--port", "0", "--api-key", key, "--settle-after", "0", *options
    ) as said:
        yield Stripe(said.split()[-1])


@dataclass(frozen=True)
class PostOffice:
    """The mail catcher: what came, and how it behaves."""

    url: str
    smtp_url: str

    def mails(self) -> list[dict[str, Any]]:
        """Every message in full, oldest first, each with its headers under `Headers`."""
        listed = self._get("/api/v1/messages?limit=500")["messages"]
        return [
            self._get(f"/api/v1/message/{mail['ID']}")
            | {"Headers": self._get(f"/api/v1/message/{mail['ID']}/headers")}
            for mail in reversed(listed)
        ]

    def raw(self, mail_id: str) -> bytes:
        """A message as it came over the wire."""
        return requests.get(f"{self.url}/api/v1/message/{mail_id}/raw", timeout=10).content

    def attachment(self, mail: dict[str, Any]) -> bytes:
        """The first attachment of a message."""
        part = mail["Attachments"][0]["PartID"]
        return requests.get(f"{self.url}/api/v1/message/{mail['ID']}/part/{part}", timeout=10).content

    def is_in_the_mood_to(self, mood: str, **more: Any) -> None:
        """`accept`, `refuse_4xx`, `refuse_5xx`, `hang`, `cut_after_data`, `accept_then_hang`."""
        requests.post(f"{self.url}/_mail/mood", json={"mood": mood, **more}, timeout=10).raise_for_status()

    def forget_everything(self) -> None:
        """Empty, and friendly."""
        requests.delete(f"{self.url}/api/v1/messages", json={}, timeout=10).raise_for_status()
        self.is_in_the_mood_to("accept")

    def _get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=10)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def post_office(folder: Path, *more: str) -> Iterator[PostOffice]:
    """A mail catcher that keeps its messages in the folder."""
    ports = ("--smtp-port", "0", "--http-port", "0")
    with running("payments.sandbox.mail_catcher", *ports, "--data", str(folder), *more) as said:
        where = re.search(r"(http://\S+) smtp (\S+)", said)
        assert where is not None, said
        yield PostOffice(where[1], f"smtp://{where[2]}")


def free_socket() -> socket.socket:
    """A socket that is bound to a free port of the loopback, so that the address is known early."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    return bound


def address_of(bound: socket.socket) -> str:
    """The address a socket is bound to."""
    host, port = bound.getsockname()
    return f"http://{host}:{port}"


@contextmanager
def serving(app: Any, listener: socket.socket) -> Iterator[str]:
    """An ASGI application under uvicorn in a thread, as in production but for the process."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=2, ws="none"
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="front door")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join(timeout=10)

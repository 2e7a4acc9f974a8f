"""A sandbox as a subprocess, the official library talking to it, and a receiver for its webhooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

API_KEY = "sk_test_sandbox"
SECRET = "whsec_for_the_sandbox_tests"  # noqa: S105 - signs nothing outside these tests
ROOT = Path(__file__).resolve().parents[2]


def wait_until(claim: Callable[[], Any], *, within: float = 10.0) -> Any:
    """What the claim returns once it is true."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        found = claim()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not true within {within} seconds")


@dataclass
class Received:
    body: bytes
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Somewhere for webhooks to arrive; `answers` are given first, then 200 for ever."""

    url: str = ""
    got: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def types(self) -> list[str]:
        return [received.event["type"] for received in self.got]

    def first(self, type_: str) -> Received:
        return wait_until(lambda: next((r for r in self.got if r.event["type"] == type_), None))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    inbox = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                inbox.got.append(Received(body, self.headers["Stripe-Signature"]))
                status = inbox.answers.pop(0) if inbox.answers else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield inbox
    server.shutdown()
    server.server_close()
    thread.join()


def lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@dataclass
class Sandbox:
    """One running sandbox process and the ways to talk to it."""

    process: subprocess.Popen[str]
    url: str
    stripe: stripe.StripeClient

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> Any:
        status, answer = self.try_control(path, body, method=method)
        assert status == 200, answer
        return answer

    def try_control(self, path: str, body: Any = None, *, method: str = "POST") -> tuple[int, Any]:
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def pay(self, session_id: str, **how: Any) -> Any:
        return self.control(f"/checkout/sessions/{session_id}/pay", how)

    def raw(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """The API without the library: status, headers (names in lower case), body."""
        send = {"Authorization": f"Bearer {API_KEY}", "Stripe-Version": "2026-10-28.endive"}
        send |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(f"{self.url}{path}", data, send, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, lowered(answer.headers), json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, lowered(error.headers), json.load(error)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=5)
        if self.process.stdout:
            self.process.stdout.close()
        return code


def gift(**changes: Any) -> dict[str, Any]:
    """The parameters of a gift of 25 dollars, as our gateway would send them."""
    amount, currency = changes.pop("amount", 2500), changes.pop("currency", "usd")
    params: dict[str, Any] = {
        "mode": "payment",
        "submit_type": "donate",
        "success_url": "http://charity.example/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://charity.example/give",
        "client_reference_id": "gift_1",
        "metadata": {"gift": "on the session"},
        "payment_intent_data": {"metadata": {"gift": "on the payment"}, "description": "Gift"},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": "Where it is needed most"},
                },
            }
        ],
    }
    return {**params, **changes}


def paid(sandbox: Sandbox, *, settle: bool = True, **changes: Any) -> stripe.Charge:
    """The charge of a gift that was paid by card, or by `method="bank_debit"` days ago."""
    how = {name: changes.pop(name) for name in ("card", "method") if name in changes}
    session_id = sandbox.stripe.v1.checkout.sessions.create(gift(**changes)).id
    told = sandbox.pay(session_id, **how)
    if "method" in how:
        told = sandbox.control(f"/checkout/sessions/{session_id}/bank_debit/succeed")
    if settle:
        sandbox.control(f"/charges/{told['charge']}/settle")
    return sandbox.stripe.v1.charges.retrieve(told["charge"])


Start = Callable[..., Sandbox]


def launch(
    *words: str, webhook: str | None = None, env: dict[str, str] | None = None, settle_after: str = "0"
) -> Sandbox:
    command = [sys.executable, "-m", "payments.sandbox", "--port", "0", "--api-key", API_KEY]
    command += ["--settle-after", settle_after, "--retry-base", "0.05"]
    if webhook is not None:
        command += ["--webhook", f"{webhook}={SECRET}"]
    process = subprocess.Popen(
        [*command, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("sandbox listening on "), line
    url = line.split()[-1]
    client = stripe.StripeClient(API_KEY, base_addresses={"api": url}, max_network_retries=0)
    return Sandbox(process, url, client)


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Sandbox] = []

    def run(*words: str, **how: Any) -> Sandbox:
        running.append(launch(*words, **how))
        return running[-1]

    yield run
    for sandbox in running:
        sandbox.stop()


@pytest.fixture(scope="session")
def kept_running() -> Iterator[Sandbox]:
    running = launch()
    yield running
    running.stop()


@pytest.fixture
def sandbox(kept_running: Sandbox) -> Sandbox:
    """An empty sandbox without webhooks: one process for all tests, forgetting everything before each."""
    kept_running.control("/reset")
    return kept_running

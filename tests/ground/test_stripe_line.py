"""What goes over the line to Stripe is what its library, over a session of `requests`, would send."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests
import stripe

from payments.stripe_gateway.client import StripeGateway
from payments.stripe_gateway.speaking import Line
from tests.conftest import TEST_ENVIRONMENT

KEY = TEST_ENVIRONMENT["STRIPE_SECRET_KEY"]
Heard = tuple[str, str, dict[str, str], bytes]


@contextmanager
def a_listener() -> Iterator[tuple[str, list[Heard]]]:
    """A server that says yes to everything, and what it heard."""
    heard: list[Heard] = []

    class Ear(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def hear(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if "Telemetry" not in name}
            heard.append((self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_DELETE = hear

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


def ask(line: Line) -> None:
    line.get("/v1/balance")
    line.get("/v1/invoices", {"expand": ["data.payments"], "subscription": "sub 1/한", "limit": 100})
    line.post("/v1/invoices/in_1", {"auto_advance": False, "metadata": {"a": "b & c", "b": "한"}}, key="k:1")
    line.post("/v1/invoices/in_1/void", {}, key="k:2")
    line.delete("/v1/subscriptions/sub_1", {"cancellation_details": {"comment": "ended"}})
    line.delete("/v1/subscriptions/sub_1", {})


def test_our_session_sends_what_any_session_would() -> None:
    with a_listener() as (address, heard):
        ask(StripeGateway(secret_key=KEY, api_base=address)._line)
        by_us = list(heard)
        heard.clear()
        plain = stripe.RequestsClient(session=requests.Session())
        ask(Line(stripe.StripeClient(KEY, base_addresses={"api": address}, http_client=plain)))

    assert len(by_us) == 6
    assert by_us == heard


def test_a_call_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_listener() as (proxy, heard):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        StripeGateway(secret_key=KEY, api_base="http://stripe.example")._line.get("/v1/balance")

    assert [path for _, path, _, _ in heard] == ["http://stripe.example/v1/balance"]

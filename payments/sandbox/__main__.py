"""`python -m payments.sandbox`: the small Stripe as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from payments.sandbox.app import build
from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.store import Store
from payments.sandbox.world import Endpoint, Options, World


class BreakableProtocol(HttpToolsProtocol):
    """Lets the fault injector reach the connection, to cut it without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, dict[object, object]] = {"sandbox.transport": {"transport": self.transport}}
        self.scope["extensions"] = extensions


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m payments.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111, help="0 picks a free one")
    parser.add_argument(
        "--public-url", help="what a browser uses to reach it; the address it listens on if not given"
    )
    parser.add_argument(
        "--data", default=":memory:", help="SQLite file that keeps everything across restarts"
    )
    parser.add_argument(
        "--clock-file", help="where to write how many seconds its clock is ahead, for whoever lives by it"
    )
    parser.add_argument("--api-key", help="the only key it takes (or STRIPE_SANDBOX_API_KEY)")
    parser.add_argument(
        "--webhook",
        action="append",
        default=[],
        metavar="URL[=SECRET]",
        help="where events go; without =SECRET the secret is read from STRIPE_SANDBOX_WEBHOOK_SECRET",
    )
    parser.add_argument("--merchant", default="Sandbox Charity", help="the name on the payment page")
    parser.add_argument(
        "--settle-after",
        type=float,
        default=2.0,
        help="seconds until the balance transaction; 0 = by control only",
    )
    parser.add_argument(
        "--book-after",
        type=float,
        default=0.0,
        help="seconds until a refund or dispute has its balance transaction; 0 = at once",
    )
    parser.add_argument(
        "--settlement-currencies", default="usd", help="comma separated; the first takes the rest"
    )
    parser.add_argument("--latency-ms", type=int, default=0, help="added to every API answer")
    parser.add_argument(
        "--retry-base", type=float, default=1.0, help="seconds before a webhook's first retry"
    )
    parser.add_argument(
        "--retry-longest",
        type=float,
        default=3600.0,
        help="seconds; each retry waits twice as long until then",
    )
    parser.add_argument("--retry-limit", type=int, default=12)
    parser.add_argument("--in-flight", type=int, default=8, help="webhooks under way at once")
    return parser.parse_args(words)


def endpoint(text: str) -> Endpoint:
    """`URL=whsec_...`, or a URL whose secret stands in the environment; never a secret made up here."""
    url, marker, secret = text.partition("=whsec_")
    secret = f"whsec_{secret}" if marker else os.environ.get("STRIPE_SANDBOX_WEBHOOK_SECRET", "")
    if not url.startswith(("http://", "https://")):
        raise SystemExit(f"--webhook {url}: not a URL")
    if not secret.startswith("whsec_") or len(secret) < 16:
        raise SystemExit(
            f"--webhook {url}: give its signing secret as {url}=whsec_... or in the environment as "
            "STRIPE_SANDBOX_WEBHOOK_SECRET (whsec_ and at least ten more characters)"
        )
    return Endpoint(url, secret)


def options(given: argparse.Namespace, base_url: str) -> Options:
    api_key = given.api_key or os.environ.get("STRIPE_SANDBOX_API_KEY", "")
    if not api_key.startswith(("sk_test_", "rk_test_")):
        raise SystemExit("--api-key must be a test key: sk_test_... or rk_test_...")
    currencies = tuple(
        code.strip().lower() for code in given.settlement_currencies.split(",") if code.strip()
    )
    strange = [code for code in currencies if code not in CURRENCIES]
    if strange or not currencies:
        raise SystemExit(f"--settlement-currencies: unknown {', '.join(strange) or 'nothing'}")
    return Options(
        base_url=base_url,
        api_key=api_key,
        endpoints=[endpoint(text) for text in given.webhook],
        merchant=given.merchant,
        settlement_currencies=currencies,
        settle_after=given.settle_after,
        book_after=given.book_after,
        clock_file=given.clock_file,
        latency_ms=given.latency_ms,
        retry_base=given.retry_base,
        retry_longest=given.retry_longest,
        retry_limit=given.retry_limit,
        in_flight=given.in_flight,
    )


def listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay off only for sockets that name it: without
    # it every answer of two writes waits 40 ms for the caller's acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise SystemExit(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another --port."
        ) from error
    return listener


class Server(uvicorn.Server):
    """Says where it listens once it does, and lets no open connection hold up its end."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            sys.stdout.write(f"sandbox listening on http://{host}:{port}\n")
            sys.stdout.flush()


def main() -> None:
    given = arguments()
    logging.basicConfig(level=logging.WARNING, format="sandbox %(levelname)s %(name)s %(message)s")
    # What is remembered are plain trees of JSON that no collector needs to walk, and walking them all is what
    # a year of gifts would spend its time on. What it could collect of such a year are a few hundred things.
    gc.set_threshold(5_000_000, 50, 100)
    listener = listen(given.host, given.port)
    port = listener.getsockname()[1]
    settings = options(given, (given.public_url or f"http://{given.host}:{port}").rstrip("/"))
    world = World(settings, Store(given.data))
    config_: dict[str, Any] = {
        "http": BreakableProtocol,
        "log_config": None,
        "access_log": False,
        "lifespan": "on",
        "ws": "none",
        "timeout_graceful_shutdown": 0.5,
    }

    server = Server(uvicorn.Config(build(world), **config_))

    # uvicorn repeats the signal it was stopped by once it has closed everything: that is a clean end here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        # uvicorn's choice is the quicker loop where there is one: half of what a webhook costs is its way.
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()

"""How many donors a second are sent to Stripe's page when Stripe takes 200 ms to open one.

Our `POST /api/v1/donations` (wish checked, every limit against card testing counted, gift committed
first, Stripe asked under its key, page recorded) beside the usual thread-pool route that asks the SDK and
saves one row. Each is one server process on the same PostgreSQL (fsync on) and the same sandbox Stripe,
128 donors at once.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from subprocess import Popen

import uvloop

from bench.measuring import ground as on
from bench.measuring.load import Outcome, saturate
from bench.measuring.payloads import WEBHOOK_SECRET, event_ids, request_head
from bench.measuring.report import at_least, conclude, middle, percentile, print_table

CONNECTIONS = 128
LATENCY_MS = 200
_KEY = "sk_test_benchbenchbenchbench"


@dataclass(slots=True)
class Contender:
    """One server, and what was measured of it."""

    name: str
    port: int
    process: Popen[bytes]
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench checkout", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer gifts and one round: about 30 s")
    options = parser.parse_args(argv)
    gifts, rounds = (384, 1) if options.quick else (1024, 3)
    with on.ground() as standing:
        stripe = _sandbox(standing)
        ours, tutorial = _ours(standing, stripe), _tutorial(standing, stripe)
        for contender in (ours, tutorial):
            _send(contender, CONNECTIONS)
        for _ in range(rounds):
            for contender in (ours, tutorial):
                _measure(standing, contender, gifts)
    print_table(
        ["contender", "gifts/s", "p50 ms", "p95 ms", "server CPU ms/gift"],
        [
            [
                c.name,
                f"{middle(c.rates):,.0f}",
                f"{middle(c.p50):,.0f}",
                f"{middle(c.p95):,.0f}",
                f"{middle(c.cpu) * 1000:.1f}",
            ]
            for c in (ours, tutorial)
        ],
    )
    print(
        f"  One server process each, {CONNECTIONS} connections, Stripe answering after {LATENCY_MS} ms, "
        f"medians of {rounds} rounds.\n"
    )
    return conclude(
        [at_least("gifts/s against the thread-pool route", middle(ours.rates) / middle(tutorial.rates), 1)]
    )


def _measure(standing: on.Ground, contender: Contender, gifts: int) -> None:
    before = on.tree_cpu(contender.process.pid)
    outcome = _send(contender, gifts)
    if len(outcome.accepted) != gifts:
        raise SystemExit(
            f"{contender.name} opened {len(outcome.accepted)} of {gifts} pages:\n"
            f"{standing.log_of(contender.name)}"
        )
    contender.rates.append(outcome.rate)
    contender.p50.append(percentile(outcome.seconds, 50) * 1000)
    contender.p95.append(percentile(outcome.seconds, 95) * 1000)
    contender.cpu.append((on.tree_cpu(contender.process.pid) - before) / gifts)


def _send(contender: Contender, gifts: int) -> Outcome:
    requests = [gift_request(key, port=contender.port) for key in event_ids(contender.name, gifts)]
    return uvloop.run(
        saturate(requests, port=contender.port, connections=min(CONNECTIONS, gifts), at_most=60)
    )


def gift_request(key: str, *, port: int) -> bytes:
    """One donor's wish as an HTTP request."""
    body = json.dumps(
        {
            "amount": 5000,
            "currency": "usd",
            "frequency": "once",
            "fund": "general",
            "donor": {"name": "Ada Park", "email": f"{key[-12:]}@example.com", "locale": "en"},
        }
    ).encode()
    head = request_head("POST", "/api/v1/donations", port=port, agent="bench")
    head += b"Idempotency-Key: %b\r\nX-Forwarded-For: %b\r\n" % (key.encode(), _home_of(key).encode())
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def _home_of(key: str) -> str:
    """Every donor gives from an address of their own, as behind a proxy on a busy evening."""
    return str(ip_address(int.from_bytes(sha256(key.encode()).digest()[:3]) + (11 << 24)))


def _sandbox(standing: on.Ground) -> str:
    port = on.free_port()
    process = standing.start(
        "sandbox",
        [
            *(sys.executable, "-m", "payments.sandbox", "--port", str(port), "--api-key", _KEY),
            *("--latency-ms", str(LATENCY_MS)),
        ],
        {},
    )
    on.wait_for_port(port, "the sandbox", process=process)
    return f"http://127.0.0.1:{port}"


def _ours(standing: on.Ground, stripe: str) -> Contender:
    database, port = standing.database("ours"), on.free_port()
    env = on.our_environment(
        standing,
        database,
        broker=0,
        STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        STRIPE_API_BASE=stripe,
        TRUSTED_PROXIES="127.0.0.1",
        # So many gifts in a minute, and none of them paid, would be an attack.
        CHECKOUTS_PER_HOUR="1000000000",
    )
    on.migrate(database, env)
    on.run([sys.executable, "-m", "bench.measuring.gifts", "0"], env)
    return _served(standing, "ours", "payments.app:app", port, env)


def _tutorial(standing: on.Ground, stripe: str) -> Contender:
    database, port = standing.database("tutorial"), on.free_port()
    env = {"DATABASE_URL": on.libpq_url(database), "STRIPE_SECRET_KEY": _KEY, "STRIPE_API_BASE": stripe}
    on.run([sys.executable, "-m", "bench.rivals.tutorial_checkout"], env)
    return _served(standing, "thread-pool route", "bench.rivals.tutorial_checkout:app", port, env)


def _served(standing: on.Ground, name: str, app: str, port: int, env: dict[str, str]) -> Contender:
    process = standing.start(name, on.uvicorn(app, port), env)
    on.wait_for_port(port, name, process=process)
    return Contender(name, port, process)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

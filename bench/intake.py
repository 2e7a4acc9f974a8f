"""How many webhooks a second one server process takes in, at what CPU, and whether it keeps its word.

The same signed payloads go at the same load to our intake, to dj-stripe under gunicorn in its queue
configuration, to the usual tutorial code, and to a bare handler that only reads the body. Each
contender is one server process on the same PostgreSQL (fsync on) and the same Valkey. No Celery worker
runs: only taking in is measured, with the hand-over to the queue included.
"""

import argparse
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from subprocess import Popen
from typing import Any

import psycopg
import uvloop

from bench.measuring import ground as on
from bench.measuring.load import Outcome, keep_pace, saturate
from bench.measuring.payloads import WEBHOOK_SECRET, deliveries, event_ids
from bench.measuring.report import Goal, at_least, at_most, conclude, holds, middle, percentile, print_table

CONNECTIONS = 128
PACE = 500.0


@dataclass(slots=True)
class Contender:
    """One server, and what was measured of it."""

    name: str
    path: str
    port: int
    process: Popen[bytes]
    events_a_round: int
    database: str | None = None
    stored: str = ""
    """The query that counts, or lists, the events it holds."""
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of the server's process tree, seconds an event."""
    postgres_cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    """Milliseconds at saturation."""


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench intake", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events and one round: about 30 s")
    parser.add_argument("--only-ours", action="store_true", help="skip the rivals; goals against them too")
    options = parser.parse_args(argv)
    size = 0.3 if options.quick else 1.0
    rounds = 1 if options.quick else 3

    with on.ground() as standing:
        ours, raw = _ours(standing, int(24_000 * size)), _raw(standing, int(24_000 * size))
        rivals = (
            []
            if options.only_ours
            else [
                _djstripe(standing, int(1_000 * size)),
                _tutorial(standing, int(1_000 * size)),
            ]
        )
        contenders = [ours, *rivals, raw]
        for contender in contenders:
            _send(contender, "warm", max(200, contender.events_a_round // 10))
        for _ in range(rounds):
            for contender in contenders:
                _measure(standing, contender)
        _print(contenders)

        goals = _goals_of_speed(ours, rivals, raw)
        goals.append(_steady(ours, raw, seconds=2 if options.quick else 5))
        goals.append(_racing_duplicates(standing, ours, ids=int(400 * size)))
        goals.append(_killed_under_load(standing, ours))
    print(f"  One server process each, {CONNECTIONS} connections, medians of {rounds} interleaved rounds.\n")
    return conclude(goals)


def _measure(standing: on.Ground, contender: Contender) -> None:
    """One round at saturation."""
    server, postgres = on.tree_cpu(contender.process.pid), standing.postgres_cpu()
    outcome, _ = _send(contender, "round", contender.events_a_round)
    done = len(outcome.accepted)
    if not done:
        raise SystemExit(f"{contender.name} accepted nothing:\n{standing.log_of(contender.name)}")
    contender.rates.append(outcome.rate)
    contender.cpu.append((on.tree_cpu(contender.process.pid) - server) / done)
    contender.postgres_cpu.append((standing.postgres_cpu() - postgres) / done if contender.database else 0.0)
    contender.p99.append(percentile(outcome.seconds, 99) * 1000)
    if len(outcome.accepted) != len(outcome.statuses):
        raise SystemExit(f"{contender.name} refused some events:\n{standing.log_of(contender.name)}")


def _send(
    contender: Contender,
    label: str,
    count: int,
    *,
    ids: Sequence[str] | None = None,
    interrupt: tuple[float, Callable[[], None]] | None = None,
) -> tuple[Outcome, list[str]]:
    ids = ids or event_ids(f"{contender.name}:{label}", count)
    requests = [d.request for d in deliveries(ids, path=contender.path, port=contender.port)]
    outcome = _quietly(
        lambda: saturate(
            requests, port=contender.port, connections=CONNECTIONS, at_most=20, interrupt=interrupt
        )
    )
    return outcome, list(ids)


def _quietly(load: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """Run a load without our own garbage collector pausing it."""
    gc.collect()
    gc.disable()
    try:
        return uvloop.run(load())
    finally:
        gc.enable()


def _print(contenders: Sequence[Contender]) -> None:
    print_table(
        ["contender", "events/s", "server CPU µs/event", "PostgreSQL µs/event", "p99 ms, saturated"],
        [
            [
                c.name,
                f"{middle(c.rates):,.0f}",
                f"{middle(c.cpu) * 1e6:,.0f}",
                f"{middle(c.postgres_cpu) * 1e6:,.0f}" if c.database else "-",
                f"{middle(c.p99):,.1f}",
            ]
            for c in contenders
        ],
    )


def _goals_of_speed(ours: Contender, rivals: Sequence[Contender], raw: Contender) -> list[Goal]:
    total = middle([a + b for a, b in zip(ours.cpu, ours.postgres_cpu, strict=True)])
    goals = []
    if rivals:
        best_rate = max(middle(r.rates) for r in rivals)
        least_cpu = min(middle(r.cpu) for r in rivals)
        least_total = min(middle(r.cpu) + middle(r.postgres_cpu) for r in rivals)
        print(
            f"  PostgreSQL's share included, the thriftier rival needs {least_total / total:.1f}x our CPU\n"
        )
        goals += [
            at_least("events/s against the better rival", middle(ours.rates) / best_rate, 25),
            at_least(
                "server CPU an event, the thriftier rival's over ours", least_cpu / middle(ours.cpu), 30
            ),
        ]
    goals.append(at_most("CPU with PostgreSQL's, over the bare handler's", total / middle(raw.cpu), 5))
    return goals


def _steady(ours: Contender, raw: Contender, *, seconds: int) -> Goal:
    """Latency at a pace that does not saturate; the wait counts from the moment a request was due.

    The median of three windows, each beside the bare handler's: what that one shows is the machine's.
    """
    ours_p99, raw_p99, answered = [], [], 0
    for _ in range(3):
        for server, p99 in ((ours, ours_p99), (raw, raw_p99)):
            ids = event_ids("steady", int(PACE * seconds))
            requests = [d.request for d in deliveries(ids, path=server.path, port=server.port)]
            outcome = _quietly(
                partial(keep_pace, requests, port=server.port, connections=64, per_second=PACE)
            )
            p99.append(percentile(outcome.seconds, 99) * 1000)
            answered += len(outcome.accepted) if server is ours else 0
    goal = at_most(f"p99 at {PACE:.0f} events/s", middle(ours_p99), 10, unit=" ms")
    return Goal(
        goal.claim,
        f"{goal.measured}; the bare handler {middle(raw_p99):.1f} ms; {answered:,} answered",
        goal.is_met and answered == 3 * int(PACE * seconds),
    )


def _racing_duplicates(standing: on.Ground, ours: Contender, *, ids: int) -> Goal:
    """Every id on 20 connections at once, in shuffled batches: a lock order by chance would deadlock."""
    distinct = event_ids("racing", ids)
    ring = [distinct[(n * 7919 + copy * 31) % ids] for copy in range(20) for n in range(ids)]
    before = _stored(ours)
    locked = _deadlocks(ours)
    outcome, _ = _send(ours, "racing", len(ring), ids=ring)
    rows = _stored(ours) - before
    deadlocks = _deadlocks(ours) - locked
    all_accepted = len(outcome.accepted) == len(ring)
    return holds(
        "racing duplicates: all answered 2xx, one row an id, no deadlock",
        f"{len(outcome.accepted):,} of {len(ring):,}, {rows} rows for {ids} ids, {deadlocks} deadlocks",
        all_accepted and rows == ids and deadlocks == 0,
    )


def _killed_under_load(standing: on.Ground, ours: Contender) -> Goal:
    """SIGKILL in full flight; what was acknowledged must be stored."""
    outcome, ids = _send(
        ours, "killed", 20_000, interrupt=(0.7, lambda: os.kill(ours.process.pid, signal.SIGKILL))
    )
    acknowledged = [ids[place] for place in outcome.accepted]
    assert ours.database is not None  # noqa: S101
    with psycopg.connect(ours.database) as connection:
        row = connection.execute(
            "select count(*) from stripe_events where stripe_event_id = any(%s)", [acknowledged]
        ).fetchone()
    kept = row[0] if row else 0
    return holds(
        "kill -9 under load: everything acknowledged is stored",
        f"{len(acknowledged):,} acknowledged, {outcome.cut} cut off, {len(acknowledged) - kept} missing",
        kept == len(acknowledged) > 0 and outcome.cut > 0,
    )


def _stored(contender: Contender) -> int:
    assert contender.database is not None  # noqa: S101
    with psycopg.connect(contender.database) as connection:
        row = connection.execute(contender.stored).fetchone()  # type: ignore[arg-type]
    return int(row[0]) if row else 0


def _deadlocks(contender: Contender) -> int:
    assert contender.database is not None  # noqa: S101
    time.sleep(1.1)  # the server writes its statistics once a second
    with psycopg.connect(contender.database) as connection:
        row = connection.execute(
            "select deadlocks from pg_stat_database where datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0


def _ours(standing: on.Ground, events: int) -> Contender:
    database, port = standing.database("ours"), on.free_port()
    env = on.our_environment(standing, database, broker=0, STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET)
    on.migrate(database, env)
    process = standing.start("ours", on.uvicorn("payments.app:app", port), env)
    on.wait_for_port(port, "ours", process=process)
    return Contender(
        "ours", "/webhooks/stripe", port, process, events, database, "select count(*) from stripe_events"
    )


def _raw(standing: on.Ground, events: int) -> Contender:
    port = on.free_port()
    process = standing.start("bare handler", on.uvicorn("bench.rivals.raw:app", port), {})
    on.wait_for_port(port, "the bare handler", process=process)
    return Contender("bare handler", "/", port, process, events)


def _tutorial(standing: on.Ground, events: int) -> Contender:
    database, port = standing.database("tutorial"), on.free_port()
    env = {
        "DATABASE_URL": database,
        "BROKER_URL": standing.broker(1),
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    on.run([sys.executable, "-m", "bench.rivals.tutorial"], env)
    process = standing.start("tutorial", on.uvicorn("bench.rivals.tutorial:app", port), env)
    on.wait_for_port(port, "the tutorial", process=process)
    return Contender(
        "tutorial", "/webhooks/stripe", port, process, events, database, "select count(*) from webhook_events"
    )


def _djstripe(standing: on.Ground, events: int) -> Contender:
    database, port, python = standing.database("djstripe"), on.free_port(), on.rivals_python()
    env = {
        "DATABASE_URL": database,
        "BROKER_URL": standing.broker(2),
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "STRIPE_SECRET_KEY": "sk_test_benchbenchbenchbench",
    }
    on.run([python, "-m", "bench.rivals.djstripe_site"], env)
    command = [
        *(python, "-m", "gunicorn", "bench.rivals.djstripe_site:application", "--bind", f"127.0.0.1:{port}"),
        *("--workers", "1", "--worker-class", "gthread", "--threads", "8", "--log-level", "warning"),
    ]
    process = standing.start("dj-stripe", command, env)
    on.wait_for_port(port, "dj-stripe", process=process)
    return Contender(
        "dj-stripe",
        "/stripe/webhook/0f1f6f0e-6f0d-4b57-9d0a-6d1f0a3f6b11/",
        port,
        process,
        events,
        database,
        "select count(*) from djstripe_webhookeventtrigger",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

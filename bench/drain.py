"""How fast a full inbox is applied to the books, and at what CPU.

Ours is the function the Celery worker runs, batch after batch; the rival is a real Celery worker with
one task and one ORM transaction an event. Each has one working process on the same PostgreSQL (fsync
on) and the same Valkey, starts with its imports done and its connections open, and ends with the same
rows in the same tables, which is checked.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
import psycopg
from celery import Celery

from bench.measuring import ground as on
from bench.measuring.gifts import EVENTS_A_GIFT
from bench.measuring.payloads import WEBHOOK_SECRET
from bench.measuring.report import at_least, conclude, holds, middle, print_table


@dataclass(frozen=True, slots=True)
class Drained:
    """One run: how many events, in what time, at what CPU seconds."""

    events: int
    seconds: float
    cpu: float
    postgres_cpu: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cost(self) -> float:
        """CPU seconds an event, PostgreSQL's included."""
        return (self.cpu + self.postgres_cpu) / self.events


def main(argv: Sequence[str] = ()) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="bench drain", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer gifts and one round: about 30 s")
    options = parser.parse_args(argv)
    ours_gifts, their_gifts, rounds = (600, 40, 1) if options.quick else (2000, 150, 3)
    ours, theirs = [], []
    same = True
    with on.ground() as standing:
        for turn in range(rounds):
            ours.append(_ours(standing, f"ours{turn}", ours_gifts))
            theirs.append(tutorial(standing, f"tutorial{turn}", their_gifts))
            expected = _books(on.libpq_url(standing.address(f"tutorial{turn}")))
            found = _books(on.libpq_url(standing.address(f"ours{turn}")))
            same = same and bool(expected) and expected.items() <= found.items() and len(found) == ours_gifts

    rows = [
        [
            name,
            f"{middle([r.rate for r in runs]):,.0f}",
            f"{middle([r.cpu / r.events for r in runs]) * 1e6:,.0f}",
            f"{middle([r.postgres_cpu / r.events for r in runs]) * 1e6:,.0f}",
        ]
        for name, runs in (("ours", ours), ("one task, one transaction an event", theirs))
    ]
    print_table(["contender", "events/s", "worker CPU µs/event", "PostgreSQL µs/event"], rows)
    rate = middle([r.rate for r in ours]) / middle([r.rate for r in theirs])
    workers = middle([r.cpu / r.events for r in theirs]) / middle([r.cpu / r.events for r in ours])
    total = middle([r.cost for r in theirs]) / middle([r.cost for r in ours])
    print(f"  One working process each, medians of {rounds} rounds. Worker CPU alone: {workers:.1f}x less.\n")
    return conclude(
        [
            at_least("events/s against one task and transaction an event", rate, 15),
            at_least("CPU an event, theirs over ours, PostgreSQL included", total, 15),
            holds("the same gifts end in the same rows", "compared gift by gift", same),
        ]
    )


def _prepared(standing: on.Ground, name: str, gifts: int) -> dict[str, str]:
    database = standing.database(name)
    env = on.our_environment(standing, database, broker=3, STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET)
    on.migrate(database, env)
    on.run([sys.executable, "-m", "bench.measuring.gifts", str(gifts)], env)
    with psycopg.connect(on.libpq_url(database), autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return env


def _ours(standing: on.Ground, name: str, gifts: int) -> Drained:
    env = _prepared(standing, name, gifts)
    drainer = subprocess.Popen(
        [sys.executable, "-m", "bench.measuring.drainer"],
        cwd=on.ROOT,
        env=on.clean_environment(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(standing.folder / "ours.log").open("ab"),
        text=True,
    )
    standing.started.append(drainer)
    assert drainer.stdin is not None  # noqa: S101
    assert drainer.stdout is not None  # noqa: S101

    def say(words: str) -> float:
        drainer.stdin.write(f"{words}\n")  # type: ignore[union-attr]
        drainer.stdin.flush()  # type: ignore[union-attr]
        return float(json.loads(drainer.stdout.readline())["seconds"])  # type: ignore[union-attr]

    drainer.stdout.readline()
    say(str(EVENTS_A_GIFT * 4))
    events = len(_queued(on.libpq_url(env["DATABASE_URL"])))
    drained = _measured(standing, drainer.pid, events, lambda: say(""))
    on.end(drainer)
    return drained


def tutorial(standing: on.Ground, name: str, gifts: int) -> Drained:
    env = _prepared(standing, name, gifts)
    url = on.libpq_url(env["DATABASE_URL"])
    env["BROKER_URL"] = standing.broker(4)
    worker = standing.start(
        "tutorial worker",
        [
            *(sys.executable, "-m", "celery", "-A", "bench.rivals.tutorial_worker", "worker"),
            *("-c", "1", "-P", "prefork", "-l", "warning", "--without-gossip", "--without-mingle"),
        ],
        env,
    )
    sender = Celery(broker=env["BROKER_URL"])
    ids = _queued(url)
    first, rest = ids[: EVENTS_A_GIFT * 4], ids[EVENTS_A_GIFT * 4 :]
    _send(sender, first)
    _wait_until(lambda: len(_queued(url)) <= len(rest), standing, "tutorial worker")

    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    for member in family:  # frozen while the queue is filled, so that only emptying it is measured
        os.kill(member.pid, signal.SIGSTOP)
    _send(sender, rest)

    def drain() -> float:
        began = time.perf_counter()
        for member in family:
            os.kill(member.pid, signal.SIGCONT)
        _wait_until(lambda: not _queued(url), standing, "tutorial worker")
        return time.perf_counter() - began

    drained = _measured(standing, worker.pid, len(rest), drain)
    on.end(worker)
    return drained


def _measured(standing: on.Ground, pid: int, events: int, drain: Callable[[], float]) -> Drained:
    worker, postgres = on.tree_cpu(pid), standing.postgres_cpu()
    seconds = drain()
    return Drained(events, seconds, on.tree_cpu(pid) - worker, standing.postgres_cpu() - postgres)


def _send(sender: Celery, event_ids: Sequence[str]) -> None:
    with sender.connection_for_write() as connection:
        for event_id in event_ids:
            sender.send_task("bench.rivals.tutorial_worker.process_event", [event_id], connection=connection)


def _wait_until(is_so: Callable[[], bool], standing: on.Ground, name: str, *, within: float = 60) -> None:
    until = time.monotonic() + within
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit(f"{name} did not finish:\n{standing.log_of(name)}")
        time.sleep(0.05)


def _queued(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select stripe_event_id from stripe_event_queue order by place").fetchall()
    return [row[0] for row in rows]


def _books(url: str) -> dict[str, str]:
    """Everything a gift has become, as text, by the gift; only gifts whose events are all done."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("""
            select d.id, jsonb_build_array(
                d.status, d.paid_at, d.gift_date, d.stripe_checkout_session_id, d.stripe_payment_intent_id,
                (select jsonb_agg(c order by c.stripe_charge_id) from charges c where c.donation_id = d.id),
                (select jsonb_agg(b order by b.stripe_balance_transaction_id)
                   from balance_transactions b join charges c on c.stripe_charge_id = b.source_id
                  where c.donation_id = d.id),
                (select jsonb_agg(jsonb_build_array(
                            e.reference, e.kind, e.entity_id, e.effective_on, e.occurred_at, e.description,
                            m.from_account, m.to_account, m.amount, m.currency, m.fund_id)
                        order by e.reference, m.position)
                   from journal_entries e join journal_moves m using (reference) where e.donation_id = d.id),
                (select count(*) from due_receipts r where r.donation_id = d.id)
            )::text
            from donations d
            where d.paid_at is not null and not exists (select from stripe_event_queue)
        """).fetchall()
    return dict(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

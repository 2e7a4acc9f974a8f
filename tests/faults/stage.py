"""Where processes are killed: a small Stripe, a mail catcher, one database state to return to.

`Stage` is what a test directs: gifts are given and paid for real, the state is kept and put back
before every death, time passes at once (leases end, back-off is over), and a healthy process
finishes what the dead one left.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests
from sqlalchemy import Connection, text

from payments.database import engine
from payments.dependencies import open_checkout
from payments.donations.wishes import Share, Wish
from payments.local.keeper import die_with_parent
from payments.mail import outbox
from payments.stripe_gateway.shapes import API_VERSION
from tests.conftest import PROJECT, TEST_ENVIRONMENT
from tests.faults.invariants import AtStripe, Finding, against_stripe, of_the_books, of_the_mailbox
from workers.receipts import issue_receipts, send_mail, write_documents
from workers.webhooks import apply_events, pull_balance_transactions, sweep_events

EVERYTHING = (
    *(sweep_events, apply_events, pull_balance_transactions, apply_events),
    *(issue_receipts, write_documents, send_mail),
)
"""A gift's way from what Stripe says to the donor's letter."""
API_KEY = TEST_ENVIRONMENT["STRIPE_SECRET_KEY"]


def an_hour_later(*, sparing_seconds: int = 0) -> str:
    """What an hour of waiting does: every lease has ended, every pause is over, every list may be read.

    Where senders live, one that took its mail within `sparing_seconds` keeps it.
    """
    lease = outbox.LEASE.total_seconds() - sparing_seconds
    return f"""
        begin;
        update stripe_event_queue set next_at = now() where parked_reason is null;
        update due_receipts set next_at = now();
        update due_documents set next_at = now();
        update outgoing_mails set next_at = now()
        where status = 'queued' and (lease is null or next_at <= now() + interval '{lease} seconds');
        update stripe_cursors set checked_at = now() - interval '1 hour';
        update monthly_changes set next_at = now() where first_submitted_at is not null;
        update donation_requests set caller_until = now() - interval '1 hour';
        commit
    """  # noqa: S608 - a number of ours


@contextmanager
def a_process(*command: str, says: str) -> Iterator[re.Match[str]]:
    """A program of ours, from the line in which it says where it listens to its end."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - as in the keeper
    ) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            where = re.search(says, line)
            assert where is not None, f"{command[0]} said {line!r}"
            yield where
        finally:
            running.terminate()
            running.wait(timeout=10)


class SmallStripe:
    """The sandbox: its donors and banks by control, its lists by the API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = requests.Session()
        self._connection.headers.update({"Authorization": f"Bearer {API_KEY}", "Stripe-Version": API_VERSION})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def control(self, path: str, **given: Any) -> Any:
        """Tell it to do something."""
        return self._ask("POST", f"/_sandbox/{path}", given)

    def state(self) -> dict[str, Any]:
        """How much it holds."""
        return dict(self._ask("GET", "/_sandbox/state"))

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind, through the API."""
        found: list[dict[str, Any]] = []
        while True:
            after = f"&starting_after={found[-1]['id']}" if found else ""
            page = self._ask("GET", f"/v1/{kind}?limit=100{after}")
            found += page["data"]
            if not page["has_more"]:
                return found

    def holds(self) -> AtStripe:
        """What the books are compared with."""
        return AtStripe(
            charges=self.listed("charges"),
            balance_transactions=self.listed("balance_transactions"),
            sessions=self.listed("checkout/sessions"),
        )

    def _ask(self, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
        answer = self._connection.request(method, f"{self.url}{path}", json=given, timeout=30)
        answer.raise_for_status()
        return answer.json()


@dataclass(frozen=True)
class Mailroom:
    """The mail catcher."""

    smtp_url: str
    web_url: str
    folder: Path

    def delivered(self) -> list[bytes]:
        """Every message that arrived, as it came over the wire."""
        return [path.read_bytes() for path in sorted(self.folder.glob("*.eml"))]

    def empty(self) -> None:
        """Forget them."""
        requests.delete(f"{self.web_url}/api/v1/messages", json={}, timeout=10).raise_for_status()


class Deadly:
    """The process of `crash.py` that forks one for every order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *, crash_at: int | None = None, **order: Any) -> "Death":
        """One deed, or one request to the API, that dies at a point or ends by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**order, "crash_at": crash_at}) + "\n")
        self._process.stdin.flush()
        seen = json.loads(self._process.stdout.readline())
        return Death(
            was_killed=seen["killed"], exit=seen["exit"], points=seen["points"], answer=seen["answer"]
        )


@dataclass(frozen=True)
class Death:
    """What was seen of one process."""

    was_killed: bool
    exit: int | None
    points: list[str]
    answer: list[Any] | None

    @property
    def where(self) -> str:
        """The last point it passed."""
        return f"point {len(self.points)}, {self.points[-1]}" if self.points else "before the first point"


@contextmanager
def deadly(environment: dict[str, str]) -> Iterator[Deadly]:
    """`crash.py`, waiting for orders."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crash"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield Deadly(process)
        finally:
            process.stdin.close()
            process.wait(timeout=40)


class Stage:
    """One database, one Stripe, one mail server, and what happens between them."""

    def __init__(self, database: str, *, stripe: SmallStripe, mailroom: Mailroom, owner: Connection) -> None:
        self.database = database
        self.stripe = stripe
        self.mailroom = mailroom
        self._owner = owner
        self._restoring = ""

    def give(self, *, key: str, amount: int = 2500, method: str = "card") -> str:
        """A gift, begun by us and paid at Stripe, where its money also settles; no event is heard."""
        wish = Wish(
            amount=amount,
            currency="usd",
            frequency="once",
            shares=(Share("general", amount - 1000), Share("rescue", 1000)),
            cover_fees=True,
            donor_name="Ada Park",
            donor_email=f"{key}@example.com",
            locale="en",
        )
        opened = open_checkout(wish, key=key)
        [session] = [
            s
            for s in self.stripe.listed("checkout/sessions")
            if s["client_reference_id"] == opened.donation_id
        ]
        page = f"checkout/sessions/{session['id']}"
        if method == "card":
            self.stripe.control(f"{page}/pay", card="4242424242424242")
        else:
            self.stripe.control(f"{page}/pay", method="bank_debit")
            self.stripe.control(f"{page}/bank_debit/succeed")
        self.stripe.control(f"{page}/settle")
        return opened.donation_id

    def keep(self) -> None:
        """Remember every table as it is now."""
        self._owner.exec_driver_sql("drop schema if exists kept cascade; create schema kept")
        steps = []
        for table, columns in self._tables().items():
            kept, live = f"kept.{table}", f"public.{table}"
            self._owner.exec_driver_sql(f"create table {kept} as select {columns} from {live}")  # noqa: S608 - our names
            steps.append(f"delete from {live}")  # noqa: S608
            into = f"{live} ({columns}) overriding system value"
            steps.append(f"insert into {into} select {columns} from {kept}")  # noqa: S608
        self._restoring = (
            "begin; set local session_replication_role = replica; set local synchronous_commit = off; "
            f"{'; '.join(steps)}; commit"
        )

    def put_back(self) -> None:
        """Every table as it was kept, and an empty mailbox."""
        self._owner.exec_driver_sql(self._restoring)
        self.mailroom.empty()

    def forget_what_was_kept(self) -> None:
        """Leave nothing of ours in the database."""
        self._owner.exec_driver_sql("drop schema if exists kept cascade")

    def _tables(self) -> dict[str, str]:
        rows = self._owner.execute(
            text("""
                select table_name, string_agg(format('%I', column_name), ', ' order by ordinal_position)
                from information_schema.columns
                join information_schema.tables using (table_schema, table_name)
                where table_schema = 'public' and table_type = 'BASE TABLE'
                  and table_name <> 'alembic_version'
                group by table_name
            """)
        )
        return {str(table): str(columns) for table, columns in rows}

    def bury(self) -> None:
        """Wait until the database has noticed a death: locks of the dead are locks until then."""
        self.wait_for(
            "select count(*) = 0 from pg_stat_activity "
            "where application_name = 'mortal' and datname = current_database()"
        )

    def wait_for(self, query: str) -> None:
        """Until the database says so, ten seconds at most."""
        until = time.monotonic() + 10
        while not self._owner.scalar(text(query)):
            assert time.monotonic() < until, f"not within ten seconds: {query}"
            time.sleep(0.002)

    def let_time_pass(self) -> None:
        """An hour, at once."""
        self._owner.exec_driver_sql(an_hour_later())

    def finish(self, *, after: str | None = None) -> None:
        """A healthy worker, somewhat later; it begins with the deed that was interrupted."""
        self.let_time_pass()
        names = [deed.__name__ for deed in EVERYTHING]
        for deed in EVERYTHING[names.index(after) if after else 0 :]:
            deed()

    def findings_now(self) -> list[Finding]:
        """Laws that hold at any moment, also in the middle of a crash."""
        with engine().connect() as connection:
            return of_the_books(connection)

    def findings_at_rest(self, *, may_be_doubled: int = 0) -> list[Finding]:
        """All laws, with Stripe's side and the mailbox."""
        with engine().connect() as connection:
            return [
                *of_the_books(connection, at_rest=True),
                *against_stripe(connection, self.stripe.holds()),
                *of_the_mailbox(connection, self.mailroom.delivered(), may_be_doubled=may_be_doubled),
            ]

    def count(self, query: str) -> int:
        """One number from the database."""
        return int(self._owner.scalar(text(query)) or 0)


def told(death: Death, findings: list[Finding]) -> str:
    """What a failing test shows: where the process died, and which laws were broken."""
    return "\n".join([f"killed at {death.where}:", *map(str, findings)])

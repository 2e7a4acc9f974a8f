"""Gifts in the middle of murder: everything is killed at random, and in the end the books are right.

    python -m tests.faults.chaos --kills 1000 --seed 7

gives through the real API while Stripe duplicates, delays and shuffles its webhooks and while
workers, the API and PostgreSQL are killed by SIGKILL and the broker is emptied. Then the killing
stops, everybody finishes, and all laws of `invariants.py` are asked. The seed chooses donors,
victims and moments; the operating system chooses the rest, so a seed makes a run alike, not equal.
With `--celery` real Celery workers, rung by the real bell, work and die beside the plain ones. It
uses a PostgreSQL and a broker of its own in a temporary folder and leaves nothing behind. Exit code
1: a law was broken.
"""

import argparse
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from ipaddress import ip_address

import psutil
import redis
import requests

from payments.webhooks.rebuild import rebuild
from tests.faults.invariants import Finding, against_stripe, of_the_books, of_the_mailbox
from tests.faults.stage import SmallStripe
from tests.faults.town import Town, family, say, start_api, town

DONORS = 3


def main() -> int:
    """Run once, say what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=40, help="of workers")
    parser.add_argument("--api-kills", type=int, default=1)
    parser.add_argument("--database-kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - no secret
    parser.add_argument("--celery", action="store_true", help="a real Celery worker and beat as well")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    say(f"seed {options.seed}")
    with town(celery=options.celery) as around:
        findings = Chaos(around, options).run()
        if findings:
            around.show_errors()
    for finding in findings:
        say(f"BROKEN  {finding}")
    return 1 if findings else 0


class Chaos:
    """Donors, a killer, and what is left when he is gone."""

    def __init__(self, around: Town, options: argparse.Namespace) -> None:
        self._town = around
        self._options = options
        self._random = random.Random(options.seed)  # noqa: S311 - no secret
        self._over = threading.Event()
        self._given: Counter[str] = Counter()
        self._killed: Counter[str] = Counter()
        self._troubles: list[str] = []

    def run(self) -> list[Finding]:
        """Give and kill, then drain, then ask every law."""
        began = time.monotonic()
        self._town.stripe.control("webhooks", duplicate=1, shuffle=True, delay_ms=20)
        _until(lambda: _answers(self._town.api), "the API answers", seconds=60)
        donors = [
            threading.Thread(target=self._donor, args=(number, self._random.randrange(10**9)))
            for number in range(DONORS)
        ]
        for donor in donors:
            donor.start()
        try:
            self._kill()
        finally:
            self._over.set()
            for donor in donors:
                donor.join()
        after = time.monotonic()
        findings = self._drain()
        say(
            f"{sum(self._given.values())} gifts {dict(self._given)}, killed {dict(self._killed)} "
            f"in {after - began:.1f} s, at rest {time.monotonic() - after:.1f} s later"
        )
        return findings + [Finding("every donor is served", "a donor", trouble) for trouble in self._troubles]

    def _donor(self, number: int, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        gift = 0
        with requests.Session() as http:
            while not self._over.is_set():
                gift += 1
                try:
                    self._give(http, f"donor-{number}-gift-{gift}", chance)
                except Exception as trouble:
                    self._troubles.append(f"{type(trouble).__name__}: {trouble}")
                    return
                self._over.wait(chance.uniform(0.05, 0.4))

    def _give(self, http: requests.Session, key: str, chance: random.Random) -> None:
        how = chance.choices(["card", "bank", "bank fails", "declined"], [70, 12, 6, 12])[0]
        wish = {
            "amount": chance.choice([500, 2500, 10000, 33333]),
            "currency": "usd",
            "fund": chance.choice(["general", "rescue"]),
            "cover_fees": chance.random() < 0.5,
            "donor": {"name": "Ada Park", "email": f"{key}@example.com"},
        }
        session_id = ""

        def has_opened() -> bool:
            nonlocal session_id
            try:
                answer = http.post(
                    f"{self._town.api}/api/v1/donations",
                    json=wish,
                    headers={"Idempotency-Key": key, "X-Forwarded-For": _home_of(key)},
                    timeout=25,
                )
            except requests.RequestException:
                return False
            if answer.status_code in {409, 502, 503}:
                return False
            if answer.status_code != 201:
                raise AssertionError(f"{answer.status_code}: {answer.text[:200]}")
            session_id = answer.json()["checkout_url"].rpartition("/")[2]
            return True

        _until(has_opened, f"{key} reaches Stripe's page", seconds=90, pause=0.1)
        page = f"checkout/sessions/{session_id}"
        with SmallStripe(self._town.stripe.url) as stripe:
            if how == "card":
                stripe.control(f"{page}/pay", card="4242424242424242")
            elif how == "declined":
                stripe.control(f"{page}/decline")
            else:
                stripe.control(f"{page}/pay", method="bank_debit")
                stripe.control(f"{page}/bank_debit/{'succeed' if how == 'bank' else 'fail'}")
        self._given[how] += 1

    def _kill(self) -> None:
        victims = (
            ["worker"] * self._options.kills
            + ["api"] * self._options.api_kills
            + ["database"] * self._options.database_kills
            + ["broker"] * max(1, self._options.kills // 50)
        )
        self._random.shuffle(victims)
        self._over.wait(0.5)
        for victim in victims:
            deed: Callable[[], bool] = getattr(self, f"_kill_{victim}")
            _until(deed, f"a {victim} can be killed", seconds=30)
            self._killed[victim] += 1
            self._over.wait(self._random.uniform(0.02, 0.25))

    def _kill_worker(self) -> bool:
        # Of Celery the pool's processes, as the out-of-memory killer picks them.
        parents = [
            self._town.running[name].pid for name in ("workers", "celery") if name in self._town.running
        ]
        children = family(self._random.choice(parents))[1:]
        if not children:
            return False
        with suppress(psutil.NoSuchProcess):
            self._random.choice(children).kill()
        return True

    def _kill_api(self) -> bool:
        self._town.stop("api")
        self._town.hurry()  # nobody is left who could be asking Stripe
        start_api(self._town)
        return True

    def _kill_database(self) -> bool:
        state = self._town.folder / "house" / "postgres.json"
        before = json.loads(state.read_text())["pid"]
        for process in family(before):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _until(lambda: json.loads(state.read_text())["pid"] != before, "PostgreSQL is back", seconds=60)
        return True

    def _kill_broker(self) -> bool:
        with redis.Redis.from_url(self._town.broker) as broker:
            broker.flushall()
        return True

    def _drain(self) -> list[Finding]:
        """Nobody dies any more; with Stripe's retries and our timetable everything comes to rest."""
        self._town.stripe.control("webhooks")
        until = time.monotonic() + 60
        while True:
            self._town.hurry()
            findings = self._findings()
            if not findings:
                return [
                    Finding("the log makes these very books", f"{each.table} {each.key}", each.what)
                    for each in rebuild().differences
                ]
            if time.monotonic() > until:
                return findings
            time.sleep(0.3)

    def _findings(self) -> list[Finding]:
        pending = self._town.stripe.state()["deliveries"].get("pending", 0)
        unsettled = [
            charge["id"]
            for charge in self._town.stripe.listed("charges")
            if charge["status"] == "succeeded" and charge["balance_transaction"] is None
        ]
        found = [Finding("Stripe has said everything", "deliveries", str(pending))] if pending else []
        found += [Finding("Stripe has settled everything", charge, "not yet") for charge in unsettled]
        killed = self._killed["worker"] + self._killed["database"]
        with self._town.books() as connection:
            found += of_the_books(connection, at_rest=True)
            found += against_stripe(connection, self._town.stripe.holds())
            found += of_the_mailbox(connection, self._town.mailroom.delivered(), may_be_doubled=killed)
        return found


def _answers(api: str) -> bool:
    try:
        return requests.get(f"{api}/healthz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _home_of(key: str) -> str:
    """Every donor gives from an address of their own."""
    return str(ip_address(int.from_bytes(sha256(key.encode()).digest()[:3]) + (11 << 24)))


def _until(claim: Callable[[], bool], what: str, *, seconds: float, pause: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} seconds: {what}")
        time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main())

"""Stolen cards are tried out here, by the thousand, while people give: how many tries reach Stripe?

    python -m tests.faults.card_testing --tries 20000 --honest 300 --seed 7

tries by the API and by the form, from one address, from one /24, from a botnet of IPv4 and from IPv6, each
time under another e-mail address; half-way the broker is emptied, and later it freezes for a while. On each
page that does open, cards are tried until the page is given up. Meanwhile people give: half of them in one
hall, behind one address, half at home, with a browser that runs scripts, and pay. Then it asks: did fewer
than twenty tries reach Stripe, was nobody of the people turned away, and does the house say that it is
attacked?
Exit code 1: no. Everything runs as in the chaos (`town.py`) and leaves nothing behind.
"""

import argparse
import os
import random
import re
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html import unescape
from ipaddress import IPv4Address, IPv6Address

import psutil
import redis
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from payments.shield import puzzle
from tests.faults.stage import SmallStripe
from tests.faults.town import Town, say, town

AT_MOST = 20
_ATTACKERS = 6
_PEOPLE = 4
_HALL = "192.0.2.77"
_FORM = {
    "currency": "usd",
    "amount_usd": "5000",
    "fund": "rescue",
    "name": "Ada Park",
    "dedication": "",
    "frequency": "once",
}


def main() -> int:
    """Attack once, say what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.card_testing", description=__doc__)
    parser.add_argument("--tries", type=int, default=2000)
    parser.add_argument("--honest", type=int, default=40, help="people who give meanwhile")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - no secret
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    say(f"seed {options.seed}")
    with town(celery=False, CHECKOUTS_PER_HOUR="2000", METRICS_TOKEN="") as around:
        complaints = Attack(around, options).run()
    for complaint in complaints:
        say(f"BROKEN  {complaint}")
    return 1 if complaints else 0


class Attack:
    """The attackers, the people, and what is counted of both."""

    def __init__(self, around: Town, options: argparse.Namespace) -> None:
        self._town = around
        self._options = options
        self._lock = threading.Lock()
        self._tries: Counter[int] = Counter()
        self._reached = 0
        self._people: Counter[str] = Counter()
        self._line = threading.local()

    def run(self) -> list[str]:
        """Everybody at once, then count."""
        self._wait_for_the_api()
        began = time.monotonic()
        with ThreadPoolExecutor(_ATTACKERS) as attackers, ThreadPoolExecutor(_PEOPLE) as people:
            tries = [attackers.submit(self._try, number) for number in range(self._options.tries)]
            gifts = [people.submit(self._give, number) for number in range(self._options.honest)]
            self._trouble_the_broker()
            for done in (*tries, *gifts):
                done.result()
        seconds = time.monotonic() - began
        opened = len(self._sessions())
        is_attacked = "almoner_under_attack 1.0" in requests.get(f"{self._town.api}/metrics", timeout=20).text
        say(
            f"{self._options.tries} tries in {seconds:.0f} s, answered {dict(self._tries)}: "
            f"{self._reached} reached Stripe; "
            f"of {self._options.honest} people {dict(self._people)}; {opened} pages at Stripe"
        )
        complaints = []
        if self._reached >= AT_MOST:
            complaints.append(f"{self._reached} tries reached Stripe")
        if self._people["gave"] != self._options.honest:
            complaints.append(f"people were turned away: {dict(self._people)}")
        if opened != self._reached + self._people["gave"]:
            complaints.append(f"{opened} pages at Stripe are not those that were answered")
        if not is_attacked:
            complaints.append("the house does not say that it is attacked")
        return complaints

    def _try(self, number: int) -> None:
        chance = random.Random(f"{self._options.seed}:{number}")  # noqa: S311 - no secret
        come_from = {"X-Forwarded-For": _somewhere(chance)}
        email = f"{chance.randrange(10**12)}@example.com"
        by = self._by_form if number % 2 else self._by_api
        status, page = by(come_from, email, f"try-{self._options.seed}-{number:06}")
        with self._lock:
            self._tries[status] += 1
            self._reached += bool(page)
        if page:
            with SmallStripe(self._town.stripe.url) as stripe:
                for _ in range(3):
                    stripe.control(f"checkout/sessions/{page}/decline")

    def _by_api(self, come_from: dict[str, str], email: str, key: str) -> tuple[int, str]:
        wish = {"amount": 500, "currency": "usd", "fund": "general", "donor": {"name": "A", "email": email}}
        answer = self._http.post(
            f"{self._town.api}/api/v1/donations",
            json=wish,
            headers={"Idempotency-Key": key, **come_from},
            timeout=30,
        )
        if answer.status_code == 429:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
        return answer.status_code, _session(answer.json().get("checkout_url") or "")

    def _by_form(self, come_from: dict[str, str], email: str, key: str) -> tuple[int, str]:
        """Without having seen the page: a program has the form's fields from before."""
        answer = self._press({**_FORM, "email": email, "token": f"{key:_<24}"}, come_from)
        return answer.status_code, _session(answer.headers.get("location", ""))

    def _press(self, form: dict[str, str], come_from: dict[str, str]) -> requests.Response:
        return self._http.post(
            f"{self._town.api}/donate",
            data=form,
            headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html", **come_from},
            allow_redirects=False,
            timeout=30,
        )

    @property
    def _http(self) -> requests.Session:
        """One line for each thread. A line that the server closed meanwhile is opened again, as browsers do:
        every key and every form is good for one gift."""
        if not hasattr(self._line, "session"):
            self._line.session = requests.Session()
            # A 429 is an answer here, and is not waited for.
            again = Retry(3, allowed_methods=None, backoff_factor=0.1, respect_retry_after_header=False)
            self._line.session.mount("http://", HTTPAdapter(max_retries=again))
        session: requests.Session = self._line.session
        return session

    def _give(self, number: int) -> None:
        """A person: reads the page, fills it in, presses, and pays."""
        come_from = {"X-Forwarded-For": _HALL if number % 2 else f"198.18.{number // 250}.{number % 250}"}
        time.sleep(random.Random(number).uniform(0, 0.2))  # noqa: S311 - no secret
        page = self._http.get(f"{self._town.api}/donate", headers=come_from, timeout=30).text
        form = {**_hidden(page), **_FORM, "email": f"person-{number}@example.com"}
        form["proof"] = puzzle.solve(form["puzzle"])
        answer = self._press(form, come_from)
        session = _session(answer.headers.get("location", ""))
        with self._lock:
            self._people["gave" if session else f"got {answer.status_code}"] += 1
        if session:
            with SmallStripe(self._town.stripe.url) as stripe:
                stripe.control(f"checkout/sessions/{session}/pay", card="4242424242424242")

    def _trouble_the_broker(self) -> None:
        """Emptied when half of the tries are made, frozen when three quarters are."""
        self._wait_for_tries(0.5)
        with redis.Redis.from_url(self._town.broker) as broker:
            pid = int(broker.info("server")["process_id"])
            broker.flushall()
        self._wait_for_tries(0.75)
        frozen = psutil.Process(pid)
        frozen.suspend()
        try:
            self._wait_for_tries(0.9)
        finally:
            frozen.resume()

    def _wait_for_tries(self, share: float) -> None:
        while sum(self._tries.values()) < share * self._options.tries:
            time.sleep(0.05)

    def _wait_for_the_api(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(requests.RequestException):
                if requests.get(f"{self._town.api}/healthz", timeout=2).ok:
                    return
            time.sleep(0.1)
        raise AssertionError("the API does not answer")

    def _sessions(self) -> list[dict[str, object]]:
        with SmallStripe(self._town.stripe.url) as stripe:
            return stripe.listed("checkout/sessions")


def _somewhere(chance: random.Random) -> str:
    kind = chance.choice(["one", "24", "botnet", "six"])
    if kind == "one":
        return "203.0.113.66"
    if kind == "24":
        return f"198.51.100.{chance.randrange(256)}"
    if kind == "botnet":
        return str(IPv4Address(chance.randrange(int(IPv4Address("13.0.0.0")), int(IPv4Address("99.0.0.0")))))
    return str(IPv6Address(int(IPv6Address("2a00::")) + chance.getrandbits(100)))


def _hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


def _session(address: str) -> str:
    name = address.rpartition("/")[2]
    return name if name.startswith("cs_") else ""


if __name__ == "__main__":
    os.environ["CHECKOUTS_PER_HOUR"] = "2000"
    sys.exit(main())

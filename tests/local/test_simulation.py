"""The town of the simulation: the same seed is the same town, and a small one lives through its months."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing import Pipe
from multiprocessing.context import SpawnProcess

import pytest

from payments.local import services
from payments.local.simulation import town
from payments.local.simulation.hands import Hands, HandsFailed
from payments.local.simulation.stripe_town import Sandbox
from payments.local.simulation.town import Turn

FUNDS = ("general", "rescue")


def test_the_same_seed_is_the_same_town_and_another_is_another():
    first = town.settle(donors=200, months=12, seed=7, funds=FUNDS)

    assert town.settle(donors=200, months=12, seed=7, funds=FUNDS) == first
    assert town.settle(donors=200, months=12, seed=8, funds=FUNDS) != first


def test_a_town_of_some_size_sees_everything_happen():
    happens = Counter(
        neighbour.turn for neighbour in town.settle(donors=2000, months=12, seed=1, funds=FUNDS)
    )

    assert set(happens) == set(Turn)
    assert happens[Turn.NOTHING] > 1000


@pytest.mark.parametrize("months", [1, 2, 12])
def test_everybody_joins_before_anything_happens_to_them(months: int):
    for neighbour in town.settle(donors=500, months=months, seed=3, funds=FUNDS):
        assert neighbour.joins_on < neighbour.turns_on


@pytest.mark.timeout(180)
def test_a_small_town_lives_through_two_months_and_its_books_are_right():
    done = subprocess.run(
        [sys.executable, "-m", "payments.cli", "simulate", "--donors", "12", "--months", "2", "--json"],
        cwd=services.CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["donors"] == 12
    assert told["instalments"] == told["receipts"] > 12


def test_what_a_worker_died_of_is_told_and_not_that_it_is_gone():
    ours, theirs = Pipe()
    theirs.send(1)
    theirs.send("Traceback: the ledger does not add up")
    theirs.close()
    hands = Hands(_workers=[(SpawnProcess(), ours)], _days_over=1)

    hands.end_of_day()

    with pytest.raises(HandsFailed, match="does not add up"):
        hands.end_of_day()


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_a_donor_is_only_late_where_the_sandbox_refuses(status: int):
    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Door) as door, ThreadPoolExecutor() as beside:
        beside.submit(door.handle_request)
        town_of_stripe = Sandbox(f"http://127.0.0.1:{door.server_port}")
        with pytest.raises(RuntimeError) if status == 500 else nullcontext():
            town_of_stripe.confirms("in_1")
        town_of_stripe._connection.close()

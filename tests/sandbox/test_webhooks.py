"""Events arrive signed, are sent again until they are taken, and misbehave only when told to."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stripe

from tests.sandbox.conftest import API_KEY, ROOT, SECRET, Receiver, Sandbox, Start, gift, wait_until

PAID = [
    "payment_intent.created",
    "payment_intent.succeeded",
    "charge.succeeded",
    "checkout.session.completed",
]


def paid_gift(sandbox: Sandbox) -> str:
    session_id = sandbox.stripe.v1.checkout.sessions.create(gift()).id
    sandbox.pay(session_id)
    return session_id


def test_the_library_accepts_the_signature_and_reads_the_event(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)

    session_id = paid_gift(sandbox)

    received = receiver.first("checkout.session.completed")
    assert stripe.WebhookSignature.verify_header(received.body.decode(), received.signature, SECRET, 300)
    event = sandbox.stripe.construct_event(received.body, received.signature, SECRET)
    assert event.data.object["id"] == session_id
    assert event.api_version == stripe.api_version
    with pytest.raises(stripe.SignatureVerificationError):
        sandbox.stripe.construct_event(received.body, received.signature, "whsec_another_one")


def test_while_a_secret_is_rolled_either_one_verifies(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)
    sandbox.control("/webhooks/secrets", {"secrets": ["whsec_the_new_one", SECRET]})

    paid_gift(sandbox)

    received = receiver.first("charge.succeeded")
    assert received.signature.count("v1=") == 2
    for secret in ("whsec_the_new_one", SECRET):
        assert stripe.WebhookSignature.verify_header(received.body.decode(), received.signature, secret, 300)


def test_a_receiver_that_fails_gets_the_event_again_until_it_takes_it(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)
    receiver.answers = [500, 500, 301, 400]

    paid_gift(sandbox)

    wait_until(lambda: len(receiver.got) == len(PAID) + 4)
    delivered = {"delivery_success": True, "limit": 100}
    wait_until(lambda: len(sandbox.stripe.v1.events.list(delivered).data) == len(PAID))
    assert sorted(set(receiver.types())) == sorted(PAID)
    deliveries = sandbox.control("/webhooks/deliveries", method="GET")["deliveries"]
    assert sorted(len(delivery["attempts"]) for delivery in deliveries)[-1] >= 2


def test_undelivered_events_can_be_asked_for(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)
    sandbox.control("/webhooks", {"mode": "drop"})

    paid_gift(sandbox)

    missed = sandbox.stripe.v1.events.list(
        {"delivery_success": False, "types": ["checkout.session.completed", "charge.succeeded"]}
    ).data
    assert [event.type for event in missed] == ["checkout.session.completed", "charge.succeeded"]
    assert [event.pending_webhooks for event in missed] == [1, 1]
    assert receiver.got == []

    sandbox.control("/webhooks/resend", {"event": missed[0].id})

    assert receiver.types() == ["checkout.session.completed"]
    still = sandbox.stripe.v1.events.list({"delivery_success": False}).data
    assert missed[0].id not in [event.id for event in still]


def test_held_events_arrive_in_the_order_given(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)
    sandbox.control("/webhooks", {"mode": "hold"})
    paid_gift(sandbox)
    ids = [event.id for event in sandbox.stripe.v1.events.list().data]
    assert receiver.got == []

    sent = sandbox.control("/webhooks/flush", {"order": ids})

    assert [received.event["id"] for received in receiver.got] == ids
    assert [delivery["last_status"] for delivery in sent["sent"]] == [200] * len(ids)


def test_duplicates_lies_and_dropped_types_come_as_ordered(start: Start, receiver: Receiver):
    sandbox = start(webhook=receiver.url)
    sandbox.control(
        "/webhooks",
        {
            "duplicate": 2,
            "shuffle": True,
            "api_version": "2024-04-10",
            "livemode": True,
            "account": "acct_other",
            "drop_types": ["charge.succeeded"],
        },
    )

    paid_gift(sandbox)

    wait_until(lambda: len(receiver.got) == 9)
    assert sorted(receiver.types()) == sorted(PAID[:2] * 3 + PAID[3:] * 3)
    event = receiver.got[0].event
    assert (event["api_version"], event["livemode"], event["account"]) == ("2024-04-10", True, "acct_other")


def test_an_event_says_which_request_caused_it(sandbox: Sandbox):
    session = sandbox.stripe.v1.checkout.sessions.create(gift())
    sandbox.stripe.v1.checkout.sessions.expire(session.id, options={"idempotency_key": "expire-1"})

    event = sandbox.stripe.v1.events.list({"type": "checkout.session.expired"}).data[0]

    assert event.request is not None
    assert event.request.idempotency_key == "expire-1"
    assert str(event.request.id).startswith("req_")


def test_a_snapshot_stays_what_it_was(sandbox: Sandbox):
    session_id = paid_gift(sandbox)
    sandbox.control(f"/checkout/sessions/{session_id}/settle")

    succeeded = sandbox.stripe.v1.events.list({"type": "charge.succeeded"}).data[0]

    assert succeeded.data.object["balance_transaction"] is None


def test_events_older_than_thirty_days_are_gone_from_the_api(sandbox: Sandbox):
    paid_gift(sandbox)
    event_id = sandbox.stripe.v1.events.list().data[0].id

    sandbox.control("/clock", {"advance_seconds": 30 * 24 * 3600 + 60})

    assert sandbox.stripe.v1.events.list({"type": "checkout.session.completed"}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.events.retrieve(event_id)


def test_an_undelivered_event_survives_a_kill_and_arrives_after_the_restart(
    start: Start, receiver: Receiver, tmp_path: Path
):
    data = str(tmp_path / "stripe.sqlite3")
    first = start("--data", data, "--retry-base", "0.5", webhook=receiver.url)
    receiver.answers = [500] * len(PAID)
    session_id = paid_gift(first)
    wait_until(lambda: len(receiver.got) == len(PAID))

    first.process.kill()
    first.process.wait()
    second = start("--data", data, webhook=receiver.url)

    wait_until(lambda: len(receiver.got) == 2 * len(PAID))
    assert sorted(receiver.types()[len(PAID) :]) == sorted(PAID)
    assert second.stripe.v1.checkout.sessions.retrieve(session_id).payment_status == "paid"


def test_the_secret_may_come_from_the_environment(start: Start, receiver: Receiver):
    sandbox = start("--webhook", receiver.url, env={"STRIPE_SANDBOX_WEBHOOK_SECRET": SECRET})

    paid_gift(sandbox)

    received = receiver.first("charge.succeeded")
    assert stripe.WebhookSignature.verify_header(received.body.decode(), received.signature, SECRET, 300)


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key", API_KEY, "--webhook", "http://127.0.0.1:9/hook"],
        ["--api-key", API_KEY, "--webhook", "http://127.0.0.1:9/hook=whsec_"],
        ["--api-key", "sk_live_never"],
        [],
    ],
)
def test_a_missing_secret_or_key_stops_the_start(words: list[str]):
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("STRIPE_")}

    ended = subprocess.run(
        [sys.executable, "-m", "payments.sandbox", "--port", "0", *words],
        cwd=ROOT,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "--webhook" in ended.stderr or "--api-key" in ended.stderr


def test_events_share_a_connection_that_the_receiver_keeps_open(start: Start):
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as hook:
        sandbox = start("--in-flight", "1", webhook=hook)

        paid_gift(sandbox)

        wait_until(lambda: len(asked) == len(PAID))
        sandbox.stop()
    assert len(set(asked)) == 1


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A receiver of a test's own; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def answering(*answers: list[bytes]) -> Iterator[str]:
    """A receiver that gives each request one of these in pieces, with a rest between; the last for ever."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            pieces = left.pop(0) if len(left) > 1 else left[0]
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(0.01)
            self.close_connection = not pieces

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as hook:
        yield hook


def attempts(sandbox: Sandbox) -> list[list[int | None]]:
    """The statuses of each delivery's attempts, in the order the events were made, once all have arrived."""
    wait_until(lambda: sandbox.control("/state", method="GET")["deliveries"] == {"delivered": len(PAID)})
    deliveries = sandbox.control("/webhooks/deliveries", method="GET")["deliveries"]
    return [[attempt["status"] for attempt in delivery["attempts"]] for delivery in deliveries]


def test_an_answer_may_come_in_pieces(start: Start):
    with answering([b"HTTP/1.1 20", b"0 OK\r\nContent-Le", b"ngth: 4\r\n\r", b"\nta", b"ke"]) as url:
        sandbox = start("--in-flight", "1", webhook=url)

        paid_gift(sandbox)

        assert attempts(sandbox) == [[200]] * len(PAID)
        sandbox.stop()


def test_who_hangs_up_or_talks_nonsense_is_told_again(start: Start):
    taken = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
    with answering([], [b"what?\r\n\r\n"], [b"HTTP/1.1 200 OK\r\n\r\n"], taken) as url:
        sandbox = start("--in-flight", "1", webhook=url)

        paid_gift(sandbox)

        told = attempts(sandbox)
        assert sorted(told, key=len) == [[200]] * (len(PAID) - 2) + [[None, 200]] * 2
        sandbox.stop()

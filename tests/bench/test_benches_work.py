"""The instruments, at small size: a benchmark that measures wrongly is worse than none. Nothing is timed."""

import asyncio
import contextlib
import json

import pytest
from stripe import WebhookSignature

from bench.measuring import load, payloads, report
from bench.measuring.gifts import EVENTS_A_GIFT, said_of
from payments.stripe_gateway.shapes import Envelope, read
from payments.webhooks.events import object_of

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class _Server:
    """Answers each request with the next of its answers, the last one again and again."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.heard: list[bytes] = []
        self.speaking: set[asyncio.Task[None]] = set()

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.speaking.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                self.heard.append(head + await reader.readexactly(length))
                writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _load(
    answers: list[bytes], count: int, *, per_second: float | None = None
) -> tuple[load.Outcome, list[bytes]]:
    async def run() -> tuple[load.Outcome, list[bytes]]:
        there = _Server(answers)
        async with await asyncio.start_server(there.speak, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            ids = payloads.event_ids("t", count)
            requests = [d.request for d in payloads.deliveries(ids, path="/", port=port)]
            if per_second is None:
                outcome = await load.saturate(requests, port=port, connections=4, at_most=10)
            else:
                outcome = await load.keep_pace(requests, port=port, connections=4, per_second=per_second)
            await asyncio.wait_for(asyncio.gather(*there.speaking), 10)
        return outcome, there.heard

    return asyncio.run(run())


def test_a_delivery_is_an_event_of_its_own_signed_as_stripe_signs():
    first, second = payloads.deliveries(payloads.event_ids("t", 2), path="/webhooks/stripe", port=8000)

    head, _, body = first.request.partition(b"\r\n\r\n")
    signature = next(line for line in head.decode().split("\r\n") if line.startswith("Stripe-Signature: "))

    assert WebhookSignature.verify_header(body, signature.split(": ")[1], payloads.WEBHOOK_SECRET, 300)
    assert json.loads(body)["id"] == first.event_id != second.event_id
    assert 2500 < len(body) < 4500


def test_the_closed_load_sends_every_request_once_and_counts_every_answer():
    outcome, heard = _load([_OK], 50)

    assert sorted(outcome.statuses) == list(range(50))
    assert len(set(heard)) == len(heard) == len(outcome.accepted) == len(outcome.seconds) == 50
    assert outcome.cut == 0


def test_an_answer_in_chunks_that_ends_the_connection_is_one_answer_and_the_load_goes_on():
    closing = (
        b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\noops\r\n0\r\n\r\n"
    )

    outcome, _ = _load([closing, closing, _OK], 20)

    assert sorted(outcome.statuses.values()).count(500) == 2
    assert len(outcome.accepted) == 18


def test_the_steady_load_keeps_its_pace_and_counts_the_wait_from_when_a_request_was_due():
    outcome, _ = _load([_OK], 40, per_second=400)

    assert len(outcome.accepted) == 40
    assert outcome.elapsed >= 39 / 400


def test_a_server_that_is_not_there_ends_the_load():
    outcome = asyncio.run(load.saturate([b"x"], port=1, connections=2, at_most=10))

    assert outcome.accepted == []


def test_what_stripe_says_of_a_benchmark_gift_is_read_by_our_own_shapes():
    deliveries = list(said_of(7))

    objects = [object_of(delivery.type, delivery.body) for delivery in deliveries]

    assert len(objects) == EVENTS_A_GIFT
    assert not [delivery.parked_reason for delivery in deliveries if delivery.parked_reason]
    assert read(Envelope, deliveries[0].body).livemode is False


@pytest.mark.parametrize(("measured", "is_met"), [(24.9, False), (25.0, True), (31.0, True)])
def test_a_goal_is_met_at_its_bound_and_missed_below_it(measured: float, is_met: bool):
    assert report.at_least("rate", measured, 25).is_met is is_met
    assert report.at_most("cost", measured, 25).is_met is (measured <= 25)


def test_one_missed_goal_fails_the_benchmark(capsys: pytest.CaptureFixture[str]):
    code = report.conclude([report.at_least("rate", 30, 25), report.at_most("cost", 30, 25)])

    assert code == 1
    assert "MISSED  cost ≤ 25x   (measured 30x)" in capsys.readouterr().out

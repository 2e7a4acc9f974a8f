"""The door: what Stripe signed is stored once, byte for byte; everything else is turned away politely."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.stripe_gateway.shapes import API_VERSION
from payments.webhooks import receive
from payments.webhooks.models import QueuedEvent, StripeEvent
from payments.webhooks.receive import LARGEST_BODY
from tests.conftest import as_owner
from tests.journeys.neighbours import wait_until
from tests.webhooks.conftest import NEW_SECRET, OLD_SECRET, Door, an_event, written
from tests.webhooks.signing import signature, signed

FORGED = "whsec_not_the_secret_of_this_house"


def stored(session: Session) -> list[StripeEvent]:
    return list(session.query(StripeEvent).order_by(StripeEvent.stripe_event_id))


def queued(session: Session) -> list[QueuedEvent]:
    return list(session.query(QueuedEvent).order_by(QueuedEvent.stripe_event_id))


def test_a_signed_event_is_stored_as_it_came_and_queued(door: Door, session: Session):
    body = written(an_event(created=1_764_000_123))

    answer = door.takes(body)

    [event] = stored(session)
    assert (answer.status, answer.body) == (200, b"")
    assert event.body == body
    assert (event.stripe_event_id, event.type, event.object_id) == ("evt_1", "charge.updated", "ch_1")
    assert (event.source, event.is_live, event.api_version) == ("webhook", False, API_VERSION)
    assert event.created_at.timestamp() == 1_764_000_123
    assert [row.stripe_event_id for row in queued(session)] == ["evt_1"]


@pytest.mark.parametrize("secret", [OLD_SECRET, NEW_SECRET], ids=["old", "new"])
def test_each_live_secret_opens_the_door(door: Door, session: Session, secret: str):
    body = written(an_event())

    assert door.takes(body, signed(body, secret=secret)).status == 200
    assert len(stored(session)) == 1


def test_one_good_signature_among_several_is_enough(door: Door, session: Session):
    body = written(an_event())
    moment = int(time.time())
    good = signature(body, secret=NEW_SECRET, at=moment).partition("v1=")[2]
    header = f"t={moment},v1={'0' * 64},v1={good},v0=ignored"

    assert door.takes(body, {"stripe-signature": header}).status == 200
    assert len(stored(session)) == 1


@pytest.mark.parametrize("seconds", [-290, 290])
def test_a_clock_a_little_off_is_forgiven(door: Door, seconds: int):
    body = written(an_event())

    assert door.takes(body, signed(body, at=time.time() + seconds)).status == 200


@pytest.mark.parametrize("seconds", [-310, 310, -86_400, 86_400, 10**9])
def test_a_signature_of_another_time_is_refused_on_either_side(door: Door, session: Session, seconds: int):
    body = written(an_event())

    answer = door.takes(body, signed(body, at=time.time() + seconds))

    assert answer.status == 400
    assert "five minutes" in answer.detail
    assert stored(session) == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        "t=,v1=",
        "t=12,v1",
        "t=twelve,v1=" + "0" * 64,
        "t=" + "9" * 5000 + ",v1=" + "0" * 64,
        "v1=" + "0" * 64,
        "t=-1,v1=" + "0" * 64,
        b"t=1\xff\xfe,v1=\xe9",
        "t=١٢٣,v1=0".encode(),
        "=" * 3000 + "," * 3000,
    ],
    ids=lambda header: repr(header)[:20],
)
def test_a_header_that_proves_nothing_is_refused(door: Door, session: Session, header: str | bytes | None):
    body = written(an_event())

    answer = door.takes(body, {} if header is None else {"stripe-signature": header})

    assert answer.status == 400
    assert stored(session) == []


def test_a_forged_signature_is_refused(door: Door, session: Session):
    body = written(an_event())

    answer = door.takes(body, signed(body, secret=FORGED))

    assert (answer.status, answer.detail) == (400, "no live secret signed this body")
    assert stored(session) == []


def test_a_body_changed_by_one_byte_is_refused(door: Door, session: Session):
    body = written(an_event())

    assert door.takes(body.replace(b"ch_1", b"ch_2"), signed(body)).status == 400
    assert stored(session) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b'{"id": "evt_1", "name": "\xff"}',
        b"not json",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 60_000,
        b'{"id": "evt_1"} and more',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_signed_body_that_is_no_json_is_refused_and_never_a_crash(
    door: Door, session: Session, body: bytes
):
    answer = door.takes(body)

    assert answer.status == 400
    assert stored(session) == []


@pytest.mark.parametrize(
    "body",
    [b"[]", b"7", b"null", b'"evt_1"', b"{}", b'{"id": 7}', written(an_event(type_=7)), b"NaN"],  # type: ignore[arg-type]
    ids=lambda body: repr(body[:12]),
)
def test_signed_json_that_is_no_event_is_kept_under_its_hash_for_a_person(
    door: Door, session: Session, body: bytes
):
    answers = {door.takes(body).status for _ in range(2)}

    [event] = stored(session)
    [row] = queued(session)
    assert answers == {200}
    assert event.body == body
    assert event.stripe_event_id.startswith("unread:")
    assert row.parked_reason


def test_what_stripe_signed_is_kept_byte_for_byte_however_odd(door: Door, session: Session):
    oddities = [
        rb'"name": "Ada \u0000 Park"',
        rb'"name": "half a pair \ud83d"',
        b'"amount": NaN, "amount": 7, "amount": 1e999',
        '"name": "김지우 🏮"'.encode(),
        b'"name":\t"tabs and \\/ slashes"',
    ]
    bodies = [
        written(an_event(f"evt_{place}")).replace(b'"object": "charge"', b'"object": "charge", ' + oddity)
        for place, oddity in enumerate(oddities)
    ]

    answers = [door.takes(body) for body in bodies]

    assert [answer.status for answer in answers] == [200] * len(bodies)
    assert [event.body for event in stored(session)] == bodies


def test_an_id_that_is_not_plain_text_is_parked_and_not_used_as_a_key(door: Door, session: Session):
    answer = door.takes(written(an_event("evt_\u0000'; drop table")))

    [event] = stored(session)
    assert answer.status == 200
    assert event.stripe_event_id.startswith("unread:")
    assert queued(session)[0].parked_reason == "an id or type in it is not plain text"


@pytest.mark.parametrize("created", [-1, 10**12, 10**25])
def test_an_event_of_no_time_that_a_calendar_has_is_parked_and_holds_up_no_other(
    door: Door, session: Session, created: int
):
    answer = door.takes(written(an_event() | {"created": created}))

    [row] = queued(session)
    assert answer.status == 200
    assert "created" in (row.parked_reason or "")


def test_a_body_too_large_is_refused_by_its_header_before_it_is_read(door: Door, session: Session):
    answer = door.asked("POST", None, {"content-length": str(LARGEST_BODY + 1)})

    assert answer.status == 413
    assert stored(session) == []


def test_a_body_that_grows_too_large_on_the_way_is_refused(door: Door, session: Session):
    parts = (b"x" * 60_000 for _ in range(12))

    answer = door.asked("POST", parts, {"transfer-encoding": "chunked"}, chunked=True)

    assert answer.status == 413
    assert stored(session) == []


def test_a_body_in_small_pieces_is_the_same_body(door: Door, session: Session):
    body = written(an_event(note="x" * 100_000))
    parts = (body[start : start + 9_999] for start in range(0, len(body), 9_999))

    answer = door.asked("POST", parts, signed(body) | {"transfer-encoding": "chunked"}, chunked=True)

    assert answer.status == 200
    assert stored(session)[0].body == body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_post_is_answered(door: Door, method: str):
    answer = door.asked(method, None, {})

    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


def test_a_second_delivery_is_answered_well_and_stored_once(door: Door, session: Session):
    first = written(an_event())
    again = written(an_event(pending_webhooks=3))

    statuses = [door.takes(first).status, door.takes(again).status, door.takes(first).status]

    assert statuses == [200, 200, 200]
    assert [event.body for event in stored(session)] == [first]
    assert len(queued(session)) == 1


def test_a_delivery_of_what_is_already_done_does_not_queue_it_again(door: Door, session: Session):
    door.takes(written(an_event()))
    session.query(QueuedEvent).delete()
    session.commit()

    door.takes(written(an_event()))

    assert queued(session) == []


def test_a_type_nobody_acts_on_is_stored_and_not_queued(door: Door, session: Session):
    assert door.takes(written(an_event(type_="lantern.lit"))).status == 200

    assert [event.type for event in stored(session)] == ["lantern.lit"]
    assert queued(session) == []


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"livemode": True}, "live mode event at a server of the other mode"),
        ({"account": "acct_2"}, "event of account acct_2, which is not ours"),
        ({"api_version": "2020-08-27"}, "API version 2020-08-27; the endpoint must be created with"),
        ({"api_version": None}, "API version None"),
    ],
)
def test_what_is_not_for_this_house_is_parked_at_the_door(
    door: Door, session: Session, lie: dict[str, object], reason: str
):
    assert door.takes(written(an_event(**lie))).status == 200  # type: ignore[arg-type]

    [row] = queued(session)
    assert str(row.parked_reason).startswith(reason)
    assert row.parked_at is not None


def test_the_same_ids_racing_in_many_deliveries_become_one_row_each(door: Door, session: Session):
    ids = [f"evt_{number:02}" for number in range(20)]
    deliveries = [written(an_event(event_id)) for event_id in (ids + ids[::-1]) * 6]

    with ThreadPoolExecutor(24) as many:
        statuses = {answer.status for answer in many.map(door.takes, deliveries)}

    assert statuses == {200}
    assert [event.stripe_event_id for event in stored(session)] == ids
    assert [row.stripe_event_id for row in queued(session)] == ids


def test_while_the_database_is_away_stripe_is_asked_to_come_again_and_then_nothing_is_lost(
    door: Door, postgres: str, database: str
):
    body = written(an_event())
    assert door.takes(written(an_event("evt_before"))).status == 200

    with the_database_away(postgres, database):
        away = door.takes(body)
    back = door.takes(body)

    assert away.status == 503
    assert away.headers["retry-after"] == "5"
    assert back.status == 200
    assert names_stored(database) == ["evt_1", "evt_before"]


@contextmanager
def the_database_away(postgres: str, url: str):
    """It refuses every new conversation and breaks off the ones with the door."""
    name = url.rpartition("/")[2].partition("?")[0]
    with as_owner(postgres) as server:
        server.execute(text(f"alter database {name} allow_connections false"))
        try:
            server.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = :name and query like '%incoming%'"
                ).bindparams(name=name)
            )
            yield
        finally:
            server.execute(text(f"alter database {name} allow_connections true"))


def names_stored(url: str) -> list[str]:
    with as_owner(url) as connection:
        query = text("select stripe_event_id from stripe_events order by 1")
        return list(connection.scalars(query))


def test_a_database_that_hangs_is_waited_for_only_so_long(door: Door, owner):
    owner.execute(text("lock table stripe_events in access exclusive mode"))
    began = time.monotonic()

    hung = door.takes(written(an_event()))
    waited = time.monotonic() - began
    owner.rollback()

    assert hung.status == 503
    assert waited < 7
    wait_until(lambda: door.takes(written(an_event())).status == 200)


def test_behind_a_database_that_hangs_nobody_queues_for_a_wait_of_their_own(
    door: Door, owner, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(receive, "_STORE_WITHIN", 0.3)
    monkeypatch.setattr(receive, "_FLUSH", 1)
    owner.execute(text("lock table stripe_events in access exclusive mode"))
    began = time.monotonic()

    with ThreadPoolExecutor(10) as stripe:
        answers = list(stripe.map(lambda n: door.takes(written(an_event(f"evt_{n}"))), range(10)))
    waited = time.monotonic() - began
    owner.rollback()

    assert {answer.status for answer in answers} == {503}
    assert waited < 1.5

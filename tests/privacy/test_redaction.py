"""What is left of an event: everything that the books read, and nothing that says who it was."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from payments.database import engine, transaction
from payments.webhooks.events import TABLE, object_of, reading_of

WHOSE = "dnr_0123"


def redacted(body: bytes) -> bytes:
    with transaction() as session:
        left = session.execute(
            text("select almoner_redacted(:body, :whose)"), {"body": body, "whose": WHOSE}
        ).scalar_one()
    return bytes(left)


def a_charge(**said: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 2500,
        "currency": "usd",
        "status": "succeeded",
        "created": 1_790_000_000,
        "payment_intent": "pi_1",
        "metadata": {"donation": "don_0a", "note": "for Ada"},
        "failure_code": None,
        "balance_transaction": "txn_1",
        "receipt_email": "ada@example.com",
        "description": "Donation by Ada Park",
        "billing_details": {
            "name": "Ada Park",
            "email": "ada@example.com",
            "phone": "+1 555 0100",
            "address": {"line1": "1 High Street", "postal_code": "94107", "country": "US"},
        },
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": "visa",
                "last4": "4242",
                "exp_month": 3,
                "exp_year": 2027,
                "fingerprint": "fp_abcdefgh",
            },
        },
        **said,
    }


def an_event(type_: str, thing: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": type_,
            "created": 1_790_000_001,
            "livemode": False,
            "api_version": "2026-10-29",
            "request": {"id": "req_1", "idempotency_key": "checkout:don_0a"},
            "data": {"object": thing},
        }
    ).encode()


def test_names_addresses_phones_and_fingerprints_go_and_the_books_read_the_same(database: str) -> None:
    body = an_event("charge.succeeded", a_charge())

    left = redacted(body)

    before, after = object_of("charge.succeeded", body), object_of("charge.succeeded", left)
    assert after.donation_id == before.donation_id == "don_0a"  # type: ignore[attr-defined]
    lost = {
        name
        for name, value in before.model_dump(exclude={"metadata", "payment_method_details"}).items()
        if after.model_dump()[name] != value
    }
    assert not lost
    assert after.payment_method_details.card.expires == "2027-03"  # type: ignore[attr-defined]
    for word in (b"Ada", b"ada@", b"555", b"High", b"94107", b"fp_abc", b"4242"):
        assert word not in left
    assert f'"{WHOSE}@erased.invalid"'.encode() in left


def test_redacting_twice_is_redacting_once(database: str) -> None:
    left = redacted(an_event("charge.succeeded", a_charge()))

    assert redacted(left) == left


@pytest.mark.parametrize(
    "name",
    [
        "Ada\\u0000Park",
        "Ada \\ud83d",
        "Ada \\ud83d\\ude00 Park",
        "\\uae40 \\ubbfc\\uc218",
        'A\\"Park\\\\',
        "A\\\\u0000",
    ],
)
def test_a_name_in_letters_that_the_database_does_not_take_goes_all_the_same(
    database: str, name: str
) -> None:
    body = an_event("charge.succeeded", a_charge(description="HERE")).replace(b"HERE", name.encode())

    left = redacted(body)

    assert json.loads(left)["data"]["object"]["description"] is None
    assert json.loads(left)["data"]["object"]["amount"] == 2500


@pytest.mark.parametrize("body", [b"no json, but ada@example.com", b'{"amount": NaN}', b"\xff\xfe\x00"])
def test_of_what_is_no_json_nothing_is_left(database: str, body: bytes) -> None:
    assert json.loads(redacted(body)) == {"erased": True}


words = st.text(max_size=30)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "status", "name", "email", "metadata", "last4", "address", "amount", "data"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(st.sampled_from(["data", "name", "email", "note"]), trees, max_size=4))
def test_numbers_and_shape_stay_and_free_words_go(database: str, tree: dict[str, Any]) -> None:
    left = json.loads(redacted(json.dumps(tree).encode()))

    compare(tree, left, called="")


def compare(before: Any, after: Any, *, called: str) -> None:
    if isinstance(before, dict) and called != "metadata":
        assert set(before) == set(after)
        for key, value in before.items():
            compare(value, after[key], called=key)
    elif isinstance(before, list):
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            compare(one, other, called=called)
    elif isinstance(before, str):
        assert after in {None, "erased", f"{WHOSE}@erased.invalid"} or (
            after == before and called in {"id", "status"} and " " not in before and "@" not in before
        )
    elif called != "metadata":
        assert after == before


def test_every_type_that_is_acted_on_can_be_redacted() -> None:
    assert all(reading_of(type_) is not None for type_ in TABLE)


def test_the_program_can_hand_no_body_to_the_database(database: str) -> None:
    with engine().connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("update stripe_events set body = '{}'"))


def test_not_even_the_owner_changes_another_row_while_one_is_erased(owner: Connection) -> None:
    owner.execute(
        text("""
            insert into stripe_events (stripe_event_id, source, type, is_live, created_at, body)
            select 'evt_' || n, 'webhook', 'charge.succeeded', false, now(), '{"name": "Ada"}'
            from generate_series(1, 2) n;
            insert into staff_members (id, email, name, roles)
            values ('stf_1', 'a@b.example', 'A', '{finance}');
            insert into donors (id, email, name, locale) values ('dnr_1', 'ada@example.com', 'Ada', 'en');
            insert into erasures (id, donor_id, erased_by, reason, proof)
            values ('ers_1', 'dnr_1', 'stf_1', 'asked', '{}')
        """)
    )
    assert owner.execute(text("select almoner_erase('ers_1', 'stripe_events', 'evt_1')")).scalar_one()

    for rewrite in (
        "update stripe_events set body = '{}' where stripe_event_id = 'evt_2'",
        "update stripe_events set type = 'x' where stripe_event_id = 'evt_1'",
        "update erasures set reason = 'other'",
        "delete from erased_rows",
        "insert into erased_rows (erasure_id, table_name, row_id) values ('ers_1', 'journal_entries', 'x')",
    ):
        with pytest.raises(DBAPIError), owner.begin_nested():
            owner.execute(text(rewrite))


def test_the_narrow_way_needs_an_erasure_and_a_row_of_its_donor(owner: Connection) -> None:
    with pytest.raises(DBAPIError, match="there is no erasure"):
        owner.execute(text("select almoner_erase('ers_none', 'stripe_events', 'evt_1')"))

"""The table of events: a newcomer finds a handler in one guess, and Stripe knows every type in it."""

import ast
import inspect
from pathlib import Path

import pytest
import stripe

from payments.stripe_gateway.shapes import API_VERSION
from payments.webhooks import handlers
from payments.webhooks.events import FETCHED, TABLE, is_acted_on, reading_of

SDK = Path(stripe.__file__).parent


def types_stripe_sends() -> set[str]:
    """The list of `enabled_events` in the library's own typed parameters."""
    tree = ast.parse((SDK / "params" / "_webhook_endpoint_create_params.py").read_text())
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value
    }


@pytest.mark.parametrize("event_type", TABLE)
def test_a_file_is_an_events_name_up_to_its_last_dot_and_a_function_its_last_word(event_type: str):
    """`seen` stands for every word where all news of a thing is one snapshot, read one way."""
    subject, _, deed = event_type.rpartition(".")
    handler = TABLE[event_type].handler

    assert handler.__module__ == f"{handlers.__name__}.{subject.replace('.', '_')}"
    assert handler.__name__ in {deed, "seen"}


def test_stripe_knows_every_type_we_ask_it_to_send():
    known = types_stripe_sends()

    assert len(known) > 200
    assert set(TABLE) <= known


def test_every_handler_says_what_it_does_and_takes_the_desk_and_the_object():
    for reading in [*TABLE.values(), *FETCHED.values()]:
        assert reading.handler.__doc__
        assert next(iter(inspect.signature(reading.handler).parameters)) == "batch"


def test_no_handler_file_stands_there_unused():
    files = {path.stem for path in Path(handlers.__path__[0]).glob("*.py")} - {"__init__"}
    used = {reading.handler.__module__.rpartition(".")[2] for reading in [*TABLE.values(), *FETCHED.values()]}

    assert files == used


def test_what_is_not_in_the_table_is_not_acted_on():
    assert not is_acted_on("payment_intent.succeeded")
    assert reading_of("payment_intent.succeeded") is None
    assert is_acted_on("balance_transaction")


def test_the_version_we_read_is_the_one_the_library_pins():
    assert API_VERSION == stripe.api_version == "2026-10-28.endive"

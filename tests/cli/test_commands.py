"""The command line: a table for a person, one JSON document for a script, a sentence for a mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from payments.cli import database_trouble
from payments.database import transaction
from payments.errors import AlmonerError
from payments.receipts.models import Receipt, ReceiptDocument
from payments.stripe_gateway.shapes import API_VERSION
from payments.webhooks import process
from payments.webhooks.events import TABLE
from payments.webhooks.models import QueuedEvent
from tests.cli.conftest import Almoner, Story
from tests.conftest import PROJECT, TEST_ENVIRONMENT


def test_a_gift_tells_its_whole_story(almoner: Almoner, story: Story):
    said = almoner("gifts", "show", story.gift)

    assert said.exit_code == 0
    for part in (
        story.gift,
        "paid",
        "$26.04",
        "$1.04",
        "insufficient_funds",
        "Rescue and resettlement: $25.00",
        "visa 4242",
        "gross $26.04 - fee $1.06 = net $24.98",
        "contributions_fee_cover",
        f"receipt {story.receipt}, mail queued",
    ):
        assert part in said.text, part


def test_a_gift_as_json_has_its_amounts_in_minor_units(almoner: Almoner, story: Story):
    shown = almoner("gifts", "show", story.gift, "--json").json

    assert shown["status"] == "paid"
    assert shown["total"] == {"amount": 2604, "currency": "usd"}
    assert [charge["status"] for charge in shown["charges"]].count("succeeded") == 1
    assert [bt["net"]["amount"] for bt in shown["balance_transactions"]] == [2604 - 106]
    assert {move["to"] for move in shown["journal"]} == {"stripe_balance", "processing_fees"}
    assert shown["receipt"]["number"] == story.receipt
    assert shown["receipt_due"] is False
    assert "Ada" not in json.dumps(shown)


def test_gifts_are_listed_and_can_be_asked_for_by_status(almoner: Almoner, story: Story):
    assert story.gift in almoner("gifts", "list").text
    assert [gift["id"] for gift in almoner("gifts", "list", "--json", "--status", "paid").json] == [
        story.gift
    ]
    assert almoner("gifts", "list", "--json", "--status", "pending").json == []


def test_balances_end_with_the_proof(almoner: Almoner, story: Story):
    said = almoner("ledger", "balances")

    assert said.exit_code == 0
    assert "USD: debits less credits = 0" in said.text
    assert "stripe_balance 2498" in said.text
    assert "equal to the cent" in said.text


def test_balances_as_json(almoner: Almoner, story: Story):
    told = almoner("ledger", "balances", "--json").json

    assert told["is_proven"] is True
    assert told["stripe_balance"] == [{"currency": "usd", "in_the_book": 2498, "at_stripe": 2498}]
    assert {
        "entity": "us",
        "account": "contributions",
        "kind": "income",
        "fund": "rescue",
        "balance": {"amount": -2500, "currency": "usd"},
    } in told["balances"]


def test_a_book_that_does_not_tie_is_an_exit_code(almoner: Almoner, story: Story):
    with transaction() as session:
        session.execute(
            text(
                "insert into balance_transactions (stripe_balance_transaction_id, reporting_category, type, "
                "amount, fee, net, currency, created_at, available_on) "
                "values ('txn_never_booked', 'charge', 'charge', 100, 0, 100, 'usd', now(), now())"
            )
        )

    table, document = almoner("ledger", "balances"), almoner("ledger", "balances", "--json")

    assert (table.exit_code, document.exit_code) == (1, 1)
    assert "THEY DIFFER" in table.text
    assert document.json["is_proven"] is False


def test_the_register_and_what_is_due(almoner: Almoner, story: Story):
    assert story.receipt in almoner("receipts", "list").text
    [row] = almoner("receipts", "list", "--json").json
    assert (row["number"], row["amount"]) == (story.receipt, {"amount": 2604, "currency": "usd"})
    assert almoner("receipts", "due", "--json").json == []
    assert almoner("receipts", "due").exit_code == 0


def test_a_receipt_is_saved_as_it_was_sent(almoner: Almoner, story: Story, tmp_path: Path):
    said = almoner("receipts", "save", story.receipt, "--to", str(tmp_path / "receipt.pdf"))

    with transaction() as session:
        sent = session.scalars(select(ReceiptDocument.pdf)).one()
    assert said.exit_code == 0
    assert (tmp_path / "receipt.pdf").read_bytes() == sent


def test_events_are_listed_by_where_they_stand(almoner: Almoner, story: Story):
    everything = almoner("events", "list", "--json").json

    assert len(everything) == len(story.events) + 1
    assert [event["id"] for event in almoner("events", "list", "--json", "--parked").json] == [story.poison]
    assert almoner("events", "list", "--json", "--due").json == []
    assert {event["state"] for event in everything} == {"done", "parked"}
    assert story.poison in almoner("events", "list").text
    assert len(almoner("events", "list", "--json", "--limit", "2").json) == 2


def test_an_event_shows_its_reason_and_its_body_only_when_asked(almoner: Almoner, story: Story):
    plain, whole = almoner("events", "show", story.poison), almoner("events", "show", story.poison, "--body")
    shown = almoner("events", "show", story.poison, "--json").json

    assert "data.object" in plain.text
    assert '"object": "charge"' not in plain.text
    assert '"object": "charge"' in whole.text
    assert "body" not in shown
    assert (shown["state"], shown["attempts"]) == ("parked", 1)
    assert almoner("events", "show", story.poison, "--json", "--body").json["body"]


def test_a_replayed_event_is_due_again_and_a_done_one_changes_nothing(almoner: Almoner, story: Story):
    done = story.events[0].stripe_event_id
    before = almoner("gifts", "show", story.gift, "--json").json

    said = almoner("events", "replay", done, story.poison)

    assert "2 events will be applied again" in said.text
    assert {row["id"] for row in almoner("events", "list", "--json", "--due").json} == {done, story.poison}
    with transaction() as session:
        applied = process.apply_due(session)
    assert (applied.done, applied.parked) == (1, 1)
    assert almoner("gifts", "show", story.gift, "--json").json == before


def test_all_parked_events_can_be_replayed_at_once(almoner: Almoner, story: Story):
    said = almoner("events", "replay", "--all-parked")

    assert "1 event will be applied again" in said.text
    with transaction() as session:
        assert session.scalars(select(QueuedEvent.parked_reason)).all() == [None]


def test_a_replay_of_nothing_in_particular_is_refused(almoner: Almoner, story: Story):
    assert almoner("events", "replay").exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("gifts", "show", "don_nobody"),
        ("gifts", "show", "don_nobody", "--json"),
        ("events", "show", "evt_nobody"),
        ("events", "replay", "evt_nobody"),
        ("receipts", "save", "US-1999-000001", "--to", "nowhere.pdf"),
    ],
    ids=" ".join,
)
def test_an_unknown_id_is_one_sentence(almoner: Almoner, words: tuple[str, ...]):
    said = almoner(*words)

    assert said.exit_code == 1
    assert isinstance(said.error, AlmonerError)
    assert "\n" not in str(said.error)
    assert not Path("nowhere.pdf").exists()


def test_a_replay_with_one_unknown_id_replays_none(almoner: Almoner, story: Story):
    almoner("events", "replay", story.poison, "evt_nobody")

    assert [row["id"] for row in almoner("events", "list", "--json", "--parked").json] == [story.poison]


def test_the_doctor_names_what_is_not_well(almoner: Almoner, story: Story):
    said, told = almoner("doctor", "--offline"), almoner("doctor", "--offline", "--json")

    unwell = {check["name"] for check in told.json["checks"] if not check["is_well"]}
    assert (said.exit_code, told.exit_code) == (1, 1)
    assert {"workers", "parked events"} <= unwell
    assert "almoner events list --parked" in said.text
    assert "Something needs a hand." in said.text
    assert told.json["is_well"] is False
    assert {"ledger usd", "append-only guards", "database", "migrations"} <= {
        check["name"] for check in told.json["checks"] if check["is_well"]
    }


def test_the_doctor_notices_a_guard_that_was_switched_off(almoner: Almoner, story: Story, owner: Any):
    owner.execute(text("alter table journal_moves disable trigger user"))
    owner.commit()
    try:
        told = almoner("doctor", "--offline", "--json").json
    finally:
        owner.execute(text("alter table journal_moves enable trigger user"))
        owner.commit()

    [guards] = [check for check in told["checks"] if check["name"] == "append-only guards"]
    assert not guards["is_well"]
    assert "journal_moves" in guards["finding"]


def test_the_charity_is_loaded_from_its_document(almoner: Almoner):
    said = almoner("organisation", "load", str(PROJECT / "payments/local/organisation.toml"))

    assert said.exit_code == 0
    assert said.text == "Lantern Path, Inc.: 3 funds open for gifts.\n"


@pytest.mark.parametrize(
    ("document", "named"), [("a = ", "charity.toml"), ("[organisation]\nwebsite = 'x'", "'name'")]
)
def test_a_document_that_does_not_fit_is_one_sentence(
    almoner: Almoner, tmp_path: Path, document: str, named: str
):
    file = tmp_path / "charity.toml"
    file.write_text(document)

    said = almoner("organisation", "load", str(file))

    assert said.exit_code == 1
    assert isinstance(said.error, AlmonerError)
    assert named in str(said.error)


def test_stripe_is_told_the_events_of_the_table(almoner: Almoner):
    assert almoner("stripe", "events", "--json").json == {
        "api_version": API_VERSION,
        "enabled_events": list(TABLE),
    }
    assert almoner("stripe", "events").text == f"API version {API_VERSION}\n{','.join(TABLE)}\n"


def test_migrating_what_is_up_to_date_changes_nothing(almoner: Almoner):
    said = almoner("migrate")

    assert said.exit_code == 0
    assert "The database is at" in said.text


@pytest.mark.parametrize("words", [(), ("gifts",), ("events",), ("receipts",), ("ledger",), ("stripe",)])
def test_a_word_short_is_answered_with_the_words_there_are(almoner: Almoner, words: tuple[str, ...]):
    said = almoner(*words)

    assert said.exit_code == 2
    assert "Usage" in said.text


def in_a_shell(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "payments.cli", *words],
        cwd=PROJECT,
        env=os.environ | TEST_ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_in_a_shell_an_unknown_id_is_a_sentence_on_stderr_and_nothing_else(database: str, organisation: Any):
    said = in_a_shell("gifts", "show", "don_nobody", DATABASE_URL=database)

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == "There is no donation with this id.\n"


def test_a_database_that_is_busy_is_not_called_away(database: str, organisation: Any):
    with transaction() as first, transaction() as second:
        first.execute(text("lock table funds"))
        second.execute(text("set local lock_timeout = '10ms'"))
        with pytest.raises(OperationalError) as busy:
            second.execute(text("select count(*) from funds"))
        second.rollback()

    said = database_trouble(busy.value)

    assert "Run the same again" in said
    assert "does not answer" not in said


def test_in_a_shell_a_database_that_is_away_is_a_sentence():
    said = in_a_shell("gifts", "list", DATABASE_URL="postgresql://127.0.0.1:1/away")

    assert said.returncode == 1
    assert said.stderr.startswith("The database does not answer: ")
    assert "Traceback" not in said.stderr


def test_in_a_shell_a_missing_secret_is_named():
    said = in_a_shell("gifts", "list", STRIPE_WEBHOOK_SECRET="")

    assert said.returncode == 1
    assert "STRIPE_WEBHOOK_SECRET" in said.stderr
    assert "Traceback" not in said.stderr


def test_into_a_pipe_an_id_is_never_cut(almoner: Almoner, story: Story):
    with transaction() as session:
        receipt = session.scalars(select(Receipt)).one()

    for words in (("gifts", "list"), ("receipts", "list")):
        assert receipt.donation_id in almoner(*words).text

"""What no rule knows waits in suspense until a person says what it is, once."""

import threading
from typing import Any

import pytest

from payments.database import transaction
from payments.ledger import classifying
from payments.ledger.accounts import Account
from payments.ledger.classifying import (
    AccountNotByHand,
    AlreadyClassified,
    FundNeeded,
    FundNotKept,
    NothingInSuspense,
    NotYetClassified,
    SaidAlready,
    Word,
)
from payments.ledger.models import JournalEntry
from payments.staff import people
from payments.staff.people import NotAllowed
from tests.refunds.desk import Desk


def a_stray(desk: Desk, amount: int = -500, description: str = "Adjustment of 2026-11-03") -> str:
    """A movement of a category that no rule knows, booked into suspense."""
    moved = desk.house.stripe.tell(
        "movements",
        type="adjustment",
        reporting_category="other_adjustment",
        amount=amount,
        currency="usd",
        description=description,
    )
    desk.house.they_pull_balance_transactions()
    desk.house.they_apply_events()
    return str(moved["id"])


def says(desk: Desk, txn: str, account: Account, who: str = "finn", **more: Any) -> None:
    word = Word(account=account, fund_id=more.pop("fund", None), reason="Stripe's letter", **more)
    with transaction() as session:
        by = people.find(session, f"{who}@lp.example")
        classifying.classify(session, txn, word, time_zone="America/Los_Angeles", by=by)


def test_money_that_left_becomes_an_expense(desk: Desk) -> None:
    txn = a_stray(desk, -500)

    says(desk, txn, Account.STRIPE_SERVICE_FEES)

    balances = desk.house.balances()
    assert balances.get("suspense_unclassified", 0) == 0
    assert balances["stripe_service_fees"] == 500
    assert desk.house.the_book_ties()


def test_money_that_came_becomes_income(desk: Desk) -> None:
    txn = a_stray(desk, 700)

    says(desk, txn, Account.CONTRIBUTIONS, fund="general")

    assert desk.house.balances()["contributions:general"] == -700
    assert desk.house.balances().get("suspense_unclassified", 0) == 0
    assert desk.house.the_book_ties()


def test_it_is_said_once_and_both_entries_stay(desk: Desk) -> None:
    txn = a_stray(desk)
    says(desk, txn, Account.STRIPE_SERVICE_FEES)

    with pytest.raises(AlreadyClassified):
        says(desk, txn, Account.DISPUTE_FEES)
    with pytest.raises(NothingInSuspense):
        says(desk, "txn_nobody", Account.DISPUTE_FEES)

    with transaction() as session:
        assert session.get_one(JournalEntry, f"bt:{txn}").kind == "unclassified"
        assert session.get_one(JournalEntry, f"classified:{txn}").kind == "classified"
    assert desk.house.balances()["stripe_service_fees"] == 500


def test_two_who_say_it_at_once_say_it_once(desk: Desk) -> None:
    txn = a_stray(desk)
    refused: list[Exception] = []

    def say(account: Account) -> None:
        try:
            says(desk, txn, account)
        except AlreadyClassified as late:
            refused.append(late)

    accounts = [Account.STRIPE_SERVICE_FEES, Account.DISPUTE_FEES, Account.PROCESSING_FEES]
    threads = [threading.Thread(target=say, args=[account]) for account in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 2
    assert desk.house.balances().get("suspense_unclassified", 0) == 0
    assert sum(desk.house.balances().get(account.value, 0) for account in accounts) == 500


@pytest.mark.parametrize("who", ["sue", "abe", "vera", "adam"])
def test_only_finance_says_it(desk: Desk, who: str) -> None:
    txn = a_stray(desk)

    with pytest.raises(NotAllowed):
        says(desk, txn, Account.STRIPE_SERVICE_FEES, who)


@pytest.mark.parametrize(
    "account",
    [
        Account.STRIPE_BALANCE,
        Account.SUSPENSE_UNCLASSIFIED,
        Account.REFUNDS_PAYABLE,
        Account.DISPUTED_FUNDS,
    ],
)
def test_some_accounts_are_not_for_hands(desk: Desk, account: Account) -> None:
    txn = a_stray(desk)

    with pytest.raises(AccountNotByHand):
        says(desk, txn, account)


def test_income_names_its_fund_and_nothing_else_does(desk: Desk) -> None:
    txn = a_stray(desk, 700)

    with pytest.raises(FundNeeded, match="is kept by fund"):
        says(desk, txn, Account.CONTRIBUTIONS)
    with pytest.raises(FundNotKept):
        says(desk, txn, Account.OTHER_RECEIPTS, fund="general")


def test_what_is_owed_to_a_beneficiary_names_its_fund(desk: Desk) -> None:
    txn = a_stray(desk, 700)

    with pytest.raises(FundNeeded, match="is kept by fund"):
        says(desk, txn, Account.AGENCY_OBLIGATIONS)
    says(desk, txn, Account.AGENCY_OBLIGATIONS, fund="general")

    assert desk.house.balances()["agency_obligations:general"] == -700


def test_what_was_remembered_is_suggested_and_not_applied(desk: Desk) -> None:
    says(desk, a_stray(desk), Account.STRIPE_SERVICE_FEES, is_to_be_remembered=True)

    a_stray(desk, -900, "Adjustment of 2026-12-04")
    a_stray(desk, -100, "Something else")

    with transaction() as session:
        found = {held.held.minor: held.suggestion for held in classifying.in_suspense(session)}
    assert found == {900: Account.STRIPE_SERVICE_FEES, 100: None}
    assert desk.house.balances()["suspense_unclassified"] == 1000


def corrects(desk: Desk, txn: str, account: Account, who: str = "finn", **more: Any) -> None:
    word = Word(account=account, fund_id=more.pop("fund", None), reason="looked again", **more)
    with transaction() as session:
        by = people.find(session, f"{who}@lp.example")
        classifying.reclassify(session, txn, word, time_zone="America/Los_Angeles", by=by)


@pytest.mark.parametrize("amount", [-500, 700])
def test_a_wrong_word_is_taken_back_in_the_open_and_said_anew(desk: Desk, amount: int) -> None:
    txn = a_stray(desk, amount)
    says(desk, txn, Account.CONTRIBUTIONS, fund="general")

    corrects(desk, txn, Account.AGENCY_OBLIGATIONS, fund="general")
    corrects(desk, txn, Account.STRIPE_SERVICE_FEES)

    balances = {name: amount for name, amount in desk.house.balances().items() if amount}
    assert balances == {"stripe_balance": amount, "stripe_service_fees": -amount}
    assert [line.deed for line in desk.audit(txn)] == [
        "ledger.classify",
        "ledger.reclassify",
        "ledger.reclassify",
    ]
    assert desk.house.the_book_ties()
    assert desk.exit_of("ledger", "verify") == 0


def test_only_what_was_said_is_corrected_and_only_to_something_else(desk: Desk) -> None:
    txn = a_stray(desk)

    with pytest.raises(NotYetClassified):
        corrects(desk, txn, Account.DISPUTE_FEES)
    says(desk, txn, Account.STRIPE_SERVICE_FEES)
    with pytest.raises(SaidAlready):
        corrects(desk, txn, Account.STRIPE_SERVICE_FEES)
    with pytest.raises(AccountNotByHand):
        corrects(desk, txn, Account.STRIPE_BALANCE)
    with pytest.raises(NotAllowed):
        corrects(desk, txn, Account.DISPUTE_FEES, "sue")
    with pytest.raises(FundNeeded):
        corrects(desk, txn, Account.CONTRIBUTIONS)

    assert desk.house.balances()["stripe_service_fees"] == 500


def test_a_word_is_corrected_at_the_terminal(desk: Desk) -> None:
    txn = a_stray(desk, -500)
    says(desk, txn, Account.STRIPE_SERVICE_FEES)

    told = desk.types(
        "ledger", "reclassify", txn, "dispute_fees", "--as", "finn@lp.example", "--reason", "looked again"
    )

    assert "$5.00 moved from stripe_service_fees to dispute_fees" in told


def test_it_is_listed_and_said_at_the_terminal(desk: Desk) -> None:
    txn = a_stray(desk, -500)
    listed = desk.exit_of("ledger", "suspense", "--json")

    said = desk.types(
        "ledger", "classify", txn, "stripe_service_fees", "--as", "finn@lp.example", "--reason",
        "Stripe's letter", "--remember",
    )  # fmt: skip

    assert listed == 1
    assert "$5.00 moved from suspense to stripe_service_fees" in said
    assert desk.reads_json("ledger", "suspense") == []
    assert [line.deed for line in desk.audit(txn)] == ["ledger.classify"]
    wrong = desk.types_wrongly(
        "ledger", "classify", txn, "contributions", "--fund", "nowhere", "--as", "finn@lp.example",
        "--reason", "x",
    )  # fmt: skip
    assert wrong.startswith("There is no such fund.")

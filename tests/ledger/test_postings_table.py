"""The table an accountant reads says what the program does, and leaves nothing out."""

from payments.ledger import rules
from payments.ledger.accounts import Account
from payments.ledger.postings_table import SECTIONS, page
from tests.conftest import PROJECT

ENTRIES = [example.entry for _, examples in SECTIONS for example in examples()]


def test_the_page_in_the_docs_is_the_one_the_rules_make() -> None:
    written = (PROJECT / "docs/postings.md").read_text()

    assert written == page(), "python -m payments.ledger.postings_table > docs/postings.md"


def test_every_account_of_the_chart_is_moved_by_some_example() -> None:
    moved = {
        account
        for entry in ENTRIES
        for move in entry.moves
        for account in (move.from_account, move.to_account)
    }

    assert set(Account) - moved == {Account.UNIDENTIFIED_RECEIPTS}


def test_every_category_that_a_rule_knows_is_in_the_table() -> None:
    shown = {entry.description.split()[0] for entry in ENTRIES}

    assert set(rules.KNOWN_CATEGORIES) - shown == {"topup_reversal"}


def test_every_example_balances_and_has_its_sentence() -> None:
    for _, examples in SECTIONS:
        for example in examples():
            assert example.happens.endswith(".")
            assert example.entry.moves
            assert all(move.amount > 0 for move in example.entry.moves)

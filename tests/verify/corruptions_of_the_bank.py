# ruff: noqa: S608 - nothing here comes from outside
"""What may happen to the third side behind the program's back. Each names the check that must find it."""

from tests.verify.victims import Corruption, of_kind

ARRIVED = of_kind("payout_on_statement")
UNDONE = of_kind("payout_not_on_statement")


def _gone(reference: str) -> str:
    return (
        f"delete from journal_moves where reference = {reference};"
        f" delete from journal_entries where reference = {reference} returning reference"
    )


CORRUPTIONS = [
    Corruption(
        "a payout that the bank told of leaves the book", "money_on_statement_differs", _gone(ARRIVED)
    ),
    Corruption("what was undone is at the bank still", "money_on_statement_differs", _gone(UNDONE)),
    Corruption(
        "a payout is at the bank that no bank told of",
        "money_on_statement_differs",
        "with forged as (insert into journal_entries (reference, kind, entity_id, effective_on, occurred_at,"
        " description) select 'bank:bmt_forged', kind, entity_id, effective_on, occurred_at, description"
        f" from journal_entries where reference = {ARRIVED} returning reference)"
        " insert into journal_moves (reference, position, from_account, to_account, amount, currency)"
        " select reference, 0, 'payouts_in_transit', 'bank', 100, 'usd' from forged returning reference",
    ),
    Corruption(
        "more of a payout is at the bank than was paid out",
        "money_on_statement_differs",
        f"update journal_moves set amount = amount + 1 where reference = {ARRIVED} returning reference",
    ),
    Corruption(
        "a payout leaves the bank instead of coming there",
        "money_on_statement_differs",
        "update journal_moves set from_account = to_account, to_account = from_account"
        f" where reference = {ARRIVED} returning reference",
    ),
    Corruption(
        "a payout counts at the bank for another day",
        "money_on_statement_differs",
        "update journal_entries set effective_on = effective_on + 3, occurred_at = occurred_at +"
        f" interval '3 days' where reference = {ARRIVED} returning reference",
    ),
    Corruption(
        "a top-up of Stripe's balance leaves the book",
        "money_on_statement_differs",
        _gone(of_kind("topup_on_statement")),
    ),
    Corruption(
        "a match forgets that it was undone",
        "money_on_statement_differs",
        "update bank_matches set undone_at = null, undone_by = null, undo_reason = null"
        " where undone_at is not null returning 'bank:' || id || ':undone'",
    ),
    Corruption(
        "nobody said what a line of the bank is",
        "deed_without_audit",
        "delete from audit_log where deed = 'bank.match' returning subject",
    ),
    Corruption(
        "nobody undid what a line of the bank is",
        "deed_without_audit",
        "delete from audit_log where deed like 'bank.%' returning subject",
    ),
]

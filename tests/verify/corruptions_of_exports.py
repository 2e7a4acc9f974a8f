# ruff: noqa: S608 - nothing here comes from outside
"""What may be done to exports behind the program's back, and which check tells."""

from tests.verify.victims import Corruption

_BATCH = (
    "insert into export_batches (number, target, entity_id, last_day, granularity, entry_count, totals,"
    " control, settings, file_name, size, sha256, made_by, made_at) select 1, 'csv', '{entity}',"
    " '2026-10-31', 'transaction', 1, jsonb_build_object(m.currency,"
    " jsonb_build_object('entries', 1, 'debit', {moved})),"
    " '{{}}', '{{}}', 'f', 1, '0', (select min(id) from staff_members), now()"
    " from journal_moves m join journal_entries e using (reference) where e.number = {number}"
    " and position = 0;"
    " insert into exported_entries select 'csv', {number}, 1 returning 'export:1'"
)
_LAST = "(select max(number) from journal_entries where entity_id = 'us')"
_ITS_SUM = (
    f"(select sum(amount) from journal_moves join journal_entries using (reference) where number = {_LAST})"
)

CORRUPTIONS = [
    Corruption(
        "an entry that is not in the book is said to have left",
        "exported_entry_astray",
        "insert into exported_entries values ('csv', 999999999, 1) returning 'export:1'",
    ),
    Corruption(
        "an entry is said to have left, in no batch",
        "exported_entry_astray",
        f"insert into exported_entries select 'csv', {_LAST}, 7 returning 'export:7'",
    ),
    Corruption(
        "an entry is put into a batch of another body",
        "exported_entry_astray",
        _BATCH.format(entity="kr", number=_LAST, moved=_ITS_SUM),
    ),
    Corruption(
        "a batch says a cent more than its entries",
        "export_batch_differs",
        _BATCH.format(entity="us", number=_LAST, moved=f"{_ITS_SUM} + 1"),
    ),
    Corruption(
        "an entry is taken out of a batch",
        "export_batch_differs",
        _BATCH.format(entity="us", number=_LAST, moved=_ITS_SUM)
        + "; update exported_entries set batch_number = 2 returning 'export:1'",
    ),
]

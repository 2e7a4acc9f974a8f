"""The third side of a written book: Stripe's word of each payout and what it carries, and a bank account
that shows them two days later, among nine times as many lines that are the charity's other business.

Of ten payouts the bank prints the trace id of nine, and only Stripe's name with the tenth.
"""

from collections.abc import Callable

import psycopg

from bench.measuring import written_books

_STATEMENTS = (
    """insert into staff_members (id, email, name, roles) values
        ('stf_bench', 'bench@example.org', 'Finn', '{{finance}}')""",
    """insert into payouts (stripe_payout_id, amount, currency, status, made_at, arrives_on, is_automatic,
            method, reconciliation_status, trace_status, trace_id, stripe_balance_transaction_id, said_at,
            listed_at)
        select id, amount, 'usd', 'paid', at, at::date + 2, true, 'standard', 'completed', 'supported',
            'ST-' || upper(left(md5(id), 10)), txn, at, at
        from paid_out""",
    """insert into payout_lines
        select 'po_' || number, id, net
        from (
            select id, amount - fee as net, ceil(extract(epoch from at - timestamptz '2020-01-01 08:00Z')
                / 60 / {payout_after})::int as number
            from movement where category <> 'payout'
        ) _ where number <= {payouts}
        union all
        select id, txn, -amount from paid_out""",
    """insert into bank_accounts (id, entity_id, name, currency, added_by)
        values ('operating', 'us', 'Operating', 'usd', 'stf_bench')""",
    """create temporary table told as
        select 'bln_' || md5('bln' || number) as id, at::date + 2 as day, amount,
            'ACH CREDIT STRIPE TRANSFER' || case when number % 10 > 0
                then ' ST-' || upper(left(md5('po_' || number), 10)) else '' end as words
        from paid_out
        union all
        select 'bln_' || md5('bln' || number || '-' || n), at::date + 2, -1000 - n, 'CHECK ' || number * 9 + n
        from paid_out, generate_series(1, 9) n""",
    """insert into bank_statements (id, bank_account_id, format, file_name, sha256, file, first_day, last_day,
            opening, closing, line_count, imported_by)
        select 'bst_bench', 'operating', 'csv', 'bench.csv', '', '', date '2020-01-01', max(day) + 10, 0,
            sum(amount), count(*), 'stf_bench'
        from told""",
    """insert into bank_lines (id, bank_account_id, bank_statement_id, position, booked_on, amount, currency,
            text, fingerprint, occurrence)
        select id, 'operating', 'bst_bench', row_number() over (order by day, id), day, amount, 'usd', words,
            md5(id), 1
        from told""",
)


def write(url: str, gifts: int, *, payout_after: int, say: Callable[[str], None]) -> None:
    """Fill a migrated database whose charity is loaded."""
    written_books.write(url, gifts, payout_after=payout_after, then=_STATEMENTS, say=say)


def forget_matches(url: str) -> None:
    """As before the first round."""
    with psycopg.connect(url) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("delete from journal_moves where reference like 'bank:%'")
        owner.execute("delete from journal_entries where reference like 'bank:%'")
        owner.execute("truncate bank_matches, discrepancies")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("vacuum analyze journal_moves, journal_entries, bank_matches")

"""The long tables of a pack, as PostgreSQL copies them out; each row of ids, days and amounts of the book."""

from payments.reconciliation.exports.cells import decimal_in_sql

_AMOUNT = decimal_in_sql("m.amount", "m.currency")

_HAPPENED_ON = """case when e.effective_on <> (e.occurred_at at time zone %(zone)s)::date
    then (e.occurred_at at time zone %(zone)s)::date end"""

_OF_THE_MONTH = """
    from journal_entries e join journal_moves m using (reference)
    where e.entity_id = %(entity)s and e.effective_on between %(first_day)s and %(last_day)s
"""

_JOURNAL = f"""
    copy (
        select e.number, e.effective_on, {_HAPPENED_ON} as happened_on,
            to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occurred_at,
            e.reference, e.kind, e.donation_id, m.position, m.to_account as debit_account,
            m.from_account as credit_account, m.amount as amount_minor, {_AMOUNT} as amount, m.currency,
            m.fund_id, e.description
        {_OF_THE_MONTH}
        order by e.number, m.position
    ) to stdout with (format csv, header)
"""

# JSON holds no such signs, so nothing in a line is quoted.
_JOURNAL_LINES = f"""
    copy (
        select json_build_object('number', e.number, 'effective_on', e.effective_on,
            'happened_on', {_HAPPENED_ON},
            'occurred_at', to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'reference', e.reference, 'kind', e.kind, 'donation_id', e.donation_id,
            'description', e.description,
            'moves', json_agg(json_build_object('debit', m.to_account, 'credit', m.from_account,
                'amount_minor', m.amount, 'currency', m.currency, 'fund', m.fund_id) order by m.position))
        {_OF_THE_MONTH}
        group by e.reference order by e.number
    ) to stdout with (format csv, delimiter e'\\x01', quote e'\\x02')
"""

_RECEIPTS = """
    copy (
        select number, series, tax_year, sequence, kind, status,
            (issued_at at time zone %(zone)s)::date as issued_on, gift_date, currency,
            amount as amount_minor, donation_id, void_cause,
            (voided_at at time zone %(zone)s)::date as voided_on, replaces_id
        from receipts
        where entity_id = %(entity)s and issued_at >= %(begins)s and issued_at < %(ends)s
        order by series, tax_year, sequence
    ) to stdout with (format csv, header)
"""

FILES = {"journal.csv": _JOURNAL, "journal.jsonl": _JOURNAL_LINES, "receipts.csv": _RECEIPTS}

"""What the checklist asks of the whole house. Statements only: tables of other rooms are read here, as in
`finding_rules.py`, and never written."""

STRIPE_READ = """
    select (select count(*) from balance_transactions where created_at < :ends) as moved,
        (select count(*) from stripe_event_queue q join stripe_events e using (stripe_event_id)
            where e.created_at < :ends) as queued,
        (select count(*) from balance_transactions b
            where b.created_at < :ends and (b.net <> 0 or (b.amount > 0 and b.reporting_category = 'charge'))
                and not exists (select from journal_entries e
                    where e.reference = 'bt:' || b.stripe_balance_transaction_id)) as not_booked,
        (select max(asked_at) from stripe_balances) as asked_at
"""

# What was unclear at the end of the month: nobody has said it yet, or somebody did later.
SUSPENSE = """
    select b.stripe_balance_transaction_id as subject, c.reference is not null as is_said
    from journal_entries e
    join journal_moves m using (reference)
    join balance_transactions b on e.reference = 'bt:' || b.stripe_balance_transaction_id
    left join journal_entries c on c.reference = 'classified:' || b.stripe_balance_transaction_id
    where 'suspense_unclassified' in (m.from_account, m.to_account)
        and e.entity_id = :entity and e.effective_on <= :last_day
        and (c.reference is null or c.effective_on > :last_day)
    order by subject
"""

# An exception is of the day of what it is about; without one it counts for every month. The statement that
# is missing begins on the day after the last one.
EXCEPTIONS = """
    select d.id, d.kind, d.subject_id, d.amount, d.currency, d.sentence, d.told, d.blocks_close,
        d.status, d.note, d.opened_at, d.due_on, o.name as owner, a.name as accepted_by, d.closed_at, w.day
    from discrepancies d
    left join staff_members o on o.id = d.owner_id
    left join staff_members a on a.id = d.accepted_by
    cross join lateral (
        select coalesce(
            (select booked_on from bank_lines where id = d.subject_id),
            (select case d.kind when 'payout_overdue' then arrives_on
                else (made_at at time zone :zone)::date end
                from payouts where stripe_payout_id = d.subject_id),
            (select (coalesce(paid_at, created_at) at time zone :zone)::date
                from donations where id = d.subject_id),
            (select (created_at at time zone :zone)::date
                from balance_transactions where stripe_balance_transaction_id = d.subject_id),
            (select min((created_at at time zone :zone)::date)
                from balance_transactions where source_id = d.subject_id),
            (select (created_at at time zone :zone)::date
                from stripe_events where stripe_event_id = 'fetched:' || d.subject_id),
            (select (issued_at at time zone :zone)::date from receipts where number = d.subject_id),
            (select deposited_on from deposit_slips where id = d.subject_id),
            (select max(last_day) + 1 from bank_statements
                where d.kind = 'bank_not_imported' and bank_account_id = d.subject_id)
        ) as day, coalesce(
            (select b.entity_id from bank_lines l join bank_accounts b on b.id = l.bank_account_id
                where l.id = d.subject_id),
            (select entity_id from bank_accounts where id = d.subject_id),
            (select entity_id from donations where id = d.subject_id),
            (select entity_id from receipts where number = d.subject_id),
            (select entity_id from deposit_slips where id = d.subject_id),
            (select id from issuing_entities where receives_online)
        ) as entity_id
    ) w
    where d.status in ('open', 'accepted') and w.entity_id = :entity
        and (w.day is null or w.day <= :last_day)
        and (d.status = 'open' or coalesce(w.day, (d.closed_at at time zone :zone)::date) >= :first_day)
    order by d.status desc, d.kind, d.subject_id, d.opened_at
"""

SERIES = """
    select series, tax_year, count(*) as count, max(sequence) as last from receipts
    where entity_id = :entity group by series, tax_year order by series, tax_year
"""

DUE = """
    select count(*) from due_receipts r join donations d on d.id = r.donation_id
    where d.entity_id = :entity and d.paid_at < :ends
"""

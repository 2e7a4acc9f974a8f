"""The book by itself: entries, their moves, and the days they count for."""

from payments.ledger.accounts import Account
from payments.verify.check import Check

_ACCOUNTS = ", ".join(f"'{account}'" for account in Account)

_BACK = (
    *("contribution_refunds", "chargebacks", "refunds_payable", "agency_obligations", "benefits_exchanged"),
    *("disputed_funds", "fx_gain_loss"),
)
"""What money that goes back may touch: how much of it, `money_back.py` proves from where the gift stands."""
_BY_HAND = tuple(
    account.value
    for account in Account
    if account not in {Account.STRIPE_BALANCE, Account.REFUNDS_PAYABLE, Account.DISPUTED_FUNDS}
)

ACCOUNTS_OF_KIND: dict[str, tuple[str, ...]] = {
    "gift": (
        *("stripe_balance", "contributions", "contributions_fee_cover", "agency_obligations"),
        *("benefits_exchanged", "processing_fees"),
    ),
    "other_receipt": ("stripe_balance", "other_receipts", "processing_fees"),
    "refund": ("stripe_balance", *_BACK, "processing_fees"),
    "other_refund": ("stripe_balance", "other_receipts", "fx_gain_loss", "processing_fees"),
    "refund_failed": ("stripe_balance", *_BACK, "other_receipts", "processing_fees"),
    "bank_debit_returned": ("stripe_balance", *_BACK, "other_receipts", "processing_fees"),
    "dispute_opened": ("stripe_balance", *_BACK, "other_receipts", "dispute_fees"),
    "dispute_won": ("stripe_balance", *_BACK, "other_receipts", "dispute_fees"),
    "dispute_lost": (*_BACK, "other_receipts"),
    "dispute_fee": ("stripe_balance", "dispute_fees"),
    "service_fee": ("stripe_balance", "stripe_service_fees"),
    "payout": ("stripe_balance", "payouts_in_transit", "stripe_service_fees"),
    "payout_failed": ("stripe_balance", "payouts_in_transit", "stripe_service_fees"),
    "topup": ("stripe_balance", "payouts_in_transit", "stripe_service_fees"),
    "reserve": ("stripe_balance", "stripe_reserve", "stripe_service_fees"),
    "opening_balance": ("opening_balance", "stripe_balance"),
    "earlier_refund": ("stripe_balance", "contribution_refunds", "processing_fees"),
    "earlier_dispute": ("stripe_balance", "chargebacks", "dispute_fees"),
    "unclassified": ("stripe_balance", "suspense_unclassified"),
    "classified": _BY_HAND,
    "reclassified": _BY_HAND,
    "owed_paid": ("bank", *_BACK),
    "gift_kept": _BACK,
    "offline_gift": (
        *("undeposited_funds", "bank", "gifts_in_kind", "contributions", "contributions_in_kind"),
        *("contributions_fee_cover", "agency_obligations", "benefits_exchanged"),
    ),
    "offline_gift_reversed": (
        *("undeposited_funds", "bank", "gifts_in_kind", "contributions", "contributions_in_kind"),
        *("contributions_fee_cover", "agency_obligations", "benefits_exchanged"),
    ),
    "deposit": ("undeposited_funds", "bank"),
    "payout_on_statement": ("payouts_in_transit", "bank"),
    "payout_not_on_statement": ("payouts_in_transit", "bank"),
    "topup_on_statement": ("payouts_in_transit", "bank"),
    "topup_not_on_statement": ("payouts_in_transit", "bank"),
}
"""Which accounts an event of life may touch (FINANCE: the postings table)."""

_KINDS = ", ".join(
    f"('{kind}', array[{', '.join(repr(str(a)) for a in accounts)}])"
    for kind, accounts in ACCOUNTS_OF_KIND.items()
)

CHECKS = (
    Check(
        kind="entry_without_moves",
        proves="Every journal entry moves money.",
        says="Entry {subject} moves nothing.",
        remedy="Its moves were deleted: find who wrote to journal_moves, and restore them from a backup.",
        sql="""
            select array[e.reference], null::text, null::bigint, null::bigint, null::text
            from journal_entries e
            where not exists (select from journal_moves m where m.reference = e.reference)
        """,
    ),
    Check(
        kind="move_without_entry",
        proves="Every move belongs to an entry that says what it is for.",
        says="{found} was moved under {subject}, and no such entry stands in the book.",
        remedy="The entry was deleted: restore it from a backup.",
        sql="""
            select array[m.reference], m.currency, m.amount, null::bigint, null::text
            from journal_moves m
            where not exists (select from journal_entries e where e.reference = m.reference)
        """,
    ),
    Check(
        kind="move_malformed",
        proves="Each move takes a positive amount of one currency from one account of the chart to another.",
        says="A move of {subject} is none: {detail}.",
        remedy="A constraint of journal_moves is missing; compare the schema with `almoner migrate`.",
        sql=f"""
            select array[reference], currency, amount, null::bigint,
                format('%s %s from %s to %s', amount, currency, from_account, to_account)
            from journal_moves
            where amount <= 0 or from_account = to_account or currency !~ '^[a-z]{{3}}$'
                or from_account not in ({_ACCOUNTS}) or to_account not in ({_ACCOUNTS})
                or ('contributions' in (from_account, to_account) and fund_id is null)
        """,
    ),
    Check(
        kind="entry_mixes_currencies",
        proves="All moves of an entry are in one currency, so debits and credits can be compared.",
        says="Entry {subject} moves more than one currency: {detail}.",
        remedy="Find out which move is foreign to it, and restore the entry from a backup.",
        sql="""
            select array[reference], null::text, null::bigint, null::bigint,
                min(currency) || ' and ' || max(currency)
            from journal_moves group by reference having min(currency) <> max(currency)
        """,
    ),
    Check(
        kind="book_does_not_balance",
        proves="Over the whole book of each legal entity and currency, debits equal credits.",
        says="The book of {subject} is out of balance by {found}.",
        remedy="A move has lost one of its sides; run the other journal checks for which.",
        sql="""
            select array[e.entity_id], s.currency, sum(s.change)::bigint, 0::bigint, null::text
            from (
                select reference, currency, amount as change from journal_moves where to_account is not null
                union all
                select reference, currency, -amount from journal_moves where from_account is not null
            ) s join journal_entries e using (reference)
            group by e.entity_id, s.currency having sum(s.change) <> 0
        """,
    ),
    Check(
        kind="entry_touches_wrong_account",
        proves="An event of life touches only the accounts that the postings table gives it.",
        says="Entry {subject} ({detail}).",
        remedy="Compare the entry with docs/finance.md; correct it by a reversing entry, not by hand.",
        sql=f"""
            with allowed (kind, accounts) as (values {_KINDS})
            select array[e.reference], null::text, null::bigint, null::bigint,
                case when a.kind is null then format('is of the unknown kind %s', e.kind)
                else format('a %s moves from %s to %s', e.kind, m.from_account, m.to_account) end
            from journal_entries e
            join journal_moves m using (reference)
            left join allowed a on a.kind = e.kind
            where a.kind is null
                or not (m.from_account = any (a.accounts) and m.to_account = any (a.accounts))
        """,
    ),
    Check(
        kind="entry_on_wrong_day",
        proves="An entry counts for the day of its event in the time zone of its legal entity; if that "
        "month was closed, for the first day after a closed month.",
        says="Entry {subject} counts for {detail}.",
        remedy="The day decides its month and its year; correct it by a reversing entry.",
        sql="""
            select array[e.reference], null::text, null::bigint, null::bigint,
                format('%s, but it happened on %s in %s', e.effective_on,
                    (e.occurred_at at time zone b.time_zone)::date, b.time_zone)
            from journal_entries e join issuing_entities b on b.id = e.entity_id
            where e.effective_on <> (e.occurred_at at time zone b.time_zone)::date and not exists (
                select from month_closings c
                where c.entity_id = e.entity_id and e.effective_on = c.last_day + 1
                    and (e.occurred_at at time zone b.time_zone)::date <= c.last_day
            )
        """,
    ),
    Check(
        kind="entry_in_anothers_book",
        proves="A gift, its funds and its entries are in the book of one legal entity.",
        says="Entry {subject} is in the wrong book: {detail}.",
        remedy="Reverse it, and post it in the book of the entity that received the money.",
        sql="""
            select array[e.reference, d.id], null::text, null::bigint, null::bigint,
                format('it stands in %s and the gift belongs to %s', e.entity_id, d.entity_id)
            from journal_entries e join donations d on d.id = e.donation_id
            where d.entity_id <> e.entity_id
            union all
            select array[m.reference, m.fund_id], m.currency, m.amount, null,
                format('it stands in %s and fund %s is of %s', e.entity_id, m.fund_id, f.entity_id)
            from funds f join journal_moves m on m.fund_id = f.id join journal_entries e using (reference)
            where f.entity_id <> e.entity_id
        """,
    ),
    Check(
        kind="suspense_unexplained",
        proves="Suspense holds what no rule knows, is filled by nothing else, and is emptied by a person.",
        says="Entry {subject} ({detail}) moves {found} through suspense.",
        remedy="Only unclassified movements and a person's word for them may touch suspense; reverse it.",
        sql="""
            select array[m.reference], m.currency, m.amount, null::bigint, e.kind
            from journal_moves m join journal_entries e using (reference)
            where 'suspense_unclassified' in (m.from_account, m.to_account)
                and e.kind not in ('unclassified', 'classified', 'reclassified')
        """,
    ),
    Check(
        kind="sums_differ_from_journal",
        proves="What each account is said to have moved in a month is what the journal has of it.",
        says="{subject} moved {expected} by the journal, and the sums kept of it say {found}.",
        remedy="As the owner of the database, delete the rows of ledger_month_sums and ledger_summed_up: they"
        " are made anew within the hour, and the journal alone counts. Then find who wrote to them, or to the"
        " journal.",
        sql="""
            with summed as (
                select e.entity_id, date_trunc('month', e.effective_on)::date as month, s.account, m.currency,
                    m.fund_id, sum(s.debit) as debit, sum(s.credit) as credit
                from journal_entries e join journal_moves m using (reference)
                cross join lateral (values (m.to_account, m.amount, 0), (m.from_account, 0, m.amount))
                    as s (account, debit, credit)
                where e.number <= (select through from ledger_summed_up)
                group by 1, 2, 3, 4, 5
            )
            select array[concat_ws(' ', coalesce(k.account, s.account), coalesce(k.fund_id, s.fund_id),
                coalesce(k.entity_id, s.entity_id), to_char(coalesce(k.month, s.month), 'YYYY-MM'))],
                coalesce(k.currency, s.currency), (k.debit - k.credit)::bigint,
                (s.debit - s.credit)::bigint, null::text
            from ledger_month_sums k
            full join summed s on s.entity_id = k.entity_id and s.month = k.month and s.account = k.account
                and s.currency = k.currency and s.fund_id is not distinct from k.fund_id
            where k.debit is distinct from s.debit or k.credit is distinct from s.credit
        """,
    ),
)

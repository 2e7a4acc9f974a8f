# ruff: noqa: S608 - nothing here comes from outside
"""What may happen to the book and what it mirrors behind the program's back.

Each names the check by which it must be found. A statement returns the id that the finding must name.
"""

from tests.verify.victims import GIFT, NEVER_PAID, PLAIN_DONATION, SPLIT, Corruption, of_kind, refund_of

CORRUPTIONS = [
    Corruption(
        "an entry loses its moves",
        "entry_without_moves",
        f"delete from journal_moves where reference = {GIFT} returning reference",
    ),
    Corruption(
        "the months are said to be summed up and the sums are gone",
        "sums_differ_from_journal",
        "insert into ledger_summed_up (id, through) select 1, max(number) from journal_entries",
    ),
    Corruption(
        "somebody adds a sum",
        "sums_differ_from_journal",
        "insert into ledger_month_sums (entity_id, month, account, currency, debit, credit) "
        "values ('us', '2026-01-01', 'bank', 'usd', 100, 0)",
    ),
    Corruption(
        "an entry is deleted and its moves stay",
        "move_without_entry",
        f"delete from journal_entries where reference = {GIFT} returning reference",
    ),
    Corruption(
        "a contribution loses its fund",
        "move_malformed",
        f"update journal_moves set fund_id = null where reference = {GIFT}"
        " and from_account = 'contributions' returning reference",
    ),
    Corruption(
        "a fee becomes won",
        "entry_mixes_currencies",
        f"update journal_moves set currency = 'krw' where reference = {GIFT}"
        " and to_account = 'processing_fees' returning reference",
    ),
    Corruption(
        "a move loses one of its sides",
        "book_does_not_balance",
        "alter table journal_moves alter from_account drop not null;"
        f"update journal_moves set from_account = null where reference = {GIFT}"
        " and from_account = 'contributions'",
    ),
    Corruption(
        "a payout becomes income",
        "entry_touches_wrong_account",
        "update journal_moves set to_account = 'contributions', fund_id = 'general'"
        f" where reference = {of_kind('payout')} returning reference",
    ),
    Corruption(
        "an entry is called something new",
        "entry_touches_wrong_account",
        f"update journal_entries set kind = 'sundry' where reference = {GIFT} returning reference",
    ),
    Corruption(
        "a movement of the book counts into the opening balance too",
        "movement_also_before_books",
        "insert into movements_before_books select stripe_balance_transaction_id, reporting_category,"
        " source_id, amount, fee, net, currency, created_at from balance_transactions"
        f" where 'bt:' || stripe_balance_transaction_id = {GIFT} returning stripe_balance_transaction_id",
    ),
    Corruption(
        "an entry is moved into another month",
        "entry_on_wrong_day",
        f"update journal_entries set effective_on = effective_on + 31 where reference = {GIFT}"
        " returning reference",
    ),
    Corruption(
        "an entry is moved into another entity's book",
        "entry_in_anothers_book",
        f"update journal_entries set entity_id = 'kr' where reference = {GIFT} returning reference",
    ),
    Corruption(
        "a gift is credited to another entity's fund",
        "entry_in_anothers_book",
        "insert into funds select 'seoul', 'kr', name, description, is_restricted, true, 20"
        " from funds where id = 'general';"
        f"update journal_moves set fund_id = 'seoul' where reference = {GIFT} and fund_id is not null",
    ),
    Corruption(
        "a fee is hidden in suspense",
        "suspense_unexplained",
        "update journal_moves set to_account = 'suspense_unclassified' where to_account = 'processing_fees'"
        f" and reference = {GIFT} returning reference",
    ),
    Corruption(
        "one cent is added to a gift's entry",
        "entry_differs_from_movement",
        f"update journal_moves set amount = amount + 1 where reference = {GIFT}"
        " and from_account = 'contributions' returning reference",
    ),
    Corruption(
        "one cent is added, and the total is off",
        "stripe_balance_does_not_tie",
        f"update journal_moves set amount = amount + 1 where reference = {GIFT}"
        " and from_account = 'contributions' returning currency",
    ),
    Corruption(
        "a balance transaction's net is changed",
        "net_is_not_amount_less_fee",
        "alter table balance_transactions drop constraint ck_balance_transactions_net_is_amount_less_fee;"
        f"update balance_transactions set net = net + 1"
        f" where 'bt:' || stripe_balance_transaction_id = {GIFT}",
    ),
    Corruption(
        "a balance transaction's fee is lowered, its net raised",
        "movement_differs_from_stripe",
        "update balance_transactions set fee = fee - 1, net = net + 1"
        f" where 'bt:' || stripe_balance_transaction_id = {GIFT} returning stripe_balance_transaction_id",
    ),
    Corruption(
        "a fee and the entry's fee are lowered together",
        "movement_differs_from_stripe",
        f"update journal_moves set amount = amount - 1 where reference = {GIFT}"
        " and to_account = 'processing_fees';"
        "update balance_transactions set fee = fee - 1, net = net + 1"
        f" where 'bt:' || stripe_balance_transaction_id = {GIFT} returning stripe_balance_transaction_id",
    ),
    Corruption(
        "an entry and its moves vanish",
        "movement_not_booked",
        f"delete from journal_moves where reference = {of_kind('service_fee')};"
        f"delete from journal_entries where reference = {of_kind('service_fee')}",
    ),
    Corruption(
        "a balance transaction vanishes",
        "entry_without_movement",
        "delete from balance_transactions"
        f" where 'bt:' || stripe_balance_transaction_id = {GIFT} returning 'bt:' ||"
        " stripe_balance_transaction_id",
    ),
    Corruption(
        "a balance transaction, its entry and its moves all vanish",
        "fetched_movement_lost",
        "delete from balance_transactions"
        f" where 'bt:' || stripe_balance_transaction_id = {of_kind('reserve')};"
        f"delete from journal_moves where reference = {of_kind('reserve')};"
        f"delete from journal_entries where reference = {of_kind('reserve')}",
    ),
    Corruption(
        "a forged entry takes money from Stripe's balance",
        "entry_differs_from_movement",
        "insert into journal_entries (reference, kind, entity_id, effective_on, occurred_at, description)"
        " values ('sundry:1', 'payout', 'us', '2026-08-03', '2026-08-03T20:00Z', '');"
        "insert into journal_moves values ('sundry:1', 0, 'stripe_balance', 'payouts_in_transit', 99, 'usd')",
    ),
    Corruption(
        "a fact is booked twice",
        "entry_without_movement",
        "insert into journal_entries (reference, kind, entity_id, effective_on, occurred_at, description)"
        f" select reference || 'x', kind, entity_id, effective_on, occurred_at, ''"
        f" from journal_entries where reference = {of_kind('payout')};"
        "insert into journal_moves select reference || 'x', position, from_account,"
        " to_account, amount, currency"
        f" from journal_moves where reference = {of_kind('payout')}",
    ),
    Corruption(
        "an entry is dated an hour later",
        "movement_on_another_day",
        f"update journal_entries set occurred_at = occurred_at + interval '1 minute' where reference = {GIFT}"
        " returning reference",
    ),
    Corruption(
        "a processing fee is shown as a dispute fee",
        "fee_misplaced",
        f"update journal_moves set to_account = 'dispute_fees' where reference = {GIFT}"
        " and to_account = 'processing_fees' returning reference",
    ),
    Corruption(
        "a payout is called a fee",
        "category_booked_as_another",
        "update balance_transactions set reporting_category = 'fee'"
        f" where 'bt:' || stripe_balance_transaction_id = {of_kind('payout')}"
        " returning stripe_balance_transaction_id",
    ),
    Corruption(
        "a fund gets a cent more than was given for it",
        "gift_parts_do_not_add_up",
        f"update donation_allocations set amount = amount + 1 where donation_id = {PLAIN_DONATION}"
        " returning donation_id",
    ),
    Corruption(
        "a part of a gift vanishes",
        "gift_parts_do_not_add_up",
        "delete from donation_allocations where fund_id = 'education' and donation_id ="
        " (select min(donation_id) from donation_allocations where fund_id = 'education')"
        " returning donation_id",
    ),
    Corruption(
        "a gift goes to a fund of another entity",
        "gift_for_anothers_fund",
        "update funds set entity_id = 'kr' where id = 'partner'",
    ),
    Corruption(
        "a charge vanishes",
        "paid_gift_without_charge",
        f"delete from charges where donation_id = {PLAIN_DONATION} returning donation_id",
    ),
    Corruption(
        "a gift has two charges",
        "paid_gift_without_charge",
        "insert into charges (stripe_charge_id, donation_id, amount, currency, status, charged_at, method)"
        f" select 'ch_forged', donation_id, amount, currency, status, charged_at, method"
        f" from charges where donation_id = {PLAIN_DONATION} returning donation_id",
    ),
    Corruption(
        "a charge is raised",
        "charge_differs_from_gift",
        f"update charges set amount = amount + 1 where donation_id = {PLAIN_DONATION}"
        " returning stripe_charge_id",
    ),
    Corruption(
        "a settled gift is called failed",
        "charge_differs_from_gift",
        "update donations set status = 'failed', paid_at = null, gift_date = null"
        f" where id = {PLAIN_DONATION} returning id",
    ),
    Corruption(
        "a gift is dated to another instant",
        "charge_differs_from_gift",
        "update donations set paid_at = paid_at - interval '2 minutes'"
        f" where id = {PLAIN_DONATION} returning id",
    ),
    Corruption(
        "a charge is not in the book",
        "charge_not_booked",
        "insert into charges (stripe_charge_id, amount, currency, status, charged_at, method)"
        " values ('ch_unbooked', 500, 'usd', 'succeeded', '2026-08-09', 'card')"
        " returning stripe_charge_id",
    ),
    Corruption(
        "an entry is given to another gift",
        "charge_booked_as_another",
        f"update journal_entries set donation_id = {NEVER_PAID} where reference = {GIFT} returning reference",
    ),
    Corruption(
        "a gift is called foreign money",
        "charge_booked_as_another",
        f"update charges set donation_id = null where donation_id = {PLAIN_DONATION}"
        " returning stripe_charge_id",
    ),
    Corruption(
        "a charge comes in twice",
        "charge_booked_twice",
        "insert into balance_transactions (stripe_balance_transaction_id, reporting_category,"
        " type, source_id,"
        " amount, fee, net, currency, created_at, available_on)"
        " select 'txn_forged', 'charge', 'charge', source_id, amount, fee, net, currency,"
        " created_at, available_on"
        f" from balance_transactions where 'bt:' || stripe_balance_transaction_id = {GIFT}"
        " returning source_id",
    ),
    Corruption(
        "a cent of a gift moves from one fund to another",
        "gift_entry_differs_from_funds",
        f"update journal_moves set amount = amount + case fund_id when 'education' then 1 else -1 end"
        f" where reference = {SPLIT} and fund_id is not null returning reference",
    ),
    Corruption(
        "a restricted gift is credited to another fund",
        "gift_entry_differs_from_funds",
        f"update journal_moves set fund_id = 'general' where reference = {SPLIT} and fund_id = 'education'"
        " returning reference",
    ),
    Corruption(
        "a gift is dated a day earlier",
        "gift_on_wrong_day",
        f"update donations set gift_date = gift_date - 1 where id = {PLAIN_DONATION} returning id",
    ),
    Corruption(
        "more is refunded than was given",
        "refunded_more_than_given",
        "update refunds set amount = amount + 100000 where status = 'succeeded' returning stripe_charge_id",
    ),
    Corruption(
        "a refund is given to another gift",
        "refund_differs_from_charge",
        f"update refunds set donation_id = {NEVER_PAID} where id = {refund_of('refund')} returning id",
    ),
    Corruption(
        "a refund forgets that it is booked",
        "refund_mark_differs_from_book",
        f"update refunds set is_booked = false where id = {refund_of('refund')} returning id",
    ),
    Corruption(
        "a refund that succeeded is not in the book",
        "refund_not_booked",
        "delete from balance_transactions where source_id = (select stripe_refund_id from refunds"
        f" where id = {refund_of('refund')}) returning source_id",
    ),
    Corruption(
        "the return of a failed refund is not in the book",
        "refund_not_booked",
        "delete from balance_transactions where reporting_category = 'refund_failure'",
    ),
    Corruption(
        "a refund vanishes",
        "money_back_unknown",
        f"delete from refunds where id = {refund_of('refund')} returning stripe_refund_id",
    ),
    Corruption(
        "a refund relieves another fund",
        "refund_relief_differs",
        "update journal_moves set fund_id = 'education' where fund_id = 'rescue'"
        " and to_account = 'contribution_refunds' and reference in"
        " (select reference from journal_entries where kind = 'refund')",
    ),
    Corruption(
        "a refund is shown as a loss of exchange",
        "refund_relief_differs",
        "update journal_moves set to_account = 'fx_gain_loss', fund_id = null"
        " where to_account = 'contribution_refunds' and fund_id = 'rescue'",
    ),
    Corruption(
        "a failed refund becomes income again",
        "refunds_payable_differs",
        "update journal_moves set from_account = 'contribution_refunds'"
        " where from_account = 'refunds_payable'",
    ),
    Corruption(
        "a failed refund is owed to nobody",
        "refunds_payable_astray",
        f"update journal_entries set donation_id = null where reference = {of_kind('refund_failed')}",
    ),
    Corruption(
        "a lost dispute is not booked",
        "dispute_outcome_not_booked",
        f"delete from journal_moves where reference = {of_kind('dispute_lost')};"
        f"delete from journal_entries where reference = {of_kind('dispute_lost')}",
    ),
    Corruption(
        "an open dispute is booked as lost",
        "dispute_outcome_not_booked",
        "update disputes set status = 'under_review' where status = 'lost' returning stripe_dispute_id",
    ),
    Corruption(
        "a won dispute's money did not come back",
        "dispute_outcome_not_booked",
        "delete from balance_transactions where reporting_category = 'dispute_reversal' returning source_id",
    ),
    Corruption(
        "a chargeback is taken from another fund",
        "chargebacks_differ",
        "update journal_moves set fund_id = 'education' where to_account = 'chargebacks'"
        " and fund_id = 'rescue'",
    ),
    Corruption(
        "what an open dispute holds is called a chargeback",
        "dispute_hold_differs",
        "update journal_moves set to_account = 'chargebacks' where to_account = 'disputed_funds'",
    ),
    Corruption(
        "a large refund went on without a second person",
        "refund_without_second_person",
        "update refunds set approved_by = null where approved_by is not null returning id",
    ),
    Corruption(
        "a large refund was approved by the one who asked",
        "refund_without_second_person",
        "alter table refunds drop constraint ck_refunds_maker_is_not_checker;"
        "update refunds set approved_by = requested_by where approved_by is not null",
    ),
    Corruption(
        "the approval of a refund vanishes from the log",
        "refund_without_second_person",
        "delete from audit_log where deed = 'refund.approve' returning subject",
    ),
    Corruption(
        "a debt is called paid",
        "owed_payment_differs",
        "insert into owed_payments (id, donation_id, amount, currency, settled_amount, settled_currency,"
        " transfer_reference, status, requested_by, approved_by, decided_at)"
        " select 'owp_1', donation_id, 100, 'usd', 100, 'usd', 'x', 'paid', 'stf_asks', 'stf_agrees', now()"
        " from refunds where status = 'failed' limit 1 returning id",
    ),
]

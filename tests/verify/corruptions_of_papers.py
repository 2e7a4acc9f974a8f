# ruff: noqa: S608 - nothing here comes from outside
"""What may happen to receipts, the inbox, the guards and people's records behind the program's back.

Each names the check by which it must be found. A statement returns the id that the finding must name.
"""

from tests.verify.victims import GIFT, NEVER_PAID, OTHER_RECEIPT, PLAIN_DONATION, RECEIPT, Corruption

UNVOIDED = "void_cause = null, void_reason = null, voided_at = null, voided_by = null"

CORRUPTIONS = [
    Corruption(
        "a receipt is deleted",
        "receipt_numbers_have_gaps",
        f"delete from receipts where id = {RECEIPT}",
    ),
    Corruption(
        "a receipt is deleted, and its gift has none",
        "gift_without_receipt",
        f"delete from receipts where id = {RECEIPT} returning donation_id",
    ),
    Corruption(
        "a receipt is voided for no reason the book knows",
        "gift_without_receipt",
        "update receipts set status = 'void', void_cause = 'refunded', void_reason = 'a mistake',"
        f" voided_at = now() where id = {RECEIPT} returning donation_id",
    ),
    Corruption(
        "a receipt is written for a gift that was never paid",
        "receipt_for_unsettled_gift",
        f"update receipts set donation_id = {NEVER_PAID} where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt is due for a gift that was never paid",
        "receipt_for_unsettled_gift",
        f"insert into due_receipts (donation_id) values ({NEVER_PAID}) returning donation_id",
    ),
    Corruption(
        "a gift has two receipts",
        "gift_receipted_twice",
        "drop index uq_receipts_live_donation_id;"
        f"update receipts set donation_id = {PLAIN_DONATION} where id = {OTHER_RECEIPT}",
    ),
    Corruption(
        "the receipt of a refunded gift counts again",
        "receipt_of_gift_gone",
        f"update receipts set status = 'issued', {UNVOIDED} where id = (select max(id) from receipts"
        " where void_cause = 'refunded' and id not in"
        " (select replaces_id from receipts where replaces_id is not null)) returning id",
    ),
    Corruption(
        "the receipt of a lost gift counts again",
        "receipt_of_gift_gone",
        f"update receipts set status = 'issued', {UNVOIDED} where id = (select max(id) from receipts"
        " where void_cause = 'disputed' and id not in"
        " (select replaces_id from receipts where replaces_id is not null)) returning id",
    ),
    Corruption(
        "the receipt of a reversed cheque counts again",
        "receipt_of_gift_gone",
        f"update receipts set status = 'issued', {UNVOIDED} where id = (select max(id) from receipts"
        " where void_cause = 'taken_back') returning id",
    ),
    Corruption(
        "a receipt says more than is left of its gift",
        "receipt_differs_from_gift",
        "update receipts r set amount = o.amount from receipts o where o.id = r.replaces_id"
        " and r.status = 'issued' and o.void_cause = 'refunded' returning r.id",
    ),
    Corruption(
        "a receipt is void without a reason",
        "receipt_void_unexplained",
        "alter table receipts drop constraint ck_receipts_void_has_reason;"
        f"update receipts set status = 'void', voided_at = now() where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt that counts says that it is void",
        "receipt_void_unexplained",
        "alter table receipts drop constraint ck_receipts_live_is_not_voided;"
        f"update receipts set void_reason = 'a mistake' where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt replaces one that counts",
        "receipt_replaces_wrongly",
        f"update receipts set replaces_id = {RECEIPT} where id = (select max(id) from receipts"
        f" where status = 'issued' and replaces_id is null and id <> {RECEIPT}) returning id",
    ),
    Corruption(
        "nobody is told that a receipt is void",
        "donor_not_told_of_void",
        "delete from outgoing_mails where reference like 'void:%'",
    ),
    Corruption(
        "the counter runs ahead",
        "receipt_numbers_have_gaps",
        "update receipt_counters set last_number = last_number + 1",
    ),
    Corruption(
        "a number is skipped",
        "receipt_numbers_have_gaps",
        f"update receipts set sequence = 100000 where id = {RECEIPT}",
    ),
    Corruption(
        "a receipt says more than was given",
        "receipt_differs_from_gift",
        f"update receipts set amount = amount + 100 where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt prints more than it says",
        "receipt_differs_from_gift",
        "update receipts set content = jsonb_set(content, '{amount_minor}', '999999')"
        f" where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt forgets what the donor got",
        "receipt_differs_from_gift",
        "update receipts set content = jsonb_set(content, '{benefit_minor}', '0')"
        " where kind = 'benefit' and status = 'issued' returning id",
    ),
    Corruption(
        "a receipt takes off what no donor got",
        "receipt_differs_from_gift",
        f"update receipts set content = jsonb_set(content, '{{benefit_minor}}', '100') where id = {RECEIPT}"
        " returning id",
    ),
    Corruption(
        "a receipt is dated into another day",
        "receipt_differs_from_gift",
        f"update receipts set gift_date = gift_date - 1 where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt is put into another tax year",
        "receipt_differs_from_gift",
        f"update receipts set tax_year = 2025 where id = {RECEIPT} returning id",
    ),
    Corruption(
        "a receipt's document is replaced",
        "receipt_document_changed",
        f"update receipt_documents set pdf = pdf || '\\x00' where receipt_id = {RECEIPT}"
        " returning receipt_id",
    ),
    Corruption(
        "a receipt's document is lost",
        "receipt_document_changed",
        f"delete from receipt_documents where receipt_id = {RECEIPT} returning receipt_id",
    ),
    Corruption(
        "a receipt's page is never set",
        "receipt_page_late",
        "with old as ("
        f"update receipts set issued_at = issued_at - interval '2 hours' where id = {RECEIPT} returning id"
        ") insert into due_documents (receipt_id) select id from old returning receipt_id",
    ),
    Corruption(
        "a receipt was never mailed",
        "receipt_without_mail",
        f"delete from outgoing_mails where reference = 'receipt:' || {RECEIPT}",
    ),
    Corruption(
        "something waits in the queue that was never said",
        "queued_event_lost",
        "insert into stripe_event_queue (stripe_event_id) values ('evt_ghost') returning stripe_event_id",
    ),
    Corruption(
        "an event is parked without a reason",
        "parked_without_reason",
        "insert into stripe_event_queue (stripe_event_id, parked_at)"
        " select stripe_event_id, now() from stripe_events limit 1 returning stripe_event_id",
    ),
    Corruption(
        "Stripe's answer behind a balance transaction vanishes",
        "movement_differs_from_stripe",
        f"delete from stripe_events where object_id = (select substring({GIFT} from 4)) returning object_id",
    ),
    Corruption(
        "an event is done and its charge is not there",
        "event_without_effect",
        f"delete from charges where donation_id = {PLAIN_DONATION} returning stripe_charge_id",
    ),
    Corruption(
        "a deed vanishes from the log",
        "deed_without_audit",
        "delete from audit_log where deed = 'refund.request' returning subject",
    ),
    Corruption(
        "a donor vanishes",
        "row_without_parent",
        "delete from donors returning id",
    ),
    Corruption(
        "the book's guard is switched off",
        "guard_missing",
        "alter table journal_moves disable trigger journal_moves_append_only",
    ),
    Corruption(
        "the book's guard looks away from what is rewritten",
        "guard_missing",
        "create or replace trigger journal_moves_append_only before truncate on journal_moves"
        " for each statement execute function almoner_refuse_rewrite()",
    ),
    Corruption("the seal is removed", "guard_missing", "drop trigger journal_moves_sealed on journal_moves"),
    Corruption(
        "the guard is taught to let everything pass",
        "guard_missing",
        "create or replace function almoner_refuse_rewrite() returns trigger language plpgsql"
        " as $$ begin return null; end $$",
    ),
    Corruption(
        "a law of the database is dropped",
        "constraint_missing",
        "alter table journal_moves drop constraint ck_journal_moves_amount_positive",
    ),
    Corruption(
        "two receipts for a gift become possible",
        "constraint_missing",
        "drop index uq_receipts_live_donation_id",
    ),
    Corruption(
        "the program may rewrite the book", "grant_too_wide", "grant update on journal_moves to almoner_app"
    ),
    Corruption(
        "everybody may empty the book", "grant_too_wide", "grant truncate on journal_entries to public"
    ),
    Corruption("the program may delete gifts", "grant_too_wide", "grant delete on donations to almoner_app"),
    Corruption(
        "the program may change a receipt's amount",
        "grant_too_wide",
        "grant update (amount) on receipts to almoner_app",
    ),
    Corruption(
        "the program owns the book", "grant_too_wide", "alter table journal_moves owner to almoner_app"
    ),
    Corruption(
        "a cheque is recorded with another amount than the book has",
        "offline_gift_differs",
        "update donations set amount = amount + 1 where channel = 'cheque' and amount = 5000 returning id",
    ),
    Corruption(
        "the paper of an offline gift vanishes",
        "offline_gift_differs",
        "delete from offline_gifts where donation_id = (select id from donations where channel = 'stock')"
        " returning donation_id",
    ),
    Corruption(
        "an offline gift is not in the book",
        "offline_gift_differs",
        "delete from journal_moves where reference = (select 'offline:' || id from donations"
        " where channel = 'in_kind');"
        "delete from journal_entries where reference = (select 'offline:' || id from donations"
        " where channel = 'in_kind')",
    ),
    Corruption(
        "cash goes straight to the bank",
        "offline_gift_differs",
        "update journal_moves set to_account = 'bank' where to_account = 'undeposited_funds'"
        " and reference in (select 'offline:' || id from donations where channel = 'cash' and amount = 900)",
    ),
    Corruption(
        "a cheque's day of receipt is changed",
        "offline_gift_differs",
        "update offline_gifts set received_on = received_on + 40 where postmarked_on is not null"
        " returning donation_id",
    ),
    Corruption(
        "a gift that was taken back counts again",
        "offline_reversal_differs",
        "update offline_gifts set reversed_at = null, reversed_by = null, reversal_reason = null"
        " where reversed_at is not null returning donation_id",
    ),
    Corruption(
        "a reversal takes back less",
        "offline_reversal_differs",
        "update journal_moves set amount = amount - 1 where reference like 'offline:%:reversed'",
    ),
    Corruption(
        "a cheque slips from its deposit",
        "deposit_slip_differs",
        "update offline_gifts set deposit_slip_id = null where postmarked_on is not null"
        " returning (select id from deposit_slips)",
    ),
    Corruption(
        "a deposit slip is raised",
        "deposit_slip_differs",
        "update deposit_slips set total = total + 1 returning id",
    ),
    Corruption(
        "a deposit is not in the book",
        "deposit_slip_differs",
        "delete from journal_moves where reference like 'deposit:%';"
        "delete from journal_entries where reference like 'deposit:%'",
    ),
    Corruption(
        "a deposit counts for another day",
        "deposit_slip_differs",
        "update journal_entries set effective_on = effective_on + 40, occurred_at = occurred_at"
        " + interval '40 days' where reference like 'deposit:%' returning substring(reference from 9)",
    ),
    Corruption(
        "cash leaves the drawer",
        "undeposited_funds_differ",
        "update journal_moves set to_account = 'bank' where to_account = 'undeposited_funds'"
        " and reference in (select 'offline:' || id from donations where channel = 'cash' and amount = 900)",
    ),
    Corruption(
        "more is taken out of suspense than is in it",
        "classification_differs",
        "update journal_moves set amount = amount + 1 where reference like 'classified:%'"
        " returning reference",
    ),
    Corruption(
        "a corrected word moves a cent more than the wrong one did",
        "reclassification_differs",
        "update journal_moves set amount = amount + 1 where reference like 'reclassified:%' and position = 1"
        " returning reference",
    ),
    Corruption(
        "a corrected word takes back from where nothing was put",
        "reclassification_differs",
        "update journal_moves set to_account = 'bank' where reference like 'reclassified:%' and position = 0"
        " returning reference",
    ),
    Corruption(
        "something is taken out of suspense, and nobody said so",
        "deed_without_audit",
        "delete from audit_log where deed in ('ledger.classify', 'ledger.reclassify') returning subject",
    ),
    Corruption(
        "a debt's payment has another amount in the book",
        "owed_payment_differs",
        "update owed_payments set settled_amount = settled_amount - 1 where status = 'paid' returning id",
    ),
    Corruption(
        "a debt is paid and owed still",
        "refunds_payable_differs",
        "update journal_moves set to_account = 'fx_gain_loss' where reference like 'owed_paid:%'",
    ),
    Corruption(
        "Stripe's answer is replaced by something that is no answer",
        "movement_differs_from_stripe",
        "update stripe_events set body = '\\xff00' where object_id ="
        f" (select substring({GIFT} from 4)) returning object_id",
    ),
    Corruption(
        "a charge that is in the book is called failed",
        "charge_booked_as_another",
        f"update charges set status = 'failed' where donation_id = {PLAIN_DONATION}"
        " returning stripe_charge_id",
    ),
    Corruption(
        "an entry is slipped into a closed month",
        "entry_in_closed_month",
        "update journal_entries set effective_on = '2026-08-31' where effective_on = '2026-09-01'"
        " and kind = 'offline_gift' returning reference",
    ),
    Corruption(
        "an entry of a closed month is moved out of it",
        "closed_month_changed",
        "update journal_entries set effective_on = effective_on + 31 where number ="
        " (select min(number) from journal_entries where effective_on between '2026-08-01' and '2026-08-31')"
        " returning 'mcl_august'",
    ),
    Corruption(
        "a cent is added to an entry of a closed month",
        "closed_month_changed",
        "update journal_moves set amount = amount + 1 where position = 0 and reference ="
        " (select min(reference) from journal_entries"
        " where effective_on between '2026-08-01' and '2026-08-31') returning 'mcl_august'",
    ),
    Corruption(
        "the pack of a closed month is exchanged",
        "close_pack_changed",
        "alter table month_closings drop constraint ck_month_closings_pack_is_what_was_hashed;"
        " update month_closings set pack = 'another' returning id",
    ),
    Corruption(
        "a month is closed before the one between",
        "months_not_in_order",
        "insert into month_closings (id, entity_id, month, last_day, version, closed_by, closed_at, evidence,"
        " entries, moved, pack, pack_sha256) select 'mcl_october', entity_id, '2026-10-01', '2026-10-31', 1,"
        " closed_by, closed_at, evidence, entries, moved, pack, pack_sha256 from month_closings returning id",
    ),
    Corruption(
        "a month is reopened by whoever closed it",
        "months_not_in_order",
        "alter table month_closings drop constraint ck_month_closings_reopened_by_another_person;"
        " update month_closings set reopened_by = closed_by, reopened_at = now(), reopen_reason = 'mine'"
        " returning id",
    ),
    Corruption(
        "the lock of closed months is taken off",
        "guard_missing",
        "alter table journal_entries disable trigger journal_entries_in_open_months",
    ),
]

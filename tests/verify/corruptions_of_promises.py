# ruff: noqa: S608 - nothing here comes from outside
"""What may happen to monthly gifts and their invoices behind the program's back."""

from tests.verify.victims import PLAIN_DONATION, Corruption

_RENEWAL = (
    "(select max(stripe_invoice_id) from monthly_invoices"
    " where billing_reason = 'subscription_cycle' and donation_id is not null)"
)
_ITS_GIFT = f"(select donation_id from monthly_invoices where stripe_invoice_id = {_RENEWAL})"
_PROMISE = "(select id from monthly_gifts where stripe_subscription_id is not null)"

CORRUPTIONS = [
    Corruption(
        "a part of a promise is raised",
        "promise_parts_do_not_add_up",
        f"update monthly_allocations set amount = amount + 1 where monthly_gift_id = {_PROMISE}"
        " returning monthly_gift_id",
    ),
    Corruption(
        "a paid invoice forgets its gift",
        "paid_instalment_without_gift",
        f"update monthly_invoices set donation_id = null where stripe_invoice_id = {_RENEWAL}"
        " returning stripe_invoice_id",
    ),
    Corruption(
        "an invoice is deleted",
        "instalment_differs_from_invoice",
        f"delete from monthly_invoices where stripe_invoice_id = {_RENEWAL} returning donation_id",
    ),
    Corruption(
        "an instalment is made smaller",
        "instalment_differs_from_invoice",
        f"update donations set amount = amount - 1 where id = {_ITS_GIFT} returning id",
    ),
    Corruption(
        "an invoice is voided after it was paid",
        "instalment_differs_from_invoice",
        f"update monthly_invoices set status = 'void' where stripe_invoice_id = {_RENEWAL}"
        " returning donation_id",
    ),
    Corruption(
        "an instalment is given to another donor",
        "instalment_of_anothers_promise",
        f"update donations set donor_id = (select donor_id from donations where id = {PLAIN_DONATION})"
        f" where id = {_ITS_GIFT} returning id",
    ),
    Corruption(
        "one month is paid twice",
        "month_charged_twice",
        "update monthly_invoices set period_start = '2026-02-01' where billing_reason = 'subscription_cycle'"
        " returning monthly_gift_id",
    ),
    Corruption(
        "the terms say that another amount was agreed",
        "instalment_not_as_agreed",
        f"update monthly_terms set amount = amount + 500 where monthly_gift_id = {_PROMISE}",
    ),
    Corruption(
        "a gift had ended before its last instalment was taken",
        "taken_after_end_and_kept",
        "update monthly_gifts set status = 'ended', end_reason = 'donor', ended_at = '2026-02-10'"
        f" where id = {_PROMISE} returning id",
    ),
    Corruption(
        "a gift was to rest when its last instalment was taken",
        "taken_in_pause_and_kept",
        "update monthly_changes set done_at = null, status = 'overtaken' where kind = 'pause'"
        " returning monthly_gift_id",
    ),
]

# ruff: noqa: S608 - nothing here comes from outside
"""What may go wrong in the seeded year, each with the findings that must name it and no others."""

from collections.abc import Callable
from datetime import date

from sqlalchemy import text

from payments.database import new_id
from tests.factories import a_donation
from tests.money_moves.small_stripe import Thing
from tests.reconciliation.year_copied import Copy, Named, amount_of, an_ordinary_gift, its_charge, payout_of

# Between gifts and Stripe


def a_movement_without_its_gift(copy: Copy) -> list[Named]:
    stripe = copy.on(date(2025, 12, 30))
    charge = stripe.charge(4321, 155, is_settled=False)
    charge["metadata"] = {"donation": new_id("don")}
    row = stripe.settle(charge, 155, settled_in="usd")
    copy.hears()
    return [("movement_not_booked", row["id"], 4166, "usd")]


def a_gift_without_its_movement(copy: Copy) -> list[Named]:
    gift = a_donation(copy.session, amount=7123)
    copy.on(date(2025, 11, 4)).charge(7123, gift=gift, is_settled=False)
    copy.hears()
    return [("gift_without_movement", gift.id, 7123, "usd")]


def a_fee_that_is_missing(copy: Copy) -> list[Named]:
    gift = a_donation(copy.session, amount=9090)
    copy.on(date(2025, 12, 30)).charge(9090, 0, gift=gift)
    row = copy.stripe.balance_transactions[-1]
    copy.hears()
    return [("fee_missing", row["id"], 9090, "usd")]


def a_gift_in_another_currency(copy: Copy) -> list[Named]:
    [(charge, amount)] = copy.behind_the_back(
        f"update charges set currency = 'eur' where donation_id = '{an_ordinary_gift(copy, 1)}'"
        " returning stripe_charge_id, amount"
    )
    return [("currency_differs", charge, amount, "eur")]


def a_line_of_a_payout_in_another_currency(copy: Copy) -> list[Named]:
    [(row, amount)] = copy.behind_the_back(
        f"""update balance_transactions set currency = 'krw'
            where source_id = '{its_charge(copy, an_ordinary_gift(copy, 2))["id"]}'
            returning stripe_balance_transaction_id, amount"""
    )
    return [("currency_differs", row, amount, "krw")]


def an_unknown_category(copy: Copy) -> list[Named]:
    row = copy.on(date(2025, 12, 30)).moves("anticipation_repayment", -77, 3, description="Something new")
    copy.hears()
    return [("in_suspense", row["id"], -80, "usd")]


def a_word_that_is_not_the_whole_amount(copy: Copy) -> list[Named]:
    copy.behind_the_back(
        """update journal_moves set amount = amount + 5 where reference like 'classified:%'
            returning reference"""
    )
    return [("suspense_not_zero", "USD", 5, "usd")]


def a_refund_that_failed(copy: Copy) -> list[Named]:
    charge = its_charge(copy, an_ordinary_gift(copy, 3))
    refund = copy.on(date(2025, 12, 28)).refund(charge, 500)
    copy.stripe.refund_fails(refund)
    copy.hears()
    return [("refund_owed", an_ordinary_gift(copy, 3), 500, "usd")]


def a_dispute_to_answer(copy: Copy) -> list[Named]:
    charge = its_charge(copy, an_ordinary_gift(copy, 4))
    dispute = copy.on(date(2025, 12, 28)).dispute(charge)
    copy.hears()
    return [("dispute_unanswered", dispute["id"], charge["amount"], "usd")]


def less_than_nothing_at_stripe(copy: Copy) -> list[Named]:
    there = "select sum(net)::bigint from balance_transactions where currency = 'krw'"
    left = copy.session.scalar(text(there))
    copy.on(date(2025, 12, 30)).moves("fee", -left - 1, currency="krw", description="A very dear month")
    copy.hears()
    return [("balance_below_nothing", "krw", -1, "krw")]


def lines_of_nothing(copy: Copy) -> list[Named]:
    stripe = copy.on(date(2025, 12, 30))
    stripe.moves("charge", 0)
    stripe.moves("other_adjustment", 0, description="Nothing")
    stripe.moves("fee", 0)
    copy.hears()
    copy.behind_the_back(
        """insert into bank_lines (id, bank_account_id, bank_statement_id, position, booked_on, amount,
                currency, text, fingerprint, occurrence)
            select 'bln_nothing', bank_account_id, bank_statement_id, 999, booked_on, 0, currency,
                'STRIPE NOTICE', 'nothing', 1
            from bank_lines where currency = 'usd' limit 1 returning id"""
    )
    return []


# Payouts


def a_payout_that_differs(copy: Copy) -> list[Named]:
    payout = payout_of(copy, "2025-03-03")
    copy.behind_the_back(
        f"update payouts set amount = amount + 1 where stripe_payout_id = '{payout}' returning 1",
        # The bank shows what Stripe paid.
        f"""update bank_lines set amount = amount + 1 where id = (select bank_line_id from bank_matches
            where subject_id = '{payout}') returning 1""",
        """update bank_statements set closing = closing + 1
            where bank_account_id = 'operating' and last_day = '2025-12-31' returning 1""",
    )
    return [("payout_differs", payout, 1, "usd")]


def a_payout_whose_list_lacks_a_line(copy: Copy) -> list[Named]:
    payout = payout_of(copy, "2025-04-07")
    [(net,)] = copy.behind_the_back(
        f"""delete from payout_lines where (stripe_payout_id, stripe_balance_transaction_id) = (
                select l.stripe_payout_id, min(l.stripe_balance_transaction_id) from payout_lines l
                join payouts p using (stripe_payout_id)
                where l.stripe_payout_id = '{payout}'
                    and l.stripe_balance_transaction_id <> p.stripe_balance_transaction_id
                group by 1
            ) returning net"""
    )
    return [("payout_differs", payout, net, "usd")]


def a_figure_that_changed(copy: Copy) -> list[Named]:
    payout = payout_of(copy, "2025-06-09")
    copy.behind_the_back(
        f"""update balance_transactions set amount = amount - 2, net = net - 2
            where stripe_balance_transaction_id = (
                select min(b.stripe_balance_transaction_id) from payout_lines l
                join balance_transactions b using (stripe_balance_transaction_id)
                where l.stripe_payout_id = '{payout}' and b.reporting_category = 'charge'
            ) returning 1"""
    )
    return [("payout_differs", payout, 2, "usd")]


def a_payout_whose_list_never_came(copy: Copy) -> list[Named]:
    payout = payout_of(copy, "2025-08-04")
    [(amount,)] = copy.behind_the_back(
        f"delete from payout_lines where stripe_payout_id = '{payout}' returning 1",
        f"update payouts set listed_at = null where stripe_payout_id = '{payout}' returning amount",
    )
    return [("payout_not_proven", payout, amount, "usd")]


def a_payout_that_is_overdue(copy: Copy) -> list[Named]:
    payout = payout_of(copy, "2025-10-06")
    copy.takes_off_the_statement(payout)
    return [("payout_overdue", payout, amount_of(copy, "2025-10-06"), "usd")]


def a_payout_that_failed(copy: Copy) -> list[Named]:
    payout = next(each for each in copy.stripe.things("po") if each["id"] == payout_of(copy, "2025-12-22"))
    copy.on(date(2025, 12, 30)).payout_fails(payout)
    copy.hears()
    return [("payout_failed", payout["id"], payout["amount"], "usd")]


def a_payout_the_bank_kept_though_it_failed(copy: Copy) -> list[Named]:
    payout = payout_of(copy, "2025-07-14")
    copy.takes_off_the_statement(payout, kind="payout_return")
    return [("payout_not_returned", payout, amount_of(copy, "2025-07-14"), "usd")]


def a_payout_nobody_told_of(copy: Copy) -> list[Named]:
    source: Thing = {"id": new_id("po"), "object": "payout"}
    copy.on(date(2025, 12, 29)).moves("payout", -1500, source=source)
    copy.hears()
    return [("payout_unheard_of", source["id"], 1500, "usd")]


def a_bank_that_was_not_imported(copy: Copy) -> list[Named]:
    copy.on(date(2026, 1, 5)).payout(2222)
    copy.hears()
    return [("bank_not_imported", "operating", 2222, "usd")]


# The bank


def a_line_nobody_knows(copy: Copy) -> list[Named]:
    [line] = copy.the_bank_says((date(2026, 1, 8), 54_321, "CREDIT 0001"))
    return [("bank_line_unmatched", line.id, 54_321, "krw")]


def a_line_that_says_stripe_and_is_no_payout(copy: Copy) -> list[Named]:
    [line] = copy.the_bank_says((date(2026, 1, 9), 11_111, "STRIPE TRANSFER"))
    return [("bank_line_unmatched", line.id, 11_111, "krw")]


def a_payout_recorded_as_a_gift(copy: Copy) -> list[Named]:
    [(day, amount)] = copy.session.execute(
        text("""select l.booked_on, l.amount from bank_lines l join bank_matches m on m.bank_line_id = l.id
            where m.subject_id = :payout"""),
        {"payout": payout_of(copy, "2025-11-03")},
    )
    gift = copy.a_transfer(amount, day)
    return [("payout_counted_as_gift", gift, amount, "usd")]


def a_line_that_is_two_things(copy: Copy) -> list[Named]:
    copy.behind_the_back("drop index uq_bank_matches_bank_line_id")
    [(line, amount)] = copy.behind_the_back(
        """insert into bank_matches (id, bank_line_id, kind, reason)
            select 'bmt_twice', l.id, 'ignored', 'twice'
            from bank_lines l join bank_matches m on m.bank_line_id = l.id
            where l.bank_account_id = 'seoul' and m.kind = 'transfer' order by l.booked_on limit 1
            returning bank_line_id, (select amount from bank_lines where id = bank_line_id)"""
    )
    return [("bank_line_matched_twice", line, amount, "krw")]


def a_deposit_that_never_came(copy: Copy) -> list[Named]:
    gift = copy.a_transfer(6543, date(2025, 9, 10))
    return [("deposit_not_on_statement", gift, 6543, "usd")]


def a_topup_that_is_on_no_line(copy: Copy) -> list[Named]:
    row = copy.on(date(2025, 12, 15)).moves("topup", 3210)
    copy.hears()
    return [("topup_without_line", row["id"], 3210, "usd")]


def a_balance_that_no_line_tells(copy: Copy) -> list[Named]:
    copy.behind_the_back(
        """update bank_statements set closing = closing + 3
            where bank_account_id = 'seoul' and last_day = '2025-12-31' returning 1"""
    )
    return [("bank_gap", "seoul", 3, "krw")]


# Receipts


def a_receipt_of_money_given_back(copy: Copy) -> list[Named]:
    [(number, amount)] = copy.behind_the_back(
        f"""update receipts set status = 'issued', void_cause = null, void_reason = null, voided_at = null
            where donation_id = '{copy.year.gift_ids["large"]}' returning number, amount"""
    )
    return [("receipt_of_money_given_back", number, amount, "usd")]


def a_receipt_that_is_gone(copy: Copy) -> list[Named]:
    copy.behind_the_back("delete from receipts where series = 'US' and sequence = 40 returning 1")
    return [("receipt_gap", "US-2025", None, None)]


def a_last_number_that_is_gone(copy: Copy) -> list[Named]:
    copy.behind_the_back(
        "update receipt_counters set last_number = last_number + 1 where series = 'KR' returning 1"
    )
    return [("receipt_gap", "KR-2025", None, None)]


# Stripe's own reports


def a_report_with_another_cent(copy: Copy) -> list[Named]:
    rows = copy.of_the_month(2)
    rows[3]["net"] += 1
    copy.takes_in_a_report(2, rows)
    return [("report_row_differs", rows[3]["id"], 1, rows[3]["currency"])]


def a_report_without_a_row(copy: Copy) -> list[Named]:
    rows = copy.of_the_month(3)
    gone = rows.pop(5)
    copy.takes_in_a_report(3, rows)
    return [("report_row_missing", gone["id"], -gone["net"], gone["currency"])]


def a_report_with_one_row_more(copy: Copy) -> list[Named]:
    rows = copy.of_the_month(4)
    more = {**rows[0], "id": new_id("txn"), "source": new_id("ch")}
    copy.takes_in_a_report(4, [*rows, more])
    return [("report_row_extra", more["id"], more["net"], more["currency"])]


def a_balance_that_stripe_tells_otherwise(copy: Copy) -> list[Named]:
    copy.takes_in_a_balance(ending=copy.ends_with() + 2)
    return [("report_balance_differs", "usd ending_balance 2025-05-31", 2, "usd")]


PLANTS: tuple[Callable[[Copy], list[Named]], ...] = (
    a_movement_without_its_gift,
    a_gift_without_its_movement,
    a_fee_that_is_missing,
    a_gift_in_another_currency,
    a_line_of_a_payout_in_another_currency,
    an_unknown_category,
    a_word_that_is_not_the_whole_amount,
    a_refund_that_failed,
    a_dispute_to_answer,
    lines_of_nothing,
    a_payout_that_differs,
    a_payout_whose_list_lacks_a_line,
    a_figure_that_changed,
    a_payout_whose_list_never_came,
    a_payout_that_is_overdue,
    a_payout_that_failed,
    a_payout_the_bank_kept_though_it_failed,
    a_payout_nobody_told_of,
    a_bank_that_was_not_imported,
    a_line_nobody_knows,
    a_line_that_says_stripe_and_is_no_payout,
    a_payout_recorded_as_a_gift,
    a_line_that_is_two_things,
    a_deposit_that_never_came,
    a_topup_that_is_on_no_line,
    a_balance_that_no_line_tells,
    a_receipt_of_money_given_back,
    a_receipt_that_is_gone,
    a_last_number_that_is_gone,
    a_report_with_another_cent,
    a_report_without_a_row,
    a_report_with_one_row_more,
    a_balance_that_stripe_tells_otherwise,
    less_than_nothing_at_stripe,
)
"""Each alone makes just its findings; all of them, in this order, make all findings and no more."""

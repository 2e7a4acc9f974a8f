"""The decision table, code by code: what is done, what the donor is told, and never too often."""

import pytest

from payments.monthly.declines import (
    ANSWERS,
    BANK_DEBITS,
    PAUSES_OF_BANK_DEBITS,
    PAUSES_OF_CARDS,
    Course,
    Reason,
    decide,
)

# Stripe's decline codes of cards (docs.stripe.com/declines/codes), its failure codes of bank debits
# (docs.stripe.com/declines/network-codes) and the error codes of the SDK that a payment may end with,
# each with what a fundraiser would expect of it.
EXPECTED: dict[str, tuple[Course, Reason]] = {
    **dict.fromkeys(
        ["insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded"],
        (Course.SAME_AGAIN, Reason.SHORT),
    ),
    **dict.fromkeys(
        ["charge_exceeds_source_limit", "charge_exceeds_transaction_limit", "charge_exceeds_weekly_limit"],
        (Course.SAME_AGAIN, Reason.SHORT),
    ),
    **dict.fromkeys(
        [
            "approve_with_id",
            "card_decline_rate_limit_exceeded",
            "could_not_process",
            "duplicate_transaction",
            "generic_could_not_process",
            "issuer_not_available",
            "link_connection_closed",
            "lock_timeout",
            "payment_method_provider_timeout",
            "processing_error",
            "rate_limit",
            "reenter_transaction",
            "three_d_secure_authentication_upstream_error",
            "try_again_later",
        ],
        (Course.SAME_AGAIN, Reason.BUSY),
    ),
    **dict.fromkeys(
        [
            "call_issuer",
            "card_declined",
            "do_not_honor",
            "generic_decline",
            "no_action_taken",
            "payment_intent_payment_attempt_failed",
            "payment_method_customer_decline",
            "payment_method_provider_decline",
            "refer_to_customer",
            "service_not_allowed",
            "test_mode_decline",
            "testmode_decline",
        ],
        (Course.FEW_TRIES, Reason.NOT_SAID),
    ),
    **dict.fromkeys(
        [
            "action_blocked",
            "anomalous_money_movement_request",
            "blocklist",
            "do_not_try_again",
            "fraudulent",
            "highest_risk_level",
            "lost_card",
            "merchant_blacklist",
            "pickup_card",
            "previously_declined_do_not_retry",
            "request_blocked",
            "restricted_card",
            "rule",
            "security_violation",
            "stolen_card",
        ],
        (Course.NEW_METHOD, Reason.NOT_SAID),
    ),
    **dict.fromkeys(
        ["expired_card", "expired_payment_method", "invalid_expiry_month", "invalid_expiry_year"],
        (Course.NEW_METHOD, Reason.EXPIRED),
    ),
    **dict.fromkeys(
        [
            "account_information_mismatch",
            "account_invalid",
            "account_number_invalid",
            "bank_account_bad_routing_numbers",
            "bank_account_invalid_details",
            "incorrect_account_holder_address",
            "incorrect_account_holder_name",
            "incorrect_account_holder_tax_id",
            "incorrect_address",
            "incorrect_cvc",
            "incorrect_number",
            "incorrect_pin",
            "incorrect_postal_code",
            "incorrect_zip",
            "invalid_account",
            "invalid_account_number",
            "invalid_cvc",
            "invalid_number",
            "invalid_pin",
            "new_account_information_available",
            "no_account",
            "offline_pin_required",
            "online_or_offline_pin_required",
            "pin_try_exceeded",
            "requested_block_on_incorrect_cvc",
            "requested_block_on_incorrect_zip",
            "routing_number_invalid",
            "tokenized_account_number_deactivated",
        ],
        (Course.NEW_METHOD, Reason.WRONG_DETAILS),
    ),
    **dict.fromkeys(
        [
            "account_frozen",
            "amount_too_large",
            "amount_too_small",
            "bank_account_declined",
            "bank_account_frozen",
            "bank_account_restricted",
            "bank_account_unusable",
            "bank_account_unverified",
            "card_not_supported",
            "currency_not_supported",
            "invalid_amount",
            "invalid_card_type",
            "invalid_currency",
            "not_permitted",
            "payment_method_bank_account_blocked",
            "payment_method_currency_mismatch",
            "payment_method_not_available",
            "payment_method_restricted",
            "payment_method_unactivated",
            "payment_method_unsupported_type",
            "sepa_unsupported_account",
            "three_d_secure_authentication_not_supported",
            "transaction_not_allowed",
        ],
        (Course.NEW_METHOD, Reason.NOT_SUITED),
    ),
    **dict.fromkeys(
        ["account_closed", "bank_account_closed", "bank_ownership_changed"],
        (Course.NEW_METHOD, Reason.ACCOUNT_CLOSED),
    ),
    **dict.fromkeys(
        [
            "approval_required",
            "authentication_failure",
            "authentication_not_handled",
            "authentication_required",
            "invoice_payment_intent_requires_action",
            "mobile_device_authentication_required",
            "payment_intent_action_required",
            "payment_intent_authentication_failure",
            "payment_intent_payment_attempt_expired",
        ],
        (Course.CONFIRM, Reason.CONFIRMATION),
    ),
    **dict.fromkeys(
        [
            "billing_invalid_mandate",
            "charge_disputed",
            "debit_authorization_not_match",
            "debit_not_authorized",
            "india_recurring_payment_mandate_canceled",
            "payment_intent_mandate_invalid",
            "recipient_deceased",
            "revocation_of_all_authorizations",
            "revocation_of_authorization",
            "stop_payment_order",
        ],
        (Course.STOPPED_AT_BANK, Reason.PERMISSION_WITHDRAWN),
    ),
}


@pytest.mark.parametrize("code", list(EXPECTED))
def test_every_code_has_its_course_and_its_reason(code: str) -> None:
    decision = decide(code, method="card", tries=1)

    assert (decision.course, decision.reason) == EXPECTED[code]


def test_the_table_holds_no_code_that_nobody_thought_about() -> None:
    assert set(ANSWERS) == set(EXPECTED)


@pytest.mark.parametrize("code", [None, "", "a_code_of_next_year"])
def test_an_unknown_code_is_a_refusal_without_a_reason(code: str | None) -> None:
    assert decide(code, method="card", tries=1) == decide("generic_decline", method="card", tries=1)


@pytest.mark.parametrize("code", [*EXPECTED, "a_code_of_next_year"])
@pytest.mark.parametrize("method", ["card", "link", "kr_card", None, *sorted(BANK_DEBITS)])
def test_tries_are_days_apart_and_come_to_an_end(code: str, method: str | None) -> None:
    pauses = []
    for tries in range(1, 20):
        decision = decide(code, method=method, tries=tries)
        if decision.try_in_days is None:
            break
        pauses.append(decision.try_in_days)

    in_all = 1 + len(pauses)
    assert in_all <= (2 if method in BANK_DEBITS else 4)
    assert all(days >= 3 for days in pauses)
    assert sum(pauses) <= 15, "it is over before the next instalment is due"
    assert decision.is_last != decision.waits_for_donor


def test_a_card_that_is_short_is_tried_four_times_in_a_fortnight() -> None:
    pauses = [decide("insufficient_funds", method="card", tries=tries).try_in_days for tries in range(1, 5)]

    assert pauses == [3, 5, 7, None]


def test_a_bank_debit_is_asked_for_twice_at_most() -> None:
    first = decide("insufficient_funds", method="us_bank_account", tries=1)
    second = decide("insufficient_funds", method="us_bank_account", tries=2)

    assert (first.try_in_days, second.try_in_days, second.is_last) == (5, None, True)


@pytest.mark.parametrize("advice", ["do_not_try_again", "confirm_card_data"])
def test_what_the_network_advises_against_is_not_tried(advice: str) -> None:
    decision = decide("generic_decline", method="card", tries=1, advice=advice)

    assert (decision.course, decision.try_in_days) == (Course.NEW_METHOD, None)


def test_advice_to_try_later_does_not_lengthen_the_tries() -> None:
    assert decide("expired_card", method="card", tries=1, advice="try_again_later").try_in_days is None


def test_only_two_courses_try_anything() -> None:
    assert set(PAUSES_OF_CARDS) == set(PAUSES_OF_BANK_DEBITS) == {Course.SAME_AGAIN, Course.FEW_TRIES}

"""The decision table: what is done about a refused instalment, for every reason a bank may give.

Pure, and kept to a page so that a fundraiser can read it and have it changed. The codes are Stripe's
(docs.stripe.com/declines/codes, docs.stripe.com/declines/network-codes and the SDK's error codes); each
stands here once. A code that is not here is treated as a refusal without a reason: a few tries, then a
link. Four tries in a fortnight stay far below what the card networks allow, and a bank debit, whose every
failure costs a fee, is asked for twice at most.
"""

from dataclasses import dataclass
from enum import StrEnum


class Course(StrEnum):
    """What is done about a refusal."""

    SAME_AGAIN = "same_again"
    """The same card or account on later days; the donor need not do anything."""
    FEW_TRIES = "few_tries"
    """The same card on later days, fewer of them; the donor is told that the bank may know more."""
    NEW_METHOD = "new_method"
    """Nothing is tried: the donor gets a link to give another card or account."""
    CONFIRM = "confirm"
    """Nothing is tried: the donor gets a link to confirm the payment with the bank."""
    STOPPED_AT_BANK = "stopped_at_bank"
    """Nothing is tried: the donor told the bank to let no more through, and is asked what is wished."""


class Reason(StrEnum):
    """What the donor is told. `NOT_SAID` also stands for whatever a bank suspects: that is between the
    bank and its customer, and a mail may be read by somebody else."""

    SHORT = "short"
    BUSY = "busy"
    NOT_SAID = "not_said"
    EXPIRED = "expired"
    WRONG_DETAILS = "wrong_details"
    NOT_SUITED = "not_suited"
    CONFIRMATION = "confirmation"
    PERMISSION_WITHDRAWN = "permission_withdrawn"
    ACCOUNT_CLOSED = "account_closed"


PAUSES_OF_CARDS: dict[Course, tuple[int, ...]] = {Course.SAME_AGAIN: (3, 5, 7), Course.FEW_TRIES: (4, 7)}
"""Days from one refusal to the next try. When they are used up the gift lapses."""
PAUSES_OF_BANK_DEBITS: dict[Course, tuple[int, ...]] = {Course.SAME_AGAIN: (5,), Course.FEW_TRIES: (5,)}
WAIT_FOR_DONOR = 14
"""Days in which the donor may act where nothing is tried; then the gift lapses."""

BANK_DEBITS = frozenset(
    {"acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "sepa_debit", "us_bank_account"}
)
"""Stripe's payment methods in which a bank account is debited and the bank answers days later."""

# What is done, what the donor is told, and for which of Stripe's codes.
_TABLE: tuple[tuple[Course, Reason, str], ...] = (
    # The money was not there, or a limit of the day or week was reached.
    (
        Course.SAME_AGAIN,
        Reason.SHORT,
        "insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded"
        " charge_exceeds_source_limit charge_exceeds_transaction_limit charge_exceeds_weekly_limit",
    ),
    # Nobody's fault, and over soon.
    (
        Course.SAME_AGAIN,
        Reason.BUSY,
        "approve_with_id issuer_not_available processing_error reenter_transaction try_again_later"
        " payment_method_provider_timeout could_not_process generic_could_not_process lock_timeout"
        " rate_limit card_decline_rate_limit_exceeded duplicate_transaction link_connection_closed"
        " three_d_secure_authentication_upstream_error",
    ),
    # A bank that gives no reason may think better of it; the donor may ask it why.
    (
        Course.FEW_TRIES,
        Reason.NOT_SAID,
        "card_declined call_issuer do_not_honor generic_decline no_action_taken service_not_allowed"
        " payment_intent_payment_attempt_failed payment_method_provider_decline"
        " payment_method_customer_decline refer_to_customer test_mode_decline testmode_decline",
    ),
    # A bank that wants no further try, or holds the card or the giver for suspect. The donor is not told.
    (
        Course.NEW_METHOD,
        Reason.NOT_SAID,
        "do_not_try_again fraudulent highest_risk_level blocklist rule merchant_blacklist lost_card"
        " stolen_card pickup_card restricted_card security_violation previously_declined_do_not_retry"
        " request_blocked anomalous_money_movement_request action_blocked",
    ),
    (
        Course.NEW_METHOD,
        Reason.EXPIRED,
        "expired_card expired_payment_method invalid_expiry_month invalid_expiry_year",
    ),
    (
        Course.NEW_METHOD,
        Reason.WRONG_DETAILS,
        "incorrect_number invalid_number incorrect_cvc invalid_cvc incorrect_pin invalid_pin"
        " pin_try_exceeded offline_pin_required online_or_offline_pin_required incorrect_address"
        " incorrect_zip incorrect_postal_code new_account_information_available"
        " requested_block_on_incorrect_cvc requested_block_on_incorrect_zip invalid_account"
        " account_invalid account_number_invalid invalid_account_number bank_account_invalid_details"
        " bank_account_bad_routing_numbers routing_number_invalid no_account"
        " incorrect_account_holder_name incorrect_account_holder_address"
        " incorrect_account_holder_tax_id account_information_mismatch"
        " tokenized_account_number_deactivated",
    ),
    # The card or account is sound, and this kind of payment is not for it.
    (
        Course.NEW_METHOD,
        Reason.NOT_SUITED,
        "card_not_supported currency_not_supported invalid_currency payment_method_currency_mismatch"
        " invalid_amount amount_too_large amount_too_small not_permitted transaction_not_allowed"
        " invalid_card_type payment_method_not_available payment_method_unsupported_type"
        " payment_method_restricted payment_method_unactivated"
        " three_d_secure_authentication_not_supported sepa_unsupported_account bank_account_restricted"
        " bank_account_unusable bank_account_unverified bank_account_declined bank_account_frozen"
        " account_frozen payment_method_bank_account_blocked",
    ),
    (
        Course.NEW_METHOD,
        Reason.ACCOUNT_CLOSED,
        "account_closed bank_account_closed bank_ownership_changed",
    ),
    # The bank asks for the donor's own hand.
    (
        Course.CONFIRM,
        Reason.CONFIRMATION,
        "authentication_required authentication_not_handled authentication_failure approval_required"
        " mobile_device_authentication_required invoice_payment_intent_requires_action"
        " payment_intent_action_required payment_intent_authentication_failure"
        " payment_intent_payment_attempt_expired",
    ),
    # The donor said no, at the bank. One try more would be against the donor's will.
    (
        Course.STOPPED_AT_BANK,
        Reason.PERMISSION_WITHDRAWN,
        "revocation_of_all_authorizations revocation_of_authorization stop_payment_order"
        " debit_not_authorized debit_authorization_not_match charge_disputed"
        " payment_intent_mandate_invalid billing_invalid_mandate"
        " india_recurring_payment_mandate_canceled recipient_deceased",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is done about a code, and what the donor is told."""

    course: Course
    reason: Reason


ANSWERS: dict[str, Answer] = {
    code: Answer(course, reason) for course, reason, codes in _TABLE for code in codes.split()
}
NOT_IN_THE_TABLE = Answer(Course.FEW_TRIES, Reason.NOT_SAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from one refusal."""

    course: Course
    reason: Reason
    try_in_days: int | None
    """None: we try nothing more."""

    @property
    def waits_for_donor(self) -> bool:
        """Whether only the donor can mend it."""
        return self.course not in PAUSES_OF_CARDS

    @property
    def is_last(self) -> bool:
        """Whether the tries are used up."""
        return self.try_in_days is None and not self.waits_for_donor


def decide(code: str | None, *, method: str | None, tries: int, advice: str | None = None) -> Decision:
    """What to do after `tries` refusals of one card or account, the last of them for `code`.

    `method` is Stripe's payment method type and `advice` its `advice_code`: where the network says that
    trying again is of no use, nothing is tried whatever the code would allow.
    """
    answer = ANSWERS.get(code or "", NOT_IN_THE_TABLE)
    pauses = PAUSES_OF_BANK_DEBITS if method in BANK_DEBITS else PAUSES_OF_CARDS
    if answer.course in pauses and advice in {"do_not_try_again", "confirm_card_data"}:
        answer = Answer(Course.NEW_METHOD, answer.reason)
    left = pauses.get(answer.course, ())[max(tries, 1) - 1 :]
    return Decision(course=answer.course, reason=answer.reason, try_in_days=left[0] if left else None)

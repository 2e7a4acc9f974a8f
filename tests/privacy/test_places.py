"""Every column of words or bytes is either a place of a donor's or said here to be none."""

from payments.models import Base
from payments.privacy.places import AT_ONCE, FREE_TEXTS, HELD, THROUGH_THE_DATABASE
from payments.privacy.retention import rule_for, rules

NOT_OF_DONORS = {
    "adoption_left_overs": "kind says currency",
    "adoption_lists": "name totals",
    "adoptions": "rules",
    "audit_log": "deed subject facts",
    "balance_transactions": "reporting_category type currency",
    "bank_accounts": "name currency number csv_profile",
    "bank_lines": "currency bank_reference fingerprint",
    "bank_matches": "kind reason undo_reason",
    "bank_statements": "format file_name gap_reason",
    "cards_on_file": "brand expires",
    "charges": "currency status method card_brand card_expires failure_code decline_code",
    "classification_rules": "description account",
    "consent_log": "said source page locale wording",
    "customer_deletions": "failure_reason",
    "deposit_slips": "currency",
    "discrepancies": "kind currency status told",
    "disputes": "currency reason status",
    "donation_requests": "idempotency_key",
    "donations": "locale frequency currency source status decline_code channel payer_kind",
    "donor_merge_rows": "what",
    "donor_merges": "taken",
    "donors": "locale",
    "due_documents": "last_error",
    "due_receipts": "last_error",
    "due_statements": "last_error",
    "erased_rows": "table_name",
    "erasure_holds": "table_name rule",
    "erasures": "reason proof",
    "export_batches": "target granularity currency totals control settings file_name",
    "export_maps": "target content",
    "exported_entries": "target",
    "fraud_warnings": "fraud_type",
    "funds": "name description",
    "gift_aid_declarations": "wording_code wording_shown channel",
    "giving_statements": "series number status void_cause void_reason",
    "giving_terms": "currency suggested monthly_suggested",
    "issuing_entities": "legal_name address jurisdiction time_zone locale email"
    " website signatory_name signatory_title receipt_series statement_code receipt_facts",
    "journal_entries": "reference kind description",
    "journal_moves": "reference from_account to_account currency",
    "korean_statutory_receipts": "form",
    "ledger_month_sums": "account currency",
    "mail_reports": "kind code source key",
    "month_closings": "evidence pack reopen_reason",
    "monthly_changes": "kind status failure_reason",
    "monthly_gifts": "locale currency source status end_reason stripe_status card_brand card_expires",
    "monthly_invoices": "status billing_reason currency decline_code",
    "monthly_new_methods": "status",
    "monthly_refusals": "method decline_code advice_code course status",
    "movements_before_books": "reporting_category currency",
    "newsletter_readers": "locale standing",
    "newsletter_requests": "locale source page wording",
    "offline_gifts": "document_number",
    "organisations": "name website accent_colour words",
    "outgoing_mails": "reference status lease",
    "owed_payments": "currency settled_currency status",
    "payouts": "currency status method reconciliation_status statement_descriptor trace_status failure_code",
    "possible_doubles": "kind",
    "receipt_counters": "series",
    "receipts": "series number kind status currency locale void_cause",
    "refunds": "currency status origin reason failure_reason",
    "staff_credentials": "password_hash totp_offered totp_sealed",
    "staff_links": "purpose",
    "staff_members": "email name roles",
    "staff_recovery_codes": "code_hmac",
    "staff_requests": "idempotency_key",
    "staff_sessions": "browser opens",
    "staff_sign_in_tries": "whose",
    "staff_tokens": "prefix",
    "stripe_balances": "currency body",
    "stripe_cursors": "name",
    "stripe_event_queue": "last_error parked_reason",
    "stripe_events": "source type account api_version",
    "stripe_report_differences": "kind currency says",
    "stripe_report_figures": "currency name",
    "stripe_report_rows": "currency reporting_category",
    "stripe_reports": "kind file_name time_zone currency totals",
    "worker_heartbeats": "name",
}
"""By table. Ids, hashes and who of the staff did something need not be listed."""

_IDS = ("_id", "_by", "sha256")


def places() -> set[tuple[str, str]]:
    """What an erasure reaches."""
    return {
        *((place.table, column) for place in AT_ONCE for column in place.columns),
        *((table, column) for table, column, _ in FREE_TEXTS),
        *((table, each) for table, columns in (*THROUGH_THE_DATABASE, *HELD) for each in columns.split()),
    }


def test_every_column_of_words_is_a_place_of_a_donor_or_said_to_be_none() -> None:
    unknown = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if type(column.type).__name__ in {"Text", "JSONB", "ARRAY", "LargeBinary"}
        and column.name != "id"
        and not column.name.endswith(_IDS)
        and column.name not in NOT_OF_DONORS.get(table.name, "").split()
    } - places()

    assert not unknown, "enter it in payments/privacy/places.py, or here if it can hold nothing of a donor"


def test_what_an_erasure_reaches_is_there() -> None:
    columns = {
        (table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns
    }

    assert places() <= columns


def test_a_country_without_a_rule_has_the_longest() -> None:
    assert rule_for("FR", "receipts").years == max(rule.years for rule in rules() if "receipts" in rule.kept)
    assert rule_for("GB", "receipts").code == "gb-records"
    assert rule_for("GB", "receipts").until(2026).isoformat() == "2032-12-31"


def test_no_rule_is_taken_for_counsels_word() -> None:
    assert not any(rule.confirmed for rule in rules())
    assert all(rule.source and rule.says for rule in rules())

# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""THE TABLE: every place where a donor may stand in words, and what becomes of it.

A new table or column with anything of a donor is entered here, or with those that hold none in
`tests/privacy/test_places.py`, which holds both lists against the models. What stands at once goes at once;
what is append-only goes through the database's own function, by the id of its row; what a law keeps is held,
and goes the same way when its time has ended.
"""

from dataclasses import dataclass

from payments.mail.address import NOWHERE

GONE = "[erased]"
"""What stands where a name stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands, and the statement that erases it. It knows `:donor`, `:records`, `:emails`,
    `:placeholder`, and the ids of whatever is the donor's: `:donations`, `:promises`, `:papers`,
    `:customers`, `:charges`."""

    table: str
    columns: tuple[str, ...]
    erases: str


def _of(table: str, columns: str, erases: str) -> Place:
    return Place(table=table, columns=tuple(columns.split()), erases=erases)


AT_ONCE: tuple[Place, ...] = (
    _of(
        "donor_addresses",
        "lines postcode country",
        "delete from donor_addresses where donor_id = any (:records)",
    ),
    _of(
        "donation_requests",
        "request_sha256",  # of a wish with its name and address: whoever guesses these can tell
        "delete from donation_requests where donation_id = any (:donations)",
    ),
    _of("staff_requests", "request_sha256", "delete from staff_requests where answer_id = any (:donations)"),
    _of(
        "donations",
        "donor_name dedication_kind dedication_name benefit_text checkout_url",
        f"""update donations set donor_name = '{GONE}', dedication_kind = null, dedication_name = null,
            benefit_text = null, checkout_url = null
            where donor_id = :donor""",
    ),
    _of(
        "monthly_gifts",
        "donor_name dedication_kind dedication_name card_last4",
        f"""update monthly_gifts set donor_name = '{GONE}', dedication_kind = null, dedication_name = null,
            card_last4 = null
            where donor_id = :donor""",
    ),
    _of("charges", "last4", "update charges set last4 = null where stripe_charge_id = any (:charges)"),
    _of(
        "cards_on_file",
        "last4",
        "update cards_on_file set last4 = null where stripe_customer_id = any (:customers)",
    ),
    _of(
        "outgoing_mails",
        "to_address message last_answer",
        """update outgoing_mails m set to_address = :placeholder, message = '', last_answer = null,
            lease = null, status = case m.status when 'sent' then 'sent' else 'let_go' end
            from (
                select id from outgoing_mails where lower(to_address) = any (:emails)
                union
                select o.id from outgoing_mails o
                cross join lateral unnest(string_to_array(translate(o.reference, '.', ':'), ':')) part (id)
                where part.id = any (:papers)
            ) about
            where m.id = about.id""",
    ),
    _of(
        "outgoing_mails",
        "message",  # to others: to a payer beside whom the donor is thanked, to whoever is thanked for a gift
        """update outgoing_mails m set message = '', lease = null,
            status = case m.status when 'sent' then 'sent' else 'let_go' end
            from (
                select o.id from outgoing_mails o
                cross join lateral unnest(string_to_array(translate(o.reference, '.', ':'), ':')) part (id)
                where part.id in (
                    select r.id from receipts r join donations d on d.id = r.donation_id
                    where d.soft_credit_donor_id = :donor
                    union all
                    select s.id from giving_statements s join donations d
                        on d.soft_credit_donor_id = s.donor_id
                    where d.donor_id = :donor
                )
            ) about
            where m.id = about.id and m.message <> ''""",
    ),
    _of(
        "monthly_link_requests",
        "email",
        "delete from monthly_link_requests where lower(email) = any (:emails)",
    ),
    _of("donor_sessions", "address_mark", "delete from donor_sessions where donor_id = any (:records)"),
    _of(
        "korean_registration_numbers",
        "sealed consent_shown",  # one that stands in a register goes when `keep_until` has passed
        """delete from korean_registration_numbers where donor_id = any (:records)
            and keep_until <= make_date(extract(year from current_date)::int + 1, 12, 31)""",
    ),
    _of(
        "newsletter_requests",
        "email",
        "delete from newsletter_requests where lower(email) = any (:emails)",
    ),
    _of(
        "newsletter_readers",
        "email",  # what was said stays, and leads to nobody
        "delete from newsletter_readers where lower(email) = any (:emails)",
    ),
    _of(
        "donor_merges",
        "mistyped_address",
        """update donor_merges set mistyped_address = null
            where gone_id = any (:records) and mistyped_address is not null""",
    ),
    _of(
        "donors",
        "email name erased_at",
        f"""update donors set email = id || '{NOWHERE}', name = '{GONE}', erased_at = now()
            where id = any (:records)""",
    ),
)
"""What nothing keeps, in the order in which it goes."""

FREE_TEXTS: tuple[tuple[str, str, str], ...] = (
    ("refunds", "note", "donation_id"),
    ("monthly_changes", "reason", "monthly_gift_id"),
    ("owed_payments", "transfer_reference", "donation_id"),
    ("offline_gifts", "description", "donation_id"),
    ("offline_gifts", "reversal_reason", "donation_id"),
    ("discrepancies", "note", "subject_id"),
    ("discrepancies", "sentence", "subject_id"),
)
"""Where people may have typed a name, and the column that says about whom. The name is taken out of what is
about the donor, the e-mail address out of everything."""

THROUGH_THE_DATABASE: tuple[tuple[str, str], ...] = (
    ("stripe_events", "body"),
    ("audit_log", "reason"),
    ("balance_transactions", "description"),
    ("export_chunks", "deflated"),
)
"""Append-only, and kept by no law with a name in them: erased at once by the database's function."""

HELD: tuple[tuple[str, str], ...] = (
    ("receipts", "content"),
    ("receipts", "void_reason"),
    ("receipt_documents", "pdf"),
    ("giving_statements", "content"),
    ("statement_documents", "pdf"),
    ("gift_aid_declarations", "title first_name last_name house postcode cancelled_because"),
    ("gift_aid_claims", "ods csv"),
    ("bank_lines", "counterparty text payment_reference"),
    ("bank_statements", "file"),
)
"""What a law keeps (`retention.toml`). A declaration that no claim relies on goes at once."""

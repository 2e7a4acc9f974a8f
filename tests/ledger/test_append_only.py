"""What stands in the books stands: refused by the database itself, whoever asks."""

import pytest
from sqlalchemy import Connection, create_engine, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from payments.database import engine, transaction
from payments.donations.models import Organisation
from payments.ledger.models import JournalEntry, JournalMove
from payments.ledger.posting import post
from payments.ledger.rules import unclassified
from tests.factories import BOOKS, NOON, a_movement

APPEND_ONLY = {
    "balance_transactions": "update balance_transactions set fee = 0",
    "journal_entries": "update journal_entries set description = ''",
    "journal_moves": "update journal_moves set amount = 1",
    "stripe_events": "update stripe_events set body = ''",
    "receipt_documents": "update receipt_documents set pdf = ''",
    "audit_log": "update audit_log set reason = ''",
    "bank_statements": "update bank_statements set closing = 0",
    "bank_lines": "update bank_lines set amount = 0",
    "payout_lines": "update payout_lines set net = 0",
    "stripe_balances": "update stripe_balances set pending = 0",
    "statement_documents": "update statement_documents set pdf = ''",
    "gift_aid_claims": "update gift_aid_claims set total = 0",
    "gift_aid_lines": "update gift_aid_lines set amount = 1",
    "korean_statutory_receipts": "update korean_statutory_receipts set form = ''",
    "gift_aid_corrections": "update gift_aid_corrections set amount = 1",
    "reconciliation_rounds": "update reconciliation_rounds set open = 0",
    "export_maps": "update export_maps set version = 0",
    "export_batches": "update export_batches set size = 0",
    "exported_entries": "update exported_entries set batch_number = 0",
    "export_chunks": "update export_chunks set deflated = ''",
    "movements_before_books": "update movements_before_books set net = 0",
    "stripe_reports": "update stripe_reports set kind = ''",
    "stripe_report_rows": "update stripe_report_rows set net = 0",
    "stripe_report_figures": "update stripe_report_figures set amount = 0",
    "consent_log": "update consent_log set said = 'yes'",
    "stripe_report_differences": "update stripe_report_differences set amount = 0",
    "donor_merge_rows": "update donor_merge_rows set what = ''",
    "erased_stripe_ids": "update erased_stripe_ids set erasure_id = ''",
}
NOT_REMOVED = [
    *APPEND_ONLY,
    *("receipts", "giving_statements", "statement_lines", "bank_matches", "month_closings"),
    *("gift_aid_declarations", "erasures", "erasure_holds", "erased_rows", "donor_merges"),
]
"""A receipt or a statement may still be voided and a line of one ended, what was said of a bank line undone,
a month reopened and a merge of donors taken back; their rooms' tests tell how."""

REWRITES = [
    *APPEND_ONLY.values(),
    *(f"delete from {table}" for table in NOT_REMOVED),  # noqa: S608 - names from above
    *(f"truncate {table} cascade" for table in NOT_REMOVED),
]


@pytest.mark.parametrize("rewrite", REWRITES)
def test_not_even_the_owner_rewrites_what_stands(rewrite: str, owner: Connection) -> None:
    with pytest.raises(DBAPIError, match="is append-only") as refused:
        owner.execute(text(rewrite))

    assert refused.value.orig is not None
    assert refused.value.orig.sqlstate == "23001"  # type: ignore[attr-defined]


@pytest.mark.parametrize("rewrite", REWRITES)
def test_the_application_may_not_even_try(rewrite: str, database: str) -> None:
    with engine().connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(rewrite))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_application_may_read_and_add_and_nothing_else(table: str, owner: Connection) -> None:
    grants = owner.scalars(
        text(
            "select privilege_type from information_schema.role_table_grants "
            "where table_name = :table and grantee = 'almoner_app' order by 1"
        ),
        {"table": table},
    )

    assert list(grants) == ["INSERT", "SELECT"]


@pytest.mark.parametrize(
    ("table", "changing"),
    [
        ("receipts", ["status", "void_cause", "void_reason", "voided_at", "voided_by"]),
        ("bank_matches", ["undo_reason", "undone_at", "undone_by"]),
    ],
)
def test_the_application_may_only_void_a_receipt_and_undo_a_match(
    table: str, changing: list[str], owner: Connection
) -> None:
    columns = owner.scalars(
        text(
            "select column_name from information_schema.role_column_grants where table_name = :table "
            "and grantee = 'almoner_app' and privilege_type = 'UPDATE' order by 1"
        ),
        {"table": table},
    )
    tables = owner.scalars(
        text(
            "select privilege_type from information_schema.role_table_grants "
            "where table_name = :table and grantee = 'almoner_app' order by 1"
        ),
        {"table": table},
    )

    assert list(columns) == changing
    assert list(tables) == ["INSERT", "SELECT"]


def test_what_was_erased_is_noted_by_the_database_alone(owner: Connection) -> None:
    grants = owner.scalars(
        text(
            "select privilege_type from information_schema.role_table_grants "
            "where table_name = 'erased_rows' and grantee = 'almoner_app' order by 1"
        )
    )

    assert list(grants) == ["SELECT"]


def test_the_application_may_empty_no_table_and_owns_none(owner: Connection) -> None:
    rights = owner.execute(
        text(
            "select tablename, has_table_privilege('almoner_app', format('%I', tablename), 'truncate'), "
            "has_table_privilege('almoner_app', format('%I', tablename), 'trigger'), tableowner "
            "from pg_tables where schemaname = 'public'"
        )
    ).all()

    assert len(rights) > 15
    for table, may_truncate, may_make_triggers, whose in rights:
        assert not may_truncate, table
        assert not may_make_triggers, table
        assert whose != "almoner_app", table


def test_every_guard_is_switched_on(owner: Connection) -> None:
    rows = owner.execute(
        text("select tgname, tgenabled from pg_trigger where not tgisinternal and tgname like '%append_only'")
    )
    guards = {row.tgname: row.tgenabled for row in rows}

    assert set(guards) == {f"{table}_append_only" for table in NOT_REMOVED}
    assert set(guards.values()) <= {"O", "A"}


def posted(session: Session) -> str:
    entry = unclassified(a_movement(700, 0), BOOKS)
    post(session, [entry])
    return entry.reference


def a_move(**given: object) -> dict[str, object]:
    """A good second move of an entry."""
    facts: dict[str, object] = {
        "position": 1,
        "from_account": "contributions",
        "to_account": "stripe_balance",
        "amount": 1,
        "currency": "usd",
    }
    return facts | given


def test_a_move_that_comes_late_is_refused(organisation: Organisation, database: str) -> None:
    with transaction() as session:
        reference = posted(session)

    with engine().connect() as connection, pytest.raises(IntegrityError, match="already sealed"):
        connection.execute(insert(JournalMove), [a_move(reference=reference)])


def test_not_even_the_owner_completes_an_entry_later(organisation: Organisation, database: str) -> None:
    with transaction() as session:
        reference = posted(session)

    as_owner = create_engine(database)
    with as_owner.connect() as connection, pytest.raises(IntegrityError, match="already sealed"):
        connection.execute(insert(JournalMove), [a_move(reference=reference)])
    as_owner.dispose()


def test_one_late_move_among_good_ones_keeps_them_all_out(
    organisation: Organisation, database: str, session: Session
) -> None:
    with transaction() as earlier:
        old = posted(earlier)
    new = posted(session)

    with pytest.raises(IntegrityError, match="already sealed"):
        session.execute(insert(JournalMove), [a_move(reference=new), a_move(reference=old)])
    session.rollback()


def test_an_entry_may_be_completed_within_its_own_transaction(
    organisation: Organisation, session: Session
) -> None:
    reference = posted(session)

    with session.begin_nested():
        session.execute(insert(JournalMove), [a_move(reference=reference)])

    moves = session.scalar(text("select count(*) from journal_moves"))
    assert moves == 2


def test_an_entry_without_moves_is_refused_at_the_commit(organisation: Organisation, database: str) -> None:
    with Session(engine()) as session:
        session.add(
            JournalEntry(
                reference="bt:empty",
                kind="gift",
                entity_id="us",
                effective_on=NOON.date(),
                occurred_at=NOON,
                description="",
            )
        )
        session.flush()

        with pytest.raises(IntegrityError, match="bt:empty has no moves"):
            session.commit()


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        ({"amount": 0}, "amount_positive"),
        ({"amount": -1}, "amount_positive"),
        ({"from_account": "stripe_balance"}, "goes_somewhere"),
        ({"from_account": "petty_cash"}, "from_account_known"),
        ({"to_account": "petty_cash"}, "to_account_known"),
        ({"fund_id": "a-fund-nobody-opened"}, "fund_id_funds"),
        ({"reference": "bt:none"}, "reference_journal_entries"),
    ],
)
def test_a_move_that_an_accountant_would_not_sign_is_refused(
    wrong: dict[str, object], law: str, organisation: Organisation, session: Session
) -> None:
    reference = posted(session)

    with pytest.raises(IntegrityError, match=law):
        session.execute(insert(JournalMove), [a_move(**{"reference": reference} | wrong)])
    session.rollback()

"""A closed month takes nothing any more, whoever asks; what comes late stands in the open one."""

import threading
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from payments.database import new_id, transaction
from payments.ledger.models import JournalEntry
from payments.ledger.posting import post
from payments.ledger.rules import Books, Entry, unclassified
from payments.reconciliation.closings import MonthClosing
from payments.reconciliation.statements import StatementRefused
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.factories import BOOKS, a_movement
from tests.reconciliation.bank_files import mt940
from tests.reconciliation.conftest import open_account
from tests.reconciliation.treasury import Bank

IN_OCTOBER = datetime(2026, 10, 14, 12, tzinfo=UTC)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@pytest.fixture
def olga(finn: StaffMember) -> StaffMember:
    """An approver."""
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        return people.add(session, email="olga@example.org", name="Olga", roles=[Role.APPROVER], by=adam)


def lock(session: Session, by: StaffMember, month: date = OCTOBER, version: int = 1) -> MonthClosing:
    """The month is closed, with nothing in it and nothing proven."""
    last_day = {OCTOBER: date(2026, 10, 31), NOVEMBER: date(2026, 11, 30)}[month]
    row = MonthClosing(
        id=new_id("mcl"),
        entity_id="us",
        month=month,
        last_day=last_day,
        version=version,
        closed_by=by.id,
        closed_at=datetime(2026, 12, 3, tzinfo=UTC),
        evidence={},
        entries=0,
        moved=0,
        pack=b"",
        pack_sha256=sha256(b"").hexdigest(),
    )
    session.add(row)
    session.flush()
    return row


def an_entry(at: datetime = IN_OCTOBER) -> Entry:
    return unclassified(a_movement(700, 0, created_at=at), BOOKS)


def days_of(*references: str) -> list[date]:
    with transaction() as session:
        found = {
            row.reference: row.effective_on
            for row in session.execute(select(JournalEntry.reference, JournalEntry.effective_on))
        }
    return [found[reference] for reference in references]


WRITTEN = text("""
    with entry as (
        insert into journal_entries (reference, kind, entity_id, effective_on, occurred_at, description)
        values ('by hand', 'gift', 'us', cast(:day as date), now(), '') returning reference
    ) insert into journal_moves select reference, 0, 'suspense_unclassified', 'stripe_balance', 1, 'usd', null
    from entry
""")


@pytest.mark.parametrize("role", ["owner", "almoner_app"])
@pytest.mark.parametrize(
    ("day", "is_refused"), [("2026-10-31", True), ("2026-09-02", True), ("2026-11-01", False)]
)
def test_nobody_writes_an_entry_into_a_closed_month(
    role: str, day: str, is_refused: bool, finn: StaffMember, owner: Connection
) -> None:
    with transaction() as session:
        lock(session, finn)
    if role != "owner":
        owner.execute(text(f"set role {role}"))

    if not is_refused:
        assert owner.execute(WRITTEN, {"day": day}).rowcount == 1
        return
    with pytest.raises(IntegrityError, match="in a closed month"):
        owner.execute(WRITTEN, {"day": day})


def test_a_transaction_that_could_not_see_the_closing_writes_no_entry(
    finn: StaffMember, database: str
) -> None:
    reader = create_engine(database, isolation_level="REPEATABLE READ")
    with reader.connect() as connection:
        connection.execute(text("select 1 from issuing_entities")).all()
        with transaction() as session:
            lock(session, finn)

        with pytest.raises(IntegrityError, match="read committed"):
            connection.execute(WRITTEN, {"day": "2026-10-31"})
    reader.dispose()


def test_what_comes_late_counts_for_the_first_open_day_and_says_when_it_happened(finn: StaffMember) -> None:
    before, late, old, today = (
        an_entry(),
        an_entry(),
        an_entry(datetime(2026, 9, 1, tzinfo=UTC)),
        an_entry(datetime(2026, 11, 7, 12, tzinfo=UTC)),
    )
    with transaction() as session:
        post(session, [before])
        lock(session, finn)
        post(session, [today, late, old])

    assert days_of(before.reference, late.reference, old.reference, today.reference) == [
        date(2026, 10, 14),
        NOVEMBER,
        NOVEMBER,
        date(2026, 11, 7),
    ]
    with transaction() as session:
        assert session.get_one(JournalEntry, late.reference).occurred_at == IN_OCTOBER


def test_another_bodys_books_stay_open(finn: StaffMember) -> None:
    korean = unclassified(
        a_movement(700, 0, created_at=IN_OCTOBER), Books(entity_id="kr", time_zone="Asia/Seoul")
    )
    with transaction() as session:
        lock(session, finn)
        post(session, [korean])

    assert days_of(korean.reference) == [date(2026, 10, 14)]


def test_a_month_that_is_reopened_takes_its_own_again(finn: StaffMember, olga: StaffMember) -> None:
    entry = an_entry()
    with transaction() as session:
        row = lock(session, finn)
        row.reopened_by, row.reopened_at, row.reopen_reason = olga.id, IN_OCTOBER, "a fee was forgotten"
        session.flush()
        post(session, [entry])

    assert days_of(entry.reference) == [date(2026, 10, 14)]


def test_a_posting_that_is_under_way_is_seen_by_the_closing(finn: StaffMember) -> None:
    """The closing waits for it: there is no entry that it neither saw nor kept out."""
    entry, has_closed = an_entry(), threading.Event()

    def close() -> None:
        with transaction() as session:
            lock(session, finn)
        has_closed.set()

    closing = threading.Thread(target=close)
    with transaction() as session:
        post(session, [entry])
        closing.start()
        assert not has_closed.wait(0.3)
    closing.join()

    assert has_closed.is_set()
    assert days_of(entry.reference) == [date(2026, 10, 14)]


def test_a_posting_that_comes_during_a_closing_waits_and_lands_in_the_open_month(finn: StaffMember) -> None:
    entry, has_posted = an_entry(), threading.Event()

    def work() -> None:
        with transaction() as session:
            post(session, [entry])
        has_posted.set()

    posting = threading.Thread(target=work)
    with transaction() as session:
        lock(session, finn)
        posting.start()
        assert not has_posted.wait(0.3)
    posting.join()

    assert days_of(entry.reference) == [NOVEMBER]


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        ("update month_closings set month = '2026-11-01'", "append-only"),
        ("update month_closings set pack = 'x'", "append-only"),
        ("delete from month_closings", "append-only"),
        (
            "update month_closings set reopened_by = closed_by, reopened_at = now(), reopen_reason = 'x'",
            "another_person",
        ),
    ],
)
def test_not_even_the_owner_rewrites_a_closing(
    wrong: str, law: str, finn: StaffMember, owner: Connection
) -> None:
    with transaction() as session:
        lock(session, finn)

    with pytest.raises(DBAPIError, match=law):
        owner.execute(text(wrong))


def test_months_are_closed_in_order_and_reopened_from_the_last(
    finn: StaffMember, olga: StaffMember, owner: Connection
) -> None:
    with transaction() as session:
        first = lock(session, finn)
    reopened = text(
        "update month_closings set reopened_by = :by, reopened_at = now(), reopen_reason = 'x' where id = :id"
    )
    with pytest.raises(IntegrityError, match="one after the other"), transaction() as session:
        lock(session, finn, OCTOBER, version=2)
    with transaction() as session:
        lock(session, finn, NOVEMBER)

    with pytest.raises(IntegrityError, match="only the last closed month"):
        owner.execute(reopened, {"by": olga.id, "id": first.id})


def test_the_application_may_write_nothing_of_a_closing_but_its_reopening(owner: Connection) -> None:
    columns = owner.scalars(
        text(
            "select column_name from information_schema.role_column_grants where table_name ="
            " 'month_closings' and grantee = 'almoner_app' and privilege_type = 'UPDATE' order by 1"
        )
    )

    assert list(columns) == ["reopen_reason", "reopened_at", "reopened_by"]


def test_a_bank_line_of_a_closed_month_is_refused(bank: Bank, owner: Connection, finn: StaffMember) -> None:
    bank.takes_in(mt940([(date(2026, 10, 2), [(500, "RENT")])], opening=0))
    with transaction() as session:
        lock(session, finn)

    with pytest.raises(StatementRefused, match="October 2026 is closed"):
        bank.takes_in(mt940([(date(2026, 10, 30), [(700, "LATE")])], opening=500))
    with pytest.raises(DBAPIError, match="in a closed month"):
        owner.execute(
            text(
                "insert into bank_lines select 'behind', bank_account_id, bank_statement_id, 2, booked_on,"
                " null, amount, currency, null, null, null, '', 'f', 1 from bank_lines"
            )
        )
    bank.takes_in(mt940([(date(2026, 11, 2), [(700, "NEXT")])], opening=500))
    assert bank.amounts == [500, 700]


def test_an_account_that_is_added_later_brings_its_history(finn: StaffMember) -> None:
    with transaction() as session:
        lock(session, finn)
    open_account(finn)
    with transaction() as session:
        session.execute(text("update bank_accounts set added_at = '2026-12-04'"))

    told = Bank(finn).takes_in(mt940([(date(2026, 10, 2), [(500, "RENT")])], opening=0))

    assert told.new_lines == 1

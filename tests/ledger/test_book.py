"""The book in the database: what is posted, what it adds up to, and that it ties to Stripe."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Organisation
from payments.ledger.accounts import Account
from payments.ledger.balances import Balance, TieOut, balances, tie_out
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.ledger.posting import post
from payments.ledger.rules import Books, Entry, Gift, Movement, settled, unclassified
from payments.money import Money
from tests.factories import BOOKS, a_donation, a_gift, a_movement
from tests.ledger.test_rules import gifts, strays

FUNDS = ("general", "rescue", "education")


def mirrored(session: Session, movement: Movement) -> None:
    """Keep Stripe's row as the puller does."""
    session.add(
        BalanceTransaction(
            stripe_balance_transaction_id=movement.stripe_balance_transaction_id,
            reporting_category=movement.reporting_category,
            type=movement.type,
            source_id=None,
            amount=movement.amount,
            fee=movement.fee,
            net=movement.net,
            currency=movement.currency,
            exchange_rate=None,
            created_at=movement.created_at,
            available_on=movement.created_at + timedelta(days=2),
        )
    )
    session.flush()


def given_and_settled(
    session: Session, movement: Movement, *funds: tuple[str, int], fee_cover: int = 0
) -> Entry:
    """A gift that was paid, mirrored and posted."""
    donation = a_donation(session, amount=sum(amount for _, amount in funds) + fee_cover, fee_cover=fee_cover)
    entry = settled(movement, a_gift(*funds, fee_cover=fee_cover, donation_id=donation.id), BOOKS)
    mirrored(session, movement)
    post(session, [entry])
    return entry


def standing(session: Session) -> dict[tuple[Account, str | None, str], int]:
    """The balances by account, fund and currency."""
    rows = balances(session)
    found = {(row.account, row.fund_id, row.balance.currency): row.balance.minor for row in rows}
    assert len(found) == len(rows), "one account, fund and currency has one balance"
    return found


def test_a_posted_gift_is_read_back_as_it_was_written(organisation: Organisation, session: Session) -> None:
    movement = a_movement(10329, 330, created_at=datetime(2027, 1, 1, 4, 0, tzinfo=UTC))

    entry = given_and_settled(session, movement, ("general", 3333), ("rescue", 6667), fee_cover=329)

    written = session.get_one(JournalEntry, entry.reference)
    assert (written.kind, written.entity_id, written.donation_id) == ("gift", "us", entry.donation_id)
    assert written.effective_on == date(2026, 12, 31)
    assert written.occurred_at == movement.created_at
    moves = session.scalars(
        select(JournalMove).where(JournalMove.reference == entry.reference).order_by(JournalMove.position)
    )
    assert [(m.from_account, m.to_account, m.amount, m.fund_id, m.currency) for m in moves] == [
        (m.from_account, m.to_account, m.amount, m.fund_id, "usd") for m in entry.moves
    ]


def test_the_balances_say_what_an_accountant_expects(organisation: Organisation, session: Session) -> None:
    given_and_settled(session, a_movement(10329, 330), ("general", 3333), ("rescue", 6667), fee_cover=329)
    given_and_settled(session, a_movement(2500, 103), ("general", 2500))
    stray = a_movement(-1500, 0, reporting_category="other_adjustment")
    mirrored(session, stray)
    post(session, [unclassified(stray, BOOKS)])

    assert standing(session) == {
        (Account.STRIPE_BALANCE, None, "usd"): 10329 - 330 + 2500 - 103 - 1500,
        (Account.SUSPENSE_UNCLASSIFIED, None, "usd"): 1500,
        (Account.CONTRIBUTIONS, "general", "usd"): -3333 - 2500,
        (Account.CONTRIBUTIONS, "rescue", "usd"): -6667,
        (Account.CONTRIBUTIONS_FEE_COVER, None, "usd"): -329,
        (Account.PROCESSING_FEES, None, "usd"): 433,
    }


def test_the_balances_come_in_the_order_of_the_chart(organisation: Organisation, session: Session) -> None:
    given_and_settled(session, a_movement(100, 10, currency="usd"), ("rescue", 50), ("general", 50))
    given_and_settled(session, a_movement(100, 10, currency="krw"), ("general", 100))

    order = [(row.balance.currency, row.account, row.fund_id) for row in balances(session)]

    assert order == [
        ("krw", Account.STRIPE_BALANCE, None),
        ("krw", Account.CONTRIBUTIONS, "general"),
        ("krw", Account.PROCESSING_FEES, None),
        ("usd", Account.STRIPE_BALANCE, None),
        ("usd", Account.CONTRIBUTIONS, "general"),
        ("usd", Account.CONTRIBUTIONS, "rescue"),
        ("usd", Account.PROCESSING_FEES, None),
    ]


def test_currencies_are_never_added_together(organisation: Organisation, session: Session) -> None:
    given_and_settled(session, a_movement(2500, 103, currency="usd"), ("general", 2500))
    given_and_settled(session, a_movement(25000, 900, currency="krw"), ("general", 25000))

    assert tie_out(session) == [
        TieOut(currency="krw", in_the_book=24100, at_stripe=24100),
        TieOut(currency="usd", in_the_book=2397, at_stripe=2397),
    ]


def test_an_empty_book_ties_out_to_nothing(organisation: Organisation, session: Session) -> None:
    assert balances(session) == []
    assert tie_out(session) == []


def test_a_movement_that_was_not_booked_shows_in_the_tie_out(
    organisation: Organisation, session: Session
) -> None:
    given_and_settled(session, a_movement(2500, 103), ("general", 2500))
    mirrored(session, a_movement(700, 0, reporting_category="transfer"))

    [proof] = tie_out(session)

    assert not proof.is_proven
    assert proof.at_stripe - proof.in_the_book == 700


def test_a_booked_movement_that_stripe_does_not_have_shows_in_the_tie_out(
    organisation: Organisation, session: Session
) -> None:
    post(session, [unclassified(a_movement(700, 0, currency="krw"), BOOKS)])

    assert tie_out(session) == [TieOut(currency="krw", in_the_book=700, at_stripe=0)]
    assert balances(session)[0] == Balance(
        entity_id="us", account=Account.STRIPE_BALANCE, fund_id=None, balance=Money(700, "krw")
    )


def test_two_entities_on_one_stripe_account_tie_out_together(
    organisation: Organisation, session: Session
) -> None:
    ours, theirs = a_movement(700, 0), a_movement(50, 0)
    for movement, books in ((ours, BOOKS), (theirs, Books(entity_id="kr", time_zone="Asia/Seoul"))):
        mirrored(session, movement)
        post(session, [unclassified(movement, books)])

    assert tie_out(session) == [TieOut(currency="usd", in_the_book=750, at_stripe=750)]
    held = [row for row in balances(session) if row.account is Account.STRIPE_BALANCE]
    assert [(row.entity_id, row.balance) for row in held] == [
        ("kr", Money(50, "usd")),
        ("us", Money(700, "usd")),
    ]


def test_a_fact_is_booked_once(organisation: Organisation, database: str) -> None:
    entry = unclassified(a_movement(700, 0), BOOKS)
    with transaction() as session:
        post(session, [entry])

    with transaction() as session:
        with pytest.raises(IntegrityError):
            post(session, [entry])
        session.rollback()

    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(JournalEntry)) == 1


def test_one_bad_entry_keeps_the_whole_posting_out(organisation: Organisation, database: str) -> None:
    good, twice = unclassified(a_movement(700, 0), BOOKS), unclassified(a_movement(900, 0), BOOKS)

    with transaction() as session:
        with pytest.raises(IntegrityError):
            post(session, [good, twice, twice])
        session.rollback()

    with transaction() as session:
        assert balances(session) == []


def test_a_movement_of_nothing_is_not_an_entry(organisation: Organisation, session: Session) -> None:
    nothing = a_movement(0, 0)
    mirrored(session, nothing)

    post(session, [unclassified(nothing, BOOKS)])
    post(session, [])

    assert session.scalar(select(func.count()).select_from(JournalEntry)) == 0
    assert all(proof.is_proven for proof in tie_out(session))


def test_entries_are_numbered_in_the_order_of_writing(organisation: Organisation, session: Session) -> None:
    entries = [unclassified(a_movement(100 + i, 0), BOOKS) for i in range(20)]

    post(session, entries)

    written = session.scalars(select(JournalEntry.reference).order_by(JournalEntry.number))
    assert list(written) == [entry.reference for entry in entries]


def test_a_balance_transaction_that_does_not_add_up_is_refused(
    organisation: Organisation, database: str
) -> None:
    with transaction() as session:
        with pytest.raises(IntegrityError, match="net_is_amount_less_fee"):
            mirrored(session, a_movement(2500, 103, net=2396))
        session.rollback()


def booked(happening: Movement | tuple[Movement, Gift]) -> tuple[Movement, Entry]:
    """Stripe's movement and our entry of it, for funds the charity has and a gift nobody wrote down."""
    if isinstance(happening, Movement):
        return happening, unclassified(happening, BOOKS)
    movement, gift = happening
    lines = tuple(
        line if line.fund_id is None else replace(line, fund_id=FUNDS[i % 3])
        for i, line in enumerate(gift.lines)
    )
    return movement, settled(movement, Gift(donation_id=None, lines=lines), BOOKS)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(gifts(), strays()), max_size=12))
def test_whatever_stripe_reports_the_book_balances_and_ties_out(
    organisation: Organisation, happenings: list[Movement | tuple[Movement, Gift]]
) -> None:
    """Each example in a transaction that is undone, so that it begins with an empty book."""
    with transaction() as session:
        reported: dict[str, int] = {}
        for movement, entry in map(booked, happenings):
            mirrored(session, movement)
            post(session, [entry])
            reported[movement.currency] = reported.get(movement.currency, 0) + movement.net
        session.execute(text("set constraints all immediate"))

        whole: dict[str, int] = {}
        for row in balances(session):
            whole[row.balance.currency] = whole.get(row.balance.currency, 0) + row.balance.minor
        proofs = tie_out(session)
        session.rollback()

    assert not any(whole.values())
    assert {proof.currency: proof.at_stripe for proof in proofs} == reported
    assert all(proof.is_proven for proof in proofs)

"""Which moves each event of life makes, to the cent."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ledger.accounts import Account
from payments.ledger.rules import (
    Books,
    Entry,
    Gift,
    Move,
    Movement,
    settled,
    unclassified,
)
from tests.factories import BOOKS, NOON, a_gift, a_movement


def effect(entry: Entry) -> dict[Account, int]:
    """How much each account grew, debit positive."""
    change: dict[Account, int] = {}
    for move in entry.moves:
        change[move.to_account] = change.get(move.to_account, 0) + move.amount
        change[move.from_account] = change.get(move.from_account, 0) - move.amount
    return change


@st.composite
def gifts(draw: st.DrawFn) -> tuple[Movement, Gift]:
    """A paid gift: split over funds, fee covered or not, settled in its own or another currency."""
    parts = draw(st.lists(st.integers(1, 5_000_000), min_size=1, max_size=5))
    fee_cover = draw(st.one_of(st.just(0), st.integers(1, 500_000)))
    given = sum(parts) + fee_cover
    settled = draw(st.one_of(st.just(given), st.integers(1, 99_999_999)))
    fee = draw(st.integers(0, settled + 100))
    movement = a_movement(settled, fee, currency=draw(st.sampled_from(["usd", "krw", "kwd"])))
    return movement, a_gift(*((f"fund-{i}", part) for i, part in enumerate(parts)), fee_cover=fee_cover)


@st.composite
def strays(draw: st.DrawFn) -> Movement:
    """Money of a kind no rule knows, of either sign."""
    return a_movement(
        draw(st.integers(-99_999_999, 99_999_999)),
        draw(st.integers(-10_000, 10_000)),
        reporting_category=draw(st.sampled_from(["other_adjustment", "obligation_inbound", "a_new_one"])),
    )


def test_a_gift_is_income_in_full_and_the_fee_is_the_charitys_expense() -> None:
    entry = settled(a_movement(2500, 103), a_gift(("general", 2500)), BOOKS)

    assert entry.moves == (
        Move(Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, 2500, "general"),
        Move(Account.STRIPE_BALANCE, Account.PROCESSING_FEES, 103),
    )


def test_a_gift_split_over_funds_with_its_fee_covered_lands_to_the_cent() -> None:
    gift = a_gift(("general", 3333), ("rescue", 6667), fee_cover=329)

    entry = settled(a_movement(10329, 330), gift, BOOKS)

    assert entry.moves == (
        Move(Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, 3333, "general"),
        Move(Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, 6667, "rescue"),
        Move(Account.CONTRIBUTIONS_FEE_COVER, Account.STRIPE_BALANCE, 329),
        Move(Account.STRIPE_BALANCE, Account.PROCESSING_FEES, 330),
    )


def test_a_gift_in_won_settled_in_dollars_is_split_by_the_donors_choice() -> None:
    """₩50,000 as ₩20,000 + ₩28,500 + ₩1,500 cover, settled at $36.55: 1462 + 2083.35 + 109.65."""
    gift = a_gift(("general", 20_000), ("rescue", 28_500), fee_cover=1_500)

    entry = settled(a_movement(3655, 173, currency="usd"), gift, BOOKS)

    assert [(move.fund_id, move.amount) for move in entry.moves] == [
        ("general", 1462),
        ("rescue", 2083),
        (None, 110),
        (None, 173),
    ]
    assert entry.currency == "usd"


def test_a_gift_on_which_stripe_took_nothing_has_no_fee_move() -> None:
    entry = settled(a_movement(2500, 0), a_gift(("general", 2500)), BOOKS)

    assert entry.moves == (Move(Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, 2500, "general"),)


def test_a_fee_given_back_on_a_gift_is_taken_out_of_the_expense() -> None:
    entry = settled(a_movement(2500, -20), a_gift(("general", 2500)), BOOKS)

    assert effect(entry)[Account.PROCESSING_FEES] == -20
    assert effect(entry)[Account.STRIPE_BALANCE] == 2520


def test_a_share_too_small_for_a_cent_of_the_other_currency_makes_no_move() -> None:
    entry = settled(a_movement(1, 0), a_gift(("general", 999), ("rescue", 1)), BOOKS)

    assert entry.moves == (Move(Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, 1, "general"),)


def test_unknown_money_that_came_in_waits_in_suspense_on_the_credit_side() -> None:
    entry = unclassified(a_movement(700, 30, reporting_category="a_new_one"), BOOKS)

    assert entry.moves == (Move(Account.SUSPENSE_UNCLASSIFIED, Account.STRIPE_BALANCE, 670),)


def test_unknown_money_that_went_out_waits_in_suspense_on_the_debit_side() -> None:
    entry = unclassified(a_movement(-700, 30, reporting_category="a_new_one"), BOOKS)

    assert entry.moves == (Move(Account.STRIPE_BALANCE, Account.SUSPENSE_UNCLASSIFIED, 730),)


@pytest.mark.parametrize("amount", [0, -2500])
def test_a_charge_that_brought_nothing_is_no_gift_and_waits_in_suspense(amount: int) -> None:
    entry = settled(a_movement(amount, 30), a_gift(), BOOKS)

    assert entry.kind == "unclassified"
    assert entry.moves == (Move(Account.STRIPE_BALANCE, Account.SUSPENSE_UNCLASSIFIED, 30 - amount),)


def test_a_movement_that_comes_to_nothing_makes_no_move() -> None:
    assert unclassified(a_movement(0, 0), BOOKS).moves == ()
    assert unclassified(a_movement(30, 30), BOOKS).moves == ()


def test_an_entry_names_the_fact_and_no_person() -> None:
    movement = a_movement(stripe_balance_transaction_id="txn_1")

    entry = settled(movement, a_gift(donation_id="don_7"), BOOKS)

    assert entry.reference == "bt:txn_1"
    assert entry.donation_id == "don_7"
    assert entry.description == "charge charge"
    assert entry.occurred_at == NOON


def test_a_gift_on_new_years_eve_counts_for_the_day_where_the_books_are_kept() -> None:
    at = datetime(2027, 1, 1, 4, 0, tzinfo=UTC)
    movement = a_movement(created_at=at)

    angeles = settled(movement, a_gift(), Books(entity_id="us", time_zone="America/Los_Angeles"))
    seoul = settled(movement, a_gift(), Books(entity_id="kr", time_zone="Asia/Seoul"))

    assert angeles.effective_on == date(2026, 12, 31)
    assert seoul.effective_on == date(2027, 1, 1)


@given(gifts())
def test_every_gift_balances_and_moves_the_stripe_balance_by_its_net(
    gift: tuple[Movement, Gift],
) -> None:
    movement, lines = gift

    entry = settled(movement, lines, BOOKS)
    change = effect(entry)

    assert sum(change.values()) == 0
    assert change.get(Account.STRIPE_BALANCE, 0) == movement.net
    assert change.get(Account.PROCESSING_FEES, 0) == movement.fee
    income = change.get(Account.CONTRIBUTIONS, 0) + change.get(Account.CONTRIBUTIONS_FEE_COVER, 0)
    assert income == -movement.amount


@given(gifts())
def test_each_fund_receives_within_a_unit_of_what_the_donor_chose(gift: tuple[Movement, Gift]) -> None:
    movement, given = gift

    entry = settled(movement, given, BOOKS)

    received = {
        move.fund_id: move.amount for move in entry.moves if move.from_account is Account.CONTRIBUTIONS
    }
    for line in given.lines:
        if line.account is Account.CONTRIBUTIONS:
            share = received.get(line.fund_id, 0)
            assert abs(share * given.given - movement.amount * line.weight) < given.given
            if movement.amount == given.given:
                assert share == line.weight


@given(strays())
def test_unknown_money_of_either_sign_balances_and_touches_no_income(movement: Movement) -> None:
    change = effect(unclassified(movement, BOOKS))

    assert sum(change.values()) == 0
    assert change.get(Account.STRIPE_BALANCE, 0) == movement.net
    assert change.keys() <= {Account.STRIPE_BALANCE, Account.SUSPENSE_UNCLASSIFIED}


@given(
    st.one_of(
        gifts().map(lambda gift: settled(*gift, BOOKS)), strays().map(lambda it: unclassified(it, BOOKS))
    )
)
def test_a_move_always_has_a_positive_amount_and_goes_somewhere(entry: Entry) -> None:
    for move in entry.moves:
        assert move.amount > 0
        assert move.from_account is not move.to_account

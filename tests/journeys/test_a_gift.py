"""One gift, from the button to the book: by card, by bank, refused, or left."""

import pytest

from tests.journeys.house import House

pytestmark = pytest.mark.timeout(60)


def test_a_gift_by_card_is_thanked_receipted_once_and_booked_to_the_cent(house: House):
    gift = house.gives(2500, fund="rescue")
    assert house.status_of(gift) == "pending"

    house.pays(gift)
    house.stripe_settles()
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert "$25.00" in house.thank_you_page(gift)
    [mail] = house.mails()
    assert mail["To"][0]["Address"] == "ada@example.com"
    words = house.receipt_in(mail)
    assert "Ada Park" in words
    assert "4242" in words
    assert "Rescue and resettlement" in words
    assert house.receipts()[0] in words
    assert house.balances() == {
        "stripe_balance": 2500 - 103,
        "contributions:rescue": -2500,
        "processing_fees": 103,
    }
    assert house.the_book_ties()
    assert house.nothing_is_left_to_do()


def test_a_gift_from_the_bank_gets_its_receipt_when_the_bank_says_yes_and_not_before(house: House):
    gift = house.gives(5000)
    house.pays_from_the_bank(gift)
    house.the_workers_work()
    assert house.status_of(gift) == "processing"
    assert house.mails() == []
    assert house.balances() == {}

    house.the_bank_says_yes(gift)
    house.stripe_settles()
    house.the_workers_work()
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    [mail] = house.mails()
    assert "$50.00" in house.receipt_in(mail)
    assert house.balances() == {
        "stripe_balance": 5000 - 40,
        "contributions:general": -5000,
        "processing_fees": 40,
    }
    assert house.the_book_ties()


def test_a_gift_that_the_bank_refuses_ends_failed_and_without_a_receipt(house: House):
    gift = house.gives()
    house.pays_from_the_bank(gift)
    house.the_workers_work()

    house.the_bank_says_no(gift)
    house.stripe_settles()
    house.the_workers_work()

    assert house.status_of(gift) == "failed"
    assert house.mails() == []
    assert house.receipts() == []
    assert house.balances() == {}


def test_a_declined_donor_pays_with_another_card_on_the_same_page(house: House):
    gift = house.gives()
    house.declines(gift, "insufficient_funds")
    house.the_workers_work()
    assert house.status_of(gift) == "pending"

    house.pays(gift, card="5555555555554444")
    house.stripe_settles()
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    [mail] = house.mails()
    assert "4444" in house.receipt_in(mail)
    assert house.balances()["contributions:general"] == -2500
    assert house.the_book_ties()


def test_a_declined_donor_who_leaves_has_given_nothing(house: House):
    gift = house.gives()
    house.declines(gift)
    house.leaves(gift)

    house.the_workers_work()

    assert house.status_of(gift) == "expired"
    assert house.mails() == []
    assert house.balances() == {}
    assert house.nothing_is_left_to_do()


def test_a_donor_whose_bank_asks_for_proof_pays_once_it_is_given(house: House):
    gift = house.gives()
    refused = house.stripe.tell(
        f"checkout/sessions/{gift.session}/pay", card="4000002760003184", authenticate=False
    )
    assert refused["outcome"] == "declined"
    house.the_workers_work()
    assert house.status_of(gift) == "pending"

    house.stripe.tell(f"checkout/sessions/{gift.session}/pay", card="4000002760003184", authenticate=True)
    house.the_workers_work()

    assert house.status_of(gift) == "paid"
    assert len(house.mails()) == 1


def test_a_korean_gift_has_no_decimals_anywhere_and_speaks_korean(house: House):
    gift = house.gives(50000, "krw", name="김지우", email="jiwoo@example.com", locale="ko", fund="education")

    house.pays(gift, card="4000004100000003")
    house.stripe_settles()
    house.the_workers_work()

    [session] = house.stripe.list("checkout/sessions")
    assert (session["amount_total"], session["currency"], session["locale"]) == (50000, "krw", "ko")
    assert "₩50,000" in house.thank_you_page(gift, "ko")
    assert "500.00" not in house.thank_you_page(gift, "ko")
    [mail] = house.mails()
    words = house.receipt_in(mail)
    assert "₩50,000" in words
    assert "김지우" in words
    assert "교육과 멘토링" in words
    assert "등불길" in mail["Text"] or "후원" in mail["Text"]
    # Stripe settled in dollars: the book stands in what really came, the receipt in what was given.
    assert house.balances()["contributions:education"] == -round(50000 * 0.00069 * 100)
    assert house.the_book_ties()


def test_a_gift_over_two_funds_with_the_fee_covered_reaches_each_fund_whole(house: House):
    gift = house.gives(
        10000,
        cover_fees=True,
        allocations=[{"fund": "rescue", "amount": 7500}, {"fund": "education", "amount": 2500}],
    )
    covered = house.shown(gift)["amount"] - 10000

    house.pays(gift)
    house.stripe_settles()
    house.the_workers_work()

    balances = house.balances()
    assert balances["contributions:rescue"] == -7500
    assert balances["contributions:education"] == -2500
    assert balances["contributions_fee_cover"] == -covered
    assert balances["stripe_balance"] >= 10000
    words = house.receipt_in(house.mails()[0])
    assert "Rescue and resettlement" in words
    assert "Education and mentoring" in words
    assert house.the_book_ties()

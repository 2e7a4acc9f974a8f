"""Money goes back: the register keeps every number, and one receipt says what stands of the gift."""

import random

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from payments.clock import now
from payments.database import transaction
from payments.donations import owed
from payments.receipts import documents, issue, owing
from payments.receipts.models import DueReceipt, Receipt, ReceiptDocument
from payments.staff.models import StaffMember
from payments.verify.receipts import CHECKS
from payments.verify.run import breaches
from tests.interrupted import just_before
from tests.money_moves.conftest import Charity
from tests.receipts.register import GIVEN, letters, register, settle_the_register, words_in
from tests.receipts.test_issue import words_of


def test_a_full_refund_voids_the_receipt_and_tells_the_donor(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()

    charity.stripe.refund(charge, 5000)
    charity.hears()
    settle_the_register()

    [notice] = letters("void")
    told = words_in(notice)
    assert register() == [("1", "void", 5000, "refunded")]
    assert notice.to_address == "ada@example.com"
    assert "Your gift of $50.00" in told
    assert "US-2026-000001 is therefore no longer valid" in told
    assert "Please do not use it for your tax return. If you have already claimed it" in told


def test_a_korean_donor_is_told_in_korean(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 50000), currency="krw", locale="ko", name="김{지우}")
    charity.hears()
    settle_the_register()

    charity.stripe.refund(charge, 50000)
    charity.hears()
    settle_the_register()

    [notice] = letters("void")
    assert "김{지우} 님께," in words_in(notice)
    assert "₩50,000" in words_in(notice)
    assert "이미 공제를 신청하셨다면 신고 내용을 정정해 주시기 바랍니다." in words_in(notice)


def test_a_partial_refund_replaces_the_receipt_by_one_for_the_rest(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()

    charity.stripe.refund(charge, 1001)
    charity.hears()
    settle_the_register()

    with transaction() as session:
        new = session.scalars(select(Receipt).where(Receipt.status == "issued")).one()
        old = session.scalars(select(Receipt).where(Receipt.status == "void")).one()
        page = words_of(session, new.number)
    assert register() == [("1", "void", 5000, "refunded"), ("2", "issued", 3999, None)]
    assert new.replaces_id == old.id
    assert (new.gift_date, new.tax_year) == (old.gift_date, old.tax_year)
    assert "This receipt cancels and replaces receipt US-2026-000001" in page
    assert all(amount in page for amount in ("$39.99", "$23.99", "$16.00"))
    assert letters("void") == []
    assert len(letters("receipt")) == 2


def test_a_second_partial_refund_replaces_the_replacement_and_the_last_one_voids_it(
    charity: Charity,
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    for part in (1000, 1500, 2500):
        charity.stripe.refund(charge, part)
        charity.stripe.a_day_passes()
        charity.hears()
        settle_the_register()

    assert register() == [
        ("1", "void", 4000, "refunded"),
        ("2", "void", 2500, "refunded"),
    ]


def test_a_refund_that_leaves_too_little_beside_what_the_donor_got_voids_and_replaces_nothing(
    charity: Charity,
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    with transaction() as session:
        session.execute(text(_CANADIAN_WITH_A_DINNER))
    charity.hears()
    settle_the_register()

    for part in (1000, 1000):
        charity.stripe.refund(charge, part)
        charity.hears()
        settle_the_register()

    assert register() == [("1", "void", 5000, "refunded"), ("2", "void", 4000, "refunded")]
    with transaction() as session:
        assert session.scalars(select(DueReceipt)).all() == []
        driver = session.connection().connection.driver_connection
        assert driver is not None
        assert [found for check in CHECKS for found in breaches(driver, check)] == []
    assert len(letters("void")) == 1


_CANADIAN_WITH_A_DINNER = """
    update issuing_entities set jurisdiction = 'CA', statement_code = 'ca_official',
        receipt_facts = '{"place_of_issue": "Toronto"}';
    update donations set benefit_amount = 2500, benefit_text = 'Dinner';
    insert into donor_addresses (donor_id, lines, postcode, country)
    select id, '{"14 Maple Road"}', 'B3H 1A1', 'CA' from donors
"""


def test_a_gift_refunded_before_its_receipt_gets_none(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.stripe.refund(charge, 5000)
    charity.hears()
    settle_the_register()

    assert register() == []
    with transaction() as session:
        assert session.scalars(select(DueReceipt)).all() == []


def test_a_receipt_that_is_void_before_its_page_is_set_is_sent_to_nobody(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    with transaction() as session:
        issue.issue_due(session)

    def goes_back() -> None:
        charity.stripe.refund(charge, 5000)
        charity.hears()
        with transaction() as session:
            issue.issue_due(session)

    with just_before("INSERT INTO receipt_documents", goes_back), transaction() as session:
        documents.write_due(session)

    assert register() == [("1", "void", 5000, "refunded")]
    assert letters("receipt") == []
    assert len(letters("void")) == 1
    with transaction() as session:
        assert session.scalars(select(ReceiptDocument.pdf)).one().startswith(b"%PDF")
        driver = session.connection().connection.driver_connection
        assert driver is not None
        assert [found for check in CHECKS for found in breaches(driver, check)] == []


def test_an_open_dispute_changes_nothing_and_a_lost_one_voids(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    dispute = charity.stripe.dispute(charge)
    charity.hears()
    settle_the_register()
    while_it_was_open = register()

    charity.stripe.closes(dispute, "lost")
    charity.hears()
    settle_the_register()

    assert while_it_was_open == [("1", "issued", 5000, None)]
    assert register() == [("1", "void", 5000, "disputed")]
    assert "Your bank has taken back the payment of $50.00" in words_in(letters("void")[0])


def test_a_won_dispute_leaves_the_receipt(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    dispute = charity.stripe.dispute(charge)
    charity.stripe.closes(dispute, "won")
    charity.stripe.reinstated(dispute)
    charity.hears()
    settle_the_register()

    assert register() == [("1", "issued", 5000, None)]


def test_a_returned_bank_debit_voids(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()

    charity.stripe.debit_returned(charge)
    charity.hears()
    settle_the_register()

    assert register() == [("1", "void", 5000, "debit_returned")]


def test_a_failed_refund_leaves_it_void_until_the_donor_lets_the_gift_stand(
    charity: Charity, finn: StaffMember
) -> None:
    gift, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    refund = charity.stripe.refund(charge, 5000)
    charity.stripe.a_day_passes(3)
    charity.stripe.refund_fails(refund)
    charity.hears()
    settle_the_register()
    still_void = register()

    with transaction() as session:
        owed.keep(session, gift.id, by=finn, reason="the donor wrote")
        owing.look_again(session, gift.id)
    settle_the_register()

    with transaction() as session:
        old, new = session.scalars(select(Receipt).order_by(Receipt.number))
    assert still_void == [("1", "void", 5000, "refunded")]
    assert register() == [("1", "void", 5000, "refunded"), ("2", "issued", 5000, None)]
    assert (new.gift_date, new.replaces_id) == (old.gift_date, old.id)


def test_a_cancelled_partial_refund_restores_the_whole_amount_on_a_new_receipt(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    refund = charity.stripe.refund(charge, 1000)
    charity.hears()
    settle_the_register()
    charity.stripe.a_day_passes()

    charity.stripe.refund_fails(refund, status="canceled")
    charity.hears()
    settle_the_register()

    assert register() == [("1", "void", 4000, "restored"), ("2", "issued", 5000, None)]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_order_the_news_come_in_the_register_ends_the_same(charity: Charity, seed: int) -> None:
    shuffle = random.Random(seed)  # noqa: S311 - an order, not a secret
    _, first = charity.paid_gift(*GIVEN)
    _, second = charity.paid_gift(*GIVEN)
    _, third = charity.paid_gift(*GIVEN)
    refund = charity.stripe.refund(first, 2000)
    charity.stripe.refund(second, 5000)
    charity.stripe.a_day_passes()
    charity.stripe.refund_fails(refund)
    dispute = charity.stripe.dispute(third)
    charity.stripe.a_day_passes()
    charity.stripe.closes(dispute, "lost")
    news = charity.stripe.news()
    shuffle.shuffle(news)

    for delivery in news:
        charity.says([delivery])
        if shuffle.random() < 0.5:
            settle_the_register()
    settle_the_register()

    with transaction() as session:
        standing = session.scalars(select(Receipt.amount).where(Receipt.status == "issued")).all()
        numbers = session.scalars(select(Receipt.sequence).order_by(Receipt.sequence)).all()
    assert standing == [3000]
    assert list(numbers) == list(range(1, len(numbers) + 1))


def test_the_sweep_finds_what_was_never_made_due(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    charity.stripe.refund(charge, 5000)
    charity.hears()
    with transaction() as session:
        session.execute(text("delete from due_receipts"))
        session.execute(text("update refunds set created_at = now()"))

    with transaction() as session:
        owing.sweep(session)
    settle_the_register()

    assert register() == [("1", "void", 5000, "refunded")]


@pytest.mark.parametrize("what", ["a bank's return", "a late booking"])
def test_the_sweep_finds_what_a_bank_took_back_and_what_was_booked_late(charity: Charity, what: str) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    charity.stripe.now = int(now().timestamp()) - 3600
    if what == "a bank's return":
        charity.stripe.debit_returned(charge)
    else:
        charity.stripe.refund(charge, 5000)
    charity.hears()
    with transaction() as session:
        session.execute(text("delete from due_receipts"))
        session.execute(text("update refunds set created_at = now() - interval '30 days'"))

    with transaction() as session:
        owing.sweep(session)
    settle_the_register()

    assert [status for _, status, _, _ in register()] == ["void"]


@pytest.mark.parametrize(
    "rewrite",
    [
        "status = 'issued', void_cause = null, void_reason = null, voided_at = null",
        "void_reason = 'another'",
        "voided_at = now()",
        "replaces_id = id",
    ],
)
def test_what_is_void_stays_void_as_it_was_said(charity: Charity, rewrite: str) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    charity.stripe.refund(charge, 5000)
    charity.hears()
    settle_the_register()

    with pytest.raises(DatabaseError), transaction() as session:
        session.execute(text(f"update receipts set {rewrite}"))  # noqa: S608 - the cases above

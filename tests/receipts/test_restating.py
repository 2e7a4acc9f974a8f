"""A statement that lists a void receipt does not stand: it is void with it, and another takes its place."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from payments import clock
from payments.database import transaction
from payments.donations.models import IssuingEntity
from payments.mail.models import OutgoingMail
from payments.receipts import annual, restating, verification
from payments.receipts.models import DueStatement, GivingStatement, Receipt, StatementDocument
from payments.receipts.summary import GivingSummary
from payments.receipts.verification import Standing
from tests.interrupted import just_before
from tests.money_moves.conftest import Charity
from tests.receipts.register import GIVEN, letters, settle_the_register, words_in

YEAR = 2026


def the_year_is_told(*, send: bool = True) -> None:
    """The yearly run, as a person starts it."""
    with transaction() as session:
        body = session.get_one(IssuingEntity, "us")
        restating.void_incomplete(session, body, YEAR)
        while annual.number_next(session, body, YEAR):
            pass
        annual.draw_next(session, body, YEAR)
        if send:
            annual.mail_next(session, body, YEAR, delay=timedelta())


def statements_are_settled() -> None:
    settle_the_register()
    done = 1
    while done:
        with transaction() as session:
            done = restating.restate_due(session)


def book() -> list[tuple[str, str, str | None, list[int]]]:
    """Number, standing, what it replaces, and the amounts it lists."""
    with transaction() as session:
        statements = session.scalars(select(GivingStatement).order_by(GivingStatement.sequence)).all()
        assert not session.scalars(select(DueStatement)).all()
    read = [(statement, GivingSummary.from_json(statement.content)) for statement in statements]
    return [
        (
            said.number[-1],
            of.status,
            said.replaces_number,
            sorted((gift.amount_minor for gift in said.gifts), reverse=True),
        )
        for of, said in read
    ]


def test_a_refunded_gift_takes_its_statement_with_it_and_the_donor_gets_another(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.paid_gift(("general", 700))
    charity.hears()
    settle_the_register()
    the_year_is_told()
    charity.stripe.refund(charge, 5000)
    charity.hears()

    settle_the_register()
    with transaction() as session:
        standing = session.scalars(select(GivingStatement.status)).all()
    statements_are_settled()

    assert standing == ["void"]
    assert book() == [("1", "void", None, [5000, 700]), ("2", "issued", "US-A-2026-000001", [700])]
    _, corrected = sorted(map(words_in, letters("statement")), key=lambda words: "cancels" in words)
    assert "statement US-A-2026-000001. Please use only this one." in corrected
    assert "Total given in USD: $7.00" in corrected
    with transaction() as session:
        reason = session.scalars(select(GivingStatement.void_reason).where(GivingStatement.status == "void"))
        assert re.fullmatch(r"lists US-2026-00000\d: void by now", str(reason.one()))
        assert len(session.scalars(select(StatementDocument.pdf)).all()) == 2


def test_a_partial_refund_restates_the_year_with_what_is_left(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()

    charity.stripe.refund(charge, 1000)
    charity.hears()
    statements_are_settled()

    assert book() == [("1", "void", None, [5000]), ("2", "issued", "US-A-2026-000001", [4000])]


def test_a_statement_that_becomes_void_while_it_is_being_sent_is_replaced_like_another(
    charity: Charity,
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()
    goes_back(charity, charge, 1000)
    with transaction() as session:
        restating.restate_due(session)

    with (
        just_before("SAVEPOINT", lambda: goes_back(charity, charge, 500)),
        transaction() as session,
    ):
        restating.restate_due(session)
    statements_are_settled()

    assert book() == [
        ("1", "void", None, [5000]),
        ("2", "void", "US-A-2026-000001", [4000]),
        ("3", "issued", "US-A-2026-000002", [3500]),
    ]


def goes_back(charity: Charity, charge: dict[str, Any], amount: int) -> None:
    charity.stripe.refund(charge, amount)
    charity.hears()
    settle_the_register()


def test_where_nothing_is_left_to_list_the_donor_is_told_so(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN, locale="ko", name="김지우")
    charity.hears()
    settle_the_register()
    the_year_is_told()

    charity.stripe.refund(charge, 5000)
    charity.hears()
    statements_are_settled()

    assert book() == [("1", "void", None, [5000])]
    told = [words_in(mail) for mail in letters("void") if mail.reference.startswith("void:gst_")]
    assert len(told) == 1
    assert "2026년 US-A-2026-000001번 내역서에 적힌 영수증이 모두 취소되었습니다." in told[0]


def test_whoever_was_never_sent_a_statement_is_not_sent_its_correction(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.paid_gift(("general", 700))
    charity.hears()
    settle_the_register()
    the_year_is_told(send=False)

    charity.stripe.refund(charge, 5000)
    charity.hears()
    statements_are_settled()

    assert [standing for _, standing, _, _ in book()] == ["void", "issued"]
    with transaction() as session:
        assert not session.scalars(
            select(OutgoingMail.id).where(OutgoingMail.reference.like("statement:%"))
        ).all()


def test_a_gift_that_is_entered_late_comes_onto_the_statement_with_the_next_run(charity: Charity) -> None:
    charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()
    charity.paid_gift(("general", 700))
    charity.hears()
    statements_are_settled()
    before = book()
    with transaction() as session:
        assert restating.incomplete(session, session.get_one(IssuingEntity, "us"), YEAR) == 1

    the_year_is_told()
    statements_are_settled()
    the_year_is_told()

    assert before == [("1", "issued", None, [5000])]
    assert book() == [("1", "void", None, [5000]), ("2", "issued", "US-A-2026-000001", [5000, 700])]
    assert len(letters("statement")) == 2


def test_the_public_page_says_that_a_statement_was_replaced(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()
    charity.stripe.refund(charge, 1000)
    charity.hears()
    statements_are_settled()

    with transaction() as session:
        contents = session.scalars(select(GivingStatement.content).order_by(GivingStatement.sequence)).all()
        found = [
            verification.look_up(session, number=said["number"], code=said["verification_code"])
            for said in contents
        ]

    assert [one.standing for one in found] == [Standing.REPLACED, Standing.VALID]
    assert found[0].ended_on is not None


def test_the_public_page_calls_nothing_replaced_once_what_replaced_it_is_void(charity: Charity) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()
    for part in (1000, 4000):
        charity.stripe.refund(charge, part)
        charity.hears()
        statements_are_settled()

    with transaction() as session:
        contents = session.scalars(select(GivingStatement.content)).all()
        found = [
            verification.look_up(session, number=said["number"], code=said["verification_code"])
            for said in contents
        ]

    assert [one.standing for one in found] == [Standing.VOID, Standing.VOID]


@pytest.fixture
def forty_days_ahead(tmp_path: Path) -> Iterator[Path]:
    """A clock that the house follows, once it says that forty days have gone by."""
    clock_file = tmp_path / "clock"
    clock.follow(str(clock_file))
    yield clock_file
    clock.follow("")


def test_a_receipt_is_void_and_so_is_its_statement_at_the_hour_the_house_lives_in(
    charity: Charity, forty_days_ahead: Path
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()

    forty_days_ahead.write_text(str(int(timedelta(days=40).total_seconds())))
    charity.stripe.refund(charge, 5000)
    charity.hears()
    statements_are_settled()

    with transaction() as session:
        [receipt] = session.scalars(select(Receipt))
        [statement] = session.scalars(select(GivingStatement))
    for issued in (receipt, statement):
        assert issued.voided_at is not None
        assert timedelta(days=40) <= issued.voided_at - issued.issued_at < timedelta(days=41)


@pytest.mark.parametrize(
    "rewrite", ["status = 'void'", "number = 'X'", "content = '{}'", "status = 'issued', void_cause = null"]
)
def test_a_statement_stands_as_it_was_issued_or_as_it_was_made_void(charity: Charity, rewrite: str) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    the_year_is_told()
    if rewrite.startswith("status = 'issued'"):
        charity.stripe.refund(charge, 1000)
        charity.hears()
        settle_the_register()

    with pytest.raises(DatabaseError), transaction() as session:
        session.execute(text(f"update giving_statements set {rewrite}"))  # noqa: S608 - the cases above

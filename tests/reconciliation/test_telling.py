"""An exception is told in the language of its page, whenever and by whom it was found."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.donations.reversals import Dispute
from payments.money import Money
from payments.reconciliation import findings, reconcile, telling
from payments.reconciliation.findings import RULES
from payments.reconciliation.models import BankLine, BankMatch
from payments.reconciliation.reports import exceptions_page
from payments.reconciliation.reports.exceptions import exceptions_report
from payments.reconciliation.telling import Several, Told
from payments.staff.models import StaffMember
from payments.translations import translator
from tests.factories import NOON, a_donation
from tests.reconciliation.test_working_days import expected, told

MAY_BE = Told(
    "{amount} of {day} may be {which}.",
    {
        "amount": Money(-2500, "usd"),
        "day": "2026-11-02",
        "which": Several(
            " or ",
            (
                Told(
                    "{payout} ({reason})",
                    {"payout": "po_1", "reason": Several("; ", (Told("the bank names Stripe", {}),))},
                ),
                Told("the same amount {days} days after Stripe expected it", {"days": 3}),
            ),
        ),
    },
)


def sentences(session: Session, language: str) -> list[str]:
    """The last column but one of what is open."""
    page = exceptions_page.page_of(exceptions_report(session), language)
    return [str(row[-2]) for row in page.tables[0].rows]


@pytest.fixture
def overdue(session: Session, finn: StaffMember) -> Session:
    """A round has found that a payout never came."""
    day = date(2026, 10, 6)
    expected(session, finn, day, country="US", currency="usd")
    session.execute(text("update payouts set is_automatic = false"))
    told(session, finn, day - timedelta(days=1), day + timedelta(days=20))
    reconcile.reconcile(session)
    return session


def test_the_same_exception_is_told_in_english_and_in_korean(overdue: Session) -> None:
    english, korean = sentences(overdue, "en"), sentences(overdue, "ko")

    assert "Payout po_1 of USD 25.00 was expected on 2026-10-06 and is not on the bank statement." in english
    assert "지급 po_1(US$25.00)의 예정일은 2026-10-06이나, 은행 내역에 없습니다." in korean
    assert len(english) == len(korean) == 2


def test_one_that_was_found_before_facts_were_kept_is_told_as_it_was_until_the_next_round(
    overdue: Session,
) -> None:
    overdue.execute(text("update discrepancies set told = null"))
    overdue.expire_all()
    as_it_was = sentences(overdue, "ko")

    reconcile.reconcile(overdue)

    assert as_it_was == sentences(overdue, "en") != sentences(overdue, "ko")


def test_what_is_stored_says_the_same_when_it_is_read_back() -> None:
    again = telling.read_back(telling.as_json(MAY_BE))

    assert again == MAY_BE
    assert str(again) == (
        "USD -25.00 of 2026-11-02 may be po_1 (the bank names Stripe) or the same amount 3 days after Stripe"
        " expected it."
    )
    assert again.in_("ko") == (
        "2026-11-02의 -US$25.00에 해당할 수 있는 항목: po_1 (은행 거래에 Stripe가 표시됨) 또는 Stripe 예정일"
        " 3일 뒤에 같은 금액."
    )


def test_a_sentence_that_no_catalogue_has_is_told_in_english() -> None:
    assert Told("Nobody says {this} any more.", {"this": "x"}).in_("ko") == "Nobody says x any more."


def test_a_day_is_that_of_the_body_whose_books_these_are(session: Session, finn: StaffMember) -> None:
    evening_of_halloween = datetime(2026, 11, 1, 5, tzinfo=UTC)
    a_donation(session, status="paid", paid_at=evening_of_halloween, gift_date=date(2026, 10, 31))
    session.add(
        Dispute(
            stripe_dispute_id="dp_1",
            stripe_charge_id="ch_1",
            amount=2500,
            currency="usd",
            reason="fraudulent",
            status="needs_response",
            evidence_due_by=evening_of_halloween,
            opened_at=evening_of_halloween,
        )
    )
    session.flush()

    found = {each.kind: each for each in findings.everything(session, at=NOON, today=NOON.date())}

    assert "was paid on 2026-10-31, and" in str(found["gift_without_movement"].told)
    assert "must be answered by 2026-10-31." in str(found["dispute_unanswered"].told)
    assert found["dispute_unanswered"].due_on == date(2026, 10, 31)


@pytest.mark.parametrize(
    ("on_the_line", "english", "korean"),
    [(2400, "USD 1.00 more", "US$1.00 많습니다"), (2600, "USD 1.00 less", "US$1.00 적습니다")],
)
def test_what_a_line_stands_for_too_much_or_too_little_is_told_as_money(
    session: Session, finn: StaffMember, on_the_line: int, english: str, korean: str
) -> None:
    day = date(2026, 10, 6)
    expected(session, finn, day, country="US", currency="usd")
    told(session, finn, day, day)
    session.add(
        BankLine(
            id="bln_1",
            bank_account_id="giro",
            bank_statement_id=f"bst_{day}",
            position=1,
            booked_on=day,
            amount=on_the_line,
            currency="usd",
            text="STRIPE",
            fingerprint="1",
            occurrence=1,
        )
    )
    session.flush()
    session.add(BankMatch(id="bmt_1", bank_line_id="bln_1", kind="payout", subject_id="po_1", reason="x"))

    [found] = [
        each
        for each in findings.everything(session, at=NOON, today=day)
        if each.kind == "bank_line_matched_twice"
    ]
    again = telling.read_back(telling.as_json(found.told))

    assert f"stands for {english} than it is." in str(again)
    assert f"거래 금액보다 {korean}." in again.in_("ko")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_every_kind_and_every_phrase_of_it_has_its_korean(rule: object) -> None:
    says = [rule.says, *rule.phrases.values()]  # type: ignore[attr-defined]

    assert not [each for each in says if translator("ko").gettext(each) == each]

"""What a donor is told by the calendar: once, in time, and in the days of the body that keeps the books."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import clock
from payments.database import new_id
from payments.donations.models import Charge, Organisation
from payments.donations.reversals import Dispute, Refund
from payments.ledger.models import BalanceTransaction
from payments.mail.models import OutgoingMail
from payments.monthly import links, notices
from payments.monthly.models import MonthlyGift
from tests.factories import a_donation
from tests.monthly.promises import BEGUN, a_monthly_gift, terms
from workers import dunning as hands

JANUARY = datetime(2027, 1, 6, 12, 0, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, with_settings: Callable[..., None]) -> Callable[[datetime], None]:
    """Travel: the house's clock stands at this instant from now on."""
    with_settings(broker_url="memory://")

    def travel(instant: datetime) -> None:
        monkeypatch.setattr(clock, "_sandbox_clock", None)
        ahead = instant - datetime.now(UTC)
        monkeypatch.setattr(clock, "_NOT_AT_ALL", ahead)

    return travel


def told(session: Session) -> list[str]:
    return sorted(session.scalars(select(OutgoingMail.reference)).all())


def paused(session: Session, **given: object) -> MonthlyGift:
    """Paused over the turn of the year; the first charge after it is on 15 February."""
    facts = {
        "status": "paused",
        "is_paused": True,
        "paused_until": datetime(2027, 2, 14, 18, 0, tzinfo=UTC),
        "next_charge_at": datetime(2027, 1, 15, 18, 0, tzinfo=UTC),
    }
    return a_monthly_gift(session, **(facts | given))


def test_a_week_before_the_first_charge_after_a_pause_the_donor_is_told(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = paused(session)

    at(datetime(2027, 2, 7, 17, 0, tzinfo=UTC))
    assert notices.tell_of_charges(session) == 0
    at(datetime(2027, 2, 8, 19, 0, tzinfo=UTC))
    assert notices.tell_of_charges(session) == 1
    at(datetime(2027, 2, 10, 19, 0, tzinfo=UTC))
    assert notices.tell_of_charges(session) == 0

    (reference,) = told(session)
    assert reference.startswith(f"monthly_soon_again:{gift.id}:")
    mail = session.scalars(select(OutgoingMail)).one()
    assert b"February 15, 2027" in mail.message


def test_those_whose_charge_is_further_off_stand_before_nobody(
    organisation: Organisation,
    session: Session,
    at: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "PAGE", 1)
    later = datetime(2027, 2, 15, 16, 0, tzinfo=UTC)
    paused(session, id="mon_1", paused_until=later, next_charge_at=later - timedelta(days=30))
    paused(session, id="mon_2", email="bo@example.com")

    at(datetime(2027, 2, 8, 19, 0, tzinfo=UTC))

    assert notices.tell_of_charges(session) == 1


def test_a_worker_that_was_away_still_tells_it_and_not_when_it_is_too_late(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    paused(session)
    paused(session, email="bo@example.com", paused_until=datetime(2027, 2, 9, 18, 0, tzinfo=UTC))

    at(datetime(2027, 2, 13, 18, 0, tzinfo=UTC))

    assert notices.tell_of_charges(session) == 1


def test_a_longer_pause_is_told_of_again(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = paused(session)
    at(datetime(2027, 2, 10, 0, 0, tzinfo=UTC))
    notices.tell_of_charges(session)

    gift.paused_until = datetime(2027, 5, 14, 18, 0, tzinfo=UTC)
    session.flush()
    at(datetime(2027, 5, 10, 0, 0, tzinfo=UTC))
    notices.tell_of_charges(session)

    assert len(told(session)) == 2


@pytest.mark.parametrize("change", [{"status": "active", "is_paused": False}, {"paused_until": None}])
def test_nobody_is_told_who_is_not_about_to_be_charged_again(
    change: dict[str, object], organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    paused(session, **change)

    at(datetime(2027, 2, 10, 0, 0, tzinfo=UTC))

    assert notices.tell_of_charges(session) == 0


def test_a_card_is_told_of_when_its_last_month_begins_once_a_card(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = a_monthly_gift(session, card_expires="2027-03")

    # Still February in Los Angeles, where the books are kept.
    at(datetime(2027, 3, 1, 5, 0, tzinfo=UTC))
    assert notices.tell_of_cards(session) == 0
    at(datetime(2027, 3, 1, 9, 0, tzinfo=UTC))
    assert notices.tell_of_cards(session) == 1
    at(datetime(2027, 3, 28, 9, 0, tzinfo=UTC))
    assert notices.tell_of_cards(session) == 0
    assert told(session) == [f"monthly_card_expiring:{gift.id}:4242:2027-03"]

    gift.card_last4, gift.card_expires = "4444", "2027-04"
    session.flush()
    at(datetime(2027, 4, 2, 9, 0, tzinfo=UTC))
    assert notices.tell_of_cards(session) == 1


@pytest.mark.parametrize("status", ["pending", "never_started", "behind", "lapsed"])
def test_no_card_is_asked_for_where_none_is_needed(
    status: str, organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    a_monthly_gift(session, card_expires="2027-03", status=status)

    at(datetime(2027, 3, 5, 0, 0, tzinfo=UTC))

    assert notices.tell_of_cards(session) == 0


def an_instalment(session: Session, gift: MonthlyGift, day: date, amount: int = 3000) -> str:
    donation = a_donation(
        session,
        amount=amount,
        frequency="monthly",
        monthly_gift_id=gift.id,
        stripe_invoice_id=new_id("in"),
        status="paid",
        paid_at=datetime(day.year, day.month, day.day, 20, 0, tzinfo=UTC),
        gift_date=day,
        checkout_expires_at=None,
    )
    return donation.id


def test_in_january_a_donor_is_told_what_the_year_came_to(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = a_monthly_gift(session)
    for month in range(1, 13):
        an_instalment(session, gift, date(2026, month, 15))
    an_instalment(session, gift, date(2025, 12, 31))
    an_instalment(session, gift, date(2027, 1, 1))
    a_donation(session, amount=99900)

    at(datetime(2027, 1, 4, 12, 0, tzinfo=UTC))
    assert notices.tell_of_years(session) == 0
    at(JANUARY)
    assert notices.tell_of_years(session) == 1
    at(JANUARY + timedelta(days=20))
    assert notices.tell_of_years(session) == 0

    mail = session.scalars(select(OutgoingMail)).one()
    assert mail.reference == f"monthly_year_given:{gift.id}:2026"
    assert b"$360.00" in mail.message
    assert b"Monthly gifts: 12" in mail.message


def test_what_went_back_is_not_counted(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = a_monthly_gift(session)
    for month in (1, 2, 3):
        kept = an_instalment(session, gift, date(2026, month, 15))
    refunded = an_instalment(session, gift, date(2026, 4, 15))
    lost = an_instalment(session, gift, date(2026, 5, 15))
    won = an_instalment(session, gift, date(2026, 6, 15))
    a_refund(session, refunded, 3000, "succeeded")
    a_refund(session, kept, 1000, "pending")
    a_refund(session, kept, 500, "failed")
    a_dispute(session, lost, "lost")
    a_dispute(session, won, "won")

    at(JANUARY)
    notices.tell_of_years(session)

    mail = session.scalars(select(OutgoingMail)).one()
    assert b"In all: $110.00" in mail.message
    assert b"Monthly gifts: 4" in mail.message


def test_a_debit_that_the_bank_took_back_is_not_counted(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = a_monthly_gift(session)
    an_instalment(session, gift, date(2026, 4, 15))
    a_return(session, an_instalment(session, gift, date(2026, 5, 15)))

    at(JANUARY)
    notices.tell_of_years(session)

    mail = session.scalars(select(OutgoingMail)).one()
    assert b"In all: $30.00" in mail.message
    assert b"Monthly gifts: 1" in mail.message


def test_a_year_of_which_all_went_back_is_not_told(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    gift = a_monthly_gift(session)
    a_refund(session, an_instalment(session, gift, date(2026, 4, 15)), 3000, "succeeded")

    at(JANUARY)

    assert notices.tell_of_years(session) == 0


def a_refund(session: Session, donation_id: str, amount: int, status: str) -> None:
    session.add(
        Refund(
            id=new_id("rfd"),
            stripe_refund_id=new_id("re"),
            donation_id=donation_id,
            stripe_charge_id="ch_1",
            amount=amount,
            currency="usd",
            status=status,
            origin="stripe",
        )
    )
    session.flush()


def a_dispute(session: Session, donation_id: str, status: str) -> None:
    session.add(
        Dispute(
            stripe_dispute_id=new_id("du"),
            stripe_charge_id="ch_1",
            donation_id=donation_id,
            amount=3000,
            currency="usd",
            reason="general",
            status=status,
            opened_at=JANUARY,
        )
    )
    session.flush()


def test_many_donors_are_told_page_by_page(
    organisation: Organisation,
    session: Session,
    at: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "PAGE", 3)
    for number in range(8):
        a_monthly_gift(session, email=f"donor{number}@example.com", card_expires="2027-03")
    session.commit()
    at(datetime(2027, 3, 5, 0, 0, tzinfo=UTC))

    hands.send_notices()
    hands.send_notices()

    assert len(told(session)) == 8


def test_of_a_page_of_letters_each_says_what_is_its_own_donors(
    organisation: Organisation, session: Session, at: Callable[[datetime], None]
) -> None:
    first = a_monthly_gift(session)
    second = a_monthly_gift(session, email="bo@example.com", name="Bo Reed", fund="education")
    more = terms(2, 4500, fund="rescue", valid_from=BEGUN)
    more.monthly_gift_id = second.id
    session.add(more)
    third = a_monthly_gift(session, email="yi@example.com", name="이서준", locale="ko", fund="education")
    for gift, amount in ((first, 3000), (second, 4500), (third, 1500)):
        an_instalment(session, gift, date(2026, 4, 15), amount)

    at(JANUARY)
    assert notices.tell_of_years(session) == 3

    by_address = {mail.to_address: mail.message for mail in session.scalars(select(OutgoingMail))}
    said = {
        address: message_from_bytes(wire, policy=default).get_body(("plain",)).get_content()
        for address, wire in by_address.items()
    }
    for address, gift, own in (
        ("ada@example.com", first, ("Ada Park", "$30.00", "Rescue")),
        ("bo@example.com", second, ("Bo Reed", "$45.00", "Rescue")),
        ("yi@example.com", third, ("이서준", "US$15.00", "교육")),
    ):
        assert all(word in said[address] for word in own), said[address]
        assert f"To: {address}\r\n".encode() in by_address[address]
        (token,) = set(re.findall(r"/monthly/(\S+)", said[address]))
        assert links.monthly_gift_id(token) == gift.id
        assert links.was_for(token, address)
    assert "Education" not in said["ada@example.com"] + said["bo@example.com"]


def a_return(session: Session, donation_id: str) -> None:
    """The bank had paid the debit, and took it back."""
    charge = Charge(
        stripe_charge_id=new_id("py"),
        donation_id=donation_id,
        amount=3000,
        currency="usd",
        status="succeeded",
        charged_at=JANUARY,
        method="sepa_debit",
    )
    session.add(charge)
    session.flush()
    session.add(
        BalanceTransaction(
            stripe_balance_transaction_id=new_id("txn"),
            reporting_category="charge_failure",
            type="payment_failure_refund",
            source_id=charge.stripe_charge_id,
            amount=-3000,
            fee=0,
            net=-3000,
            currency="usd",
            created_at=JANUARY,
            available_on=JANUARY,
        )
    )
    session.flush()

"""What a donor is told of each gift, from the facts and never from hope; and what the years come to."""

from datetime import UTC, date, datetime

import pytest

from payments.database import transaction
from payments.donations import recording
from payments.donations.models import Donation, IssuingEntity
from payments.donations.offline import Channel, PayerKind
from payments.donations.reversals import Refund
from payments.giving import asking, history, papers
from payments.giving.history import Given, History, State
from payments.giving.papers import NothingToList, PaperNotFound, PaperVoid
from payments.money import Money
from payments.receipts import corrections
from payments.staff.models import StaffMember
from payments.supporters.donors import Donor, recognise
from tests.factories import NOON, a_donation
from tests.money_moves.conftest import Charity
from tests.offline.papers import a_cheque, taken_in
from tests.receipts.register import letters, settle_the_register
from tests.receipts.test_issue import a_paid_gift

ADA = "ada@example.com"


def donor_id(email: str = ADA) -> str:
    with transaction() as session:
        return recognise(session, email=email, name="Ada Park", locale="en")


def read(email: str = ADA, **asked: int) -> History:
    with transaction() as session:
        return history.read(session, donor_id(email), **asked)


def told(gift: Donation) -> Given:
    [found] = [each for each in read().gifts if each.amount.minor == gift.amount]
    return found


def usd(minor: int) -> Money:
    return Money(minor, "usd")


def test_each_gift_is_told_as_it_stands(charity: Charity) -> None:
    plain, _ = charity.paid_gift(("general", 1000))
    in_part, charge_in_part = charity.paid_gift(("general", 2000))
    lost, charge_lost = charity.paid_gift(("general", 3000))
    questioned, charge_questioned = charity.paid_gift(("general", 4000))
    returned, charge_returned = charity.paid_gift(("general", 5000))
    owed, charge_owed = charity.paid_gift(("general", 6000))
    with transaction() as session:
        for minor, status in ((7000, "processing"), (8000, "failed"), (9000, "pending"), (9500, "expired")):
            a_donation(session, amount=minor, status=status)
    charity.hears()
    charity.stripe.refund(charge_in_part, 500)
    dispute = charity.stripe.dispute(charge_lost)
    charity.stripe.closes(dispute, "lost")
    charity.stripe.dispute(charge_questioned)
    charity.stripe.debit_returned(charge_returned)
    refund = charity.stripe.refund(charge_owed, 6000)
    charity.stripe.refund_fails(refund)
    charity.hears()
    with transaction() as session:
        session.add(
            Refund(
                id="rfd_pending",
                donation_id=plain.id,
                stripe_charge_id="ch_1",
                amount=400,
                currency="usd",
                status="pending",
                origin="stripe",
            )
        )

    assert told(plain).on_its_way_back == usd(400)
    assert (told(in_part).state, told(in_part).given_back) == (State.RECEIVED, usd(500))
    assert (told(lost).lost, told(lost).given_back, told(lost).is_questioned) == (usd(3000), None, False)
    assert (told(questioned).is_questioned, told(questioned).lost) == (True, None)
    assert (told(returned).state, told(returned).given_back) == (State.RETURNED_BY_BANK, None)
    assert (told(owed).owed_back, told(owed).given_back) == (usd(6000), None)
    states = {each.amount.minor: each.state for each in read().gifts}
    assert (states[7000], states[8000]) == (State.PROCESSING, State.FAILED)
    assert not {9000, 9500} & states.keys()
    [year] = read().years
    assert year.totals == (usd(1000 + 1500 + 4000),)


def test_a_cheque_that_was_taken_back_and_a_thing_are_told_without_an_amount_that_counts(
    charity: Charity, finn: StaffMember
) -> None:
    bounced = taken_in(finn, a_cheque()).donation.id
    taken_in(
        finn,
        a_cheque(
            channel=Channel.IN_KIND, description="Forty blankets", amount=usd(70_000), document_number=None
        ),
    )
    with transaction() as session:
        recording.reverse(session, bounced, by=finn, reason="no cover")

    by_channel = {each.channel: each for each in read().gifts}

    assert by_channel["cheque"].state == State.TAKEN_OUT
    assert by_channel["in_kind"].thing == "Forty blankets"
    [year] = read().years
    assert year.totals == (usd(0),)


def test_years_are_those_of_the_books_zone_and_no_two_currencies_are_added_up(charity: Charity) -> None:
    with transaction() as session:
        # Already 2026 in London and in Seoul.
        a_paid_gift(session, amount=1000, paid_at=datetime(2026, 1, 1, 4, tzinfo=UTC))
        a_paid_gift(session, amount=2000, paid_at=NOON)
        a_paid_gift(session, amount=50_000, currency="krw", paid_at=NOON)

    both = read()
    earlier = read(year=2025)

    assert [(year.year, year.gifts) for year in both.years] == [(2026, 2), (2025, 1)]
    assert both.years[0].totals == (Money(50_000, "krw"), usd(2000))
    assert [each.day for each in earlier.gifts] == [date(2025, 12, 31)]
    assert read(year=1999).year == both.years[0]


def test_hundreds_of_gifts_come_a_page_at_a_time(charity: Charity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    with transaction() as session:
        for minor in (100, 200, 300):
            a_paid_gift(session, amount=minor, created_at=NOON.replace(minute=minor // 10))

    pages = [[each.amount.minor for each in read(page_number=number).gifts] for number in (1, 2, 3)]

    assert pages == [[300, 200], [100], [100]]
    assert read(page_number=2).years[0].totals == (usd(600),)


def test_papers_are_the_bytes_that_were_kept_and_a_void_one_is_told_and_not_given(
    charity: Charity, finn: StaffMember
) -> None:
    gift, charge = charity.paid_gift(("general", 2500))
    charity.hears()
    settle_the_register()
    with transaction() as session:
        kept = corrections.page(session, corrections.find(session, "US-2026-000001"))
        assert papers.receipt(session, donor_id(), "US-2026-000001").pdf == kept

    charity.stripe.refund(charge, 1000)
    charity.hears()
    settle_the_register()

    live, void = told(gift).papers
    assert (live.number, live.is_void, live.is_written) == ("US-2026-000002", False, True)
    assert (void.number, void.is_void, void.replaced_by) == ("US-2026-000001", True, "US-2026-000002")
    with transaction() as session, pytest.raises(PaperVoid):
        papers.receipt(session, donor_id(), "US-2026-000001")


@pytest.mark.parametrize("number", ["US-2026-000001", "US-2026-000099", "", "\x00", "' or 1=1"])
def test_what_is_somebody_elses_is_as_what_is_not_there(charity: Charity, number: str) -> None:
    charity.paid_gift(("general", 2500))
    charity.hears()
    settle_the_register()
    bea = donor_id("bea@example.com")

    with transaction() as session:
        for fetch in (papers.receipt, papers.statement):
            with pytest.raises(PaperNotFound):
                fetch(session, bea, number)
        with pytest.raises(PaperNotFound):
            papers.summary(session, bea, entity_id="us", first=date(2020, 1, 1), last=date(2030, 1, 1))
    assert not read("bea@example.com").years


def test_a_summary_lists_what_the_register_says_of_these_days(charity: Charity) -> None:
    with transaction() as session:
        a_paid_gift(session, amount=1000, paid_at=datetime(2026, 3, 3, 20, tzinfo=UTC))
        a_paid_gift(session, amount=2000, paid_at=datetime(2026, 10, 3, 20, tzinfo=UTC))
    settle_the_register()

    def of(first: date, last: date) -> list[int]:
        with transaction() as session:
            found = papers.summary(session, donor_id(), entity_id="us", first=first, last=last)
        assert found.number == ""
        return [each.amount_minor for each in found.gifts]

    assert of(date(2026, 3, 3), date(2026, 3, 3)) == [1000]
    assert of(date(2026, 1, 1), date(2026, 12, 31)) == [1000, 2000]
    with pytest.raises(NothingToList):
        of(date(2026, 3, 4), date(2026, 10, 2))


@pytest.mark.parametrize("code", ["de_geldzuwendung", "de_sammelbestaetigung"])
def test_no_summary_is_offered_where_it_could_be_taken_for_another_confirmation(
    charity: Charity, code: str
) -> None:
    with transaction() as session:
        a_paid_gift(session)
    settle_the_register()
    with transaction() as session:
        assert [body.id for body in papers.bodies(session, donor_id())] == ["us"]
        body = session.get_one(IssuingEntity, "us")
        body.jurisdiction, body.statement_code = "DE", code

    with transaction() as session:
        assert not papers.bodies(session, donor_id())
        with pytest.raises(PaperNotFound):
            papers.summary(session, donor_id(), entity_id="us", first=date(2020, 1, 1), last=date(2030, 1, 1))


def test_whoever_is_behind_a_funds_gift_sees_it_apart_and_may_have_the_letter(
    charity: Charity, finn: StaffMember
) -> None:
    taken_in(
        finn,
        a_cheque(donor_name="Harbor Giving Fund", payer_kind=PayerKind.DONOR_ADVISED_FUND),
        email="fund@example.com",
        soft_credit=("Ada Park", ADA),
    )
    settle_the_register()

    found = read()

    [through] = found.through_others
    assert (through.payer, through.amount, through.is_written) == ("Harbor Giving Fund", usd(10_000), True)
    assert not found.gifts
    assert found.years[0].totals == ()
    with transaction() as session:
        assert papers.receipt(session, donor_id(), through.number).pdf.startswith(b"%PDF")


def test_a_link_is_mailed_where_something_was_given_and_the_same_answer_given_everywhere(
    charity: Charity,
) -> None:
    with transaction() as session:
        a_paid_gift(session)
        a_donation(session, email="only.looked@example.com")
        gone = a_donation(session, email="gone@example.com", status="paid")
        session.get_one(Donor, gone.donor_id).erased_at = NOON
        for email in (
            "ADA@example.com",
            ADA,
            "only.looked@example.com",
            "nobody@example.com",
            "gone@example.com",
        ):
            assert asking.ask(session, email)

    with transaction() as session:
        assert asking.answer(session) == 5
    with transaction() as session:
        assert asking.answer(session) == 0
    assert [mail.to_address for mail in letters("giving_link")] == [ADA]

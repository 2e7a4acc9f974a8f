"""Cheques, cash, transfers and things: from the desk to the book, the receipt and the bank."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from payments.clock import now
from payments.database import transaction
from payments.donations import recording
from payments.donations.models import Organisation
from payments.donations.offline import Channel, OfflineGift, PayerKind
from payments.donations.paper_refusals import DepositRefused, NotReversible, PaperRefused
from payments.donations.wishes import Share
from payments.ledger.models import JournalEntry
from payments.money import Money
from payments.receipts import owing
from payments.receipts.content import ReceiptContent
from payments.receipts.issue import issue_due
from payments.receipts.models import DueReceipt, Receipt
from payments.receipts.owing import ReceiptOutlook
from payments.receipts.wording import payment_method
from payments.staff.models import AuditEntry, StaffMember
from payments.staff.people import NotAllowed
from payments.supporters.donors import Donor
from tests.offline.papers import POSTED, RECEIVED, a_cheque, book, taken_in


@pytest.fixture
def sue(organisation: Organisation) -> StaffMember:
    """Answers donors and keeps no books."""
    return StaffMember(id="stf_sue", email="s@lp.example", name="Sue", roles=["support"], is_active=True)


def test_a_cheque_is_a_gift_of_its_postmark_and_income_of_its_receipt(finn: StaffMember) -> None:
    taken = taken_in(finn, a_cheque(postmarked_on=POSTED))

    with transaction() as session:
        entry = session.get_one(JournalEntry, f"offline:{taken.donation.id}")
    assert taken.donation.gift_date == POSTED
    assert entry.effective_on == RECEIVED
    assert book() == {"undeposited_funds": 10_000, "contributions:rescue": -10_000}


@pytest.mark.parametrize(
    ("channel", "where", "income"),
    [
        (Channel.CHEQUE, "undeposited_funds", "contributions:rescue"),
        (Channel.CASH, "undeposited_funds", "contributions:rescue"),
        (Channel.BANK_TRANSFER, "bank", "contributions:rescue"),
        (Channel.STOCK, "gifts_in_kind", "contributions_in_kind:rescue"),
        (Channel.IN_KIND, "gifts_in_kind", "contributions_in_kind:rescue"),
    ],
)
def test_each_way_of_giving_has_its_account(
    finn: StaffMember, channel: Channel, where: str, income: str
) -> None:
    taken_in(finn, a_cheque(channel=channel, description="twelve winter coats"))

    assert book() == {where: 10_000, income: -10_000}


def test_a_gift_over_several_funds_is_credited_to_each(finn: StaffMember) -> None:
    taken_in(finn, a_cheque(shares=(Share("rescue", 6_000), Share("general", 4_000))))

    assert book() == {
        "undeposited_funds": 10_000,
        "contributions:rescue": -6_000,
        "contributions:general": -4_000,
    }


def test_what_is_taken_for_others_is_owed_to_them(finn: StaffMember) -> None:
    with transaction() as session:
        session.execute(text("update funds set is_agency = true where id = 'education'"))

    taken_in(finn, a_cheque(shares=(Share("education", 10_000),)))

    assert book() == {"undeposited_funds": 10_000, "agency_obligations:education": -10_000}


def test_the_part_that_bought_a_dinner_is_no_contribution(finn: StaffMember) -> None:
    taken = taken_in(finn, a_cheque(benefit=2_000, benefit_text="Dinner"))

    assert book() == {
        "undeposited_funds": 10_000,
        "contributions:rescue": -8_000,
        "benefits_exchanged": -2_000,
    }
    assert taken.outlook.receipt is ReceiptOutlook.DUE
    assert taken.outlook.sentence.endswith("It names what the donor got: $80.00 is the gift.")


@pytest.mark.parametrize(
    ("payer", "channel", "outlook"),
    [
        (PayerKind.PERSON, Channel.CHEQUE, ReceiptOutlook.DUE),
        (PayerKind.COMPANY, Channel.BANK_TRANSFER, ReceiptOutlook.DUE),
        (PayerKind.ESTATE, Channel.CHEQUE, ReceiptOutlook.DUE),
        (PayerKind.DONOR_ADVISED_FUND, Channel.CHEQUE, ReceiptOutlook.THANKS_DUE),
        (PayerKind.EMPLOYER_MATCH, Channel.BANK_TRANSFER, ReceiptOutlook.THANKS_DUE),
        (PayerKind.PERSON, Channel.STOCK, ReceiptOutlook.DUE),
        (PayerKind.PERSON, Channel.IN_KIND, ReceiptOutlook.DUE),
    ],
)
def test_every_payer_is_owed_a_document_and_only_one_who_may_use_it_a_receipt(
    finn: StaffMember, payer: PayerKind, channel: Channel, outlook: ReceiptOutlook
) -> None:
    taken = taken_in(finn, a_cheque(payer_kind=payer, channel=channel, description="ten shares"))

    with transaction() as session:
        is_due = session.get(DueReceipt, taken.donation.id) is not None
    assert taken.outlook.receipt is outlook
    assert is_due


@pytest.mark.parametrize(("locale", "word"), [("en", "Check"), ("ko", "수표")])
def test_the_receipt_of_a_cheque_names_the_way_and_the_postmark(
    finn: StaffMember, locale: str, word: str
) -> None:
    taken_in(finn, a_cheque(postmarked_on=POSTED, locale=locale))

    with transaction() as session:
        issue_due(session)
        receipt = session.scalars(select(Receipt)).one()
    assert receipt.gift_date == POSTED
    assert payment_method(ReceiptContent.from_json(receipt.content)) == word


def test_whoever_is_behind_a_fund_is_thanked_beside_the_payer(finn: StaffMember) -> None:
    taken = taken_in(
        finn,
        a_cheque(donor_name="Vale Charitable Trust", payer_kind=PayerKind.DONOR_ADVISED_FUND),
        email="grants@vale.example",
        soft_credit=("Ada Park", "ada@example.com"),
    )

    with transaction() as session:
        payer = session.get_one(Donor, taken.donation.donor_id)
        beside = session.get_one(Donor, taken.donation.soft_credit_donor_id)
    assert payer.email == "grants@vale.example"
    assert beside.email == "ada@example.com"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Money(0, "usd")}, "amount"),
        ({"amount": Money(-5, "usd")}, "amount"),
        ({"amount": Money(1_005, "kwd")}, "amount"),
        ({"shares": (Share("rescue", 9_999),)}, "allocations"),
        ({"shares": (Share("rescue", 10_001), Share("general", -1))}, "allocations"),
        ({"shares": (Share("nowhere", 10_000),)}, "fund"),
        ({"shares": ()}, "fund"),
        ({"donor_name": "  "}, "name"),
        ({"received_on": now().date() + timedelta(days=2)}, "received_on"),
        ({"postmarked_on": date(2026, 11, 21)}, "postmarked_on"),
        ({"channel": Channel.CASH, "postmarked_on": POSTED}, "postmarked_on"),
        ({"channel": Channel.STOCK}, "description"),
        ({"channel": Channel.ONLINE}, "channel"),
        ({"benefit": 10_001, "benefit_text": "Dinner"}, "benefit"),
        ({"benefit": 2_000}, "benefit_text"),
        ({"benefit_text": "Dinner"}, "benefit_text"),
    ],
)
def test_what_cannot_be_true_is_refused_by_its_field(
    finn: StaffMember, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(PaperRefused) as refusal:
        taken_in(finn, a_cheque(**changes))

    assert refusal.value.field == field
    assert book() == {}


def test_a_slip_takes_the_cheques_to_the_bank(finn: StaffMember) -> None:
    gifts = [taken_in(finn, a_cheque(amount=Money(minor, "usd"))).donation.id for minor in (10_000, 2_550)]

    with transaction() as session:
        slip = recording.deposit(session, gifts, deposited_on=RECEIVED, by=finn, total=Money(12_550, "usd"))

    assert slip.total == 12_550
    assert book() == {"bank": 12_550, "contributions:rescue": -12_550}
    with transaction() as session:
        assert recording.to_deposit(session) == []


def test_a_slip_that_does_not_add_up_takes_nothing(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation.id

    with transaction() as session, pytest.raises(DepositRefused, match=r"100\.00, not USD 99\.00"):
        recording.deposit(session, [gift], deposited_on=RECEIVED, by=finn, total=Money(9_900, "usd"))

    assert book()["undeposited_funds"] == 10_000


def test_a_cheque_goes_to_the_bank_once(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation.id
    with transaction() as session:
        recording.deposit(session, [gift], deposited_on=RECEIVED, by=finn)

    with transaction() as session, pytest.raises(DepositRefused, match="already"):
        recording.deposit(session, [gift], deposited_on=RECEIVED, by=finn)

    assert book()["bank"] == 10_000


def test_two_currencies_are_two_slips(finn: StaffMember) -> None:
    gifts = [
        taken_in(finn, a_cheque(amount=Money(10_000, currency))).donation.id for currency in ("usd", "cad")
    ]

    with transaction() as session, pytest.raises(DepositRefused, match="one currency"):
        recording.deposit(session, gifts, deposited_on=RECEIVED, by=finn)


def test_neither_a_transfer_nor_a_stranger_goes_on_a_slip(finn: StaffMember) -> None:
    transfer = taken_in(finn, a_cheque(channel=Channel.BANK_TRANSFER)).donation.id

    for gifts in ([transfer], ["don_nobody"], []):
        with transaction() as session, pytest.raises(DepositRefused):
            recording.deposit(session, gifts, deposited_on=RECEIVED, by=finn)


def test_a_slip_is_not_older_than_its_cheques(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation.id

    with transaction() as session, pytest.raises(DepositRefused, match="received after"):
        recording.deposit(session, [gift], deposited_on=POSTED, by=finn)


def test_a_mistake_is_taken_back_in_the_open(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation

    with transaction() as session:
        recording.reverse(session, gift.id, by=finn, reason="typed twice")
        assert owing.look_again(session, gift.id) is None
    with transaction() as session:
        issue_due(session)

    with transaction() as session:
        paper = session.get_one(OfflineGift, gift.id)
        kinds = session.scalars(select(JournalEntry.kind).order_by(JournalEntry.number)).all()
        due = session.get(DueReceipt, gift.id)
    assert book() == {}
    assert kinds == ["offline_gift", "offline_gift_reversed"]
    assert paper.reversal_reason == "typed twice"
    assert due is None


def test_a_bounced_cheque_is_taken_from_the_bank(finn: StaffMember) -> None:
    bounced, good = (taken_in(finn, a_cheque()).donation.id for _ in range(2))
    with transaction() as session:
        recording.deposit(session, [bounced, good], deposited_on=RECEIVED, by=finn)

    with transaction() as session:
        recording.reverse(session, bounced, by=finn, reason="bounced")

    assert book() == {"bank": 10_000, "contributions:rescue": -10_000}


def test_a_gift_is_taken_back_once(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation.id
    with transaction() as session:
        recording.reverse(session, gift, by=finn, reason="typed twice")

    with transaction() as session, pytest.raises(NotReversible):
        recording.reverse(session, gift, by=finn, reason="typed twice")

    assert book() == {}


def test_the_receipt_of_a_gift_taken_back_is_named_and_made_void(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation
    with transaction() as session:
        issue_due(session)

    with transaction() as session:
        recording.reverse(session, gift.id, by=finn, reason="bounced")
        assert owing.look_again(session, gift.id) == "US-2026-000001"
    with transaction() as session:
        issue_due(session)

    with transaction() as session:
        receipt = session.scalars(select(Receipt)).one()
    assert (receipt.status, receipt.void_cause) == ("void", "taken_back")


def test_only_finance_writes_down_and_takes_back(finn: StaffMember, sue: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation.id

    for deed in (
        lambda session: owing.take_in(session, a_cheque(), payer_email="a@example.com", by=sue),
        lambda session: recording.deposit(session, [gift], deposited_on=RECEIVED, by=sue),
        lambda session: recording.reverse(session, gift, by=sue, reason="because"),
    ):
        with transaction() as session, pytest.raises(NotAllowed):
            deed(session)


def test_every_deed_stands_in_the_log_without_the_donor(finn: StaffMember) -> None:
    gift = taken_in(finn, a_cheque()).donation.id
    with transaction() as session:
        recording.deposit(session, [gift], deposited_on=RECEIVED, by=finn)
        recording.reverse(session, gift, by=finn, reason="bounced")

    with transaction() as session:
        lines = session.scalars(
            select(AuditEntry).where(AuditEntry.deed.like("offline.%")).order_by(AuditEntry.id)
        ).all()
    assert [line.deed for line in lines] == ["offline.record", "offline.deposit", "offline.reverse"]
    assert "Ada" not in str([line.facts for line in lines])
    assert "ada@" not in str([line.facts for line in lines])

"""A book with every kind of movement in it, written by the real rooms from what Stripe says."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.database import new_id, transaction
from payments.donations import owed, recording, refund_requests, refund_submission
from payments.donations.models import Donation, Fund, GivingTerms, IssuingEntity
from payments.donations.offline import Channel, PayerKind
from payments.donations.recording import Paper
from payments.donations.refund_requests import Ask
from payments.donations.wishes import Share
from payments.ledger import classifying
from payments.ledger.accounts import Account
from payments.ledger.classifying import Word
from payments.money import Money
from payments.receipts import annual
from payments.receipts.documents import write_due
from payments.receipts.issue import issue_due
from payments.receipts.owing import look_again, take_in
from payments.receipts.restating import restate_due
from payments.reconciliation.closings import MonthClosing
from payments.staff.models import Role, StaffMember
from payments.stripe_gateway import shapes
from payments.webhooks import inbox
from payments.webhooks.models import QueuedEvent
from payments.webhooks.process import apply_due
from tests.factories import a_donation
from tests.money_moves.small_stripe import SmallStripe, Thing
from tests.verify.bank_of_the_book import at_the_bank
from tests.verify.promises_of_the_book import give_monthly

BEGIN = int(datetime(2026, 8, 3, 16, 0, tzinfo=UTC).timestamp())
"""Long enough ago that nothing is still on its way."""
BOOKED = 2026
"""The tax year of its gifts."""


class Book:
    """The charity, its Stripe, and the gifts that a test may want to name."""

    def __init__(self) -> None:
        self.stripe = SmallStripe()
        self.stripe.now = BEGIN
        self.gifts: dict[str, Donation] = {}
        self.charges: dict[str, Thing] = {}
        self.things: dict[str, Thing] = {}
        self.waiting: list[str] = []
        """What was not applied, with its reason."""

    def give(
        self,
        session: Session,
        name: str,
        *funds: tuple[str, int],
        currency: str = "usd",
        settled: int | None = None,
        settled_in: str = "usd",
        fee: int = 103,
        **given: Any,
    ) -> Thing:
        """A gift and the charge that paid it."""
        gift = a_donation(session, parts=funds or (("general", 2500),), currency=currency, **given)
        self.gifts[name] = gift
        charge = self.stripe.charge(
            gift.amount,
            fee,
            gift=gift,
            currency=currency,
            settled=settled,
            settled_in="krw" if currency == "krw" and settled is None else settled_in,
        )
        self.charges[name] = charge
        return charge

    def hears(self) -> None:
        """Everything Stripe has to say arrives and is applied; the receipts are issued."""
        with transaction() as session:
            inbox.store(session, self.stripe.news())
        done = 1
        while done:
            with transaction() as session:
                session.execute(text("update stripe_event_queue set next_at = now() where next_at > now()"))
                done = apply_due(session, limit=500).done
        issued = 1
        while issued:
            with transaction() as session:
                issued = issue_due(session) + write_due(session) + restate_due(session)


def staff(session: Session) -> tuple[StaffMember, StaffMember]:
    """One who asks and one who agrees."""
    asks = StaffMember(id="stf_asks", email="asks@example.org", name="A", roles=[Role.SUPPORT, Role.FINANCE])
    agrees = StaffMember(id="stf_agrees", email="agrees@example.org", name="B", roles=[Role.APPROVER])
    session.add_all([asks, agrees])
    session.flush()
    return asks, agrees


def write(plain_gifts: int) -> Book:
    """Every kind of movement once or twice, among that many gifts without a history."""
    with transaction() as session:
        session.add(
            Fund(
                id="partner",
                entity_id="us",
                name={"en": "For our partner"},
                description={"en": "Passed on whole."},
                is_restricted=True,
                is_agency=True,
                position=9,
            )
        )
    book = Book()
    with transaction() as session:
        _gifts(session, book, plain_gifts)
    book.hears()
    _told_of_the_year()
    _money_back(book)
    _elsewhere(book)
    book.hears()
    with transaction() as session:
        people = staff(session)
    _refunded_by_staff(book, *people)
    _offline(people[0])
    _owed(book, *people)
    _classified(book, people[0])
    book.hears()
    at_the_bank(people[0])
    _unpaid(book)
    give_monthly()
    book.hears()
    _closed(people[0])
    with transaction() as session:
        book.waiting = [
            f"{row.stripe_event_id}: {row.parked_reason or row.last_error}"
            for row in session.scalars(select(QueuedEvent))
        ]
    return book


def _gifts(session: Session, book: Book, plain: int) -> None:
    for n in range(plain):
        amount = 2000 + n * 37
        match n % 4:
            case 0:
                book.give(session, f"plain {n}", ("general", amount))
            case 1:
                book.give(session, f"plain {n}", ("rescue", amount), ("education", 1111), fee_cover=99)
            case 2:
                book.give(session, f"plain {n}", ("general", amount * 10), currency="krw", fee=900)
            case 3:
                parts = (("general", amount * 3), ("rescue", amount * 4))
                book.give(session, f"plain {n}", *parts, currency="krw", settled=amount // 2 + 1, fee=40)
        book.stripe.a_day_passes(n % 8 == 0)
    book.give(
        session,
        "split",
        *(("general", 3333), ("rescue", 3334), ("education", 3333)),
        fee_cover=333,
        email="other@example.com",
    )
    book.give(session, "agency", ("partner", 4000), ("general", 1000))
    book.give(
        session, "benefit", ("general", 3000), ("rescue", 5000), benefit_amount=4500, benefit_text="A dinner"
    )
    book.give(
        session, "converted", ("general", 30001), ("rescue", 20000), currency="krw", settled=3637, fee=120
    )
    for name in (
        *("refunded", "refunded in parts", "failed", "cancelled", "disputed", "won", "lost", "returned"),
        *("inquired", "by staff", "by two", "made good", "lost after refund", "paid another way", "kept"),
    ):
        email = "gone@example.com" if name == "refunded" else "ada@example.com"
        book.give(session, name, ("general", 3001), ("rescue", 2000), fee_cover=151, fee=180, email=email)
    for name in ("converted refund", "converted lost", "converted won"):
        book.give(session, name, ("general", 30000), ("rescue", 21001), currency="krw", settled=3701, fee=130)
    book.charges["shop"] = book.stripe.charge(1900, 85)
    book.charges["shop refunded"] = book.stripe.charge(900, 56)


def _told_of_the_year() -> None:
    """Statements in the middle of the year, so that some of them list what goes back afterwards."""
    with transaction() as session:
        body = session.get_one(IssuingEntity, "us")
        annual.number_next(session, body, BOOKED)
        annual.draw_next(session, body, BOOKED)
        annual.mail_next(session, body, BOOKED, delay=timedelta())


def _money_back(book: Book) -> None:
    stripe, charges = book.stripe, book.charges
    stripe.a_day_passes(3)
    stripe.refund(charges["refunded"], 5152)
    for part in (1000, 777, 1500):
        stripe.refund(charges["refunded in parts"], part)
        stripe.a_day_passes()
    stripe.refund(charges["agency"], 1000)
    stripe.refund(charges["benefit"], 2000)
    stripe.refund(charges["converted refund"], 20000, settled=-1390)
    stripe.refund(charges["converted refund"], 7001, settled=-488)
    stripe.refund(charges["shop refunded"], 400)
    book.things["failed"] = stripe.refund(charges["failed"], 3000)
    book.things["made good"] = stripe.refund(charges["made good"], 5152)
    book.things["paid another way"] = stripe.refund(charges["paid another way"], 5152)
    book.things["kept"] = stripe.refund(charges["kept"], 2222)
    cancelled = stripe.refund(charges["cancelled"], 500)
    stripe.refund(charges["lost after refund"], 1000)
    stripe.a_day_passes(20)
    stripe.refund_fails(book.things["failed"])
    stripe.refund_fails(book.things["made good"])
    stripe.refund_fails(book.things["paid another way"])
    stripe.refund_fails(book.things["kept"])
    stripe.refund_fails(cancelled, status="canceled")
    stripe.a_day_passes()
    stripe.refund(charges["made good"], 5152)

    for name in ("disputed", "won", "lost", "lost after refund"):
        book.things[name] = stripe.dispute(charges[name], 4152 if name == "lost after refund" else None)
    for name in ("converted lost", "converted won"):
        book.things[name] = stripe.dispute(charges[name], settled=-3610)
    inquiry = stripe.inquiry(charges["inquired"])
    stripe.a_day_passes(30)
    stripe.moves("fee", -1500, source=book.things["won"], description="Countered dispute")
    for name in ("lost", "lost after refund", "converted lost"):
        stripe.closes(book.things[name], "lost")
    stripe.closes(book.things["won"], "won")
    stripe.reinstated(book.things["won"])
    stripe.closes(book.things["converted won"], "won")
    stripe.reinstated(book.things["converted won"], settled=3655)
    stripe.closes(inquiry, "warning_closed")
    stripe.debit_returned(charges["returned"])


def _elsewhere(book: Book) -> None:
    stripe = book.stripe
    stripe.payout(20000)
    failed = stripe.payout(5000)
    stripe.a_day_passes(2)
    stripe.payout_fails(failed)
    stripe.payout(5000)
    stripe.payout(-700)
    stripe.payout(30000, currency="krw")
    stripe.moves("fee", -120, type="stripe_fee", description="Radar (2026-08-01)")
    stripe.moves("network_cost", -33, type="network_cost")
    stripe.moves("tax", -12, type="tax_fee")
    stripe.moves("risk_reserved_funds", -4000, type="reserve_transaction")
    stripe.moves("risk_reserved_funds", 4000, type="reserve_transaction")
    stripe.moves("topup", 10000)
    book.things["unknown"] = stripe.moves("anticipation_repayment", -77, description="Something new")
    book.things["adjustment"] = stripe.moves("other_adjustment", 500, type="adjustment", description="Sorry")
    stripe.moves("charge", 0, 0)


def _refunded_by_staff(book: Book, asks: StaffMember, agrees: StaffMember) -> None:
    with transaction() as session:
        small = refund_requests.request(session, _ask(book.gifts["by staff"].id, 1200), by=asks)
        session.get_one(GivingTerms, "usd").refund_limit = 2000
        large = refund_requests.request(session, _ask(book.gifts["by two"].id, 4000), by=asks)
        refund_requests.approve(session, large.id, by=agrees)
        wanted = [(small, "by staff"), (large, "by two")]
        refund_requests.decline(
            session,
            refund_requests.request(session, _ask(book.gifts["split"].id, 9000), by=asks).id,
            by=agrees,
            reason="a mistake",
        )
    for refund, name in wanted:
        made = book.stripe.refund(book.charges[name], refund.amount)
        made["metadata"] = {"refund": refund.id}
        book.things[name] = made
        with transaction() as session:
            refund_submission.note_made(session, refund.id, shapes.Refund.model_validate(made))


def _ask(donation_id: str, amount: int) -> Ask:
    return Ask(donation_id=donation_id, amount=amount, reason="requested_by_customer", note="asked by mail")


def _offline(finance: StaffMember) -> None:
    received = date(2026, 9, 4)

    def taken(channel: Channel, amount: int, *, fund: str = "general", **given: Any) -> str:
        paper = Paper(
            channel=channel,
            amount=Money(amount, "usd"),
            shares=(Share(fund, amount),),
            donor_name="Ada Park",
            received_on=received,
            **given,
        )
        return take_in(session, paper, payer_email="ada@example.com", by=finance).donation.id

    with transaction() as session:
        cheques = [
            taken(Channel.CHEQUE, 5000, postmarked_on=date(2026, 8, 30)),
            taken(Channel.CASH, 1234, fund="rescue"),
            taken(Channel.CHEQUE, 777),
        ]
        recording.deposit(session, cheques, deposited_on=received, by=finance)
        taken(Channel.CASH, 900)
        mistyped = taken(Channel.CASH, 90000)
        issue_due(session)
        _taken_back(session, cheques[2], by=finance, reason="it bounced")
        _taken_back(session, mistyped, by=finance, reason="a zero too many")
        taken(Channel.BANK_TRANSFER, 44000, payer_kind=PayerKind.EMPLOYER_MATCH)
        taken(Channel.BANK_TRANSFER, 20000, benefit=5000, benefit_text="A table")
        taken(Channel.STOCK, 120000, description="10 shares", fund="partner")
        taken(Channel.IN_KIND, 3000, description="Blankets")


def _taken_back(session: Session, donation_id: str, *, by: StaffMember, reason: str) -> None:
    recording.reverse(session, donation_id, by=by, reason=reason)
    look_again(session, donation_id)


def _closed(finance: StaffMember) -> None:
    """The first month is closed, and after that somebody finds a cheque of it."""
    with transaction() as session:
        held = session.execute(
            text(
                "select count(distinct reference) as entries, sum(amount) as moved"
                " from journal_entries join journal_moves using (reference)"
                " where entity_id = 'us' and effective_on between '2026-08-01' and '2026-08-31'"
            )
        ).one()
        session.add(
            MonthClosing(
                id="mcl_august",
                entity_id="us",
                month=date(2026, 8, 1),
                last_day=date(2026, 8, 31),
                version=1,
                closed_by=finance.id,
                closed_at=datetime(2026, 9, 8, tzinfo=UTC),
                evidence={},
                entries=held.entries,
                moved=held.moved,
                pack=b"a pack",
                pack_sha256=sha256(b"a pack").hexdigest(),
            )
        )
    with transaction() as session:
        paper = Paper(
            channel=Channel.CHEQUE,
            amount=Money(7500, "usd"),
            shares=(Share("general", 7500),),
            donor_name="Ada Park",
            received_on=date(2026, 8, 28),
        )
        take_in(session, paper, payer_email="ada@example.com", by=finance)
        issue_due(session)


def _owed(book: Book, prepares: StaffMember, agrees: StaffMember) -> None:
    with transaction() as session:
        payment = owed.prepare(
            session,
            book.gifts["paid another way"].id,
            transfer_reference="WIRE 7",
            by=prepares,
            reason="card closed",
        )
        owed.approve(session, payment.id, by=agrees)
        owed.keep(session, book.gifts["kept"].id, by=prepares, reason="the donor wrote")
        look_again(session, book.gifts["kept"].id)


def _classified(book: Book, finance: StaffMember) -> None:
    """Wrongly at first."""
    txn = book.things["adjustment"]["id"]
    told = {"time_zone": "America/Los_Angeles", "by": finance}
    with transaction() as session:
        word = Word(account=Account.STRIPE_SERVICE_FEES, fund_id=None, reason="a fee that came back")
        classifying.classify(session, txn, word, **told)
        word = Word(account=Account.OTHER_RECEIPTS, fund_id=None, reason="goodwill, says their letter")
        classifying.reclassify(session, txn, word, **told)


def _unpaid(book: Book) -> None:
    """Gifts that nobody finished, and an event that waits for a person."""
    with transaction() as session:
        for status in ("pending", "processing", "expired", "failed"):
            gift = a_donation(session, status=status, stripe_checkout_session_id=new_id("cs"))
            book.gifts[status] = gift

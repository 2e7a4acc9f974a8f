"""One October with everything an export can trip over, the same to the letter each time it is written.

Gifts for one fund, for two, in won that became dollars, in won that stayed won, in dinars; fees, a refund, a
refund at another rate, a payout with its line on the statement, a cheque and its deposit, something that
nobody knows with words meant for a spreadsheet, and an entry that came after its month was closed.
"""

from datetime import UTC, date, datetime

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Charge
from payments.donations.offline import OfflineGift
from payments.donations.reversals import Refund
from payments.ledger import rules, rules_by_hand, rules_of_the_bank
from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction
from payments.ledger.posting import post
from payments.ledger.rules import Entry, Gift, Line, MoneyBack, Movement
from payments.ledger.standing import Standing
from payments.money import Money
from payments.reconciliation.exports import batches, maps, targets
from payments.reconciliation.exports.batches import Wanted
from payments.reconciliation.exports.models import ExportBatch
from payments.reconciliation.models import Payout, PayoutLine
from payments.staff.models import StaffMember
from payments.supporters.donors import Donor
from tests.factories import BOOKS, a_donation

OCTOBER = date(2026, 10, 1), date(2026, 10, 31)
NASTY = '=HYPERLINK("http://x.example"),\n@SUM;-1 한글'
NAMES = (
    '=cmd|"/c calc"!A0',
    '김하늘 "하늘", 주식회사',
    "Ada\nPark",
    "Zoë O’Neil",
    "+1-800",
    "Ada Park",
    "Bo; =1+1",
)


def at(day: int, hour: int = 19, month: int = 10) -> datetime:
    """Noon in Los Angeles, on a day of October unless said otherwise."""
    return datetime(2026, month, day, hour, 0, tzinfo=UTC)


def movement(
    name: str, amount: int, fee: int, when: datetime, category: str = "charge", **more: str
) -> Movement:
    return Movement(
        stripe_balance_transaction_id=f"txn_{name}",
        reporting_category=category,
        type=more.get("type", category),
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency=more.get("currency", "usd"),
        created_at=when,
    )


def gift_of(number: int, *lines: Line) -> Gift:
    return Gift(donation_id=f"don_{number:032}", lines=lines)


def general(amount: int) -> Line:
    return Line(Account.CONTRIBUTIONS, amount, "general")


FEE_COVER = Line(Account.CONTRIBUTIONS_FEE_COVER, 104)
ADA = gift_of(1, general(2500), FEE_COVER)
HANEUL = gift_of(
    2, Line(Account.CONTRIBUTIONS, 6000, "rescue"), Line(Account.CONTRIBUTIONS, 4000, "education")
)
WON_TO_DOLLARS = gift_of(3, general(50000))
WON = gift_of(4, general(30000))
DINARS = gift_of(5, general(12500))
CHEQUE = gift_of(6, Line(Account.CONTRIBUTIONS, 15000, "rescue"))


def entries() -> list[Entry]:
    """In the order in which the house heard of them."""
    cheque = rules_by_hand.offline_gift(
        CHEQUE, Account.UNDEPOSITED_FUNDS, BOOKS, currency="usd", received_at=at(9)
    )
    return [
        rules.settled(movement("ada", 2604, 104, at(3)), ADA, BOOKS),
        rules.settled(movement("haneul", 10000, 320, at(4)), HANEUL, BOOKS),
        rules.settled(movement("won_usd", 3652, 136, at(5)), WON_TO_DOLLARS, BOOKS),
        rules.settled(movement("won", 30000, 1270, at(6), currency="krw"), WON, BOOKS),
        rules.settled(movement("dinar", 12500, 410, at(7), currency="kwd"), DINARS, BOOKS),
        rules.refunded(
            movement("ada_back", -2604, 0, at(8), "refund"),
            ADA,
            MoneyBack(settled=2604, before=Standing(), after=Standing(refunded=2604)),
            BOOKS,
        ),
        rules.refunded(
            movement("won_back", -1500, 0, at(8), "refund"),
            WON_TO_DOLLARS,
            MoneyBack(settled=3652, before=Standing(), after=Standing(refunded=20000)),
            BOOKS,
        ),
        cheque,
        rules_by_hand.deposited("dep_1", Money(15000, "usd"), BOOKS, deposited_at=at(12)),
        rules.without_gift(movement("payout", -11592, 0, at(13), "payout"), BOOKS),
        rules_of_the_bank.payout_on_statement("bmt_1", Money(11592, "usd"), BOOKS, booked_at=at(15)),
        rules.unclassified(movement("odd", -777, 0, at(20), "other_adjustment", type=NASTY), BOOKS),
    ]


def write(owner: Connection) -> None:
    """Post it. The numbers begin at 1, whatever was posted for the tests before."""
    owner.execute(text("select setval(pg_get_serial_sequence('journal_entries', 'number'), 1, false)"))
    owner.commit()
    with transaction() as session:
        _gifts(session)
        for entry in entries():
            post(session, [entry])
        _refund_of_won(session)
        _late(session)
        _payout(session)


def _gifts(session: Session) -> None:
    whole = [
        (ADA, "usd", at(3)),
        (HANEUL, "usd", at(4)),
        (WON_TO_DOLLARS, "krw", at(5)),
        (WON, "krw", at(6)),
        (DINARS, "kwd", at(7)),
        (CHEQUE, "usd", at(9)),
    ]
    for (gift, currency, paid_at), name in zip(whole, NAMES, strict=False):
        funds = [(line.fund_id, line.weight) for line in gift.lines if line.fund_id is not None]
        email = f"donor{gift.donation_id[-1]}@example.com"
        session.add(Donor(id=f"dnr_{gift.donation_id[4:]}", email=email, name=name, locale="en"))
        session.flush()
        donation = a_donation(
            session,
            id=gift.donation_id,
            parts=funds,
            fee_cover=gift.given - sum(part for _, part in funds),
            currency=currency,
            name=name,
            email=email,
            status="paid",
            paid_at=paid_at,
            gift_date=paid_at.date(),
            channel="cheque" if gift is CHEQUE else "online",
        )
        if gift is not CHEQUE:
            session.add(
                Charge(
                    stripe_charge_id=f"ch_{gift.donation_id[-1]}",
                    donation_id=donation.id,
                    amount=donation.amount,
                    currency=currency,
                    status="succeeded",
                    charged_at=paid_at,
                    method="card",
                )
            )
        else:
            session.add(
                OfflineGift(
                    donation_id=donation.id,
                    received_on=paid_at.date(),
                    document_number="1001",
                    recorded_by="stf_finn",
                )
            )
    session.flush()


def _refund_of_won(session: Session) -> None:
    """20,000 won of the 50,000 that became dollars."""
    for name, source, category, amount in (
        ("won_usd", "ch_3", "charge", 3652),
        ("won_back", "re_1", "refund", -1500),
    ):
        session.add(
            BalanceTransaction(
                stripe_balance_transaction_id=f"txn_{name}",
                reporting_category=category,
                type=category,
                source_id=source,
                amount=amount,
                fee=0,
                net=amount,
                currency="usd",
                created_at=at(8),
                available_on=at(8),
            )
        )
    session.add(
        Refund(
            id="rfd_1",
            stripe_refund_id="re_1",
            donation_id=WON_TO_DOLLARS.donation_id,
            stripe_charge_id="ch_3",
            amount=20000,
            currency="krw",
            status="succeeded",
            origin="stripe",
            created_at=at(8),
            is_booked=True,
        )
    )
    session.flush()


def _late(session: Session) -> None:
    """A fee of September that came when September was closed."""
    session.execute(
        text("""
            insert into journal_entries (reference, kind, entity_id, effective_on, occurred_at, description)
            values ('bt:txn_late', 'service_fee', 'us', '2026-10-01', :at, 'fee stripe_fee')
        """),
        {"at": at(29, month=9)},
    )
    session.execute(
        text("""
            insert into journal_moves (reference, position, from_account, to_account, amount, currency)
            values ('bt:txn_late', 0, 'stripe_balance', 'stripe_service_fees', 199, 'usd')
        """)
    )


def _payout(session: Session) -> None:
    session.add(
        Payout(
            stripe_payout_id="po_1",
            amount=11592,
            currency="usd",
            status="paid",
            made_at=at(13),
            arrives_on=date(2026, 10, 15),
            is_automatic=True,
            method="standard",
            reconciliation_status="completed",
            said_at=at(15),
        )
    )
    nets = {
        "ada": 2500,
        "haneul": 9680,
        "won_usd": 3516,
        "ada_back": -2604,
        "won_back": -1500,
        "payout": -11592,
    }
    for name, net in nets.items():
        session.add(PayoutLine(stripe_payout_id="po_1", stripe_balance_transaction_id=f"txn_{name}", net=net))
    session.flush()


ACCOUNTS = {
    "stripe_balance": "1360",
    "payouts_in_transit": "1361",
    "bank": "1200",
    "undeposited_funds": "1460",
    "suspense_unclassified": "1590",
    "contributions": "8200",
    "contributions/rescue": "8210",
    "contributions_fee_cover": "8290",
    "contribution_refunds": "8700",
    "fx_gain_loss": "2150",
    "processing_fees": "4970",
    "stripe_service_fees": "4971",
}
FUNDS = {"general": "", "rescue": "Rescue", "education": "Education"}
OPTIONS = {"datev": {"currency": "usd", "consultant": "1001", "client": "7"}}


def name_everything(target: str, by: StaffMember, **options: str) -> None:
    """The organisation's map for a target."""
    known = targets.known(target)
    said = {"currency": "usd"} if "currency" in known.options else {}
    with transaction() as session:
        maps.save(
            session,
            known,
            "us",
            {
                "accounts": ACCOUNTS if known.needs_accounts else {},
                "funds": FUNDS,
                "options": said | OPTIONS.get(target, {}) | options,
            },
            by=by,
        )


def export(target: str, by: StaffMember, **wanted: object) -> ExportBatch:
    """Make a batch of October."""
    facts = {"entity_id": "us", "first_day": OCTOBER[0], "last_day": OCTOBER[1], "target": target}
    with transaction() as session:
        return batches.make(session, Wanted(**(facts | wanted)), by=by, reason="the books")  # type: ignore[arg-type]


def fetched(batch: ExportBatch, by: StaffMember) -> bytes:
    """Its file."""
    with transaction() as session:
        again = batches.find(session, batch.number)
        return b"".join(batches.download(session, again, by=by, reason="the books"))

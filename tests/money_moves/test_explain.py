"""`almoner gifts explain`: the whole of a gift in plain words, to the letter."""

import json
from datetime import UTC, date, datetime
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from payments import cli
from payments.database import transaction
from payments.donations.explain import Beside, EventFact, ReceiptFact, explain
from payments.donations.models import Donation, DonationStatus
from payments.donations.offline import Channel
from payments.money import Money
from payments.receipts.documents import write_due
from payments.receipts.issue import issue_due
from tests.factories import NOON, a_donation
from tests.money_moves.conftest import Charity

RECEIPT = ReceiptFact(
    number="US-2026-000001",
    amount=Money(2500, "usd"),
    issued_at=NOON,
    mail="sent",
    mail_sent_at=NOON,
)
SENT = Beside(receipts=[RECEIPT])


def told(gift: Donation, beside: Beside = SENT) -> str:
    """One sentence a line."""
    with transaction() as session:
        return "\n".join(sentence.says for sentence in explain(session, gift.id, beside))


def words(text: str) -> str:
    return dedent(text).strip()


PAID = """\
        It was paid by visa ending in 4242 at 12:00 UTC on 24 November 2026. In America/Los_Angeles, where \
the books are kept, that is 24 November 2026: the gift's date. Its tax year is 2026."""
RECEIPTED = """\
        Receipt US-2026-000001 over $25.00 was issued on 24 November 2026 and mailed on 24 November \
2026."""


def test_a_plain_gift(charity: Charity) -> None:
    gift, _ = charity.paid_gift(created_at=NOON)
    charity.hears()

    assert told(gift) == words(f"""
        On 24 November 2026 a donor set out to give $25.00 for “Where it is needed most”.
{PAID}
        Stripe credited it on 24 November 2026: $25.00 - $1.03 fee = $23.97.
{RECEIPTED}
    """)


def test_a_gift_for_two_funds_with_its_fee_covered(charity: Charity) -> None:
    gift, _ = charity.paid_gift(("general", 3333), ("rescue", 6667), fee_cover=329, fee=330, created_at=NOON)
    charity.hears()

    assert told(gift, Beside(is_receipt_due=True)) == words(f"""
        On 24 November 2026 a donor set out to give $103.29: $33.33 for “Where it is needed most”, $66.67 \
for “Rescue and resettlement” and $3.29 to cover the fee.
{PAID}
        For the fee the donor added $3.29; Stripe took $3.30, so it was $0.01 less than it cost.
        Stripe credited it on 24 November 2026: $103.29 - $3.30 fee = $99.99.
        Of $103.29 the book has $33.33 for “Where it is needed most”, $66.67 for “Rescue and resettlement” \
and $3.29 of the fee cover.
        Its receipt is due, and will be issued within seconds.
    """)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("pending", "It is not paid: the donor has not finished Stripe's page."),
        ("processing", "It is not paid yet: the donor's bank has still to say yes or no."),
        ("expired", "It was never paid: the donor left Stripe's page, and its time ran out."),
        ("failed", "It was never paid: the donor's bank said no."),
    ],
)
def test_a_gift_that_is_not_paid(charity: Charity, status: str, sentence: str) -> None:
    gift = charity.gift(created_at=NOON, status=status, decline_code="insufficient_funds")

    assert told(gift, Beside()) == words(f"""
        On 24 November 2026 a donor set out to give $25.00 for “Where it is needed most”.
        An attempt was refused: insufficient funds.
        {sentence}
        There is no receipt: a receipt is only for money that was received.
    """)


def test_a_gift_in_won_refunded_in_part_at_another_rate(charity: Charity) -> None:
    gift = charity.gift(("general", 20_000), ("rescue", 30_000), currency="krw", created_at=NOON)
    charge = charity.stripe.charge(50_000, 173, gift=gift, currency="krw", settled=3655)
    charity.stripe.refund(charge, 10_000, settled=-745)
    charity.hears()

    assert told(gift, Beside()) == words(f"""
        On 24 November 2026 a donor set out to give ₩50,000: ₩20,000 for “Where it is needed most” and \
₩30,000 for “Rescue and resettlement”.
{PAID}
        Stripe changed ₩50,000 into $36.55, kept $1.73 as its fee and credited $34.82 on 24 November 2026. \
The rate is Stripe's; the book is kept in USD, the receipt in KRW.
        Of $36.55 the book has $14.62 for “Where it is needed most” (₩20,000 of ₩50,000) and $21.93 for \
“Rescue and resettlement” (₩30,000 of ₩50,000).
        On 24 November 2026 ₩10,000 was refunded, begun in Stripe's dashboard, which cost $7.45. That took \
$2.92 for “Where it is needed most”, $4.39 for “Rescue and resettlement” and $0.14 of exchange difference.
        What is left of the gift: ₩50,000 - ₩10,000 = ₩40,000.
        There is no receipt: none is due and none was issued; `almoner doctor` tells what is wrong.
    """)


def test_a_refund_that_failed_and_was_made_again(charity: Charity) -> None:
    gift, charge = charity.paid_gift(created_at=NOON)
    refund = charity.stripe.refund(charge, 1000)
    charity.stripe.a_day_passes(21)
    charity.stripe.refund_fails(refund)
    charity.hears()

    assert told(gift).splitlines()[3:] == [
        "On 24 November 2026 $10.00 was refunded, begun in Stripe's dashboard. That took $10.00 for “Where it"
        " is needed most”.",
        "On 15 December 2026 that refund of $10.00 came back (lost or stolen card). That gave $10.00 of what"
        " is owed to the donor.",
        "$10.00 is owed to the donor: refund it again, or pay it another way.",
        "What is left of the gift: $25.00 - $10.00 = $15.00.",
        RECEIPTED.strip(),
    ]

    charity.stripe.refund(charge, 1500)
    charity.hears()

    assert told(gift).splitlines()[5:7] == [
        "On 15 December 2026 $15.00 was refunded, begun in Stripe's dashboard. That took $10.00 of what is"
        " owed to the donor and $5.00 for “Where it is needed most”.",
        "What is left of the gift: $25.00 - $15.00 = $10.00.",
    ]


def test_an_open_dispute_names_the_day_by_which_it_must_be_answered(charity: Charity) -> None:
    gift, charge = charity.paid_gift(created_at=NOON)
    dispute = charity.stripe.dispute(charge)
    charity.stripe.moves("fee", -1500, type="stripe_fee", source=dispute)
    charity.hears()

    assert told(gift).splitlines()[3:5] == [
        "On 24 November 2026 the donor's bank took $25.00 back (fraudulent); Stripe took $30.00 for the"
        " dispute. It must be answered by 1 December 2026.",
        "$25.00 is held until it is decided.",
    ]


def test_a_lost_dispute_after_a_refund_and_its_void_receipt(charity: Charity) -> None:
    gift, charge = charity.paid_gift(created_at=NOON)
    charity.stripe.refund(charge, 1000)
    dispute = charity.stripe.dispute(charge, 2500)
    charity.stripe.a_day_passes(30)
    charity.stripe.closes(dispute, "lost")
    charity.hears()
    void = ReceiptFact(
        number="US-2026-000001",
        amount=Money(2500, "usd"),
        issued_at=NOON,
        void_reason="the_gift_went_back",
        voided_at=datetime(2026, 12, 24, 12, tzinfo=UTC),
    )

    assert told(gift, Beside(receipts=[void])).splitlines()[4:] == [
        "On 24 November 2026 the donor's bank took $25.00 back (fraudulent); Stripe took $15.00 for the"
        " dispute.",
        "On 24 December 2026 it was lost. That took $15.00 for “Where it is needed most” and $10.00 beyond"
        " the gift.",
        "The donor has $10.00 more back than was given.",
        "What is left of the gift: $25.00 - $25.00 = $0.00.",
        "Receipt US-2026-000001 over $25.00 was issued on 24 November 2026, and made void on"
        " 24 December 2026 (the gift went back).",
        "There is no receipt: all of the gift went back.",
    ]


def test_a_won_dispute(charity: Charity) -> None:
    gift, charge = charity.paid_gift(created_at=NOON)
    dispute = charity.stripe.dispute(charge)
    charity.stripe.closes(dispute, "won")
    charity.stripe.reinstated(dispute)
    charity.hears()

    won = told(gift).splitlines()[4]
    assert won.endswith(" it was won, and $25.00 came back; the fee did not.")


def test_an_inquiry(charity: Charity) -> None:
    gift, charge = charity.paid_gift(created_at=NOON)
    charity.stripe.closes(charity.stripe.inquiry(charge), "warning_closed")
    charity.hears()

    assert told(gift).splitlines()[3] == (
        "On 24 November 2026 the donor's bank asked about $25.00 (fraudulent), and closed the question."
        " No money has moved."
    )


def test_a_returned_debit(charity: Charity) -> None:
    gift, charge = charity.paid_gift(created_at=NOON)
    charity.stripe.debit_returned(charge)
    charity.hears()

    assert told(gift, Beside()).splitlines()[3:] == [
        "On 24 November 2026 the donor's bank took the debit of $25.00 back, after it had said yes. That took"
        " $25.00 for “Where it is needed most”.",
        "What is left of the gift: $25.00 - $25.00 = $0.00.",
        "There is no receipt: all of the gift went back.",
    ]


def test_a_dinner_and_a_partner(charity: Charity) -> None:
    gift, _ = charity.paid_gift(
        ("partner", 2000), ("general", 8000), fee=320, benefit_amount=3000, created_at=NOON
    )
    charity.hears()

    lines = told(gift).splitlines()
    assert lines[1] == (
        "The donor got something worth $30.00 for it, which is a sale: $100.00 - $30.00 = $70.00 is given."
    )
    assert lines[4] == (
        "Of $100.00 the book has $70.00 for “Where it is needed most” and $30.00 for what the donor got."
    )


def test_a_gift_charged_otherwise_than_asked(charity: Charity) -> None:
    gift = charity.gift(created_at=NOON)
    charity.stripe.charge(2600, 105, gift=gift)
    charity.hears()

    answer = CliRunner().invoke(cli.app, ["gifts", "explain", gift.id])

    assert answer.exit_code == 0
    assert "It is not paid" in answer.output
    assert "charge.succeeded (evt_" in answer.output
    assert "is parked for a person: donation" in answer.output
    assert "asked for USD 25.00, Stripe says USD 26.00." in answer.output


def test_a_cheque(charity: Charity) -> None:
    with transaction() as session:
        gift = a_donation(
            session,
            amount=10_000,
            channel=Channel.CHEQUE,
            checkout_expires_at=None,
            status=DonationStatus.PAID,
            paid_at=NOON,
            gift_date=date(2026, 11, 24),
        )

    assert told(gift, Beside()) == words("""
        A cheque of $100.00 was received on 24 November 2026 for “Where it is needed most”.
        It counts as a gift of 24 November 2026, tax year 2026.
        There is no receipt: none is due and none was issued; `almoner doctor` tells what is wrong.
    """)


def test_what_waits_and_what_could_not_be_done_is_said(charity: Charity) -> None:
    gift, _ = charity.paid_gift(created_at=NOON)
    charity.hears()
    late = EventFact(stripe_event_id="evt_1", type="refund.updated", why="too early", is_parked=False)

    lines = told(gift, Beside(is_receipt_due=True, receipt_trouble="a letter is missing", events=[late]))

    assert lines.splitlines()[3:] == [
        "Its receipt is due and could not be issued: a letter is missing.",
        "refund.updated (evt_1) is put off and will be tried again: too early.",
    ]


def test_the_terminal_says_it_all_from_what_is_stored(charity: Charity) -> None:
    gift, charge = charity.paid_gift()
    charity.stripe.refund(charge, 1000)
    charity.hears()
    with transaction() as session:
        issue_due(session)
        write_due(session)

    shown = CliRunner().invoke(cli.app, ["gifts", "explain", gift.id])
    answer = CliRunner().invoke(cli.app, ["gifts", "explain", gift.id, "--json"])

    assert "What is left of the gift: $25.00 - $10.00 = $15.00." in shown.output
    sentences = json.loads(answer.output)["sentences"]
    assert {
        "about": "left",
        "amounts": {
            "given": {"amount": 2500, "currency": "usd"},
            "gone_back": {"amount": 1000, "currency": "usd"},
            "left": {"amount": 1500, "currency": "usd"},
        },
        "says": "What is left of the gift: $25.00 - $10.00 = $15.00.",
    } in sentences
    assert [s["about"] for s in sentences][-1] == "receipt"
    assert "its mail is waiting to be sent" in sentences[-1]["says"]
    assert "Ada" not in answer.output
    assert "ada@example.com" not in answer.output


def test_a_gift_nobody_knows_is_one_sentence(charity: Charity) -> None:
    answer = CliRunner().invoke(cli.app, ["gifts", "explain", "don_unknown"])

    assert answer.exit_code == 1
    assert str(answer.exception) == "There is no donation with this id."

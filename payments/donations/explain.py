"""Why a gift is as it is: sentences with their arithmetic, made from what is stored and nothing else.

Receipts and waiting events belong to rooms above this one, so whoever asks brings them along.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from payments.donations.explain_reversals import disputes, line, refunds, returned
from payments.donations.models import DonationStatus
from payments.donations.offline import Channel
from payments.donations.reversals import OwedPayment
from payments.donations.story import (
    Sentence,
    Story,
    day,
    fund_name,
    listed,
    method,
    plain,
    read,
    said,
    unsigned,
)
from payments.donations.turns import Booked
from payments.ledger.rules import in_proportion
from payments.money import Money, split


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFact:
    """What the receipt book says of one receipt."""

    number: str
    amount: Money
    issued_at: datetime
    void_reason: str | None = None
    voided_at: datetime | None = None
    mail: str | None = None
    """Where its mail stands: queued, sent, refused or given_up."""
    mail_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFact:
    """An event about the gift that is not applied."""

    stripe_event_id: str
    type: str
    why: str
    is_parked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFact:
    """A payout that carries money of the gift, among other money, and the bank's line if there is one."""

    stripe_payout_id: str
    status: str
    amount: Money
    arrives_on: date
    bank_account_id: str | None = None
    bank_line_id: str | None = None
    booked_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the rooms above know of the gift."""

    receipts: Sequence[ReceiptFact] = ()
    is_receipt_due: bool = False
    receipt_trouble: str | None = None
    """Why a due receipt could not be issued the last time."""
    events: Sequence[EventFact] = ()
    payouts: Sequence[PayoutFact] = ()
    """In the order in which they left."""


def explain(session: Session, donation_id: str, beside: Beside) -> list[Sentence]:
    """The gift from its beginning to where it stands now, in the order in which one would tell it."""
    story = read(session, donation_id)
    tellers = (_begun, _attempts, _paid, _fee_cover, _settled, _split, refunds, disputes, returned)
    sentences = [sentence for teller in tellers for sentence in teller(story)]
    return [
        *sentences,
        *_stands(story),
        *_to_the_bank(beside),
        *_receipts(story, beside),
        *_waiting(beside),
    ]


def _begun(story: Story) -> Iterator[Sentence]:
    donation = story.donation
    parts = {fund_id: story.given(part.amount) for part in donation.allocations for fund_id in [part.fund_id]}
    wishes = [f"{said(amount)} for {fund_name(story, fund_id)}" for fund_id, amount in parts.items()]
    cover = story.given(donation.fee_cover_amount)
    if cover:
        wishes.append(f"{said(cover)} to cover the fee")
    whole = "" if len(wishes) == 1 else f": {listed(wishes)}"
    what = f" for {fund_name(story, next(iter(parts)))}" if len(wishes) == 1 else whole
    amounts = {"total": donation.total, **parts, "fee_cover": cover}
    if donation.checkout_expires_at is None and donation.monthly_gift_id is not None:
        begun = f"An instalment of {said(donation.total)} was billed{what}."
        yield Sentence("gift", begun, amounts)
    elif donation.channel == Channel.ONLINE:
        begun = f"On {story.day(donation.created_at)} a donor set out to give {said(donation.total)}{what}."
        yield Sentence("gift", begun, amounts)
    else:
        way = _CHANNELS[Channel(donation.channel)]
        received = story.offline.received_on if story.offline is not None else donation.gift_date
        when = day(received) if received is not None else "an unknown day"
        yield Sentence("gift", f"{way} of {said(donation.total)} was received on {when}{what}.", amounts)
    if donation.monthly_gift_id is not None:
        invoice = f", by Stripe's invoice {donation.stripe_invoice_id}" if donation.stripe_invoice_id else ""
        yield Sentence(
            "monthly_gift", f"It is an instalment of monthly gift {donation.monthly_gift_id}{invoice}."
        )
    if donation.benefit_amount:
        benefit = story.given(donation.benefit_amount)
        rest = donation.total - benefit
        yield Sentence(
            "benefit",
            f"The donor got something worth {said(benefit)} for it, which is a sale: "
            f"{said(donation.total)} - {said(benefit)} = {said(rest)} is given.",
            {"benefit": benefit, "given": rest},
        )


_CHANNELS = {
    Channel.CHEQUE: "A cheque",
    Channel.CASH: "Cash",
    Channel.BANK_TRANSFER: "A bank transfer",
    Channel.STOCK: "Stock to the value",
    Channel.IN_KIND: "A thing to the value",
    Channel.ONLINE: "A payment",
    Channel.ADOPTED: "A payment through another platform, which has receipted it,",
}


def _attempts(story: Story) -> Iterator[Sentence]:
    failed = [charge for charge in story.charges if charge.status == "failed"]
    for charge in failed:
        why = f": {plain(charge.failure_code)}" if charge.failure_code else ""
        yield Sentence(
            "attempt", f"An attempt by {method(charge)} on {story.day(charge.charged_at)} was refused{why}."
        )
    if story.donation.decline_code and story.donation.decline_code not in {c.failure_code for c in failed}:
        yield Sentence("attempt", f"An attempt was refused: {plain(story.donation.decline_code)}.")


_UNPAID = {
    DonationStatus.PENDING: "It is not paid: the donor has not finished Stripe's page.",
    DonationStatus.PROCESSING: "It is not paid yet: the donor's bank has still to say yes or no.",
    DonationStatus.EXPIRED: "It was never paid: the donor left Stripe's page, and its time ran out.",
    DonationStatus.FAILED: "It was never paid: the donor's bank said no.",
}


def _paid(story: Story) -> Iterator[Sentence]:
    donation = story.donation
    status = DonationStatus(donation.status)
    if status is not DonationStatus.PAID:
        yield Sentence("payment", _UNPAID[status])
    elif donation.paid_at is None or donation.gift_date is None:
        yield Sentence("payment", "Stripe says that it is paid; the charge that paid it is not known yet.")
    elif story.booked is None:
        yield Sentence(
            "payment",
            f"It counts as a gift of {day(donation.gift_date)}, tax year {donation.gift_date.year}.",
        )
    else:
        zone = story.entity.time_zone
        yield Sentence(
            "payment",
            f"It was paid by {method(story.booked.charge)} at {donation.paid_at:%H:%M} UTC on"
            f" {day(donation.paid_at.date())}. In {zone}, where the books are kept, that is"
            f" {day(donation.gift_date)}: the gift's date. Its tax year is {donation.gift_date.year}.",
        )


def _fee_cover(story: Story) -> Iterator[Sentence]:
    cover, settled = story.given(story.donation.fee_cover_amount), story.settled
    if not cover or settled is None:
        return
    if settled.currency != cover.currency:
        share = in_proportion(cover.minor, of=story.donation.amount, to=settled.amount)
        cover = Money(share, settled.currency)
    fee = Money(settled.fee, settled.currency)
    off = cover - fee
    verdict = (
        "just what it cost" if not off else f"{said(unsigned(off))} {'more' if off.minor > 0 else 'less'}"
    )
    yield Sentence(
        "fee_cover",
        f"For the fee the donor added {said(cover)}; Stripe took {said(fee)}, so it was {verdict}"
        f"{'' if not off else ' than it cost'}.",
        {"covered": cover, "fee": fee, "difference": off},
    )


def _settled(story: Story) -> Iterator[Sentence]:
    if story.booked is None:
        return
    row = story.settled
    if row is None:
        yield _not_in_the_book(story.booked)
        return
    gross, fee, net = (Money(part, row.currency) for part in (row.amount, row.fee, row.net))
    amounts = {"gross": gross, "fee": fee, "net": net}
    if story.booked.is_converted:
        yield Sentence(
            "settlement",
            f"Stripe changed {said(story.donation.total)} into {said(gross)}, kept {said(fee)} as its fee"
            f" and credited {said(net)} on {story.day(row.created_at)}. The rate is Stripe's; the book is"
            f" kept in {row.currency.upper()}, the receipt in {story.donation.currency.upper()}.",
            amounts,
        )
        return
    yield Sentence(
        "settlement",
        f"Stripe credited it on {story.day(row.created_at)}: {said(gross)} - {said(fee)} fee = {said(net)}.",
        amounts,
    )


def _not_in_the_book(booked: Booked) -> Sentence:
    held = [row for row in booked.transactions if row.source_id == booked.charge.stripe_charge_id]
    if not held:
        return Sentence("settlement", "Stripe has not said yet what it brought, so it is not in the book.")
    net = Money(held[0].net, held[0].currency)
    return Sentence(
        "settlement",
        f"No rule fits what Stripe settled, so {said(net)} waits in suspense for a person.",
        {"in_suspense": net},
    )


def _split(story: Story) -> Iterator[Sentence]:
    row, booked = story.settled, story.booked
    if row is None or booked is None or (len(story.gift.lines) == 1 and not booked.is_converted):
        return
    shares = split(row.amount, story.gift.weights)
    whole = Money(row.amount, row.currency)
    parts, amounts = [], {}
    for part, share in zip(story.gift.lines, shares, strict=True):
        named, brought = line(story, part.account, part.fund_id), Money(share, row.currency)
        asked = f" ({said(story.given(part.weight))} of {said(story.donation.total)})"
        parts.append(f"{said(brought)} {named}{asked if booked.is_converted else ''}")
        amounts[part.fund_id or part.account.value] = brought
    yield Sentence("split", f"Of {said(whole)} the book has {listed(parts)}.", amounts)


def _stands(story: Story) -> Iterator[Sentence]:
    stands = story.stands
    for payment in story.booked.owed_payments if story.booked is not None else ():
        yield from _owed_payment(story, payment)
    if stands.owed:
        owed = story.given(stands.owed)
        yield Sentence(
            "owed",
            f"{said(owed)} is owed to the donor: refund it again, or pay it another way.",
            {"owed": owed},
        )
    if stands.beyond:
        beyond = story.given(stands.beyond)
        yield Sentence(
            "beyond", f"The donor has {said(beyond)} more back than was given.", {"beyond": beyond}
        )
    back = stands.refunded + stands.lost
    if back:
        total, gone, left = story.donation.total, story.given(back), story.given(story.donation.amount - back)
        yield Sentence(
            "left",
            f"What is left of the gift: {said(total)} - {said(gone)} = {said(left)}.",
            {"given": total, "gone_back": gone, "left": left},
        )


def _owed_payment(story: Story, payment: OwedPayment) -> Iterator[Sentence]:
    amount = Money(payment.amount, payment.currency)
    words = {
        "requested": "is to be paid to the donor another way, and waits for a second person to agree",
        "paid": "was paid to the donor another way",
        "kept": "was left to the charity by the donor after all",
    }.get(str(payment.status))
    if words is not None:
        on = f" on {story.day(payment.decided_at)}" if payment.decided_at is not None else ""
        yield Sentence("owed", f"{said(amount)} that was owed {words}{on}.", {"amount": amount})


def _to_the_bank(beside: Beside) -> Iterator[Sentence]:
    for payout in beside.payouts:
        told = f"It is in Stripe's payout {payout.stripe_payout_id} of {said(payout.amount)} in all"
        if payout.status in {"failed", "canceled"}:
            then = ", which came to nothing; its money went back to Stripe."
        elif payout.booked_on is not None:
            then = (
                f", which stands on the statement of {payout.bank_account_id} on {day(payout.booked_on)}"
                f" (line {payout.bank_line_id})."
            )
        else:
            then = f", due at the bank on {day(payout.arrives_on)}; no line of the bank is known for it yet."
        yield Sentence("payout", told + then, {"payout": payout.amount})


def _receipts(story: Story, beside: Beside) -> Iterator[Sentence]:
    for receipt in beside.receipts:
        issued = f"Receipt {receipt.number} over {said(receipt.amount)} was issued on"
        issued = f"{issued} {story.day(receipt.issued_at)}"
        if receipt.voided_at is not None:
            why = f" ({plain(receipt.void_reason)})" if receipt.void_reason else ""
            yield Sentence(
                "receipt",
                f"{issued}, and made void on {story.day(receipt.voided_at)}{why}.",
                {"amount": receipt.amount},
            )
        else:
            yield Sentence("receipt", f"{issued}{_mailed(story, receipt)}.", {"amount": receipt.amount})
    if any(receipt.voided_at is None for receipt in beside.receipts):
        return
    if beside.receipt_trouble is not None:
        yield Sentence("receipt", f"Its receipt is due and could not be issued: {beside.receipt_trouble}.")
    elif beside.is_receipt_due:
        yield Sentence("receipt", "Its receipt is due, and will be issued within seconds.")
    else:
        yield Sentence("receipt", f"There is no receipt: {_why_no_receipt(story)}.")


def _mailed(story: Story, receipt: ReceiptFact) -> str:
    if receipt.mail_sent_at is not None:
        return f" and mailed on {story.day(receipt.mail_sent_at)}"
    return {
        "queued": "; its mail is waiting to be sent",
        "refused": "; the mail server refused its mail, so the donor does not have it",
        "given_up": "; its mail could not be delivered, so the donor does not have it",
    }.get(receipt.mail or "", "")


def _why_no_receipt(story: Story) -> str:
    donation, stands = story.donation, story.stands
    if donation.status != DonationStatus.PAID:
        return "a receipt is only for money that was received"
    if donation.paid_at is None:
        return "the charge that paid it is not known yet, and with it the gift's date"
    if stands.refunded + stands.lost >= donation.amount:
        return "all of the gift went back"
    if donation.benefit_amount >= donation.amount:
        return "all of it is the price of what the donor got"
    if donation.benefit_amount:
        return "what the donor got is worth too much of it for a gift"
    return "none is due and none was issued; `almoner doctor` tells what is wrong"


def _waiting(beside: Beside) -> Iterator[Sentence]:
    for event in beside.events:
        how = "is parked for a person" if event.is_parked else "is put off and will be tried again"
        yield Sentence("waiting", f"{event.type} ({event.stripe_event_id}) {how}: {event.why}.")

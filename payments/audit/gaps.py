"""What is missing of a gift's way, in plain words, or does not agree. Pure: asked of a chain as it was read.

Nothing here says that something is wrong. A payout that is under way is a gap today and none next week; an
auditor who reads one knows what to ask for.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from payments.audit.chain import Chain, Leg
from payments.donations.offline import Channel
from payments.donations.reversals import OwedPaymentStatus, RefundStatus
from payments.donations.turns import Booked
from payments.ledger.accounts import Account
from payments.money import Money
from payments.reconciliation.payout_proof import State

_BROUGHT = frozenset(
    {
        Account.CONTRIBUTIONS,
        Account.CONTRIBUTIONS_FEE_COVER,
        Account.CONTRIBUTIONS_IN_KIND,
        Account.AGENCY_OBLIGATIONS,
        Account.BENEFITS_EXCHANGED,
    }
)
_UNDER_WAY = frozenset(
    {
        *(RefundStatus.REQUESTED, RefundStatus.APPROVED),
        *(RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION),
    }
)
_NO_BANK = frozenset({Channel.STOCK.value, Channel.IN_KIND.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One thing that an auditor cannot follow, or would ask about."""

    step: str
    """Where on the way: charge, events, stripe, book, money back, receipt, payout or bank."""
    sentence: str


def gaps_of(chain: Chain) -> Iterator[Gap]:
    """In the order of the way."""
    if Channel(chain.gift.channel).is_at_stripe:
        yield from _at_stripe(chain)
    else:
        yield from _on_paper(chain)
    yield from _money_back(chain)
    yield from _receipt(chain)
    for event in chain.waiting:
        yield Gap(
            step="events", sentence=f"{event.stripe_event_id} ({event.type}) is not applied: {event.why}."
        )


def _at_stripe(chain: Chain) -> Iterator[Gap]:
    if not chain.booked:
        yield Gap(step="charge", sentence="It counts as paid, and no charge that succeeded is known of it.")
    charged = [each.charge for each in chain.booked]
    for charge in charged:
        amount = Money(charge.amount, charge.currency)
        if amount != chain.gift.total:
            yield Gap(
                step="charge",
                sentence=f"{charge.stripe_charge_id} took {amount}, and the gift is of {chain.gift.total}.",
            )
        if not any(event.about == charge.stripe_charge_id for event in chain.events):
            yield Gap(
                step="events", sentence=f"Nothing that Stripe said of {charge.stripe_charge_id} is kept."
            )
    if len(charged) > 1:
        yield Gap(step="charge", sentence=f"{len(charged)} charges of it succeeded.")
    redacted = sum(event.is_redacted for event in chain.events)
    if redacted:
        yield Gap(
            step="events",
            sentence=f"The donor was erased: {redacted} kept bodies are redacted, and their hashes are not of"
            " what Stripe sent.",
        )
    for each in chain.booked:
        yield from _settled(chain, each)
    yield from _to_the_bank(chain)


def _settled(chain: Chain, booked: Booked) -> Iterator[Gap]:
    named = booked.charge.stripe_balance_transaction_id
    row = next((r for r in booked.transactions if r.stripe_balance_transaction_id == named), None)
    if named is None or row is None:
        charge = booked.charge.stripe_charge_id
        yield Gap(step="stripe", sentence=f"Stripe's balance transaction of {charge} is not known yet.")
        return
    kind = booked.kinds.get(f"bt:{named}")
    if kind is None:
        yield Gap(step="book", sentence=f"{named} is not booked.")
    elif kind == "unclassified":
        yield Gap(step="book", sentence=f"{named} waits in suspense.")
    else:
        gross, brought = Money(row.amount, row.currency), _credited(chain, f"bt:{named}", row.currency)
        if brought != gross:
            yield Gap(step="book", sentence=f"{named} brought {gross}, and its entry says {brought}.")


def _credited(chain: Chain, reference: str, currency: str) -> Money:
    moves = [move for entry, move in chain.story.journal if entry.reference == reference]
    return Money(sum(move.amount for move in moves if move.from_account in _BROUGHT), currency)


def _to_the_bank(chain: Chain) -> Iterator[Gap]:
    if not chain.legs:
        yield Gap(
            step="payout",
            sentence="No payout is known to carry it: it is still at Stripe, or left in a manual one, and of"
            " these Stripe does not say what is in them.",
        )
        return
    for leg in chain.legs:
        yield from _of_payout(leg, is_last=leg is chain.legs[-1])


def _of_payout(leg: Leg, *, is_last: bool) -> Iterator[Gap]:
    payout = leg.payout
    if leg.proof.state is not State.PROVEN:
        yield Gap(step="payout", sentence=f"{payout.stripe_payout_id} is not proven: {leg.proof.sentence}")
    if payout.status in {"failed", "canceled"}:
        if is_last:
            yield Gap(
                step="payout",
                sentence=f"{payout.stripe_payout_id} {payout.status}, and no later one carries it yet.",
            )
    elif leg.at_bank is None:
        yield Gap(
            step="bank", sentence=f"{payout.stripe_payout_id} is on no bank statement that was matched."
        )


def _on_paper(chain: Chain) -> Iterator[Gap]:
    paper = chain.paper
    if paper is None:
        yield Gap(step="charge", sentence="It is an offline gift, and nothing of its paper is recorded.")
        return
    brought = _credited(chain, f"offline:{chain.gift.id}", chain.gift.currency)
    if not brought:
        yield Gap(step="book", sentence="It is not booked.")
    elif brought != chain.gift.total:
        yield Gap(step="book", sentence=f"It is of {chain.gift.total}, and its entry says {brought}.")
    if chain.gift.channel in _NO_BANK or paper.reversed_at is not None:
        return
    if chain.gift.channel != Channel.BANK_TRANSFER and chain.slip is None:
        yield Gap(step="bank", sentence="It is on no deposit slip yet.")
    elif chain.paper_at_bank is None:
        what = f"Deposit slip {chain.slip.id}" if chain.slip is not None else "Its transfer"
        yield Gap(step="bank", sentence=f"{what} is on no bank statement that was matched.")


def _money_back(chain: Chain) -> Iterator[Gap]:
    for refund in chain.refunds:
        if refund.origin == "staff" and refund.requested_by is None:
            yield Gap(step="money back", sentence=f"Nobody is named who asked for refund {refund.id}.")
        if refund.origin == "stripe":
            yield Gap(
                step="money back",
                sentence=f"Refund {refund.id} was made at Stripe: its own log says who asked for it.",
            )
        if refund.status == RefundStatus.SUCCEEDED and not refund.is_booked:
            yield Gap(step="money back", sentence=f"Refund {refund.id} succeeded and is not booked yet.")
        if refund.status in _UNDER_WAY:
            yield Gap(step="money back", sentence=f"Refund {refund.id} is not done: it is {refund.status}.")
    for dispute in chain.disputes:
        if not dispute.is_closed:
            yield Gap(step="money back", sentence=f"Dispute {dispute.stripe_dispute_id} is open.")
    for currency, amount in sorted(_owed(chain).items()):
        if amount > 0:
            sentence = f"{Money(amount, currency)} is owed to the donor: a refund came back."
            yield Gap(step="money back", sentence=sentence)
    for owed in chain.owed:
        if owed.status == OwedPaymentStatus.REQUESTED:
            yield Gap(step="money back", sentence=f"What is owed by {owed.id} is not paid yet.")


def _owed(chain: Chain) -> Counter[str]:
    """What the book still owes the donor, by currency."""
    owed = Counter[str]()
    for _, move in chain.story.journal:
        owed[move.currency] += move.amount * (move.from_account == Account.REFUNDS_PAYABLE)
        owed[move.currency] -= move.amount * (move.to_account == Account.REFUNDS_PAYABLE)
    return owed


def _receipt(chain: Chain) -> Iterator[Gap]:
    receipts = chain.story.receipts
    if chain.story.is_receipt_due:
        yield Gap(step="receipt", sentence="The receipt is to be issued, or looked at again.")
    elif not receipts and chain.gift.channel == Channel.ADOPTED:
        yield Gap(step="receipt", sentence="Another platform has receipted it.")
    elif not receipts and not _is_gone(chain):
        yield Gap(step="receipt", sentence="No receipt was ever issued.")
    for each in receipts:
        page = chain.pages.get(each.receipt.id)
        if page is None:
            yield Gap(step="receipt", sentence=f"The page of {each.receipt.number} is not set yet.")
        elif page.noted != page.found:
            yield Gap(
                step="receipt",
                sentence=f"The page of {each.receipt.number} is not the one whose hash was noted.",
            )
    standing = chain.story.standing_receipt
    if standing is None and receipts and not _is_gone(chain):
        yield Gap(step="receipt", sentence="Its receipt is void, and no other stands in its place.")


def _is_gone(chain: Chain) -> bool:
    """Whether something went back of it: then a void receipt is as it should be."""
    return (
        (chain.paper is not None and chain.paper.reversed_at is not None)
        or any(refund.is_booked for refund in chain.refunds)
        or any(dispute.status == "lost" for dispute in chain.disputes)
        or any(
            row.reporting_category == "charge_failure" for each in chain.booked for row in each.transactions
        )
    )

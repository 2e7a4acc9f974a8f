"""What is told of money that went back: each refund and dispute, and what it took from the funds."""

from collections.abc import Iterator

from payments.donations.reversals import Dispute, Refund
from payments.donations.story import Sentence, Story, fund_name, listed, plain, said, unsigned
from payments.donations.turns import Booked
from payments.ledger.accounts import Account
from payments.money import Money


def refunds(story: Story) -> Iterator[Sentence]:
    """Each refund, and whether it came back."""
    if story.booked is None:
        return
    for refund in story.booked.refunds:
        yield _refund(story, story.booked, refund)
        yield from _failure(story, story.booked, refund)


_NOT_SENT = {
    "requested": "is asked for, and waits for a second person to agree",
    "approved": "is agreed to, and is about to be sent to Stripe",
    "declined": "was asked for, and a second person said no",
    "refused": "was asked for, and Stripe would not take it",
    "pending": "is with Stripe, and waits for balance or for a bank",
    "requires_action": "is with Stripe, and waits for the donor to say where to send it",
    "canceled": "was cancelled before it left",
    "failed": "failed before it left",
    "succeeded": "has left, and its balance transaction is still to come",
}

_BEGUN = {"staff": "here", "house": "by itself, because its monthly gift had ended or was to rest"}


def _refund(story: Story, booked: Booked, refund: Refund) -> Sentence:
    amount = story.given(refund.amount)
    where = _BEGUN.get(refund.origin, "in Stripe's dashboard")
    row = next((r for r in booked.about(refund.stripe_refund_id) if r.reporting_category == "refund"), None)
    if row is None:
        return Sentence(
            "refund",
            f"A refund of {said(amount)}, begun {where}, {_NOT_SENT[str(refund.status)]}.",
            {"amount": amount},
        )
    paid = Money(-row.amount, row.currency)
    cost = f", which cost {said(paid)}" if booked.is_converted else ""
    return Sentence(
        "refund",
        f"On {story.day(row.created_at)} {said(amount)} was refunded, begun {where}{cost}."
        f"{_effect(story, f'bt:{row.stripe_balance_transaction_id}')}",
        {"amount": amount, "paid": paid},
    )


def _failure(story: Story, booked: Booked, refund: Refund) -> Iterator[Sentence]:
    for row in booked.about(refund.stripe_refund_id):
        if row.reporting_category != "refund_failure":
            continue
        came, amount = Money(row.amount, row.currency), story.given(refund.amount)
        why = f" ({plain(refund.failure_reason)})" if refund.failure_reason else ""
        what = "was cancelled" if refund.status == "canceled" else f"came back{why}"
        as_much = f", as {said(came)}" if booked.is_converted else ""
        yield Sentence(
            "refund_failure",
            f"On {story.day(row.created_at)} that refund of {said(amount)} {what}{as_much}."
            f"{_effect(story, f'bt:{row.stripe_balance_transaction_id}')}",
            {"amount": amount, "came_back": came},
        )


def disputes(story: Story) -> Iterator[Sentence]:
    """Each dispute, and how it ended."""
    if story.booked is None:
        return
    for dispute in story.booked.disputes:
        yield from _dispute(story, story.booked, dispute)


def _dispute(story: Story, booked: Booked, dispute: Dispute) -> Iterator[Sentence]:
    amount = Money(dispute.amount, dispute.currency)
    rows = booked.moved_by(dispute)
    on, why = story.day(dispute.opened_at), plain(dispute.reason)
    if not rows:
        closed = ", and closed the question" if dispute.is_closed else ""
        yield Sentence(
            "dispute",
            f"On {on} the donor's bank asked about {said(amount)} ({why}){closed}. No money has moved.",
            {"amount": amount},
        )
        return
    taken = Money(-sum(row.amount for row in rows if row.amount < 0), rows[0].currency)
    billed = [row for row in booked.about(dispute.stripe_dispute_id) if row.reporting_category == "fee"]
    fee = Money(sum(row.fee for row in rows) - sum(row.net for row in billed), rows[0].currency)
    due = (
        f" It must be answered by {story.day(dispute.evidence_due_by)}."
        if dispute.evidence_due_by is not None and not dispute.is_closed
        else ""
    )
    yield Sentence(
        "dispute",
        f"On {on} the donor's bank took {said(taken)} back ({why}); Stripe took {said(fee)} for the"
        f" dispute.{due}",
        {"amount": amount, "taken": taken, "fee": fee},
    )
    yield _outcome(story, booked, dispute)


def _outcome(story: Story, booked: Booked, dispute: Dispute) -> Sentence:
    held = Money(booked.withdrawn_by(dispute), booked.charge.currency)
    if booked.settled is not None:
        held = Money(held.minor, booked.settled.currency)
    loss = booked.loss_of(dispute)
    closed = f"On {story.day(dispute.closed_at)} it" if dispute.closed_at is not None else "It"
    if not held:
        back = Money(
            sum(row.amount for row in booked.about(dispute.stripe_dispute_id) if row.amount > 0),
            held.currency,
        )
        return Sentence(
            "dispute", f"{closed} was won, and {said(back)} came back; the fee did not.", {"back": back}
        )
    if loss is not None:
        return Sentence("dispute", f"{closed} was lost.{_effect(story, loss)}", {"lost": held})
    return Sentence("dispute", f"{said(held)} is held until it is decided.", {"held": held})


def returned(story: Story) -> Iterator[Sentence]:
    """A debit that the bank took back."""
    if story.booked is None:
        return
    for row in story.booked.about(story.booked.charge.stripe_charge_id):
        if row.reporting_category == "charge_failure":
            back = Money(-row.amount, row.currency)
            yield Sentence(
                "returned",
                f"On {story.day(row.created_at)} the donor's bank took the debit of {said(back)} back,"
                f" after it had said yes.{_effect(story, f'bt:{row.stripe_balance_transaction_id}')}",
                {"amount": back},
            )


def _effect(story: Story, reference: str) -> str:
    """What an entry did to the funds, from its own moves."""
    took: dict[str, Money] = {}
    for move in story.moves.get(reference, []):
        for account, sign in ((move.to_account, 1), (move.from_account, -1)):
            words = line(story, Account(account), move.fund_id)
            if words:
                took[words] = took.get(words, Money(0, move.currency)) + Money(
                    sign * move.amount, move.currency
                )
    out = [f"{said(amount)} {words}" for words, amount in took.items() if amount.minor > 0]
    back = [f"{said(unsigned(amount))} {words}" for words, amount in took.items() if amount.minor < 0]
    sentences = []
    if out:
        sentences.append(f" That took {listed(out)}.")
    if back:
        sentences.append(f" That gave {listed(back)}.")
    return "".join(sentences)


def line(story: Story, account: Account, fund_id: str | None) -> str:
    """An account in words, for the gift's own lines and what happens to them; empty for the rest."""
    if account in {Account.CONTRIBUTIONS, Account.CONTRIBUTIONS_IN_KIND, Account.CONTRIBUTION_REFUNDS}:
        return f"for {fund_name(story, fund_id)}" if fund_id else "of the fee cover"
    if account is Account.CHARGEBACKS:
        if fund_id:
            return f"for {fund_name(story, fund_id)}"
        is_covered = story.donation.fee_cover_amount > 0
        return "of the fee cover or beyond the gift" if is_covered else "beyond the gift"
    if account is Account.AGENCY_OBLIGATIONS and fund_id:
        return f"owed to {fund_name(story, fund_id)}"
    return _WORDS.get(account, "")


_WORDS = {
    Account.CONTRIBUTIONS_FEE_COVER: "of the fee cover",
    Account.BENEFITS_EXCHANGED: "for what the donor got",
    Account.REFUNDS_PAYABLE: "of what is owed to the donor",
    Account.FX_GAIN_LOSS: "of exchange difference",
}

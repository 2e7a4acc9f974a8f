"""`almoner gifts`: one gift with everything we know of it, and the latest ones."""

from typing import Annotated, Any

import typer
from sqlalchemy import select

from payments import gift_story
from payments.cli import doubles
from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.clock import day_in
from payments.database import transaction
from payments.donations import explain as explaining
from payments.donations.models import Donation
from payments.donations.offline import Channel
from payments.gift_story import GiftStory
from payments.money import Money

app = typer.Typer(no_args_is_help=True, help="Gifts and what became of them.")


@app.command("list")
def list_gifts(
    as_json: AsJson = False,
    status: Annotated[str | None, typer.Option(help="Only this status: pending, paid …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """The latest gifts, newest first."""
    wanted = select(Donation).order_by(Donation.created_at.desc()).limit(limit)
    if status:
        wanted = wanted.where(Donation.status == status)
    with transaction() as session:
        gifts = session.scalars(wanted).all()
    if as_json:
        print_json(
            [{"id": g.id, "status": g.status, "total": g.total, "created_at": g.created_at} for g in gifts]
        )
        return
    print_table(
        "Latest gifts",
        ["id", "status", ">amount", "begun"],
        [(g.id, g.status, g.total.format("en"), instant(g.created_at)) for g in gifts],
    )


@app.command("show")
def show(donation_id: str, as_json: AsJson = False) -> None:
    """One gift: what was asked, what was paid, how it was booked, its receipt and its mail."""
    with transaction() as session:
        story = _as_json(gift_story.read(session, donation_id))
    if as_json:
        print_json(story)
        return
    _print_story(story)


@app.command("explain")
def explain(donation_id: str, as_json: AsJson = False) -> None:
    """Why one gift is as it is, in plain words with the arithmetic, from what is stored alone."""
    with transaction() as session:
        sentences = explaining.explain(session, donation_id, gift_story.beside(session, donation_id))
    if as_json:
        told = [{"about": it.about, "says": it.says, "amounts": it.amounts} for it in sentences]
        print_json({"id": donation_id, "sentences": told})
        return
    console.print(f"Gift {donation_id}", style="bold", markup=False)
    for sentence in sentences:
        console.print(f"  {sentence.says}", markup=False, soft_wrap=True)


def _as_json(story: GiftStory) -> dict[str, Any]:
    gift, issued = story.gift, story.standing_receipt
    return {
        "id": gift.id,
        "status": gift.status,
        "total": gift.total,
        "fee_cover": Money(gift.fee_cover_amount, gift.currency),
        "created_at": gift.created_at,
        "paid_at": gift.paid_at,
        "gift_date": gift.gift_date,
        "is_receipted_elsewhere": gift.channel == Channel.ADOPTED,
        "decline_code": gift.decline_code,
        "stripe_checkout_session_id": gift.stripe_checkout_session_id,
        "stripe_payment_intent_id": gift.stripe_payment_intent_id,
        "allocations": [
            {"fund": fund.id, "name": fund.name_in("en"), "amount": amount}
            for fund, amount in story.allocations
        ],
        "charges": [
            {
                "id": c.stripe_charge_id,
                "status": c.status,
                "amount": Money(c.amount, c.currency),
                "method": " ".join(part for part in (c.card_brand or c.method, c.last4) if part),
                "failure_code": c.failure_code,
            }
            for c in story.charges
        ],
        "balance_transactions": [
            {
                "id": bt.stripe_balance_transaction_id,
                "gross": Money(bt.amount, bt.currency),
                "fee": Money(bt.fee, bt.currency),
                "net": Money(bt.net, bt.currency),
                "available_on": bt.available_on,
            }
            for bt in story.settled
        ],
        "payouts": story.payouts,
        "journal": [
            {
                "number": entry.number,
                "reference": entry.reference,
                "effective_on": entry.effective_on,
                # Another day where its own was in a month that was closed when it was heard of.
                "happened_on": day_in(story.entity.time_zone, entry.occurred_at),
                "from": move.from_account,
                "to": move.to_account,
                "amount": Money(move.amount, move.currency),
                "fund": move.fund_id,
            }
            for entry, move in story.journal
        ],
        "receipt": {
            "number": issued.receipt.number,
            "issued_at": issued.receipt.issued_at,
            "pdf_sha256": issued.pdf_sha256,
            "mail": issued.mail.status if issued.mail else None,
            "mail_sent_at": issued.mail.sent_at if issued.mail else None,
        }
        if issued
        else None,
        "receipt_due": story.is_receipt_due,
    }


def _print_story(story: dict[str, Any]) -> None:
    print_facts(
        f"Gift {story['id']}",
        [
            ("status", story["status"]),
            ("amount", story["total"].format("en")),
            ("of which fee cover", story["fee_cover"].format("en") if story["fee_cover"] else None),
            ("begun", instant(story["created_at"])),
            ("paid", instant(story["paid_at"])),
            ("gift date", story["gift_date"]),
            ("receipt", "given by another platform" if story["is_receipted_elsewhere"] else None),
            ("last decline", story["decline_code"]),
            ("session", story["stripe_checkout_session_id"]),
            ("payment", story["stripe_payment_intent_id"]),
        ],
    )
    for allocation in story["allocations"]:
        console.print(f"  for {allocation['name']}: {allocation['amount'].format('en')}", markup=False)
    for charge in story["charges"]:
        outcome = f"{charge['status']} {charge['failure_code'] or ''}".strip()
        console.print(f"  charge {charge['id']} by {charge['method']}: {outcome}", markup=False)
    for bt in story["balance_transactions"]:
        console.print(
            f"  settled as {bt['id']}: gross {bt['gross'].format('en')} - fee {bt['fee'].format('en')}"
            f" = net {bt['net'].format('en')}",
            markup=False,
        )
    for leg in story["payouts"]:
        seen = f"on the statement of {leg.bank_account_id} on {leg.booked_on} as {leg.bank_line_id}"
        console.print(
            f"  paid out in {leg.stripe_payout_id} of {leg.amount.format('en')} ({leg.status}), "
            + (seen if leg.bank_line_id else f"due at the bank on {leg.arrives_on}"),
            markup=False,
        )
    if story["journal"]:
        print_table(
            "In the book",
            ["entry", "day", "from", "to", ">amount", "fund"],
            [
                (m["number"], _day(m), m["from"], m["to"], m["amount"].format("en"), m["fund"])
                for m in story["journal"]
            ],
        )
    receipt = story["receipt"]
    if receipt:
        sent = instant(receipt["mail_sent_at"]) or receipt["mail"]
        console.print(f"  receipt {receipt['number']}, mail {sent}", markup=False)
    elif story["receipt_due"]:
        console.print("  receipt due: it is issued within seconds", markup=False)


def _day(move: dict[str, Any]) -> str:
    """The day it counts for, and the one on which it happened where that month was closed."""
    if move["happened_on"] == move["effective_on"]:
        return str(move["effective_on"])
    return f"{move['effective_on']} (of {move['happened_on']})"


app.command("doubles")(doubles.list_doubles)
app.command("looked-at")(doubles.looked_at)

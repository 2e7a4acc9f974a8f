"""`almoner offline`: cheques, cash, transfers, stock and things; and carrying them to the bank."""

from datetime import date, datetime
from typing import Annotated, Literal

import typer

from payments.cli.acting import As, Why, acting, amount_of
from payments.cli.printing import AsJson, console, print_json, print_table
from payments.database import transaction
from payments.donations import recording
from payments.donations.offline import Channel, PayerKind
from payments.donations.recording import Paper
from payments.donations.wishes import Share
from payments.errors import AlmonerError
from payments.money import Money
from payments.receipts import owing

app = typer.Typer(no_args_is_help=True, help="Gifts that never pass through Stripe.")

_Day = typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")


class SharesUnreadable(AlmonerError):
    """Neither one fund nor parts of funds."""

    def __init__(self) -> None:
        super().__init__("Say `--fund rescue` for all of it, or `--fund rescue=60.00 --fund general=40.00`.")


class SoftCreditIncomplete(AlmonerError):
    """A name without an address or the other way round."""

    def __init__(self) -> None:
        super().__init__("Give both `--soft-credit-name` and `--soft-credit-email`, or neither.")


@app.command("record")
def record(
    *,
    channel: Annotated[Channel, typer.Option(help="How it came in.")],
    amount: Annotated[str, typer.Option(help="Such as 100.00; for a thing, what it is worth in the book.")],
    currency: Annotated[str, typer.Option(help="Such as usd.")],
    funds: Annotated[list[str], typer.Option("--fund", help="A fund, or several with their parts.")],
    donor_name: Annotated[str, typer.Option(help="The legal payer, as the receipt names it.")],
    donor_email: Annotated[str, typer.Option(help="Where its receipt goes.")],
    received_on: Annotated[datetime, _Day],
    as_: As,
    postmarked_on: Annotated[datetime | None, _Day] = None,
    number: Annotated[str | None, typer.Option(help="The cheque's or transfer's number.")] = None,
    dated: Annotated[datetime | None, _Day] = None,
    payer_kind: Annotated[PayerKind, typer.Option(help="What the payer is.")] = PayerKind.PERSON,
    soft_credit_name: Annotated[str | None, typer.Option(help="Who is thanked beside the payer.")] = None,
    soft_credit_email: Annotated[str | None, typer.Option()] = None,
    benefit: Annotated[str | None, typer.Option(help="What the donor got for it is worth.")] = None,
    benefit_text: Annotated[str | None, typer.Option(help="What that was.")] = None,
    items_cost: Annotated[
        str | None, typer.Option(help="Instead: what items with our name cost us, if nothing else was given.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What was given, for stock and things.")] = None,
    locale: Annotated[Literal["en", "ko"], typer.Option(help="The payer's language.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Write down one offline gift."""
    money = amount_of(amount, currency)
    if (soft_credit_name is None) != (soft_credit_email is None):
        raise SoftCreditIncomplete
    beside = (soft_credit_name, soft_credit_email) if soft_credit_name and soft_credit_email else None
    paper = Paper(
        channel=channel,
        amount=money,
        shares=_shares(funds, money),
        donor_name=donor_name,
        received_on=received_on.date(),
        locale=locale,
        payer_kind=payer_kind,
        postmarked_on=_day(postmarked_on),
        document_number=number,
        document_date=_day(dated),
        description=description,
        benefit=amount_of(benefit, currency).minor if benefit is not None else 0,
        benefit_text=benefit_text,
        items_cost=amount_of(items_cost, currency).minor if items_cost is not None else None,
    )
    with transaction() as session:
        taken = owing.take_in(
            session, paper, payer_email=donor_email, soft_credit=beside, by=acting(session, as_)
        )
    gift = taken.donation
    if as_json:
        print_json(
            {
                "id": gift.id,
                "total": gift.total,
                "gift_date": gift.gift_date,
                "receipt": taken.outlook.receipt,
                "receipt_says": taken.outlook.sentence,
            }
        )
        return
    console.print(
        f"Gift {gift.id}: {gift.total.format('en')} on {gift.gift_date}. {taken.outlook.sentence}",
        markup=False,
    )


@app.command("list")
def list_undeposited(as_json: AsJson = False) -> None:
    """Cheques and cash that still have to go to the bank, with what they come to."""
    with transaction() as session:
        rows = recording.to_deposit(session)
    totals: dict[str, Money] = {}
    for gift, _ in rows:
        totals[gift.currency] = totals.get(gift.currency, Money(0, gift.currency)) + gift.total
    if as_json:
        gifts = [
            {
                "id": gift.id,
                "channel": gift.channel,
                "total": gift.total,
                "number": paper.document_number,
                "received_on": paper.received_on,
            }
            for gift, paper in rows
        ]
        print_json({"gifts": gifts, "totals": list(totals.values())})
        return
    print_table(
        "To be carried to the bank",
        ["gift", "what", "number", "received", ">amount"],
        [
            (gift.id, gift.channel, paper.document_number, paper.received_on, gift.total.format("en"))
            for gift, paper in rows
        ],
    )
    for total in totals.values():
        console.print(f"  together {total.format('en')}", markup=False)


@app.command("deposit")
def deposit(
    *,
    gifts: Annotated[list[str], typer.Option("--gift", help="Say it once for each cheque.")],
    deposited_on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")],
    as_: As,
    total: Annotated[str | None, typer.Option(help="What you counted; it must be the same.")] = None,
    currency: Annotated[str, typer.Option(help="Of the total you counted.")] = "usd",
    as_json: AsJson = False,
) -> None:
    """Make a deposit slip: these gifts are one line on the bank statement."""
    counted = amount_of(total, currency) if total is not None else None
    with transaction() as session:
        slip = recording.deposit(
            session, gifts, deposited_on=deposited_on.date(), total=counted, by=acting(session, as_)
        )
    money = Money(slip.total, slip.currency)
    if as_json:
        print_json({"id": slip.id, "total": money, "deposited_on": slip.deposited_on})
        return
    console.print(f"Slip {slip.id}: {money.format('en')} to the bank on {slip.deposited_on}.", markup=False)


@app.command("reverse")
def reverse(donation_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Take an offline gift back in the open: a bounced cheque, or a mistake to be recorded anew."""
    with transaction() as session:
        gift = recording.reverse(session, donation_id, by=acting(session, as_), reason=reason)
        receipt = owing.look_again(session, gift.id)
    if as_json:
        print_json({"id": gift.id, "total": gift.total, "receipt_to_void": receipt})
        return
    console.print(f"Gift {gift.id} of {gift.total.format('en')} is taken back.", markup=False)
    if receipt:
        console.print(
            f"  Its receipt {receipt} is made void within seconds, and the donor is told.", markup=False
        )


def _shares(typed: list[str], whole: Money) -> tuple[Share, ...]:
    if len(typed) == 1 and "=" not in typed[0]:
        return (Share(typed[0], whole.minor),)
    if not all("=" in part for part in typed):
        raise SharesUnreadable
    parts: list[tuple[str, str, str]] = [part.partition("=") for part in typed]
    return tuple(Share(fund, amount_of(amount, whole.currency).minor) for fund, _, amount in parts)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment is not None else None

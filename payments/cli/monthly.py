"""`almoner monthly`: gifts that repeat; look at them, and change or end them for their donors."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from payments.cli.acting import As, Why, acting, amount_of
from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.database import transaction
from payments.donations.models import Donation
from payments.money import Money
from payments.monthly import by_staff, changes
from payments.monthly.by_staff import FailureFee
from payments.monthly.models import ChangeKind, ChangeStatus, MonthlyChange, MonthlyGift, MonthlyStatus
from payments.staff import people

app = typer.Typer(no_args_is_help=True, help="Gifts that repeat each month.")


@app.command("list")
def list_monthly_gifts(
    as_json: AsJson = False,
    status: Annotated[MonthlyStatus | None, typer.Option(help="Only this status.")] = None,
    donor_id: Annotated[str | None, typer.Option("--donor", help="Only of this donor, by id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """The latest monthly gifts, newest first."""
    with transaction() as session:
        found = by_staff.listed(session, status=status, donor_id=donor_id, limit=limit)
    if as_json:
        print_json([_fact(gift) for gift in found])
        return
    print_table(
        "Monthly gifts",
        ["id", "status", ">a month", "funds", "next charge", "begun", "ended"],
        [
            (
                gift.id,
                gift.status,
                _amount(gift).format("en"),
                ", ".join(part.fund_id for part in gift.terms[-1].allocations),
                instant(_next_charge(gift)),
                instant(gift.created_at),
                instant(gift.ended_at),
            )
            for gift in found
        ],
    )


@app.command("show")
def show(monthly_gift_id: str, as_json: AsJson = False) -> None:
    """One monthly gift: what is agreed, what was asked, what was given."""
    with transaction() as session:
        _print(session, monthly_gift_id, as_json=as_json)


@app.command("stop")
def stop(monthly_gift_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """End one at this moment. Nothing that is charged later is kept."""
    with transaction() as session:
        by_staff.stop(session, monthly_gift_id, by=acting(session, as_), reason=reason)
        _print(session, monthly_gift_id, as_json=as_json)


@app.command("pause")
def pause(
    monthly_gift_id: str,
    *,
    as_: As,
    reason: Why,
    months: Annotated[int, typer.Option(help="From 1 to 12; 1 leaves out the next charge.")],
    as_json: AsJson = False,
) -> None:
    """Leave out so many charges, the next one first."""
    with transaction() as session:
        by_staff.pause(session, monthly_gift_id, months=months, by=acting(session, as_), reason=reason)
        _print(session, monthly_gift_id, as_json=as_json)


@app.command("resume")
def resume(monthly_gift_id: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """End a pause before its time."""
    with transaction() as session:
        by_staff.resume(session, monthly_gift_id, by=acting(session, as_), reason=reason)
        _print(session, monthly_gift_id, as_json=as_json)


@app.command("amount")
def change_amount(
    monthly_gift_id: str,
    amount: Annotated[str, typer.Argument(help="For the funds, such as 50.00; the fee cover comes on top.")],
    *,
    as_: As,
    reason: Why,
    cover_fees: Annotated[
        bool | None, typer.Option("--cover-fees/--no-cover-fees", help="Left out: as until now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give another amount from the next charge on."""
    with transaction() as session:
        person = acting(session, as_)
        wanted = amount_of(amount, changes.find(session, monthly_gift_id).currency)
        by_staff.change_amount(
            session, monthly_gift_id, amount=wanted, cover_fees=cover_fees, by=person, reason=reason
        )
        _print(session, monthly_gift_id, as_json=as_json)


@app.command("day")
def change_day(
    monthly_gift_id: str,
    day: Annotated[int, typer.Argument(help="From 1 to 31; in a shorter month its last day.")],
    as_: As,
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """Charge on another day of the month. Every calendar month keeps one charge."""
    with transaction() as session:
        by_staff.change_day(session, monthly_gift_id, day=day, by=acting(session, as_), reason=reason)
        _print(session, monthly_gift_id, as_json=as_json)


def _print(session: Session, monthly_gift_id: str, *, as_json: bool) -> None:
    gift = by_staff.shown(session, monthly_gift_id)
    history = by_staff.history(session, gift)
    given = by_staff.instalments(session, gift)
    fees = by_staff.failure_fees(session, gift)
    if as_json:
        print_json(
            {
                **_fact(gift),
                "changes": [_change(change) for change in history],
                "instalments": [
                    {
                        "donation": donation.id,
                        "status": donation.status,
                        "amount": donation.total,
                        "gift_date": donation.gift_date,
                        "failure_fees": [each.fee for each in fees if each.donation_id == donation.id],
                    }
                    for donation in given
                ],
                "failed_instalments": [
                    {
                        "stripe_invoice_id": each.stripe_invoice_id,
                        "status": each.invoice_status,
                        "failure_fees": [each.fee],
                    }
                    for each in fees
                    if each.donation_id is None
                ],
            }
        )
        return
    terms = gift.terms[-1]
    print_facts(
        f"Monthly gift {gift.id}",
        [
            ("status", gift.status),
            ("a month", _amount(gift).format("en")),
            ("for", ", ".join(part.fund_id for part in terms.allocations)),
            ("fee cover", Money(terms.fee_cover_amount, gift.currency).format("en")),
            ("donor", gift.donor_id),
            ("next charge", instant(_next_charge(gift))),
            ("paused until", instant(gift.paused_until)),
            ("lapsed", instant(gift.lapsed_at)),
            ("ended", instant(gift.ended_at)),
            ("ended by", gift.end_reason),
            ("at Stripe", gift.stripe_subscription_id),
            ("begun", instant(gift.created_at)),
        ],
    )
    if history:
        names = people.names(session)
        print_table(
            "Changes",
            ["asked", "what", "by", "why", "how far", "why not"],
            [
                (
                    instant(change.asked_at),
                    _words(change),
                    names.get(change.asked_by, change.asked_by),
                    change.reason,
                    _HOW_FAR[ChangeStatus(change.status)],
                    change.failure_reason,
                )
                for change in history
            ],
        )
    _print_instalments(given, fees)
    if any(change.status == ChangeStatus.REFUSED for change in history[:1]):
        console.print("  Stripe would not do the last change: look why, then ask for it again.", markup=False)


def _print_instalments(given: Sequence[Donation], fees: Sequence[FailureFee]) -> None:
    """With what a bank debit that came back has cost, where one did."""
    costs: dict[str | None, list[str]] = {}
    for each in fees:
        costs.setdefault(each.donation_id, []).append(each.fee.format("en"))
    columns = ["gift", "status", ">amount", "day", *([">failure fee"] if fees else [])]
    if given:
        print_table(
            "Instalments",
            columns,
            [
                (
                    each.id,
                    each.status,
                    each.total.format("en"),
                    each.gift_date,
                    *([" + ".join(costs.get(each.id, []))] if fees else []),
                )
                for each in given
            ],
        )
    unpaid = [each for each in fees if each.donation_id is None]
    if unpaid:
        print_table(
            "Instalments that failed and cost a fee",
            ["invoice", "status", ">failure fee"],
            [(each.stripe_invoice_id, each.invoice_status, each.fee.format("en")) for each in unpaid],
        )


_HOW_FAR = {
    ChangeStatus.REQUESTED: "on its way to Stripe",
    ChangeStatus.DONE: "done",
    ChangeStatus.REFUSED: "refused by Stripe",
    ChangeStatus.OVERTAKEN: "overtaken by a later one",
}


def _words(change: MonthlyChange) -> str:
    if change.kind == ChangeKind.PAUSE:
        return f"pause until {instant(change.paused_until)}"
    if change.kind == ChangeKind.CHANGE_DAY:
        return f"charge on day {change.day}"
    if change.kind == ChangeKind.CHANGE_AMOUNT:
        return f"another amount, terms {change.terms_number}"
    return str(change.kind)


def _amount(gift: MonthlyGift) -> Money:
    return Money(gift.terms[-1].amount, gift.currency)


def _next_charge(gift: MonthlyGift) -> Any:
    return gift.next_charge_at if gift.ended_at is None else None


def _fact(gift: MonthlyGift) -> dict[str, Any]:
    terms = gift.terms[-1]
    return {
        "id": gift.id,
        "status": gift.status,
        "donor": gift.donor_id,
        "amount": _amount(gift),
        "fee_cover": Money(terms.fee_cover_amount, gift.currency),
        "allocations": {part.fund_id: Money(part.amount, gift.currency) for part in terms.allocations},
        "created_at": gift.created_at,
        "next_charge_at": _next_charge(gift),
        "paused_until": gift.paused_until,
        "lapsed_at": gift.lapsed_at,
        "ended_at": gift.ended_at,
        "end_reason": gift.end_reason,
        "stripe_subscription_id": gift.stripe_subscription_id,
    }


def _change(change: MonthlyChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "kind": change.kind,
        "status": change.status,
        "asked_at": change.asked_at,
        "asked_by": change.asked_by,
        "reason": change.reason,
        "paused_until": change.paused_until,
        "terms": change.terms_number,
        "day": change.day,
        "done_at": change.done_at,
        "failure_reason": change.failure_reason,
    }

"""`almoner adopt`: take over a Stripe account on which another platform has taken gifts.

Stripe is only ever asked, never told. Between its answers each page is written in a transaction of its own.
"""

import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from payments.cli.acting import As, acting
from payments.cli.printing import AsJson, console, print_facts, print_json, print_table
from payments.clock import from_stripe
from payments.database import transaction
from payments.donations.organisation import receiving_entity
from payments.errors import StripeUnavailable
from payments.money import Money
from payments.reconciliation import payouts
from payments.staff.models import StaffMember
from payments.stripe_gateway.client import StripeGateway, reading_gateway
from payments.webhooks import fetch_payouts, inbox, process, sweep
from payments.webhooks.adopting import adopting, reading
from payments.webhooks.adopting.models import Adoption, AdoptionLeftOver
from payments.webhooks.adopting.reading import Fetched, Reader
from payments.webhooks.adopting.rules import RulesWrong

_TRIES = 6
_Rules = typer.Option(
    "--rules", exists=True, dir_okay=False, help="Which of it is a gift, and for what (TOML)."
)


def adopt(
    *,
    since: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The day on which the book begins."),
    ],
    rules: Annotated[Path, _Rules],
    as_: As,
    default_fund: Annotated[
        str | None, typer.Option(help="The fund of gifts for which no rule names one.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look: nothing is written here either.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take over the donors, gifts, monthly gifts, refunds, disputes and payouts of an account, from a day on.

    Nothing is written to Stripe, no donor gets a mail or a receipt, and monthly gifts go on as they are.
    After a crash, run it again: it goes on where it was. Exit code 1 when something of it is not proven.
    """
    document = _document(rules, default_fund)
    stripe = reading_gateway()
    with transaction() as session:
        person = acting(session, as_)
        begins = adopting.midnight(session, since.date())
        start = adopting.imagine if dry_run else adopting.begin
        adoption = start(session, since=begins, rules=document, by=person)
        entity = receiving_entity(session)
        reader = Reader(adoption, adopting.rules_of(session, document), locale=entity.locale)
        zone = ZoneInfo(entity.time_zone)
    if dry_run:
        _tell(_looked_at(stripe, adoption, reader, zone), as_json=as_json)
        return
    with _progress(quiet=as_json) as bars:
        _read_history(stripe, adoption, reader, zone, bars)
        _apply()
        _ask_about_earlier_charges(stripe)
        _follow_payouts(stripe)
        _apply()
    is_whole = _open_balance(stripe, adoption, person)
    told = _result(adoption, is_whole=is_whole)
    _tell(told, as_json=as_json)
    raise typer.Exit(0 if is_whole and told["agrees"] else 1)


def _document(file: Path, default_fund: str | None) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as mistake:
        raise RulesWrong(f"{file.name}: {mistake}") from mistake
    return document | ({"default_fund": default_fund} if default_fund is not None else {})


def _read_history(
    stripe: StripeGateway, adoption: Adoption, reader: Reader, zone: ZoneInfo, bars: Progress
) -> None:
    for name in reading.LISTS:
        bar = bars.add_task(name.replace("_", " "), total=1.0, done=0)
        for page, done in _pages(stripe, adoption, name):
            _take(stripe, adoption, reader, name=name, page=page, zone=zone)
            bars.update(bar, completed=_how_far(adoption, page), done=done + len(page))
        with transaction() as session:
            adopting.note_read(session, adoption, name)
        bars.update(bar, completed=1.0)
        # Whose gift a charge is must be known before the next list is read.
        _apply()


def _pages(stripe: StripeGateway, adoption: Adoption, name: str) -> Iterator[tuple[list[Fetched], int]]:
    """The pages that are not stored yet, each with how much was read before it; Stripe is given time when it
    asks for it."""
    tries = 0
    while True:
        with transaction() as session:
            place = adopting.place_in(session, adoption, name)
            asked, done, is_read = reading.parameters(name, adoption), place.read, place.is_read
            if place.last_id is not None:
                asked["starting_after"] = place.last_id
        if is_read:
            return
        try:
            for page in stripe.pages_of(name, asked):
                yield page, done
                done += len(page)
                tries = 0
        except StripeUnavailable:
            tries += 1
            if tries >= _TRIES:
                raise
            time.sleep(2**tries / 2)
        else:
            return


def _take(
    stripe: StripeGateway,
    adoption: Adoption,
    reader: Reader,
    *,
    name: str,
    page: list[Fetched],
    zone: ZoneInfo,
) -> None:
    with transaction() as session:
        instalments = reading.instalments_on(session, page)
        before = reading.booked_before(session, page) if name == "charges" else set()
    whole = _with_their_invoices(stripe, page) if name == "balance_transactions" else page
    read = reader.read(name, whole, instalments=instalments, booked_before=before)
    with transaction() as session:
        reading.store(session, adoption, name, page, read, time_zone=zone)


def _with_their_invoices(stripe: StripeGateway, page: Sequence[Fetched]) -> list[Fetched]:
    """A page of movements, with what Stripe says of payments of monthly givers that nobody has told yet."""
    with transaction() as session:
        payers = reading.payers_on(session, page)
        theirs = [each for each in page if _customer(each) in payers]
        unknown = sweep.payments_without_gift(session, theirs)
    told = {payment: stripe.billing.payments_of_intent(payment) for payment in unknown}
    return sweep.with_their_invoices(page, told)


def _customer(movement: Fetched) -> str | None:
    source = movement.get("source")
    return source.get("customer") if isinstance(source, Mapping) else None


def _apply() -> None:
    """Apply what is in the inbox until nothing is left, or what is left waits for what has not come: lists go
    back from the newest, so a refund is heard of before its charge."""
    waited = -1
    while True:
        with transaction() as session:
            applied = process.apply_due(session)
        if applied.claimed == process.BATCH:
            continue
        with transaction() as session:
            waiting = adopting.wake(session)
        if waiting in {0, waited}:
            return
        waited = waiting


def _ask_about_earlier_charges(stripe: StripeGateway) -> None:
    """Charges from before the book begins, of which something goes back within it."""
    with transaction() as session:
        charges = adopting.charges_not_known(session)
    for charge in charges:
        for page in stripe.pages_of("balance_transactions", {"source": charge, "expand": ["data.source"]}):
            with transaction() as session:
                sweep.store_page(session, [inbox.of_balance_transaction(each) for each in page])
    _apply()


def _follow_payouts(stripe: StripeGateway) -> None:
    """What each payout carries, as the workers ask it."""
    while True:
        with transaction() as session:
            due = payouts.take_due(session)
        if not due:
            return
        for each in due:
            for page in fetch_payouts.answers(
                stripe, each, completed=lambda page: _with_their_invoices(stripe, page)
            ):
                with transaction() as session:
                    sweep.store_page(session, page)
        _apply()


def _open_balance(stripe: StripeGateway, adoption: Adoption, person: StaffMember) -> bool:
    """Book what stood in the balance before, once everything else is there; whether that could be done."""
    while True:
        said = stripe.balance()
        for page in stripe.pages_of(
            "balance_transactions",
            {"created": {"gte": int(adoption.until.timestamp())}, "expand": ["data.source"]},
        ):
            whole = _with_their_invoices(stripe, page)
            with transaction() as session:
                sweep.store_page(session, [inbox.of_balance_transaction(each) for each in whole])
        _apply()
        if stripe.balance() == said:
            break
    with transaction() as session:
        if adopting.not_applied(session):
            return False
        found = adopting.openings(session, adoption, said)
        sweep.store_page(session, [inbox.of_balance_transaction(each) for each in found])
    _apply()
    with transaction() as session:
        adopting.finish(session, adoption, by=person)
    return True


def _how_far(adoption: Adoption, page: Sequence[Fetched]) -> float:
    """By time: lists go back from the newest."""
    reached = from_stripe(page[-1]["created"])
    return min(1.0, max(0.0, (adoption.until - reached) / (adoption.until - adoption.since)))


def _progress(*, quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TextColumn("{task.fields[done]:>9,}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


def _looked_at(stripe: StripeGateway, adoption: Adoption, reader: Reader, zone: ZoneInfo) -> dict[str, Any]:
    """What an adoption would find. Nothing is written."""
    counts: Counter[str] = Counter()
    instalments: set[str] = set()
    left: list[Any] = []
    totals: dict[str, Any] = {}
    plans: set[str] = set()
    for name in reading.LISTS:
        for page in stripe.pages_of(name, reading.parameters(name, adoption)):
            read = reader.read(name, page, instalments=instalments, booked_before=set())
            left += read.left_overs
            if name == "subscriptions":
                plans |= {str(each.object_id) for each in read.deliveries}
            elif name == "invoices":
                instalments |= _paid_by(page, plans)
            elif name == "balance_transactions":
                totals = reading.added_up(totals, page, zone)
            counts[name] += len(page) if name in {"balance_transactions", "payouts"} else len(read.deliveries)
    return {
        "since": adoption.since,
        "until": adoption.until,
        "monthly_gifts": counts["subscriptions"],
        "single_gifts": counts["charges"],
        "movements": counts["balance_transactions"],
        "payouts": counts["payouts"],
        "left_overs": _grouped(left),
        "months": [
            {"month": month, "currency": currency, "category": category, "at_stripe": sums}
            for (month, currency, category), sums in (
                (key.split(" "), sums) for key, sums in sorted(totals.items())
            )
        ],
    }


def _paid_by(invoices: Sequence[Fetched], plans: set[str]) -> set[str]:
    """The payments of these plans' invoices."""
    found: set[str] = set()
    for invoice in invoices:
        about = ((invoice.get("parent") or {}).get("subscription_details") or {}).get("subscription")
        if about in plans:
            payments = (invoice.get("payments") or {}).get("data", ())
            found |= {str(each["payment"].get("payment_intent")) for each in payments}
    return found


def _result(adoption: Adoption, *, is_whole: bool) -> dict[str, Any]:
    with transaction() as session:
        months = adopting.months(session, adoption)
        left = session.scalars(
            select(AdoptionLeftOver).where(AdoptionLeftOver.adoption_id == adoption.id)
        ).all()
        waiting = adopting.not_applied(session)
        counts = adopting.counted(session)
    return {
        "since": adoption.since,
        "until": adoption.until,
        "is_whole": is_whole,
        "agrees": all(month.agrees for month in months),
        **counts,
        "not_in_the_book": [{"id": one, "why": why} for one, why in waiting],
        "left_overs": _grouped(left),
        "months": [
            {
                "month": each.month,
                "currency": each.currency,
                "category": each.category,
                "at_stripe": list(each.at_stripe),
                "in_the_book": list(each.in_the_book),
            }
            for each in months
        ],
    }


def _grouped(left: Sequence[Any]) -> list[dict[str, Any]]:
    """Left-overs that are alike, together."""
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for each in left:
        groups.setdefault((each.kind, each.says, each.currency), []).append(each)
    return [
        {
            "kind": kind,
            "says": says,
            "count": len(alike),
            "total": Money(sum(each.amount for each in alike), currency),
            "ids": sorted(each.stripe_id for each in alike),
        }
        for (kind, says, currency), alike in sorted(groups.items())
    ]


def _tell(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    names = ("monthly_gifts", "single_gifts", "instalments", "donors", "movements", "payouts")
    print_facts(
        f"Adopted from {told['since']:%Y-%m-%d}" if "is_whole" in told else "What an adoption would find",
        [(name.replace("_", " "), f"{told[name]:,}") for name in names if name in told],
    )
    _print_months(told["months"])
    if told["left_overs"]:
        print_table(
            "Not taken over as gifts: their money is other receipts until a rule says otherwise",
            ["why", ">how many", ">together", "what", "such as"],
            [
                (
                    each["kind"].replace("_", " "),
                    each["count"],
                    each["total"].format("en"),
                    each["says"],
                    each["ids"][0],
                )
                for each in told["left_overs"]
            ],
        )
    for each in told.get("not_in_the_book", ()):
        console.print(f"  not in the book: {each['id']}: {each['why']}", markup=False)
    if told.get("is_whole") is False:
        console.print(
            "Some of it could not be booked: `almoner events list --parked` shows it. Then run this again."
        )
    elif "is_whole" in told:
        console.print("Everything is in the book. `almoner ledger verify` proves it.")


def _print_months(months: Sequence[dict[str, Any]]) -> None:
    rows = []
    for each in months:
        count, amount, fee, net = each["at_stripe"]
        cells = [Money(part, each["currency"]).format("en") for part in (amount, fee, net)]
        book = each.get("in_the_book")
        proof = "" if book is None else "yes" if book == [count, amount, fee, net] else "NO"
        rows.append((each["month"], each["category"].replace("_", " "), f"{count:,}", *cells, proof))
    print_table(
        "By month", ["month", "category", ">how many", ">amount", ">fee", ">net", "in the book"], rows
    )

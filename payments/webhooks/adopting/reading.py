"""An account's history, page by page into the inbox: what each list is asked, and what becomes of a page.

Nothing here asks Stripe or commits. A page, its place in the list and its sums are written in one
transaction, so a crash costs a page that is asked for again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import from_stripe
from payments.donations.models import Charge
from payments.jobs import Bell, ring
from payments.ledger.models import BalanceTransaction
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from payments.stripe_gateway.adopted_shapes import Giver
from payments.stripe_gateway.shapes import DONATION
from payments.webhooks import inbox, loading, promises
from payments.webhooks.adopting.models import Adoption, AdoptionLeftOver, AdoptionList
from payments.webhooks.adopting.rules import Rules, Subject
from payments.webhooks.inbox import Delivery

Fetched = Mapping[str, Any]

LISTS = ("subscriptions", "invoices", "charges", "balance_transactions", "payouts")
"""In the order in which they are read: whose gift a charge is must be known before its money is booked."""
_COLLECTED_WITHIN = timedelta(days=60)
"""How long an invoice may be open before it is paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """Something that is not taken over as a gift, and why."""

    stripe_id: str
    kind: str
    says: str
    amount: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a page comes to."""

    deliveries: Sequence[Delivery] = ()
    left_overs: Sequence[LeftOver] = ()


def parameters(name: str, adoption: Adoption) -> dict[str, Any]:
    """What Stripe is asked for a list."""
    since, until = int(adoption.since.timestamp()), int(adoption.until.timestamp())
    created = {"gte": since, "lt": until}
    match name:
        case "subscriptions":
            return {"status": "all", "created": {"lt": until}, "expand": ["data.customer"]}
        case "invoices":
            early = since - int(_COLLECTED_WITHIN.total_seconds())
            return {"created": {"gte": early, "lt": until}, "expand": ["data.payments"]}
        case "charges":
            return {"created": created, "expand": ["data.customer"]}
        case "balance_transactions":
            return {"created": created, "expand": ["data.source"]}
        case _:
            # Those that were still on their way to the bank when the book begins, too.
            return {"arrival_date": {"gte": since}, "created": {"lt": until}}


class Reader:
    """Decides what each thing on a page is."""

    def __init__(self, adoption: Adoption, rules: Rules, *, locale: str) -> None:
        self._adoption, self._rules, self._locale = adoption, rules, locale

    def read(
        self, name: str, page: Sequence[Fetched], *, instalments: set[str], booked_before: set[str]
    ) -> Read:
        """A page of a list. `instalments` are the payments on it that are known to pay a monthly gift, and
        `booked_before` the charges that the book has as other receipts already."""
        match name:
            case "subscriptions":
                return _together(self._plan(each) for each in page)
            case "invoices":
                return Read(deliveries=[self._invoice(each) for each in page if self._is_due_here(each)])
            case "charges":
                return _together(
                    self._charge(each, is_booked=each["id"] in booked_before)
                    for each in page
                    if each["status"] != "failed" and each.get("payment_intent") not in instalments
                )
            case "balance_transactions":
                return Read(deliveries=[inbox.of_balance_transaction(each) for each in page])
            case _:
                return Read(deliveries=[inbox.of_payout(each) for each in page])

    def _plan(self, subscription: Fetched) -> Read:
        if promises.is_ours(subscription["metadata"].get("monthly_gift")):
            return Read()
        items = subscription["items"]["data"]
        subject = Subject(
            description=subscription.get("description") or "",
            metadata=subscription["metadata"],
            products=[str(_id(item["price"]["product"])) for item in items],
        )
        amount = sum((item["price"]["unit_amount"] or 0) * item.get("quantity", 1) for item in items)
        decided = self._rules.decide(subject)
        giver = self._giver(subscription["customer"], None)
        why = decided.left_over
        if decided.is_gift and (amount <= 0 or any(not _is_monthly(item) for item in items)):
            why = "not_monthly"
        elif decided.is_gift and giver is None:
            why = "no_address"
        if why is not None:
            return Read(
                left_overs=[
                    LeftOver(
                        stripe_id=subscription["id"],
                        kind=why,
                        says=f"{subject.sentence}, {subscription['status']}",
                        amount=amount,
                        currency=subscription["currency"],
                        at=from_stripe(subscription["created"]),
                    )
                ]
            )
        if not decided.is_gift or giver is None:
            return Read()
        taken = {
            "object": "adopted_plan",
            "subscription": {**subscription, "customer": _id(subscription["customer"])},
            "giver": giver.model_dump(),
            "fund_id": decided.fund_id,
            "begun": subscription["start_date"],
            "amount": amount,
            "currency": subscription["currency"],
            "receipts_from": int(self._adoption.until.timestamp()),
        }
        return Read(deliveries=[inbox.of_adopted(taken, subscription)])

    def _charge(self, charge: Fetched, *, is_booked: bool) -> Read:
        ours = charge["metadata"].get(DONATION)
        if ours is not None and loading.is_ours(ours):
            return Read()
        subject = Subject(description=charge.get("description") or "", metadata=charge["metadata"])
        decided = self._rules.decide(subject)
        giver = self._giver(charge.get("customer"), charge)
        why = decided.left_over
        if decided.is_gift and (is_booked or giver is None):
            why = "booked_before" if is_booked else "no_address"
        if why is not None:
            return Read(
                left_overs=[
                    LeftOver(
                        stripe_id=charge["id"],
                        kind=why,
                        says=subject.sentence,
                        amount=charge["amount"],
                        currency=charge["currency"],
                        at=from_stripe(charge["created"]),
                    )
                ]
            )
        if not decided.is_gift or giver is None:
            return Read()
        taken = {
            "object": "adopted_gift",
            "charge": {**charge, "customer": _id(charge.get("customer"))},
            "giver": giver.model_dump(),
            "fund_id": decided.fund_id,
        }
        return Read(deliveries=[inbox.of_adopted(taken, charge)])

    def _invoice(self, invoice: Fetched) -> Delivery:
        return inbox.of_snapshot("invoice", invoice, asked_at=self._adoption.until)

    def _is_due_here(self, invoice: Fetched) -> bool:
        """Not what was paid before the book begins: its money is in the opening balance."""
        paid_at = invoice["status_transitions"]["paid_at"]
        return paid_at is None or paid_at >= self._adoption.since.timestamp()

    def _giver(self, customer: Any, charge: Fetched | None) -> Giver | None:
        known: Fetched = customer if isinstance(customer, Mapping) else {}
        billing: Fetched = (charge or {}).get("billing_details") or {}
        said = known.get("email") or billing.get("email") or (charge or {}).get("receipt_email")
        email = _address(said)
        if email is None:
            return None
        locales = known.get("preferred_locales") or [self._locale]
        return Giver(
            email=email,
            name=" ".join(str(known.get("name") or billing.get("name") or email).split()),
            locale="ko" if str(locales[0]).startswith("ko") else "en",
        )


def instalments_on(session: Session, page: Iterable[Fetched]) -> set[str]:
    """The payments of these charges that are known to pay a monthly gift."""
    payments = [str(each["payment_intent"]) for each in page if each.get("payment_intent")]
    found = session.scalars(
        select(MonthlyInvoice.stripe_payment_intent_id).where(
            MonthlyInvoice.stripe_payment_intent_id.in_(payments), MonthlyInvoice.monthly_gift_id.is_not(None)
        )
    )
    return {payment for payment in found if payment is not None}


def payers_on(session: Session, page: Iterable[Fetched]) -> set[str]:
    """The customers of charges on a page of movements who give monthly: only of theirs may a payment be an
    instalment of which nobody has told yet."""
    customers = [
        str(each["source"]["customer"])
        for each in page
        if isinstance(each.get("source"), Mapping) and each["source"].get("customer")
    ]
    return {
        customer
        for customer in session.scalars(
            select(MonthlyGift.stripe_customer_id).where(MonthlyGift.stripe_customer_id.in_(customers))
        )
        if customer is not None
    }


def booked_before(session: Session, page: Iterable[Fetched]) -> set[str]:
    """Charges that the book has already as other receipts: they stay so, and are listed."""
    charges = [str(each["id"]) for each in page]
    return set(
        session.scalars(
            select(Charge.stripe_charge_id)
            .join(BalanceTransaction, BalanceTransaction.source_id == Charge.stripe_charge_id)
            .where(Charge.stripe_charge_id.in_(charges), Charge.donation_id.is_(None))
        )
    )


def store(
    session: Session, adoption: Adoption, name: str, page: Sequence[Fetched], read: Read, *, time_zone: Any
) -> None:
    """Put a page into the inbox, and note how far its list was read."""
    inbox.store(session, list(read.deliveries))
    if read.left_overs:
        session.execute(
            insert(AdoptionLeftOver).on_conflict_do_nothing(),
            [
                {"adoption_id": adoption.id, **{n: getattr(each, n) for n in LeftOver.__slots__}}
                for each in read.left_overs
            ],
        )
    row = session.get_one(AdoptionList, (adoption.id, name), with_for_update=True)
    row.last_id = str(page[-1]["id"])
    row.read += len(page)
    if name == "balance_transactions":
        row.totals = added_up(row.totals, page, time_zone)
    if read.deliveries:
        ring(session, Bell.APPLY_EVENTS)


def added_up(totals: Mapping[str, Any], page: Iterable[Fetched], time_zone: Any) -> dict[str, Any]:
    """The sums of movements by month, currency and category, with a page more."""
    grown = {key: list(sums) for key, sums in totals.items()}
    for each in page:
        month = f"{from_stripe(each['created']).astimezone(time_zone):%Y-%m}"
        sums = grown.setdefault(f"{month} {each['currency']} {each['reporting_category']}", [0, 0, 0, 0])
        for place, amount in enumerate((1, each["amount"], each["fee"], each["net"])):
            sums[place] += amount
    return grown


def _together(parts: Iterable[Read]) -> Read:
    deliveries: list[Delivery] = []
    left_overs: list[LeftOver] = []
    for part in parts:
        deliveries += part.deliveries
        left_overs += part.left_overs
    return Read(deliveries=deliveries, left_overs=left_overs)


def _id(found: Any) -> str | None:
    """The id of something that came expanded or not."""
    return str(found["id"]) if isinstance(found, Mapping) else found


def _is_monthly(item: Fetched) -> bool:
    every = item["price"]["recurring"] or {}
    return (every.get("interval"), every.get("interval_count")) == ("month", 1)


def _address(said: Any) -> str | None:
    try:
        checked = validate_email(str(said or ""), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return checked.ascii_email

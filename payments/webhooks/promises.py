"""The part of the desk that is about monthly gifts: promises, their invoices, and the cards behind them.

A charge of an instalment names neither its gift nor its invoice. Only `invoice_payment` ties an invoice to
a payment, and any of the three may be heard of first by another worker in the same moment; so whoever has
one of them in hand holds its payment for the length of the transaction.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from payments.database import among_named, text_with
from payments.donations.models import Donation, DonationStatus
from payments.errors import PersonMustLook
from payments.jobs import Bell, ring
from payments.monthly import dunning, letters
from payments.monthly.agreed import Agreed, agreed
from payments.monthly.following import Instalments, standing
from payments.monthly.models import CardOnFile, MonthlyGift, MonthlyInvoice
from payments.stripe_gateway import adopted_shapes, billing_shapes, shapes
from payments.stripe_gateway.shape import Shape

_OURS = re.compile(r"mon_[0-9a-f]{32}")


def is_ours(monthly_gift_id: str | None) -> bool:
    """Whether an id could be one of our promises: other programs have metadata of their own."""
    return monthly_gift_id is not None and _OURS.fullmatch(monthly_gift_id) is not None


class MonthlyGiftUnknown(PersonMustLook):
    """Stripe speaks of a promise of ours that we do not have: a restored backup, or a copy of the house."""

    def __init__(self, monthly_gift_id: str) -> None:
        super().__init__(f"monthly gift {monthly_gift_id} is named by Stripe but is not in the database")


@dataclass(slots=True)
class Named:
    """What the objects of a batch name of monthly gifts."""

    gifts: set[str] = field(default_factory=set)
    invoices: set[str] = field(default_factory=set)
    payments: set[str] = field(default_factory=set)
    subscriptions: set[str] = field(default_factory=set)
    payers: set[str] = field(default_factory=set)
    """Customers whose promises are wanted where nothing else names them."""
    customers: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return any((self.gifts, self.invoices, self.payments, self.subscriptions, self.payers))

    def note(self, found: Shape) -> None:
        """Take down what an object names."""
        match found:
            case shapes.CheckoutSession():
                self._gift(found.monthly_gift_id, None)
                _add(self.customers, found.customer)
            case adopted_shapes.AdoptedPlan():
                self.gifts.add(found.monthly_gift_id)
                self.subscriptions.add(found.subscription.id)
                self.customers.add(found.subscription.customer)
            case billing_shapes.Subscription():
                self._gift(found.monthly_gift_id, found.id)
                self.customers.add(found.customer)
            case billing_shapes.Invoice():
                self.invoices.add(found.id)
                self._gift(found.monthly_gift_id, found.stripe_subscription_id)
                for payment in found.payments.data if found.payments is not None else ():
                    self.note(payment)
            case billing_shapes.InvoicePayment():
                self.invoices.add(found.stripe_invoice_id)
                _add(self.payments, found.payment.payment_intent)
                if isinstance(found.invoice, billing_shapes.Invoice):
                    self.note(found.invoice)
            case billing_shapes.Customer() if found.new_default is not None:
                self.payers.add(found.id)
            case billing_shapes.PaymentMethod():
                _add(self.customers, found.customer)
                _add(self.payers, found.customer)
            case shapes.Charge():
                self._charge(found)
            case shapes.BalanceTransaction() if found.charge is not None:
                _add(self.payers, _payer(found.charge))
                self._charge(found.charge)
            case _:
                pass

    def _gift(self, monthly_gift_id: str | None, stripe_subscription_id: str | None) -> None:
        if monthly_gift_id is not None and is_ours(monthly_gift_id):
            self.gifts.add(monthly_gift_id)
        elif stripe_subscription_id is not None:
            self.subscriptions.add(stripe_subscription_id)

    def _charge(self, charge: shapes.Charge) -> None:
        if _payer(charge) is not None:
            _add(self.payments, charge.payment_intent)
        for payment in charge.invoice_payments.data if charge.invoice_payments is not None else ():
            self.note(payment)


def _payer(charge: shapes.Charge) -> str | None:
    """The customer of a charge that may be an instalment: one with our metadata is a gift given once."""
    return charge.customer if charge.donation_id is None else None


def _add(ids: set[str], found: str | None) -> None:
    if found is not None:
        ids.add(found)


class Promises:
    """What is loaded of monthly gifts for one batch. Promises and invoices are locked, in this order and
    before any donation."""

    def __init__(self, session: Session, named: Named) -> None:
        self._session = session
        self._gifts: dict[str, MonthlyGift] = {}
        self._invoices: dict[str, MonthlyInvoice] = {}
        self._cards: dict[str, CardOnFile] = {}
        self._touched: dict[str, MonthlyGift] = {}
        self._refused: list[tuple[MonthlyInvoice, datetime]] = []
        self._paid: dict[str, tuple[MonthlyGift, MonthlyInvoice]] = {}
        self._methods: list[tuple[MonthlyGift, str, datetime]] = []
        self._ended: list[MonthlyGift] = []
        self._agreed: dict[str, Sequence[Agreed]] = {}
        if named:
            self._load(named)
        self._by_payment: dict[str, list[MonthlyInvoice]] = defaultdict(list)
        for row in self._invoices.values():
            if row.stripe_payment_intent_id is not None:
                self._by_payment[row.stripe_payment_intent_id].append(row)
        self._by_subscription = {
            gift.stripe_subscription_id: gift for gift in self._gifts.values() if gift.stripe_subscription_id
        }

    def _load(self, named: Named) -> None:
        hold_payments(self._session, named.payments)
        which = {"ids": named.invoices, "payments": named.payments}
        about = {
            monthly_gift_id
            for monthly_gift_id in self._session.scalars(_GIFTS_OF_INVOICES, which)
            if monthly_gift_id is not None
        }
        self._load_gifts(named.gifts | about, named.subscriptions, named.payers)
        self._invoices = {row.stripe_invoice_id: row for row in self._session.scalars(_INVOICES, which)}
        late = {row.monthly_gift_id for row in self._invoices.values() if row.monthly_gift_id}
        if late := late - self._gifts.keys():
            # Named by another worker between the two looks.
            self._load_gifts(late)
        self._load_cards(named)

    def _load_gifts(
        self, ids: Iterable[str], subscriptions: Iterable[str] = (), payers: Iterable[str] = ()
    ) -> None:
        found = self._session.scalars(_GIFTS, {"ids": ids, "subscriptions": subscriptions, "payers": payers})
        self._gifts |= {gift.id: gift for gift in found}

    def _load_cards(self, named: Named) -> None:
        if not named.customers:
            return
        self._cards = {
            card.stripe_customer_id: card
            for card in self._session.scalars(_CARDS, {"customers": named.customers})
        }

    @property
    def ids(self) -> Iterable[str]:
        """The promises at hand."""
        return self._gifts.keys()

    @property
    def donation_ids(self) -> set[str]:
        """The gifts that their invoices became."""
        return {row.donation_id for row in self._invoices.values() if row.donation_id is not None}

    @property
    def payments(self) -> set[str]:
        """The payments of the invoices at hand."""
        return set(self._by_payment)

    def gift(
        self, monthly_gift_id: str | None, *, stripe_subscription_id: str | None = None
    ) -> MonthlyGift | None:
        """The promise an object belongs to; None when it is none of ours."""
        if monthly_gift_id is None or not is_ours(monthly_gift_id):
            return self._by_subscription.get(stripe_subscription_id or "")
        found = self._gifts.get(monthly_gift_id)
        if found is None:
            raise MonthlyGiftUnknown(monthly_gift_id)
        return found

    def of_customer(self, stripe_customer_id: str | None) -> list[MonthlyGift]:
        """The promises that one of Stripe's customers pays."""
        if stripe_customer_id is None:
            return []
        return [gift for gift in self._gifts.values() if gift.stripe_customer_id == stripe_customer_id]

    def invoice(self, stripe_invoice_id: str) -> MonthlyInvoice | None:
        """An invoice we have heard of."""
        return self._invoices.get(stripe_invoice_id)

    def invoice_or_stub(self, stripe_invoice_id: str) -> MonthlyInvoice:
        """An invoice, or the place where its facts will stand."""
        found = self._invoices.get(stripe_invoice_id)
        if found is None:
            found = MonthlyInvoice(
                stripe_invoice_id=stripe_invoice_id, status="stub", attempts=0, refused_attempts=0
            )
            self._session.add(found)
            self._invoices[stripe_invoice_id] = found
        return found

    def tie(self, row: MonthlyInvoice, stripe_payment_intent_id: str) -> None:
        """From now on it is known what the invoice is paid with."""
        if row.stripe_payment_intent_id != stripe_payment_intent_id:
            row.stripe_payment_intent_id = stripe_payment_intent_id
            self._by_payment[stripe_payment_intent_id].append(row)

    def paid_with(self, stripe_payment_intent_id: str | None) -> MonthlyInvoice | None:
        """The invoice behind a payment; a stub that may be anybody's only where there is no other."""
        rows = self._by_payment.get(stripe_payment_intent_id or "", ())
        return max(
            rows, key=lambda row: (row.monthly_gift_id is not None, row.stripe_invoice_id), default=None
        )

    def card(self, stripe_customer_id: str | None) -> CardOnFile | None:
        """What is known of a customer's card."""
        return self._cards.get(stripe_customer_id or "")

    def card_or_new(self, stripe_customer_id: str) -> CardOnFile:
        """The row of a customer's card."""
        found = self._cards.get(stripe_customer_id)
        if found is None:
            found = CardOnFile(stripe_customer_id=stripe_customer_id)
            self._session.add(found)
            self._cards[stripe_customer_id] = found
        return found

    def add(self, gift: MonthlyGift) -> None:
        """Remember a promise that was begun elsewhere."""
        self._session.add(gift)
        self._gifts[gift.id] = gift
        self._agreed[gift.id] = [Agreed.of(terms) for terms in gift.terms]
        if gift.stripe_subscription_id is not None:
            self._by_subscription[gift.stripe_subscription_id] = gift

    def agreed(self, gift: MonthlyGift) -> Sequence[Agreed]:
        """All that was ever agreed for a promise; asked for all of them when it is first wanted."""
        if gift.id not in self._agreed:
            self._agreed |= agreed(self._session, self._gifts.keys() - self._agreed.keys())
        return self._agreed[gift.id]

    def touch(self, gift: MonthlyGift) -> None:
        """Something of it has changed; where it stands is asked once, when all of the batch is noted."""
        self._touched[gift.id] = gift

    def note_refused(self, row: MonthlyInvoice, *, said_at: datetime) -> None:
        """A bank said no to an instalment; what is done is decided when all of the batch is noted."""
        self._refused.append((row, said_at))

    def note_paid(self, gift: MonthlyGift, row: MonthlyInvoice) -> None:
        """An instalment was paid; nothing more is to be done about it."""
        self._paid[row.stripe_invoice_id] = (gift, row)

    def note_method(self, gift: MonthlyGift, stripe_payment_method_id: str, *, said_at: datetime) -> None:
        """The donor gave another card or account."""
        self._methods.append((gift, stripe_payment_method_id, said_at))

    def note_ended(self, gift: MonthlyGift) -> None:
        """It was ended at Stripe and not by us; the donor is to hear of it."""
        self._ended.append(gift)

    def meet(self, gift: MonthlyGift) -> None:
        """Its subscription is there. Where the gift has ended meanwhile, that end can be sent now."""
        if gift.ended_at is not None and gift.stripe_subscription_id is None:
            ring(self._session, Bell.SUBMIT_MONTHLY_CHANGES)

    def conclude(self, first_instalment: Callable[[MonthlyGift], Donation | None]) -> None:
        """See to what was refused and paid, and say where each promise stands that was touched."""
        for row, said_at in self._refused:
            gift = self.gift(row.monthly_gift_id)
            if gift is not None:
                dunning.instalment_refused(self._session, gift, row, refused_at=said_at)
        dunning.instalments_paid(self._session, list(self._paid.values()))
        for gift, method, said_at in self._methods:
            dunning.method_given(self._session, gift, stripe_payment_method_id=method, given_at=said_at)
        for gift in self._ended:
            letters.ended(self._session, gift)
        if not self._touched:
            return
        found = instalments_of(self._session, list(self._touched))
        for gift in self._touched.values():
            first = first_instalment(gift)
            gift.status = standing(
                gift,
                found.get(gift.id, Instalments()),
                first=DonationStatus(first.status) if first is not None else None,
            )
        self._session.flush()


_ABOUT_INVOICES = or_(
    among_named(MonthlyInvoice.stripe_invoice_id, "ids"),
    among_named(MonthlyInvoice.stripe_payment_intent_id, "payments"),
)
_GIFTS_OF_INVOICES = select(MonthlyInvoice.monthly_gift_id).where(_ABOUT_INVOICES)
_INVOICES = (
    select(MonthlyInvoice)
    .where(_ABOUT_INVOICES)
    .order_by(MonthlyInvoice.stripe_invoice_id)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_GIFTS = (
    select(MonthlyGift)
    .where(
        or_(
            among_named(MonthlyGift.id, "ids"),
            among_named(MonthlyGift.stripe_subscription_id, "subscriptions"),
            among_named(MonthlyGift.stripe_customer_id, "payers"),
        )
    )
    .order_by(MonthlyGift.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_CARDS = (
    select(CardOnFile)
    .where(among_named(CardOnFile.stripe_customer_id, "customers"))
    .order_by(CardOnFile.stripe_customer_id)
    .with_for_update()
    .execution_options(populate_existing=True)
)


def hold_payments(session: Session, payments: Iterable[str]) -> None:
    """Hold each payment for the length of the transaction, in one order for everybody."""
    keys = sorted(payments)
    if keys:
        session.execute(_HOLD, {"keys": keys})


_HOLD = text(
    "select pg_advisory_xact_lock(hashtextextended(held.key, 25519)) "
    "from (select key from unnest(cast(:keys as text[])) as named (key) order by key) as held"
)


def instalments_of(session: Session, monthly_gift_ids: Sequence[str]) -> dict[str, Instalments]:
    """What the invoices of these promises come to. What is void or over nothing asks nobody for money."""
    return {
        monthly_gift_id: Instalments(
            has_paid=has_paid,
            is_newest_paid=newest_status == "paid",
            is_newest_refused=newest_status != "paid" and newest_refused > 0,
        )
        for monthly_gift_id, has_paid, newest_status, newest_refused in session.execute(
            _INSTALMENTS, {"gifts": monthly_gift_ids}
        )
    }


_INSTALMENTS = text_with(
    """
    select monthly_gift_id, bool_or(status = 'paid'),
        (array_agg(status order by made_at desc, stripe_invoice_id desc))[1],
        (array_agg(refused_attempts order by made_at desc, stripe_invoice_id desc))[1]
    from monthly_invoices
    where monthly_gift_id = any (:gifts) and status in ('open', 'uncollectible', 'paid') and amount_due > 0
    group by monthly_gift_id
""",
    "gifts",
)

"""What a batch of events has on its desk: every row it may need, loaded and locked in a few queries.

A handler asks the desk instead of the database, so a hundred events cost a few statements instead
of several hundred. Donations are locked in the order of their ids, so two batches never wait for
each other in a circle; whatever belongs to a donation is only touched under its lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import from_stripe
from payments.database import text_with
from payments.donations import settlement
from payments.donations.models import Charge, Donation, Fund, IssuingEntity
from payments.donations.organisation import OrganisationNotLoaded
from payments.donations.reversals import Dispute, FraudWarning, Refund
from payments.donations.turns import Booked
from payments.errors import PersonMustLook, TryLater
from payments.jobs import Bell, ring
from payments.ledger import posting
from payments.ledger.models import BalanceTransaction, MovementBeforeBooks
from payments.ledger.rules import Books, Entry
from payments.monthly import instalments
from payments.monthly.models import MonthlyGift
from payments.reconciliation import payouts
from payments.stripe_gateway import shapes
from payments.stripe_gateway.shape import Shape
from payments.supporters import donors
from payments.webhooks import loading
from payments.webhooks.adopting.models import Adoption


class DonationUnknown(PersonMustLook):
    """Stripe speaks of a gift of ours that we do not have: a restored backup, or a copy of the house."""

    def __init__(self, donation_id: str) -> None:
        super().__init__(f"donation {donation_id} is named by Stripe but is not in the database")


class ChargeNotYetKnown(TryLater):
    """A refund or dispute came before its charge; the charge is on its way."""

    def __init__(self, stripe_charge_id: str | None) -> None:
        super().__init__(f"charge {stripe_charge_id} is not known yet")


_EVERY_FUND, _EVERY_ENTITY = select(Fund), select(IssuingEntity)
_BOOKS_BEGIN = select(func.min(Adoption.since))
_OWE_RECEIPTS = text_with(
    "insert into due_receipts (donation_id) select unnest(:donations) on conflict do nothing", "donations"
)


class Batch:
    """The desk: look up, note, and `conclude` everything at once."""

    said_at: datetime
    """When Stripe said what is being applied just now; for what we fetched, when we were told."""

    def __init__(self, session: Session, objects: Sequence[Shape]) -> None:
        self._session = session
        self._entries: list[Entry] = []
        self._due_receipts: list[str] = []
        self._new_donations: list[Donation] = []
        self._linked: list[str] = []
        self._named_balance_transactions: set[str] = set()
        self._payouts: list[tuple[shapes.Payout, datetime]] = []
        self._payout_lists: list[tuple[shapes.PayoutList, datetime]] = []
        self._rows = loading.load(session, objects)
        self.promises = self._rows.promises
        self._by_source: dict[str | None, list[BalanceTransaction]] = defaultdict(list)
        for row in self._rows.booked.values():
            self._by_source[row.source_id].append(row)

    def donation(self, donation_id: str | None) -> Donation | None:
        """The gift an object belongs to; None when it is no gift of ours."""
        if donation_id is None or not loading.is_ours(donation_id):
            return None
        found = self._rows.donations.get(donation_id)
        if found is None:
            raise DonationUnknown(donation_id)
        return found

    def donation_paid_by(self, charge: shapes.Charge) -> Donation | None:
        """The gift a charge pays: by our metadata, or by its payment where somebody removed that."""
        if charge.donation_id is not None and loading.is_ours(charge.donation_id):
            return self.donation(charge.donation_id)
        return self._by_payment.get(charge.payment_intent or "")

    @cached_property
    def _by_payment(self) -> dict[str, Donation]:
        return {
            donation.stripe_payment_intent_id: donation
            for donation in self._rows.donations.values()
            if donation.stripe_payment_intent_id is not None
        }

    def pay_with(self, donation: Donation, stripe_payment_intent_id: str) -> None:
        """From now on it is known which payment an instalment is paid with."""
        donation.stripe_payment_intent_id = stripe_payment_intent_id
        self._by_payment[stripe_payment_intent_id] = donation

    def add_donation(self, donation: Donation) -> None:
        """Remember a gift that nobody began on a page."""
        self._new_donations.append(donation)
        self._rows.donations[donation.id] = donation

    def first_instalment(self, gift: MonthlyGift) -> Donation | None:
        """The gift the donor went to Stripe to pay when the promise was made."""
        return self._first_instalments.get(gift.id)

    @cached_property
    def _first_instalments(self) -> dict[str, Donation]:
        begun = [
            donation
            for donation in self._rows.donations.values()
            if donation.monthly_gift_id is not None and donation.checkout_expires_at is not None
        ]
        return {
            donation.monthly_gift_id or "": donation
            for donation in sorted(begun, key=lambda donation: donation.created_at, reverse=True)
        }

    def charge(self, stripe_charge_id: str | None) -> Charge | None:
        """A charge we have heard of."""
        return self._rows.charges.get(stripe_charge_id or "")

    def charges_of_payment(self, stripe_payment_intent_id: str) -> list[Charge]:
        """Every attempt at a payment that reached a bank."""
        return list(self._charges_by_payment.get(stripe_payment_intent_id, ()))

    @cached_property
    def _charges_by_payment(self) -> dict[str | None, list[Charge]]:
        found: dict[str | None, list[Charge]] = defaultdict(list)
        for charge in self._rows.charges.values():
            found[charge.stripe_payment_intent_id].append(charge)
        return found

    def known_charge(self, stripe_charge_id: str | None) -> Charge:
        """The charge a refund or dispute is about, or `ChargeNotYetKnown`."""
        found = self.charge(stripe_charge_id)
        if found is None:
            raise ChargeNotYetKnown(stripe_charge_id)
        return found

    def add_charge(self, charge: Charge) -> None:
        """Remember a charge heard of for the first time."""
        self._session.add(charge)
        self._charges_by_payment[charge.stripe_payment_intent_id].append(charge)
        self._rows.charges[charge.stripe_charge_id] = charge
        self._note_whose(charge)

    def link(self, donation: Donation, charge: Charge) -> None:
        """From now on it is known which gift a charge pays."""
        if charge.donation_id is None:
            self._linked.append(charge.stripe_charge_id)
        settlement.link(donation, charge)
        self._note_whose(charge)

    def _note_whose(self, charge: Charge) -> None:
        if charge.donation_id is not None:
            self._charges_by_donation[charge.donation_id][charge.stripe_charge_id] = charge

    @cached_property
    def _charges_by_donation(self) -> dict[str, dict[str, Charge]]:
        found: dict[str, dict[str, Charge]] = defaultdict(dict)
        for charge in self._rows.charges.values():
            found[charge.donation_id or ""][charge.stripe_charge_id] = charge
        return found

    def _charges_of(self, donation: Donation) -> Iterable[Charge]:
        return self._charges_by_donation[donation.id].values()

    def succeeded_charge_of(self, donation: Donation) -> Charge | None:
        """The charge that took the money of a gift, once it is known."""
        return next((charge for charge in self._charges_of(donation) if charge.status == "succeeded"), None)

    def refund(self, refund: shapes.Refund) -> Refund | None:
        """Our row of a refund: by Stripe's id, or by ours before Stripe's was known. A row is one refund:
        another one that names it too has a row of its own."""
        for row in self._rows.refunds.values():
            if row.stripe_refund_id == refund.id:
                return row
        asked_here = self._rows.refunds.get(refund.refund_id or "")
        return asked_here if asked_here is not None and asked_here.stripe_refund_id is None else None

    def refunds_of(self, charge: Charge) -> list[Refund]:
        """Every refund of a charge."""
        return [row for row in self._rows.refunds.values() if row.stripe_charge_id == charge.stripe_charge_id]

    def add_refund(self, refund: Refund) -> None:
        """Remember a refund that was not asked for here."""
        self._session.add(refund)
        self._rows.refunds[refund.id] = refund

    def dispute(self, stripe_dispute_id: str) -> Dispute | None:
        """A dispute we have heard of."""
        return self._rows.disputes.get(stripe_dispute_id)

    def add_dispute(self, dispute: Dispute) -> None:
        """Remember a dispute heard of for the first time."""
        self._session.add(dispute)
        self._rows.disputes[dispute.stripe_dispute_id] = dispute

    def fraud_warning(self, stripe_fraud_warning_id: str) -> FraudWarning | None:
        """A warning we have heard of."""
        return self._rows.fraud_warnings.get(stripe_fraud_warning_id)

    def add_fraud_warning(self, warning: FraudWarning) -> None:
        """Remember a warning heard of for the first time."""
        self._session.add(warning)
        self._rows.fraud_warnings[warning.stripe_fraud_warning_id] = warning

    def latest_refused_charge_of(self, donation: Donation) -> Charge | None:
        """The last attempt at a gift that a bank refused; of two in one second the greater id."""
        refused = [charge for charge in self._charges_of(donation) if charge.status == "failed"]
        return max(refused, key=lambda charge: (charge.charged_at, charge.stripe_charge_id), default=None)

    def is_booked(self, stripe_balance_transaction_id: str) -> bool:
        """Whether the balance transaction already stands in the book."""
        return stripe_balance_transaction_id in self._rows.booked

    def booked_about(self, source_id: str) -> list[BalanceTransaction]:
        """The booked balance transactions whose source is this charge, refund or dispute."""
        return list(self._by_source.get(source_id, ()))

    def booked_of(self, charge: Charge) -> Booked:
        """Everything booked of a charge up to now, this batch included."""
        refunds = self.refunds_of(charge)
        disputes = [
            row for row in self._rows.disputes.values() if row.stripe_charge_id == charge.stripe_charge_id
        ]
        sources = [
            charge.stripe_charge_id,
            *(row.stripe_refund_id for row in refunds if row.stripe_refund_id is not None),
            *(row.stripe_dispute_id for row in disputes),
        ]
        return Booked(
            charge=charge,
            transactions=[row for source in sources for row in self.booked_about(source)],
            kinds=self._rows.kinds,
            refunds=refunds,
            disputes=disputes,
            owed_payments=self._rows.owed_payments.get(charge.donation_id or "", []),
        )

    def note_loss(self, withdrawal: BalanceTransaction) -> str:
        """From here on what a dispute withdrew counts as lost; the reference of the entry that says so."""
        reference = f"dispute_lost:{withdrawal.stripe_balance_transaction_id}"
        self._rows.kinds[reference] = "dispute_lost"
        return reference

    def mirror(self, transaction: shapes.BalanceTransaction) -> BalanceTransaction:
        """Keep a balance transaction as the fact it is; its entry is posted beside it."""
        row = BalanceTransaction(
            stripe_balance_transaction_id=transaction.id,
            reporting_category=transaction.reporting_category,
            type=transaction.type,
            source_id=transaction.source_id,
            amount=transaction.amount,
            fee=transaction.fee,
            net=transaction.net,
            currency=transaction.currency,
            description=transaction.description,
            exchange_rate=transaction.exchange_rate,
            created_at=from_stripe(transaction.created),
            available_on=from_stripe(transaction.available_on),
        )
        self._rows.booked[transaction.id] = row
        self._by_source[row.source_id].append(row)
        self._session.add(row)
        return row

    @cached_property
    def books_begin(self) -> datetime | None:
        """From when on Stripe's movements are in this book; None where it has them all."""
        return self._session.scalar(_BOOKS_BEGIN)

    def note_before_books(self, transaction: shapes.BalanceTransaction) -> None:
        """Know a movement by name that is part of the opening balance."""
        self._session.execute(
            insert(MovementBeforeBooks)
            .values(
                stripe_balance_transaction_id=transaction.id,
                reporting_category=transaction.reporting_category,
                source_id=transaction.source_id,
                amount=transaction.amount,
                fee=transaction.fee,
                net=transaction.net,
                currency=transaction.currency,
                created_at=from_stripe(transaction.created),
            )
            .on_conflict_do_nothing()
        )

    def is_before_books(self, charge: Charge) -> bool:
        """Whether the money of a charge came in before this book begins."""
        if self.books_begin is None:
            return False
        found = select(MovementBeforeBooks.source_id).where(
            MovementBeforeBooks.source_id == charge.stripe_charge_id,
            MovementBeforeBooks.reporting_category == "charge",
        )
        return self._session.scalar(found.limit(1)) is not None

    def recognise(self, *, email: str, name: str, locale: str) -> str:
        """The id of the donor with this address."""
        return donors.recognise(self._session, email=email, name=name, locale=locale)

    def post(self, entry: Entry) -> None:
        """Note an entry. One whose moves all came to nothing is none."""
        if entry.moves:
            self._rows.kinds[entry.reference] = entry.kind
            self._entries.append(entry)
            if entry.donation_id is not None and entry.kind != "gift":
                # Something of the gift went back, or came again: its receipt is looked at.
                self._due_receipts.append(entry.donation_id)

    @cached_property
    def funds(self) -> dict[str, Fund]:
        """Every fund by id."""
        return {fund.id: fund for fund in self._session.scalars(_EVERY_FUND)}

    def books_of(self, donation: Donation | None) -> Books:
        """The books a gift goes into; whoever owns the Stripe account for what is no gift."""
        for entity in self._entities:
            if entity.receives_online if donation is None else entity.id == donation.entity_id:
                return Books(entity_id=entity.id, time_zone=entity.time_zone)
        raise OrganisationNotLoaded

    @cached_property
    def _entities(self) -> Sequence[IssuingEntity]:
        return self._session.scalars(_EVERY_ENTITY).all()

    def owe_receipt(self, donation: Donation) -> None:
        """The receipt of a gift is due: it was paid just now."""
        self._due_receipts.append(donation.id)

    def want_balance_transactions(self, named: Iterable[str | None]) -> None:
        """Stripe has named balance transactions; those that are not booked are to be fetched."""
        self._named_balance_transactions.update(name for name in named if name is not None)

    def note_payout(self, payout: shapes.Payout) -> None:
        """Remember what was said of a payout."""
        self._payouts.append((payout, self.said_at))

    def note_payout_list(self, found: shapes.PayoutList) -> None:
        """Remember what a payout carries."""
        self._payout_lists.append((found, self.said_at))

    def call(self, bell: Bell) -> None:
        """Somebody has more to do about this, once it is true."""
        ring(self._session, bell)

    def conclude(self) -> None:
        """Write everything noted; the caller's transaction makes it true."""
        # First, because charges and invoices point to them, and no relationship tells the session so.
        instalments.write(self._session, self._new_donations)
        self._session.flush()
        if self._linked:
            settlement.link_what_befell(self._session, self._linked)
        payouts.note(self._session, self._payouts)
        payouts.note_lists(self._session, self._payout_lists)
        self.promises.conclude(self.first_instalment)
        posting.post(self._session, self._entries)
        if self._due_receipts:
            self._session.execute(_OWE_RECEIPTS, {"donations": self._due_receipts})
            ring(self._session, Bell.ISSUE_RECEIPTS)
        if self._named_balance_transactions - self._rows.booked.keys():
            ring(self._session, Bell.PULL_BALANCE_TRANSACTIONS)

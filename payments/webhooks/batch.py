"""What a batch of events has on its desk: every row it may need, loaded and locked in a few queries.

A handler asks the desk instead of the database, so a hundred events cost a few statements instead
of several hundred. Donations are locked in the order of their ids, so two batches never wait for
each other in a circle; whatever belongs to a donation is only touched under its lock.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from payments.clock import from_stripe
from payments.donations.models import Charge, Donation, IssuingEntity
from payments.donations.organisation import OrganisationNotLoaded
from payments.errors import PersonMustLook
from payments.jobs import Bell, ring
from payments.ledger import posting
from payments.ledger.models import BalanceTransaction
from payments.ledger.rules import Books, Entry
from payments.receipts.models import DueReceipt
from payments.stripe_gateway import shapes


class DonationUnknown(PersonMustLook):
    """Stripe speaks of a gift of ours that we do not have: a restored backup, or a foreign key."""

    def __init__(self, donation_id: str) -> None:
        super().__init__(f"donation {donation_id} is named by Stripe but is not in the database")


class Batch:
    """The desk: look up, note, and `conclude` everything at once."""

    def __init__(self, session: Session, objects: Sequence[shapes.Shape]) -> None:
        self._session = session
        self._entries: list[Entry] = []
        self._due_receipts: list[str] = []
        self._named_balance_transactions: set[str] = set()

        balance_transactions = [o for o in objects if isinstance(o, shapes.BalanceTransaction)]
        charges = [o for o in objects if isinstance(o, shapes.Charge)]
        charges += [bt.charge for bt in balance_transactions if bt.charge is not None]
        self._donations = self._load_donations(objects, charges, balance_transactions)
        self._charges = self._load_charges(charges)
        self._booked = self._load_booked(charges, balance_transactions)

    def donation(self, donation_id: str | None) -> Donation | None:
        """The gift an object belongs to; None when it is no gift of ours."""
        if donation_id is None:
            return None
        found = self._donations.get(donation_id)
        if found is None:
            raise DonationUnknown(donation_id)
        return found

    def donation_paid_by(self, charge: shapes.Charge) -> Donation | None:
        """The gift a charge pays: by our metadata, or by its payment where somebody removed that."""
        if charge.donation_id is not None:
            return self.donation(charge.donation_id)
        if charge.payment_intent is None:
            return None
        return next(
            (d for d in self._donations.values() if d.stripe_payment_intent_id == charge.payment_intent),
            None,
        )

    def charge(self, stripe_charge_id: str) -> Charge | None:
        """A charge we have heard of."""
        return self._charges.get(stripe_charge_id)

    def add_charge(self, charge: Charge) -> None:
        """Remember a charge heard of for the first time."""
        self._session.add(charge)
        self._charges[charge.stripe_charge_id] = charge

    def succeeded_charge_of(self, donation: Donation) -> Charge | None:
        """The charge that took the money of a gift, once it is known."""
        return next(
            (
                charge
                for charge in self._charges.values()
                if charge.donation_id == donation.id and charge.status == "succeeded"
            ),
            None,
        )

    def latest_refused_charge_of(self, donation: Donation) -> Charge | None:
        """The last attempt at a gift that a bank refused; of two in one second the greater id."""
        refused = [
            charge
            for charge in self._charges.values()
            if charge.donation_id == donation.id and charge.status == "failed"
        ]
        return max(refused, key=lambda charge: (charge.charged_at, charge.stripe_charge_id), default=None)

    def is_booked(self, stripe_balance_transaction_id: str) -> bool:
        """Whether the balance transaction already stands in the book."""
        return stripe_balance_transaction_id in self._booked

    def book(self, transaction: shapes.BalanceTransaction, entry: Entry) -> None:
        """Mirror a balance transaction: the fact and its entry."""
        self._booked.add(transaction.id)
        self._session.add(
            BalanceTransaction(
                stripe_balance_transaction_id=transaction.id,
                reporting_category=transaction.reporting_category,
                type=transaction.type,
                source_id=transaction.source_id,
                amount=transaction.amount,
                fee=transaction.fee,
                net=transaction.net,
                currency=transaction.currency,
                exchange_rate=transaction.exchange_rate,
                created_at=from_stripe(transaction.created),
                available_on=from_stripe(transaction.available_on),
            )
        )
        self._entries.append(entry)

    def entity(self, entity_id: str) -> IssuingEntity:
        """A legal body by id."""
        return next(entity for entity in self._entities if entity.id == entity_id)

    @cached_property
    def receiving_books(self) -> Books:
        """The books of whoever owns the Stripe account."""
        for entity in self._entities:
            if entity.receives_online:
                return Books(entity_id=entity.id, time_zone=entity.time_zone)
        raise OrganisationNotLoaded

    @cached_property
    def _entities(self) -> Sequence[IssuingEntity]:
        return self._session.scalars(select(IssuingEntity)).all()

    def owe_receipt(self, donation: Donation) -> None:
        """A receipt is due for a gift that was paid just now."""
        self._due_receipts.append(donation.id)

    def want_balance_transaction(self, stripe_balance_transaction_id: str) -> None:
        """Stripe has named a balance transaction; unless it is booked, it is to be fetched."""
        self._named_balance_transactions.add(stripe_balance_transaction_id)

    def conclude(self) -> None:
        """Write everything noted; the caller's transaction makes it true."""
        self._session.flush()
        posting.post(self._session, self._entries)
        if self._due_receipts:
            self._session.execute(
                insert(DueReceipt).on_conflict_do_nothing(),
                [{"donation_id": donation_id} for donation_id in self._due_receipts],
            )
            ring(self._session, Bell.ISSUE_RECEIPTS)
        if self._named_balance_transactions - self._booked:
            ring(self._session, Bell.PULL_BALANCE_TRANSACTIONS)

    def _load_donations(
        self,
        objects: Iterable[shapes.Shape],
        charges: Sequence[shapes.Charge],
        balance_transactions: Sequence[shapes.BalanceTransaction],
    ) -> dict[str, Donation]:
        named = {
            o.donation_id
            for o in (*objects, *charges)
            if isinstance(o, shapes.CheckoutSession | shapes.PaymentIntent | shapes.Charge)
        }
        payments = {c.payment_intent for c in charges if c.donation_id is None} - {None}
        by_charge = {bt.source_id for bt in balance_transactions if bt.charge is None} - {None}
        if by_charge:
            named |= set(
                self._session.scalars(
                    select(Charge.donation_id).where(Charge.stripe_charge_id.in_(by_charge))
                )
            )
        named -= {None}
        if not named and not payments:
            return {}
        wanted = select(Donation).order_by(Donation.id).with_for_update()
        if payments:
            wanted = wanted.where(
                or_(Donation.id.in_(named), Donation.stripe_payment_intent_id.in_(payments))
            )
        else:
            wanted = wanted.where(Donation.id.in_(named))
        if balance_transactions:
            wanted = wanted.options(selectinload(Donation.allocations))
        return {
            donation.id: donation
            for donation in self._session.scalars(wanted.execution_options(populate_existing=True))
        }

    def _load_charges(self, charges: Iterable[shapes.Charge]) -> dict[str, Charge]:
        named = {charge.id for charge in charges}
        if not named and not self._donations:
            return {}
        wanted = select(Charge).where(
            or_(Charge.stripe_charge_id.in_(named), Charge.donation_id.in_(self._donations.keys()))
        )
        return {
            charge.stripe_charge_id: charge
            for charge in self._session.scalars(wanted.execution_options(populate_existing=True))
        }

    def _load_booked(
        self,
        charges: Iterable[shapes.Charge],
        balance_transactions: Iterable[shapes.BalanceTransaction],
    ) -> set[str]:
        named = {bt.id for bt in balance_transactions}
        named |= {c.balance_transaction for c in charges if c.balance_transaction is not None}
        if not named:
            return set()
        return set(
            self._session.scalars(
                select(BalanceTransaction.stripe_balance_transaction_id).where(
                    BalanceTransaction.stripe_balance_transaction_id.in_(named)
                )
            )
        )

"""The usual consumer: one Celery task an event, one ORM transaction a task, objects looked up one by
one and saved. It writes the same rows as ours into the same tables, so the end can be compared. It need
not fetch the balance transaction, which a tutorial would do with one call for every gift.
"""

import json
import os
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import stripe
from celery import Celery
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, selectinload, sessionmaker

import payments.models  # noqa: F401 - every table, so that foreign keys find theirs
from payments.donations.models import Charge, Donation, IssuingEntity
from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.receipts.models import DueReceipt
from payments.webhooks.models import QueuedEvent, StripeEvent

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
sessions = sessionmaker(engine, expire_on_commit=False)
app = Celery("tutorial_worker", broker=os.environ["BROKER_URL"])
app.conf.task_ignore_result = True


@app.task
def process_event(event_id: str) -> None:
    """Load the event, act by its type, take it off the queue, commit."""
    with sessions.begin() as session:
        row = session.get_one(StripeEvent, event_id)
        if row.type == "balance_transaction":
            balance_transaction_fetched(
                session, stripe.BalanceTransaction.construct_from(json.loads(row.body), None)
            )
        else:
            event = stripe.Event.construct_from(json.loads(row.body), None)
            HANDLERS[event.type](session, event.data.object)
        session.delete(session.get_one(QueuedEvent, event_id))


def checkout_completed(session: Session, checkout: Any) -> None:
    """The gift is paid when Stripe says so."""
    donation = session.get_one(Donation, checkout.metadata["donation"], with_for_update=True)
    donation.stripe_checkout_session_id = checkout.id
    donation.stripe_payment_intent_id = checkout.payment_intent
    if checkout.payment_status == "paid":
        donation.status = "paid"  # type: ignore[assignment]
    settle(session, donation)


def charge_seen(session: Session, charge: Any) -> None:
    """Remember the charge, or what is new of it."""
    donation = session.get_one(Donation, charge.metadata["donation"], with_for_update=True)
    known = session.get(Charge, charge.id)
    if known is None:
        card = charge.payment_method_details.card
        session.add(
            Charge(
                stripe_charge_id=charge.id,
                stripe_payment_intent_id=charge.payment_intent,
                donation_id=donation.id,
                amount=charge.amount,
                currency=charge.currency,
                status=charge.status,
                charged_at=datetime.fromtimestamp(charge.created, UTC),
                method=charge.payment_method_details.type,
                card_brand=card.brand,
                last4=card.last4,
                card_expires=f"{card.exp_year}-{card.exp_month:02}",
                failure_code=charge.failure_code,
                stripe_balance_transaction_id=charge.balance_transaction,
            )
        )
    else:
        known.status = charge.status
        known.stripe_balance_transaction_id = charge.balance_transaction
    donation.stripe_payment_intent_id = charge.payment_intent
    if charge.status == "succeeded":
        donation.status = "paid"  # type: ignore[assignment]
    settle(session, donation)


def settle(session: Session, donation: Donation) -> None:
    """Once paid and charged: the day of the gift, and a receipt to come."""
    session.flush()
    charge = session.scalars(
        select(Charge).where(Charge.donation_id == donation.id, Charge.status == "succeeded")
    ).first()
    if charge is None or donation.status != "paid" or donation.paid_at is not None:
        return
    entity = session.get_one(IssuingEntity, donation.entity_id)
    donation.paid_at = charge.charged_at
    donation.gift_date = charge.charged_at.astimezone(ZoneInfo(entity.time_zone)).date()
    session.add(DueReceipt(donation_id=donation.id))


def balance_transaction_fetched(session: Session, fetched: Any) -> None:
    """Mirror it, and book gross and fee."""
    if session.get(BalanceTransaction, fetched.id) is not None:
        return
    session.add(
        BalanceTransaction(
            stripe_balance_transaction_id=fetched.id,
            reporting_category=fetched.reporting_category,
            type=fetched.type,
            source_id=fetched.source.id,
            amount=fetched.amount,
            fee=fetched.fee,
            net=fetched.net,
            currency=fetched.currency,
            description=fetched.description,
            exchange_rate=fetched.exchange_rate,
            created_at=datetime.fromtimestamp(fetched.created, UTC),
            available_on=datetime.fromtimestamp(fetched.available_on, UTC),
        )
    )
    charge_seen(session, fetched.source)
    charge = session.get_one(Charge, fetched.source.id)
    donation = session.get_one(Donation, charge.donation_id, options=[selectinload(Donation.allocations)])
    entity = session.get_one(IssuingEntity, donation.entity_id)
    created = datetime.fromtimestamp(fetched.created, UTC)
    reference = f"bt:{fetched.id}"
    session.add(
        JournalEntry(
            reference=reference,
            kind="gift",
            entity_id=entity.id,
            donation_id=donation.id,
            effective_on=created.astimezone(ZoneInfo(entity.time_zone)).date(),
            occurred_at=created,
            description=f"{fetched.reporting_category} {fetched.type}",
        )
    )
    session.flush()
    moves = [
        (Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, part.amount, part.fund_id)
        for part in donation.allocations
    ]
    moves.append((Account.STRIPE_BALANCE, Account.PROCESSING_FEES, fetched.fee, None))
    for position, (from_account, to_account, amount, fund_id) in enumerate(moves):
        session.add(
            JournalMove(
                reference=reference,
                position=position,
                from_account=from_account,
                to_account=to_account,
                amount=amount,
                currency=fetched.currency,
                fund_id=fund_id,
            )
        )


HANDLERS = {
    "checkout.session.completed": checkout_completed,
    "charge.succeeded": charge_seen,
    "charge.updated": charge_seen,
}

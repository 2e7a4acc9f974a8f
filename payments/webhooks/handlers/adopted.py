"""Gifts and monthly gifts that began on another platform, taken over as they are.

From here on the ordinary news about them find them by Stripe's own ids: a subscription, an invoice or a
movement of the balance is applied as for every other gift.
"""

from payments.clock import from_stripe
from payments.donations import settlement
from payments.donations.models import Allocation, Donation, DonationStatus
from payments.donations.offline import Channel
from payments.monthly.models import MonthlyAllocation, MonthlyGift, MonthlyStatus, MonthlyTerms
from payments.stripe_gateway.adopted_shapes import AdoptedGift, AdoptedPlan
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import charge as charges
from payments.webhooks.handlers import customer_subscription
from payments.webhooks.settling import settle


def gift(batch: Batch, found: AdoptedGift) -> None:
    """A charge that is a gift. One that is an instalment, is known, or is booked already stays as it is."""
    charge = found.charge
    invoice = batch.promises.paid_with(charge.payment_intent)
    if invoice is not None and invoice.monthly_gift_id is not None:
        charges.seen(batch, charge)
        return
    if batch.charge(charge.id) is not None or batch.donation_paid_by(charge) is not None:
        return
    is_paid = charge.status == "succeeded"
    donation = Donation(
        id=found.donation_id,
        created_at=from_stripe(charge.created),
        entity_id=batch.books_of(None).entity_id,
        donor_id=batch.recognise(email=found.giver.email, name=found.giver.name, locale=found.giver.locale),
        donor_name=found.giver.name,
        locale=found.giver.locale,
        frequency="once",
        currency=charge.currency,
        amount=charge.amount,
        fee_cover_amount=0,
        source={},
        status=DonationStatus.PAID if is_paid else DonationStatus.PROCESSING,
        channel=Channel.ADOPTED.value,
        allocations=[Allocation(position=0, fund_id=found.fund_id, amount=charge.amount)],
    )
    batch.add_donation(donation)
    if charge.payment_intent is not None:
        batch.pay_with(donation, charge.payment_intent)
    batch.add_charge(settlement.charge_from(charge, donation))
    batch.want_balance_transactions([charge.balance_transaction])
    settle(batch, donation)


def plan(batch: Batch, found: AdoptedPlan) -> None:
    """A subscription that is a monthly gift. It keeps running at Stripe, and its donor need do nothing."""
    subscription = found.subscription
    if batch.promises.gift(None, stripe_subscription_id=subscription.id) is None:
        begun = from_stripe(found.begun)
        share = MonthlyAllocation(position=0, fund_id=found.fund_id, amount=found.amount)
        terms = MonthlyTerms(
            number=1, valid_from=begun, amount=found.amount, fee_cover_amount=0, allocations=[share]
        )
        batch.promises.add(
            MonthlyGift(
                id=found.monthly_gift_id,
                created_at=begun,
                entity_id=batch.books_of(None).entity_id,
                donor_id=batch.recognise(
                    email=found.giver.email, name=found.giver.name, locale=found.giver.locale
                ),
                donor_name=found.giver.name,
                locale=found.giver.locale,
                currency=found.currency,
                source={},
                status=MonthlyStatus.PENDING,
                stripe_subscription_id=subscription.id,
                stripe_customer_id=subscription.customer,
                receipts_from=from_stripe(found.receipts_from),
                terms=[terms],
            )
        )
    customer_subscription.seen(batch, subscription)

"""What Stripe's facts make of a gift. Every deed here may run twice, late, or in any order."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from payments.clock import day_in, from_stripe
from payments.database import text_with
from payments.donations.models import Charge, Donation, DonationStatus
from payments.errors import PersonMustLook, UnreadableStripeObject
from payments.money import Money
from payments.stripe_gateway import shapes


class AmountDiffers(PersonMustLook):
    """Stripe took another amount or currency than the donor was asked for."""

    def __init__(self, donation: Donation, *, found: str) -> None:
        super().__init__(f"donation {donation.id} asked for {donation.total}, Stripe says {found}")


def checkout_completed(donation: Donation, session: shapes.CheckoutSession) -> None:
    """The page was finished: paid at once, or waiting for the bank."""
    _same_session(donation, session)
    if session.payment_status == "paid":
        donation.rise_to(DonationStatus.PAID)
    elif session.payment_status == "unpaid":
        donation.rise_to(DonationStatus.PROCESSING)
    else:
        raise PersonMustLook(
            f"donation {donation.id}: payment_status {session.payment_status} is not known for a gift"
        )


def checkout_failed(donation: Donation, session: shapes.CheckoutSession) -> None:
    """A delayed payment was refused by the bank."""
    _same_session(donation, session)
    donation.rise_to(DonationStatus.FAILED)


def checkout_expired(donation: Donation, session: shapes.CheckoutSession) -> None:
    """The page was left."""
    _same_session(donation, session)
    donation.rise_to(DonationStatus.EXPIRED)


def charge_from(charge: shapes.Charge, donation: Donation | None) -> Charge:
    """A charge heard of for the first time, of a gift or of something foreign."""
    details = charge.payment_method_details
    return Charge(
        stripe_charge_id=charge.id,
        stripe_payment_intent_id=charge.payment_intent,
        donation_id=donation.id if donation is not None else None,
        amount=charge.amount,
        currency=charge.currency,
        status=_status_of(charge),
        charged_at=from_stripe(charge.created),
        method=details.type if details is not None else "unknown",
        card_brand=details.card.brand if details is not None and details.card is not None else None,
        last4=details.last4 if details is not None else None,
        card_expires=details.card.expires if details is not None and details.card is not None else None,
        failure_code=charge.failure_code,
        decline_code=_refusal(charge),
        stripe_balance_transaction_id=charge.balance_transaction,
    )


_CHARGE_RANK = {"pending": 0, "failed": 1, "succeeded": 2}


def update_charge(known: Charge, charge: shapes.Charge) -> None:
    """Take over what is newer. An old snapshot neither lowers the status nor takes an id away."""
    status = _status_of(charge)
    if _CHARGE_RANK[status] > _CHARGE_RANK[known.status]:
        known.status = status
        known.failure_code = charge.failure_code
        known.decline_code = _refusal(charge)
    if known.stripe_balance_transaction_id is None:
        known.stripe_balance_transaction_id = charge.balance_transaction


def _status_of(charge: shapes.Charge) -> str:
    if charge.status not in _CHARGE_RANK:
        raise UnreadableStripeObject(f"charge {charge.id} has the unknown status {charge.status}")
    return charge.status


def _refusal(charge: shapes.Charge) -> str | None:
    return charge.refusal if charge.status == "failed" else None


def is_as_agreed(donation: Donation, charge: shapes.Charge) -> bool:
    """Whether Stripe charged what the donor was asked for."""
    return (charge.amount, charge.currency) == (donation.amount, donation.currency)


def check_charge(donation: Donation, charge: shapes.Charge) -> None:
    """A charge of a gift is of the gift's amount; a succeeded one means the gift is paid."""
    if not is_as_agreed(donation, charge):
        raise AmountDiffers(donation, found=str(Money(charge.amount, charge.currency)))
    if charge.payment_intent is not None:
        donation.stripe_payment_intent_id = charge.payment_intent
    if charge.status == "succeeded":
        donation.rise_to(DonationStatus.PAID)


def link(donation: Donation, charge: Charge) -> None:
    """A charge heard of before it was known which gift it pays: what `check_charge` does, belatedly."""
    if (charge.amount, charge.currency) != (donation.amount, donation.currency):
        raise AmountDiffers(donation, found=str(Money(charge.amount, charge.currency)))
    charge.donation_id = donation.id
    if charge.status == "succeeded":
        donation.rise_to(DonationStatus.PAID)


def link_what_befell(session: Session, stripe_charge_ids: Iterable[str]) -> None:
    """Refunds, disputes and warnings heard of before it was known which gift their charge pays."""
    session.execute(_LINK_WHAT_BEFELL, {"charges": stripe_charge_ids})


_LINK_WHAT_BEFELL = text_with(
    """
    with linked as materialized (
        select stripe_charge_id, donation_id from charges where stripe_charge_id = any (:charges)
    ), refunded as (
        update refunds set donation_id = linked.donation_id from linked
        where refunds.stripe_charge_id = linked.stripe_charge_id and refunds.donation_id is null
    ), disputed as (
        update disputes set donation_id = linked.donation_id from linked
        where disputes.stripe_charge_id = linked.stripe_charge_id and disputes.donation_id is null
    )
    update fraud_warnings set donation_id = linked.donation_id from linked
    where fraud_warnings.stripe_charge_id = linked.stripe_charge_id and fraud_warnings.donation_id is null
""",
    "charges",
)


def settle(donation: Donation, charge: Charge, *, time_zone: str) -> bool:
    """Fix the instant and the day of a paid gift, once. True when it was done just now."""
    if donation.status != DonationStatus.PAID or donation.paid_at is not None:
        return False
    donation.paid_at = charge.charged_at
    donation.gift_date = day_in(time_zone, charge.charged_at)
    return True


def _same_session(donation: Donation, session: shapes.CheckoutSession) -> None:
    """The session speaks of this gift: same amount, same ids."""
    if (session.amount_total, session.currency) != (donation.amount, donation.currency):
        raise AmountDiffers(donation, found=f"{session.currency} {session.amount_total} (minor units)")
    donation.stripe_checkout_session_id = session.id
    if session.payment_intent is not None:
        donation.stripe_payment_intent_id = session.payment_intent

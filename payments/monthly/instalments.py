"""From a paid invoice to a gift like any other: the promise's own fund, dedication and source, divided as
it was agreed when the invoice was made.

A gift's id follows from its invoice's, so that books made again from the log have the same gifts.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from payments.donations.models import Allocation, Donation, DonationStatus
from payments.donations.settlement import AmountDiffers
from payments.errors import PersonMustLook
from payments.ledger.rules import in_proportion
from payments.money import Money, split
from payments.monthly.agreed import Agreed
from payments.monthly.models import MonthlyGift, MonthlyInvoice


class CurrencyChanged(PersonMustLook):
    """An invoice of a promise in another currency than was promised: Stripe never does that by itself."""

    def __init__(self, gift: MonthlyGift, row: MonthlyInvoice) -> None:
        super().__init__(
            f"invoice {row.stripe_invoice_id} is in {row.currency}, {gift.id} in {gift.currency}"
        )


def is_gift(row: MonthlyInvoice) -> bool:
    """Whether money came. An invoice over nothing only moves a date."""
    return row.status == "paid" and bool(row.amount_paid)


def adopt(donation: Donation, row: MonthlyInvoice) -> None:
    """The first instalment was written before the donor left for Stripe; now its invoice is known."""
    if (donation.amount, donation.currency) != (row.amount_paid, row.currency):
        raise AmountDiffers(donation, found=str(Money(row.amount_paid or 0, row.currency or "")))
    donation.stripe_invoice_id = row.stripe_invoice_id
    donation.rise_to(DonationStatus.PAID)


def donation_of(gift: MonthlyGift, row: MonthlyInvoice, agreed: Sequence[Agreed]) -> Donation:
    """The gift that a paid invoice is; `agreed` is all that ever was for its promise."""
    if row.currency != gift.currency:
        raise CurrencyChanged(gift, row)
    amount = row.amount_paid or 0
    is_ours = not _is_receipted_elsewhere(gift, row)
    terms = terms_of(agreed, amount, made_at=row.made_at)
    fee_cover, shares = _parts(terms, amount)
    made = Donation(
        id=f"don_{hashlib.sha256(row.stripe_invoice_id.encode()).hexdigest()[:32]}",
        entity_id=gift.entity_id,
        donor_id=gift.donor_id,
        donor_name=gift.donor_name,
        locale=gift.locale,
        frequency="monthly",
        currency=gift.currency,
        amount=amount,
        fee_cover_amount=fee_cover,
        dedication_kind=gift.dedication_kind,
        dedication_name=gift.dedication_name,
        source=dict(gift.source),
        status=DonationStatus.PAID,
        benefit_amount=0,
        channel="online" if is_ours else "adopted",
        monthly_gift_id=gift.id,
        stripe_invoice_id=row.stripe_invoice_id,
        allocations=[
            Allocation(position=position, fund_id=fund_id, amount=share)
            for position, (fund_id, share) in enumerate(zip(terms.fund_ids, shares, strict=True))
            if share
        ],
    )
    if not is_ours and row.made_at is not None:
        made.created_at = row.made_at
    return made


def _is_receipted_elsewhere(gift: MonthlyGift, row: MonthlyInvoice) -> bool:
    paid_at = row.paid_at or row.made_at
    return gift.receipts_from is not None and paid_at is not None and paid_at < gift.receipts_from


def write(session: Session, donations: Sequence[Donation]) -> None:
    """Write gifts that were made here, in two statements however many they are; in three where some of them
    say when they were begun."""
    if not donations:
        return
    begun = [each for each in donations if "created_at" in vars(each)]
    fresh = [each for each in donations if "created_at" not in vars(each)]
    for written, names in ((begun, (*_WRITTEN, "created_at")), (fresh, _WRITTEN)):
        if written:
            session.execute(
                insert(_DONATIONS), [{name: getattr(each, name) for name in names} for each in written]
            )
    session.execute(
        insert(_ALLOCATIONS),
        [
            {
                "donation_id": each.id,
                "position": part.position,
                "fund_id": part.fund_id,
                "amount": part.amount,
            }
            for each in donations
            for part in each.allocations
        ],
    )


_DONATIONS, _ALLOCATIONS = cast(Table, Donation.__table__), cast(Table, Allocation.__table__)
_WRITTEN = (
    *("id", "entity_id", "donor_id", "donor_name", "locale", "frequency", "currency", "amount"),
    *("fee_cover_amount", "dedication_kind", "dedication_name", "source", "status", "paid_at", "gift_date"),
    *("decline_code", "stripe_payment_intent_id", "monthly_gift_id", "stripe_invoice_id", "channel"),
)


def terms_of(terms: Sequence[Agreed], amount: int, *, made_at: datetime | None) -> Agreed:
    """What was agreed for an invoice: the newest terms then, of this amount if ever there were any."""
    of_amount = [row for row in terms if row.amount == amount]
    known = [row for row in of_amount or terms if made_at is None or row.valid_from <= made_at]
    return max(known, key=_number) if known else min(of_amount or terms, key=_number)


def _number(terms: Agreed) -> int:
    return terms.number


def _parts(terms: Agreed, amount: int) -> tuple[int, list[int]]:
    """The fee cover and each fund's part; where the amount is not the agreed one, in proportion to it."""
    fee_cover = terms.fee_cover_amount
    if amount != terms.amount:
        fee_cover = min(in_proportion(fee_cover, of=terms.amount, to=amount), amount - 1)
    return fee_cover, split(amount - fee_cover, terms.shares)

"""What a receipt is to say, gathered for a whole batch in a few queries: the gift, its payer, its purpose.

Only reads. The number and the day of issue come from whoever asks, so that a preview says exactly
what the issued receipt will say and takes no number.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments.donations.models import Charge, Donation, Fund, IssuingEntity
from payments.donations.offline import Channel
from payments.donations.organisation import the_organisation
from payments.errors import PersonMustLook
from payments.receipts import statements
from payments.receipts.content import EntityContent, ReceiptContent, ReceiptLine
from payments.supporters.donors import Donor


class NothingToReceipt(PersonMustLook):
    """A receipt is due for a gift whose payment is not known: a receipt for it would be a lie."""

    def __init__(self, donation_id: str) -> None:
        super().__init__(f"donation {donation_id} has no succeeded charge; no receipt can be issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """What a receipt says of the payment."""

    kind: str
    card_brand: str | None = None
    last4: str | None = None


class Gifts:
    """Everything the receipts of a batch print, read in a few queries."""

    def __init__(self, session: Session, donation_ids: Sequence[str]) -> None:
        self.organisation = the_organisation(session)
        self.donations = {
            donation.id: donation
            for donation in session.scalars(
                select(Donation)
                .where(Donation.id.in_(donation_ids))
                .options(selectinload(Donation.allocations))
            )
        }
        self.donors = {
            donor.id: donor
            for donor in session.scalars(
                select(Donor).where(Donor.id.in_({gift.donor_id for gift in self.donations.values()}))
            )
        }
        self.entities = {entity.id: entity for entity in session.scalars(select(IssuingEntity))}
        self.funds = {fund.id: fund for fund in session.scalars(select(Fund))}
        self._charges: dict[str, list[Charge]] = defaultdict(list)
        for charge in session.scalars(
            select(Charge).where(Charge.donation_id.in_(donation_ids), Charge.status == "succeeded")
        ):
            self._charges[charge.donation_id or ""].append(charge)

    def counter_of(self, donation_id: str) -> tuple[str, int]:
        """The series and tax year whose counter gives its number."""
        donation = self.donations[donation_id]
        year = donation.gift_date.year if donation.gift_date is not None else 0
        return self.entities[donation.entity_id].receipt_series, year

    def check(self, donation_id: str) -> None:
        """Raise `NothingToReceipt` where no receipt can be: before a number is taken."""
        donation = self.donations[donation_id]
        self._payment_of(donation)
        if donation.gift_date is None:
            raise NothingToReceipt(donation_id)

    def content(self, donation_id: str, *, number: str, issued_on: date) -> ReceiptContent:
        """Everything the receipt of this gift prints."""
        donation = self.donations[donation_id]
        entity = self.entities[donation.entity_id]
        payment = self._payment_of(donation)
        if donation.gift_date is None:
            raise NothingToReceipt(donation_id)
        return ReceiptContent(
            number=number,
            kind="gift",
            issued_on=issued_on,
            gift_date=donation.gift_date,
            locale=donation.locale,
            donor_name=donation.donor_name,
            amount_minor=donation.amount,
            currency=donation.currency,
            lines=self._lines(donation),
            entity=printed(entity, accent_colour=self.organisation.accent_colour),
            statement_code=entity.statement_code,
            statement_version=statements.current(entity.statement_code).version,
            method_kind=payment.kind,
            card_brand=payment.card_brand,
            last4=payment.last4,
            dedication_kind=donation.dedication_kind,  # type: ignore[arg-type]  # the table's check says which
            dedication_name=donation.dedication_name,
        )

    def _payment_of(self, donation: Donation) -> _Payment:
        """How the gift was paid: by the charge, or by what lay on the desk."""
        if donation.channel != Channel.ONLINE:
            return _Payment(kind=donation.channel)
        if not self._charges[donation.id]:
            raise NothingToReceipt(donation.id)
        charge = self._charges[donation.id][0]
        return _Payment(kind=charge.method, card_brand=charge.card_brand, last4=charge.last4)

    def _lines(self, donation: Donation) -> tuple[ReceiptLine, ...]:
        lines = [
            ReceiptLine(
                fund_name=self.funds[allocation.fund_id].name_in(donation.locale),
                amount_minor=allocation.amount,
            )
            for allocation in donation.allocations
        ]
        if donation.fee_cover_amount:
            lines.append(ReceiptLine(fund_name="", amount_minor=donation.fee_cover_amount, is_fee_cover=True))
        return tuple(lines)


def printed(entity: IssuingEntity, *, accent_colour: str) -> EntityContent:
    """The legal body as its documents show it today."""
    return EntityContent(
        legal_name=entity.legal_name,
        address=tuple(entity.address),
        tax_id=entity.tax_id,
        jurisdiction=entity.jurisdiction,
        website=entity.website,
        email=entity.email,
        signatory_name=entity.signatory_name,
        signatory_title=entity.signatory_title,
        accent_colour=accent_colour,
    )

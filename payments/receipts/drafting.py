"""What the receipt of a gift is to say, before it has a number: read for many gifts in a few queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import among
from payments.donations.models import Allocation, Charge, Donation, Fund, IssuingEntity
from payments.donations.offline import Channel, OfflineGift
from payments.donations.organisation import the_organisation
from payments.errors import PersonMustLook
from payments.money import split
from payments.receipts import countries, entitlement, standing
from payments.receipts.content import EntityContent, ReceiptContent, ReceiptLine
from payments.receipts.entitlement import Entitlement, Given
from payments.supporters.addresses import DonorAddress
from payments.supporters.donors import Donor

_UNNUMBERED = ""
_NO_DAY = date.min


class NothingToReceipt(PersonMustLook):
    """A receipt is due for a gift whose payment is not known: a receipt for it would be a lie."""

    def __init__(self, donation_id: str) -> None:
        super().__init__(f"donation {donation_id} has no succeeded charge; no receipt can be issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A receipt without its number: the series and tax year that will count it, and what it says."""

    entity_id: str
    donation_id: str
    series: str
    tax_year: int
    time_zone: str
    replaces_id: str | None = None
    content: ReceiptContent
    """Its number and its day of issue are filled in when it is numbered."""


@dataclass(frozen=True, slots=True)
class _Payment:
    """What a receipt says of the payment."""

    method: str
    card_brand: str | None = None
    last4: str | None = None


class Gifts:
    """Everything the receipts of a batch print."""

    def __init__(self, session: Session, donation_ids: Sequence[str]) -> None:
        accent_colour = the_organisation(session).accent_colour
        self._entities = {entity.id: entity for entity in session.scalars(select(IssuingEntity))}
        self._printed = {
            entity.id: printed(entity, accent_colour=accent_colour) for entity in self._entities.values()
        }
        self._entitlements: dict[tuple[str, str, str, str, bool], Entitlement] = {}
        self._fund_names: dict[tuple[str, str], str] = {}
        self._funds = {fund.id: fund for fund in session.scalars(select(Fund))}
        # Plain rows, not objects that the session would keep and watch: there are many of them.
        self._donations: dict[str, Any] = {
            row.id: row
            for row in session.execute(
                select(
                    Donation.id,
                    Donation.entity_id,
                    Donation.donor_name,
                    Donation.locale,
                    Donation.currency,
                    Donation.amount,
                    Donation.fee_cover_amount,
                    Donation.gift_date,
                    Donation.channel,
                    Donation.payer_kind,
                    Donation.benefit_amount,
                    Donation.benefit_text,
                    Donation.dedication_kind,
                    Donation.dedication_name,
                    OfflineGift.description,
                    Donor.name.label("soft_credit_name"),
                    DonorAddress.lines.label("address"),
                    DonorAddress.postcode,
                )
                .outerjoin(OfflineGift, OfflineGift.donation_id == Donation.id)
                .outerjoin(Donor, Donor.id == Donation.soft_credit_donor_id)
                .outerjoin(DonorAddress, DonorAddress.donor_id == Donation.donor_id)
                .where(among(Donation.id, donation_ids))
            )
        }
        self._payments = {
            donation_id: _Payment(method, card_brand, last4)
            for donation_id, method, card_brand, last4 in session.execute(
                select(Charge.donation_id, Charge.method, Charge.card_brand, Charge.last4).where(
                    among(Charge.donation_id, donation_ids), Charge.status == "succeeded"
                )
            )
        }
        self._allocations: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for donation_id, fund_id, amount in session.execute(
            select(Allocation.donation_id, Allocation.fund_id, Allocation.amount)
            .where(among(Allocation.donation_id, donation_ids))
            .order_by(Allocation.donation_id, Allocation.position)
        ):
            self._allocations[donation_id].append((fund_id, amount))
        self.stands = standing.changed(session, donation_ids)
        """Where those stand of which something went back, and came again."""
        for donation_id, stands in self.stands.items():
            self._cut_down(donation_id, stands.amount)

    def is_receipted_elsewhere(self, donation_id: str) -> bool:
        """Whether another platform has given the receipt, before the gift came into this house."""
        return bool(self._donations[donation_id].channel == Channel.ADOPTED)

    def _cut_down(self, donation_id: str, amount: int) -> None:
        """Let the gift be what is left of it, over the lines it was given for."""
        gift = self._donations[donation_id]
        parts = self._allocations[donation_id]
        gone = split(gift.amount - amount, [*(part for _, part in parts), gift.fee_cover_amount])
        self._allocations[donation_id] = [
            (fund_id, part - less)
            for (fund_id, part), less in zip(parts, gone[:-1], strict=True)
            if part > less
        ]
        fee_cover = gift.fee_cover_amount - gone[-1]
        self._donations[donation_id] = SimpleNamespace(
            **gift._asdict() | {"amount": amount, "fee_cover_amount": fee_cover}
        )

    def amount(self, donation_id: str) -> int:
        """What a receipt of this gift may say; nothing where nothing is left of it."""
        gift = self._donations[donation_id]
        if donation_id in self.stands and self._is_purchase(gift):
            return 0
        return int(gift.amount)

    def _is_purchase(self, gift: Any) -> bool:
        """Whether too little is left of it for a gift beside what its donor got."""
        if not gift.benefit_amount:
            return bool(gift.amount <= 0)
        entity = self._entities[gift.entity_id]
        may = countries.authority(entity.jurisdiction, entity.statement_code)
        return entitlement.is_purchase(may, amount=gift.amount, benefit=gift.benefit_amount)

    def owed(self, donation_id: str) -> Entitlement:
        """Which document the law gives it, or `ReceiptForbidden` with the reason."""
        gift = self._donations[donation_id]
        return self._entitlement_of(gift, self._entities[gift.entity_id])

    def draft(self, donation_id: str) -> Draft:
        """The receipt this gift is owed, or the reason why none can be issued."""
        gift = self._donations[donation_id]
        entity = self._entities[gift.entity_id]
        payment = self._payment_of(gift)
        if gift.gift_date is None:
            raise NothingToReceipt(donation_id)
        owed = self._entitlement_of(gift, entity)
        return Draft(
            entity_id=entity.id,
            donation_id=donation_id,
            series=owed.series(entity.receipt_series),
            tax_year=gift.gift_date.year,
            time_zone=entity.time_zone,
            content=ReceiptContent(
                number=_UNNUMBERED,
                kind=owed.kind,
                issued_on=_NO_DAY,
                gift_date=gift.gift_date,
                locale=gift.locale,
                donor_name=gift.donor_name,
                amount_minor=gift.amount,
                currency=gift.currency,
                lines=self._lines(gift),
                entity=self._printed[entity.id],
                statement_code=owed.statement.code,
                statement_version=owed.statement.version,
                method_kind=payment.method,
                card_brand=payment.card_brand,
                last4=payment.last4,
                dedication_kind=gift.dedication_kind,
                dedication_name=gift.dedication_name,
                benefit_minor=owed.benefit,
                benefit_text=gift.benefit_text,
                description=gift.description,
                donor_address=(*gift.address, gift.postcode) if gift.address else (),
                soft_credit_name=gift.soft_credit_name if owed.kind == "thanks" else None,
            ),
        )

    def _entitlement_of(self, gift: Any, entity: IssuingEntity) -> Entitlement:
        """Decided once for all gifts that differ in amount and day alone: without a benefit these do not
        matter, and nearly all gifts are so."""
        if gift.benefit_amount or gift.benefit_text:
            return _entitlement(gift, entity)
        alike = entity.id, gift.payer_kind, gift.channel, gift.currency, bool(gift.address)
        if alike not in self._entitlements:
            self._entitlements[alike] = _entitlement(gift, entity)
        return self._entitlements[alike]

    def _payment_of(self, gift: Any) -> _Payment:
        """How the gift was paid: by the charge, or by what lay on the desk."""
        if gift.channel != Channel.ONLINE:
            return _Payment(gift.channel)
        payment = self._payments.get(gift.id)
        if payment is None:
            raise NothingToReceipt(gift.id)
        return payment

    def _lines(self, gift: Any) -> tuple[ReceiptLine, ...]:
        lines = [
            ReceiptLine(fund_name=self._fund_name(fund_id, gift.locale), amount_minor=amount)
            for fund_id, amount in self._allocations[gift.id]
        ]
        if gift.fee_cover_amount:
            lines.append(ReceiptLine(fund_name="", amount_minor=gift.fee_cover_amount, is_fee_cover=True))
        return tuple(lines)

    def _fund_name(self, fund_id: str, locale: str) -> str:
        if (fund_id, locale) not in self._fund_names:
            self._fund_names[fund_id, locale] = self._funds[fund_id].name_in(locale)
        return self._fund_names[fund_id, locale]


def _entitlement(gift: Any, entity: IssuingEntity) -> Entitlement:
    return entitlement.decide(
        Given(
            payer_kind=gift.payer_kind,
            channel=gift.channel,
            amount=gift.amount,
            currency=gift.currency,
            benefit=gift.benefit_amount,
            gift_date=gift.gift_date,
            has_items=bool(gift.benefit_text) and not gift.benefit_amount,
            has_address=bool(gift.address),
        ),
        jurisdiction=entity.jurisdiction,
        statement_code=entity.statement_code,
        facts=entity.receipt_facts,
    )


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
        facts=entity.receipt_facts,
    )

"""`/api/v1/donors`: staff find the person behind a gift, and see what there is of them.

What is looked for travels in the body of a POST, never in an address: it may be a name. Each read stands in
the audit log with who read; a viewer or an admin sees ids where others see names.
"""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from payments.api.problems import documented
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession, staff_with
from payments.money import Money
from payments.privacy import dossier, searching
from payments.privacy.dossier import Dossier
from payments.privacy.searching import Found
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["donors"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]


class SearchSent(Sent):
    """Whom to look for."""

    model_config = ConfigDict(
        str_max_length=320, json_schema_extra={"examples": [{"wanted": "US-2026-000001"}]}
    )

    wanted: str = Field(
        description="An id of ours or Stripe's, a receipt's number, an e-mail address or a part of a name."
        " The last two need a role that sees names."
    )


class DonorListed(BaseModel):
    """One donor of a search."""

    id: str
    name: str | None = Field(description="Null, like the address, for a role that sees no names.")
    email: str | None
    gifts: int
    monthly_gifts: int
    receipts: int
    latest_gift: str | None

    @classmethod
    def of(cls, found: Found) -> "DonorListed":
        """As a list shows it."""
        return cls(
            id=found.donor_id,
            name=found.name,
            email=found.email,
            gifts=found.gifts,
            monthly_gifts=found.monthly_gifts,
            receipts=found.receipts,
            latest_gift=found.latest_gift,
        )


class DonorsListed(BaseModel):
    """What a search found, whoever gave last first."""

    donors: list[DonorListed]
    is_cut: bool = Field(description=f"Whether there may be more than the {searching.MOST} of one answer.")


class AmountShown(BaseModel):
    """Minor units of a currency."""

    amount: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> "AmountShown":
        """As JSON has it."""
        return cls(amount=money.minor, currency=money.currency)


class GiftOfDonor(BaseModel):
    """One gift."""

    id: str
    day: date
    status: str
    channel: str
    total: AmountShown
    monthly_gift: str | None
    receipt: str | None = Field(description="The number of the receipt that counts.")


class PromiseOfDonor(BaseModel):
    """One monthly gift."""

    id: str
    begun: datetime
    status: str
    monthly: AmountShown
    stripe_customer: str | None


class PaperOfDonor(BaseModel):
    """One receipt or annual statement, void ones too."""

    id: str
    number: str
    kind: str
    status: str
    issued_at: datetime
    total: AmountShown | None


class LetterOfDonor(BaseModel):
    """One mail to the donor's address."""

    id: str
    about: str
    status: str
    queued_at: datetime


class RecordOfDonor(BaseModel):
    """Another record of the same donor, merged into this one."""

    id: str
    email: str | None = Field(description="Null for a role that sees no names.")
    merged_at: datetime


class DonorShown(BaseModel):
    """Everything about one donor."""

    id: str
    name: str | None = Field(description="Null, like both addresses, for a role that sees no names.")
    email: str | None
    postal_address: list[str] | None
    locale: str
    known_since: datetime
    erased_at: datetime | None = Field(description="Since when nothing is known of them but ids.")
    records: list[RecordOfDonor]
    gifts: list[GiftOfDonor]
    thanked_for: list[str]
    monthly_gifts: list[PromiseOfDonor]
    papers: list[PaperOfDonor]
    gift_aid: list[str]
    newsletter: list[str]
    letters: list[LetterOfDonor]

    @classmethod
    def of(cls, found: Dossier) -> "DonorShown":
        """The page as JSON."""
        return cls(
            id=found.id,
            name=found.name,
            email=found.email,
            postal_address=list(found.postal_address) if found.postal_address is not None else None,
            locale=found.locale,
            known_since=found.known_since,
            erased_at=found.erased_at,
            records=[
                RecordOfDonor(id=record.id, email=record.email, merged_at=record.merged_at)
                for record in found.records
            ],
            gifts=[
                GiftOfDonor(
                    id=gift.id,
                    day=gift.day,
                    status=gift.status,
                    channel=gift.channel,
                    total=AmountShown.of(gift.total),
                    monthly_gift=gift.monthly_gift,
                    receipt=gift.receipt,
                )
                for gift in found.gifts
            ],
            thanked_for=list(found.thanked_for),
            monthly_gifts=[
                PromiseOfDonor(
                    id=promise.id,
                    begun=promise.begun,
                    status=promise.status,
                    monthly=AmountShown.of(promise.monthly),
                    stripe_customer=promise.stripe_customer,
                )
                for promise in found.monthly_gifts
            ],
            papers=[
                PaperOfDonor(
                    id=paper.id,
                    number=paper.number,
                    kind=paper.kind,
                    status=paper.status,
                    issued_at=paper.issued_at,
                    total=AmountShown.of(paper.total) if paper.total is not None else None,
                )
                for paper in found.papers
            ],
            gift_aid=list(found.gift_aid),
            newsletter=list(found.newsletter),
            letters=[
                LetterOfDonor(
                    id=letter.id, about=letter.about, status=letter.status, queued_at=letter.queued_at
                )
                for letter in found.letters
            ],
        )


@router.post("/donors/search", responses=documented(400, 401, 403, 422, 503), summary="Find whoever that is")
def search(session: DatabaseSession, by: Reader, sent: SearchSent) -> DonorsListed:
    """Nothing is made by it, but each donor found stands in the audit log with who looked."""
    found = searching.find(session, sent.wanted, by=by)
    return DonorsListed(donors=[DonorListed.of(each) for each in found], is_cut=len(found) == searching.MOST)


@router.get("/donors/{donor_id}", responses=documented(401, 403, 404, 503), summary="See one")
def show(session: DatabaseSession, by: Reader, donor_id: str) -> DonorShown:
    """Gifts, monthly gifts, receipts, declarations and letters; the read stands in the audit log."""
    return DonorShown.of(dossier.show(session, donor_id, by=by))

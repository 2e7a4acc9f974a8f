"""`/api/v1/donations`: begin a gift, and see what became of it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from payments import doorkeeper
from payments.api.problems import documented, wish_refused
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession, IdempotencyKey, open_checkout
from payments.donations import checkout
from payments.donations.models import Donation, DonationStatus
from payments.donations.wishes import Dedication, GiftAid, Share, Wish, WishRefused

router = APIRouter(prefix="/donations", tags=["donations"])


class DonorSent(Sent):
    """Who gives. The receipt goes to this address under this name."""

    name: str = Field(examples=["Kim Ji-woo"])
    email: str = Field(examples=["jiwoo@example.com"], max_length=254)
    locale: Literal["en", "ko"] = "en"


class DedicationSent(Sent):
    """In honour or in memory of somebody."""

    kind: Literal["in_honour", "in_memory"]
    name: str = Field(examples=["Grandmother"])


class AllocationSent(Sent):
    """The part of the amount that is for one fund, in minor units."""

    fund: str = Field(examples=["rescue"])
    amount: int = Field(gt=0, examples=[2500])


class SourceSent(Sent):
    """Where the gift came from. Never a name or an address."""

    page: str | None = Field(default=None, examples=["/stories/crossing"])
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None


class GiftAidSent(Sent):
    """A declaration for Gift Aid, by a donor who saw its words and ticked an unticked box."""

    title: str = Field(default="", examples=["Mrs"], max_length=4)
    first_name: str = Field(examples=["Ann"])
    last_name: str = Field(examples=["Lee"])
    house: str = Field(examples=["4"], description="The number or name of the home.")
    postcode: str = Field(examples=["S19 2BD"], description="`X` for a home abroad.")


class DonationSent(Sent):
    """A gift to begin."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "amount": 2500,
                    "currency": "usd",
                    "frequency": "once",
                    "fund": "rescue",
                    "cover_fees": True,
                    "donor": {"name": "Kim Ji-woo", "email": "jiwoo@example.com", "locale": "en"},
                    "source": {"page": "/stories/crossing", "utm_campaign": "winter"},
                }
            ]
        }
    )

    amount: int = Field(
        strict=True, description="Whole minor units: 2500 is $25.00, 25000 is ₩25,000.", examples=[2500]
    )
    currency: str = Field(pattern="^[a-z]{3}$", examples=["usd"])
    frequency: Literal["once", "monthly"] = "once"
    fund: str | None = Field(default=None, examples=["rescue"])
    allocations: list[AllocationSent] | None = Field(default=None, min_length=1, max_length=20)
    cover_fees: bool = False
    donor: DonorSent
    dedication: DedicationSent | None = None
    gift_aid: GiftAidSent | None = Field(
        default=None, description="Only for a charity in the United Kingdom, for gifts in pounds."
    )
    source: SourceSent = SourceSent()

    @model_validator(mode="after")
    def _one_way_to_name_the_fund(self) -> "DonationSent":
        if (self.fund is None) == (self.allocations is None):
            raise ValueError("send either `fund` or `allocations`")
        return self

    def wish(self) -> Wish:
        """As the donation room understands it."""
        shares = (
            (Share(self.fund, self.amount),)
            if self.fund is not None
            else tuple(Share(part.fund, part.amount) for part in self.allocations or ())
        )
        return Wish(
            amount=self.amount,
            currency=self.currency,
            frequency=self.frequency,
            shares=shares,
            cover_fees=self.cover_fees,
            donor_name=self.donor.name,
            donor_email=self.donor.email,
            locale=self.donor.locale,
            dedication=Dedication(self.dedication.kind, self.dedication.name) if self.dedication else None,
            source=self.source.model_dump(exclude_none=True),
            gift_aid=GiftAid(**self.gift_aid.model_dump()) if self.gift_aid else None,
        )


class DonationOpened(BaseModel):
    """The gift, and where the donor pays."""

    id: str = Field(examples=["don_5f2b…"])
    status: DonationStatus
    checkout_url: str | None = Field(
        description="Send the donor here. Null once the page is closed.",
        examples=["https://checkout.stripe.com/c/pay/cs_test_…"],
    )


class DonationShown(BaseModel):
    """What anybody who knows the id may see: nothing about the donor."""

    id: str
    status: DonationStatus
    amount: int = Field(description="Whole minor units, fee cover included.")
    currency: str
    frequency: str
    gift_date: str | None = Field(description="The day of the gift where its receipt is issued.")

    @classmethod
    def of(cls, donation: Donation) -> "DonationShown":
        """The public part of a gift."""
        return cls(
            id=donation.id,
            status=DonationStatus(donation.status),
            amount=donation.amount,
            currency=donation.currency,
            frequency=donation.frequency,
            gift_date=donation.gift_date.isoformat() if donation.gift_date else None,
        )


Proof = Annotated[
    str,
    Header(
        alias="Proof-Of-Work",
        max_length=80,
        description="`PUZZLE:ANSWER`, with a puzzle of `GET /api/v1/donations/puzzle`; needed only when many"
        " gifts are begun that nobody pays.",
    ),
]


class Puzzle(BaseModel):
    """A sum that takes a browser a moment."""

    puzzle: str = Field(
        description="The answer is a number: the SHA-256 of `PUZZLE:ANSWER` begins with as many zero bits as"
        " stand after the puzzle's first dot.",
        examples=["692d9b01.13.k2Jx0aQw9LrT.9b1f3a77c0d2e4f6"],
    )


@router.get("/puzzle", responses=documented(503), summary="A puzzle to send with a gift")
def puzzle() -> Puzzle:
    """Good for four hours and two gifts."""
    return Puzzle(puzzle=doorkeeper.new_puzzle())


@router.post(
    "", status_code=201, responses=documented(400, 409, 413, 422, 429, 502, 503), summary="Begin a gift"
)
def begin(
    request: Request,
    response: Response,
    sent: DonationSent,
    idempotency_key: IdempotencyKey,
    proof: Proof = "",
) -> DonationOpened:
    """Write the gift and open Stripe's page for it. Sending the same key again changes nothing."""
    puzzle, _, answer = proof.partition(":")
    visit = doorkeeper.visit(request, puzzle_sent=puzzle, answer=answer)
    try:
        opened = open_checkout(sent.wish(), key=f"api:{idempotency_key}", visitor=visit)
    except WishRefused as refusal:
        return wish_refused(request, refusal, locale=sent.donor.locale)  # type: ignore[return-value]
    visit.opened(opened.donation_id)
    response.headers["Location"] = f"/api/v1/donations/{opened.donation_id}"
    return DonationOpened(id=opened.donation_id, status=opened.status, checkout_url=opened.checkout_url)


@router.get("/{donation_id}", responses=documented(404, 503), summary="See what became of a gift")
def show(session: DatabaseSession, donation_id: str) -> DonationShown:
    """The public part only."""
    return DonationShown.of(checkout.find(session, donation_id))

"""`/api/v1/offline-gifts` and `/api/v1/deposits`: what came on paper, for staff.

Every route needs a staff token of somebody in finance. Amounts are whole minor units.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from payments.api.problems import documented
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession, IdempotencyKey, staff_with
from payments.donations import checkout, recording
from payments.donations.models import Donation
from payments.donations.offline import Channel, DepositSlip, PayerKind
from payments.donations.recording import MAY_RECORD, Paper
from payments.donations.wishes import Share
from payments.money import Money
from payments.receipts import owing
from payments.receipts.owing import Outlook, ReceiptOutlook
from payments.staff import requests
from payments.staff.models import StaffMember

router = APIRouter(tags=["offline gifts"])

Recorder = Annotated[StaffMember, staff_with(*MAY_RECORD)]


class PersonSent(Sent):
    """Somebody's name and address."""

    name: str
    email: str = Field(max_length=254)


class PayerSent(PersonSent):
    """The legal payer: the receipt is made out to it."""

    kind: PayerKind = PayerKind.PERSON
    locale: Literal["en", "ko"] = "en"


class PartSent(Sent):
    """The part of the amount that is for one fund."""

    fund: str
    amount: int = Field(gt=0, strict=True)


class BenefitSent(Sent):
    """What the donor got for it: that part is a sale and not a gift."""

    amount: int = Field(gt=0, strict=True)
    text: str = Field(examples=["Dinner"])


class ItemsSent(Sent):
    """Items with the charity's name, where the donor got nothing else."""

    cost: int = Field(gt=0, strict=True, description="What they cost the charity, all of them together.")
    text: str = Field(examples=["A mug with our lantern"])


class OfflineGiftSent(Sent):
    """One offline gift."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "cheque",
                    "amount": 10000,
                    "currency": "usd",
                    "fund": "rescue",
                    "payer": {"name": "Ada Park", "email": "ada@example.com"},
                    "received_on": "2026-11-20",
                    "postmarked_on": "2026-11-17",
                    "number": "1234",
                }
            ]
        }
    )

    channel: Literal["cheque", "cash", "bank_transfer", "stock", "in_kind"]
    amount: int = Field(gt=0, strict=True)
    currency: str = Field(pattern="^[a-z]{3}$")
    fund: str | None = None
    allocations: list[PartSent] | None = Field(default=None, min_length=1, max_length=20)
    payer: PayerSent
    soft_credit: PersonSent | None = None
    received_on: date
    postmarked_on: date | None = None
    number: str | None = None
    dated: date | None = None
    description: str | None = None
    benefit: BenefitSent | None = None
    items: ItemsSent | None = None

    @model_validator(mode="after")
    def _one_way_to_name_the_fund(self) -> "OfflineGiftSent":
        if (self.fund is None) == (self.allocations is None):
            raise ValueError("send either `fund` or `allocations`")
        return self

    def paper(self) -> Paper:
        """As the donation room understands it."""
        shares = (
            (Share(self.fund, self.amount),)
            if self.fund is not None
            else tuple(Share(part.fund, part.amount) for part in self.allocations or ())
        )
        got = self.benefit or self.items
        return Paper(
            channel=Channel(self.channel),
            amount=Money(self.amount, self.currency),
            shares=shares,
            donor_name=self.payer.name,
            received_on=self.received_on,
            locale=self.payer.locale,
            payer_kind=self.payer.kind,
            postmarked_on=self.postmarked_on,
            document_number=self.number,
            document_date=self.dated,
            description=self.description,
            benefit=self.benefit.amount if self.benefit else 0,
            benefit_text=got.text if got else None,
            items_cost=self.items.cost if self.items else None,
        )


class OfflineGiftShown(BaseModel):
    """A recorded gift, and what becomes of its receipt."""

    id: str
    amount: int
    currency: str
    channel: Channel
    gift_date: date | None
    receipt: ReceiptOutlook
    receipt_says: str
    """What whoever records it should know: why its receipt waits, or what of the payment is the gift."""

    @classmethod
    def of(cls, gift: Donation, outlook: Outlook) -> "OfflineGiftShown":
        """Without its payer: whoever records knows, and whoever guesses an id should not."""
        return cls(
            id=gift.id,
            amount=gift.amount,
            currency=gift.currency,
            channel=Channel(gift.channel),
            gift_date=gift.gift_date,
            receipt=outlook.receipt,
            receipt_says=outlook.sentence,
        )


class ReversalSent(Sent):
    """Why it is taken back."""

    reason: str


class ReversedShown(BaseModel):
    """A gift that was taken back, and the receipt that is made void for it within seconds."""

    id: str
    receipt_to_void: str | None


class DepositSent(Sent):
    """Cheques and cash that go to the bank together."""

    gifts: list[str] = Field(min_length=1, max_length=500)
    deposited_on: date
    total: int | None = Field(default=None, strict=True, description="What you counted; it must be the same.")
    currency: str | None = Field(default=None, pattern="^[a-z]{3}$", description="Of the total you counted.")

    @model_validator(mode="after")
    def _a_total_has_a_currency(self) -> "DepositSent":
        if (self.total is None) != (self.currency is None):
            raise ValueError("send both `total` and `currency`, or neither")
        return self


class DepositShown(BaseModel):
    """A deposit slip: one line on the bank statement."""

    id: str
    total: int
    currency: str
    deposited_on: date

    @classmethod
    def of(cls, slip: DepositSlip) -> "DepositShown":
        """The slip."""
        return cls(id=slip.id, total=slip.total, currency=slip.currency, deposited_on=slip.deposited_on)


_PROBLEMS = documented(400, 401, 403, 404, 409, 422, 503)


@router.post("/offline-gifts", status_code=201, responses=_PROBLEMS, summary="Record an offline gift")
def record(
    session: DatabaseSession,
    by: Recorder,
    response: Response,
    sent: OfflineGiftSent,
    idempotency_key: IdempotencyKey,
) -> OfflineGiftShown:
    """The gift, its entry in the book and its receipt. Sending the same key again changes nothing."""
    request = {"deed": "offline gift", **sent.model_dump(mode="json")}
    known = requests.earlier(session, by, key=idempotency_key, request=request)
    if known is not None:
        gift = checkout.find(session, known)
        return OfflineGiftShown.of(gift, owing.outlook(session, gift))
    taken = owing.take_in(
        session,
        sent.paper(),
        payer_email=sent.payer.email,
        soft_credit=(sent.soft_credit.name, sent.soft_credit.email) if sent.soft_credit else None,
        by=by,
    )
    requests.remember(session, by, key=idempotency_key, request=request, answer_id=taken.donation.id)
    response.headers["Location"] = f"/api/v1/donations/{taken.donation.id}"
    return OfflineGiftShown.of(taken.donation, taken.outlook)


@router.post("/offline-gifts/{donation_id}/reverse", responses=_PROBLEMS, summary="Take one back")
def reverse(session: DatabaseSession, by: Recorder, donation_id: str, sent: ReversalSent) -> ReversedShown:
    """In the open: the gift and its reversal both stay."""
    gift = recording.reverse(session, donation_id, by=by, reason=sent.reason)
    return ReversedShown(id=gift.id, receipt_to_void=owing.look_again(session, gift.id))


@router.post("/deposits", status_code=201, responses=_PROBLEMS, summary="Make a deposit slip")
def deposit(
    session: DatabaseSession, by: Recorder, sent: DepositSent, idempotency_key: IdempotencyKey
) -> DepositShown:
    """All or none of the gifts."""
    request = {"deed": "deposit", **sent.model_dump(mode="json")}
    known = requests.earlier(session, by, key=idempotency_key, request=request)
    if known is not None:
        return DepositShown.of(session.get_one(DepositSlip, known))
    counted = Money(sent.total, sent.currency) if sent.total is not None and sent.currency else None
    slip = recording.deposit(session, sent.gifts, deposited_on=sent.deposited_on, total=counted, by=by)
    requests.remember(session, by, key=idempotency_key, request=request, answer_id=slip.id)
    return DepositShown.of(slip)

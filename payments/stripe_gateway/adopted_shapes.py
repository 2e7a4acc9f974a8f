"""What is taken over from another platform, in the words of our inbox: Stripe's own object, and what was
decided about it. So the books can be made again from the log, with the same donors and funds."""

import hashlib
from typing import Literal

from payments.stripe_gateway.billing_shapes import Subscription
from payments.stripe_gateway.shape import Shape
from payments.stripe_gateway.shapes import Charge


class Giver(Shape):
    """Who gave, as the other platform told Stripe."""

    email: str
    name: str
    locale: str


class AdoptedGift(Shape):
    """A charge that is a gift, and for what."""

    object: Literal["adopted_gift"]
    charge: Charge
    giver: Giver
    fund_id: str

    @property
    def donation_id(self) -> str:
        """Ours, from the charge's own: taken over again it is the same gift."""
        return f"don_{_digest(self.charge.id)}"


class AdoptedPlan(Shape):
    """A subscription that is a monthly gift, and for what."""

    object: Literal["adopted_plan"]
    subscription: Subscription
    giver: Giver
    fund_id: str
    begun: int
    amount: int
    currency: str
    receipts_from: int

    @property
    def monthly_gift_id(self) -> str:
        """Ours, from the subscription's own."""
        return f"mon_{_digest(self.subscription.id)}"


def _digest(stripe_id: str) -> str:
    return hashlib.sha256(stripe_id.encode()).hexdigest()[:32]

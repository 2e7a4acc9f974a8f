"""Why a refund is not asked for or decided as somebody wishes: each with the sentence that person reads."""

from payments.errors import AlmonerError
from payments.money import Money, smallest_step
from payments.translations import N_, Told


class RefundNotFound(AlmonerError):
    """No refund has this id."""

    def __init__(self) -> None:
        super().__init__("There is no refund with this id.")


class FraudWarningNotFound(AlmonerError):
    """No warning has this id."""

    def __init__(self) -> None:
        super().__init__("There is no fraud warning with this id.")


class RefundRefused(Told):
    """A refund that cannot be asked for as it is."""


class NotPaidOnline(RefundRefused):
    """Stripe can give back only what came through Stripe."""

    sentence = N_(
        "Only a gift that was paid online can be refunded here. An offline gift is reversed with"
        " `almoner offline reverse` and paid back by the bank."
    )


class GiftDisputed(RefundRefused):
    """The donor's bank has taken the money already, or asks for it."""

    sentence = N_(
        "This gift is disputed: the donor's bank decides about the money, and a refund would give it"
        " back twice. Answer the dispute, or accept it, in Stripe's dashboard."
    )


class NothingLeft(RefundRefused):
    """All of it went back, or is on its way."""

    sentence = N_("Nothing of this gift is left to refund: all of it went back or is on its way.")


class MoreThanIsLeft(RefundRefused):
    """More than the gift less what goes back already."""

    field = "amount"
    sentence = N_("At most {left} of this gift can still be refunded.")

    def __init__(self, left: Money) -> None:
        super().__init__(left=left)
        self.left = left


class NotAnAmount(RefundRefused):
    """Nothing, less than nothing, or a fraction of the smallest coin."""

    field = "amount"
    sentence = N_("A refund in {currency} is at least {step} and a whole multiple of it.")

    def __init__(self, currency: str) -> None:
        super().__init__(currency=currency.upper(), step=Money(smallest_step(currency), currency))


class FraudMustBeMeant(RefundRefused):
    """The word has consequences at Stripe that a slip should not have."""

    field = "block_card"
    sentence = N_("`fraudulent` puts the donor's card and address on Stripe's block lists: say so expressly.")


class RefundDecided(RefundRefused):
    """It is past the point where somebody could still say yes or no; where it stands is in `status`."""

    sentence = N_("It is decided, or Stripe has it already: there is nothing left to say to this refund.")

    def __init__(self, status: str) -> None:
        super().__init__()
        self.status = status


class OwnRequest(RefundRefused):
    """Whoever asks is not the one who agrees."""

    sentence = N_("Nobody approves their own request. Ask another approver.")

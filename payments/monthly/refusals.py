"""Why a monthly gift cannot be changed as asked: each with the sentence a donor reads, and its field."""

from typing import ClassVar

from payments.errors import AlmonerError
from payments.translations import N_, Told


class MonthlyGiftNotFound(AlmonerError):
    """No monthly gift has this id."""

    def __init__(self, monthly_gift_id: str) -> None:
        super().__init__("There is no monthly gift with this id.")
        self.monthly_gift_id = monthly_gift_id


class ChangeRefused(Told):
    """A change that cannot be made as it is asked for; `field` says which part of it."""

    field: ClassVar[str] = "change"
    sentence: ClassVar[str] = N_("This monthly gift cannot be changed like this.")
    is_about_its_state: ClassVar[bool] = False
    """Whether the gift stands in the way, and not what was asked."""


class NotBegun(ChangeRefused):
    """Its first instalment is not paid yet."""

    sentence = N_(
        "This monthly gift has not begun yet. It can be changed once the first payment has arrived."
    )
    is_about_its_state = True


class HasEnded(ChangeRefused):
    """Nothing is charged any more, for good."""

    sentence = N_("This monthly gift has ended and nothing more will be charged. You can begin a new one.")
    is_about_its_state = True


class NothingToPause(ChangeRefused):
    """It lapsed: nothing is charged as it is."""

    sentence = N_("Nothing is being charged for this monthly gift now, so there is nothing to pause.")
    is_about_its_state = True


class NotPaused(ChangeRefused):
    """Only a pause can be ended."""

    sentence = N_("This monthly gift is not paused.")
    is_about_its_state = True


class PauseNotPossible(ChangeRefused):
    """A pause of no month, or of more than a year."""

    field = "months"
    sentence = N_("A pause lasts from 1 to {longest} months.")


class CurrencyFixed(ChangeRefused):
    """Stripe keeps a subscription in the currency it began in."""

    field = "currency"
    sentence = N_(
        "This monthly gift is in {currency} and stays in it. To give in another currency, end this one and"
        " begin a new one."
    )


class AmountUnchanged(ChangeRefused):
    """What is asked for is what is given."""

    field = "amount"
    sentence = N_("That is what you give each month already: {amount}.")


class DayUnknown(ChangeRefused):
    """No day of any month."""

    field = "day"
    sentence = N_("Choose a day of the month from 1 to 31. In a shorter month its last day is taken.")

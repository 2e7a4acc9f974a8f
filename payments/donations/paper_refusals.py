"""Why an offline gift, a deposit slip or a return is refused: each with the sentence that person reads."""

from payments.translations import N_, Told


class PaperRefused(Told):
    """What was typed cannot be written down as it is; `field` says which part."""

    field = "gift"


class FundUnknown(PaperRefused):
    """None, or one that the charity does not have."""

    field = "fund"
    sentence = N_("There is no such fund.")


class FundsOfTwoBodies(PaperRefused):
    """The money and the receipt are one legal body's."""

    field = "fund"
    sentence = N_("The funds belong to different legal bodies: record one gift each.")


class CameOnline(PaperRefused):
    """Stripe tells of it."""

    field = "channel"
    sentence = N_("A gift that came online is recorded by itself.")


class NotAnAmountOnPaper(PaperRefused):
    """Nothing, or between two steps of its currency."""

    field = "amount"
    sentence = N_("The amount is at least {least} and a whole multiple of it.")


class AmountTooLong(PaperRefused):
    """More than anybody gives: a number typed into the wrong field."""

    field = "amount"
    sentence = N_("The amount is at most {most}: look what was typed.")


class PartsDoNotAddUp(PaperRefused):
    """One is nothing, or together they are not the gift."""

    field = "allocations"
    sentence = N_("The parts for the funds must each be more than nothing and add up to {amount}.")


class PayerUnnamed(PaperRefused):
    """No name, or one that no receipt has room for."""

    field = "name"
    sentence = N_("Give the payer's name, in at most {most} letters.")


class PayerUnreachable(PaperRefused):
    """No address for the payer's receipt."""

    field = "email"
    sentence = N_("Give an e-mail address that mail can go to.")


class ThankedUnreachable(PaperRefused):
    """No address for whoever is thanked beside the payer."""

    field = "soft_credit"
    sentence = PayerUnreachable.sentence


class NotReceivedYet(PaperRefused):
    """The book has no entries of days to come."""

    field = "received_on"
    sentence = N_("The day of receipt is still to come.")


class NoPostmark(PaperRefused):
    """Its day is that of receipt."""

    field = "postmarked_on"
    sentence = N_("Only a mailed cheque has a postmark.")


class PostedLater(PaperRefused):
    """Two days in the wrong order."""

    field = "postmarked_on"
    sentence = N_("It cannot have been posted after it was received.")


class ThingNotDescribed(PaperRefused):
    """A thing is receipted by its description and by no value."""

    field = "description"
    sentence = N_("Describe what was given: the receipt names the thing.")


class BenefitOutOfBounds(PaperRefused):
    """Less than nothing, or more than was paid."""

    field = "benefit"
    sentence = N_("The benefit is between nothing and the whole payment.")


class BenefitAndItems(PaperRefused):
    """Items of small cost leave the gift whole only where nothing else was given."""

    field = "items"
    sentence = N_("Give the cost of the items alone, or the value of a benefit.")


class BenefitHalfSaid(PaperRefused):
    """A value without words, or words without a value."""

    field = "benefit_text"
    sentence = N_("Give both the value of what the donor got and what it was.")


class ItemsNotIgnored(PaperRefused):
    """They cost too much, or the payment is too small."""

    field = "items"
    sentence = N_(
        "The law of this body does not ignore items of this cost for this payment: say what they are"
        " worth as a benefit."
    )


class ItemsForbidden(PaperRefused):
    """The reason is that of the country's pack, in its words."""

    field = "items"
    sentence = "{reason}"


class DepositRefused(Told):
    """These gifts cannot go to the bank on one slip."""


class NothingToDeposit(DepositRefused):
    """None was named, or one that nobody recorded."""

    field = "gift"
    sentence = N_("Choose cheques or cash that were recorded and are not at the bank yet.")


class SlipMixed(DepositRefused):
    """Two currencies or two bodies."""

    field = "gift"
    sentence = N_("A slip is of one currency and for one bank account: make one slip for each.")


class CountedOtherwise(DepositRefused):
    """Somebody's count is not the sum."""

    field = "total"
    sentence = N_("These gifts come to {sum}, not {counted}. Count again.")


class DepositStillToCome(DepositRefused):
    """The book has no entries of days to come."""

    field = "deposited_on"
    sentence = N_("The day of the deposit is still to come.")


class NotForDeposit(DepositRefused):
    """A transfer is at the bank, and a thing never goes there."""

    field = "gift"
    sentence = N_("Gift {gift} is neither a cheque nor cash.")


class OnSlipAlready(DepositRefused):
    """Somebody was quicker."""

    field = "gift"
    sentence = N_("Gift {gift} is on the slip {slip} already.")


class WasTakenBack(DepositRefused):
    """There is nothing to carry."""

    field = "gift"
    sentence = N_("Gift {gift} has been taken back.")


class ReceivedLater(DepositRefused):
    """It was not there yet on the day of the slip."""

    field = "deposited_on"
    sentence = N_("Gift {gift} was received after the day of this deposit.")


class NotReversible(Told):
    """Not an offline gift, or taken back already."""


class NotOnPaper(NotReversible):
    """Its money is at Stripe."""

    sentence = N_("Only an offline gift is taken back so; ask for a refund of one paid online.")


class TakenBackAlready(NotReversible):
    """Somebody was quicker."""

    sentence = N_("This gift has been taken back already.")

"""What a donor wishes to give, and whether it can be taken. Pure.

A refusal carries its field and its facts; its `sentence` is what the donor is told, translated by
the door that tells it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from payments.donations.models import Fund, GivingTerms
from payments.errors import AlmonerError
from payments.mail.address import fit
from payments.money import LARGEST_MINOR, Money, smallest_step, split

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a wish that is for one fund; minor units."""

    fund_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Dedication:
    """Whom a gift is given for: `in_honour` or `in_memory` of somebody."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftAid:
    """That a British donor declares a gift for Gift Aid: the name and the home, as typed."""

    title: str = ""
    first_name: str
    last_name: str
    house: str
    postcode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A gift as the donor asks for it. `amount` is for the funds; covering the fee comes on top."""

    amount: int
    currency: str
    frequency: str
    shares: tuple[Share, ...]
    cover_fees: bool
    donor_name: str
    donor_email: str
    locale: str
    dedication: Dedication | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    gift_aid: GiftAid | None = field(default=None, repr=False)
    """Out of `repr`, which may come near a log."""


class WishRefused(AlmonerError):
    """A wish that cannot be taken as it is; `field` says which part of it."""

    field: ClassVar[str] = "wish"
    sentence: ClassVar[str] = "This gift cannot be taken as it is."

    def __init__(self, **facts: Money | str) -> None:
        self.facts = facts
        super().__init__(f"{type(self).__name__}: {', '.join(facts)}")


class CurrencyNotOffered(WishRefused):
    """A currency this charity has no terms for."""

    field = "currency"
    sentence = "We cannot take gifts in {currency}. Please choose one of: {offered}."


class AmountTooSmall(WishRefused):
    """Below the currency's minimum."""

    field = "amount"
    sentence = "The smallest gift we can take online is {minimum}."


class AmountTooLarge(WishRefused):
    """Above the currency's maximum, or more digits than Stripe takes."""

    field = "amount"
    sentence = "The largest gift we can take online is {maximum}. Please write to us for more: thank you!"


class AmountNotWhole(WishRefused):
    """A fraction smaller than the currency's smallest step."""

    field = "amount"
    sentence = "Gifts in {currency} are whole multiples of {step}."


class FundNotOpen(WishRefused):
    """A fund that does not exist or takes no gifts now."""

    field = "fund"
    sentence = "This fund is not open for gifts now. Please choose another."


class SharesDoNotAddUp(WishRefused):
    """The parts for the funds are not the whole, or one of them is nothing."""

    field = "allocations"
    sentence = "The parts for the funds must each be more than nothing and add up to {amount}."


class NameMissing(WishRefused):
    """No name, or one no form would hold."""

    field = "name"
    sentence = "Please tell us your name, in at most {longest} letters."


class EmailNotValid(WishRefused):
    """An address no mail can go to."""

    field = "email"
    sentence = "Please check the e-mail address: we send your receipt there."


class DedicationIncomplete(WishRefused):
    """A dedication without a name, or of an unknown kind."""

    field = "dedication"
    sentence = "Please tell us the name of the person this gift is for, in at most {longest} letters."


class MonthlyNotOffered(WishRefused):
    """A currency in which this charity takes single gifts only."""

    field = "frequency"
    sentence = "Monthly gifts in {currency} are not possible here. A single gift is, or another currency."


class GiftAidNotOffered(WishRefused):
    """A declaration for a body outside the United Kingdom, or for a gift that is not in pounds."""

    field = "gift_aid"
    sentence = "Gift Aid is for gifts in pounds to a charity in the United Kingdom."


class GiftAidNameUnfit(WishRefused):
    """A name that HMRC does not read: missing, too long or in other letters."""

    field = "gift_aid_name"
    sentence = "For Gift Aid, please write your first and last name in Latin letters, at most 35 each."


class GiftAidHouseUnfit(WishRefused):
    """No number or name of a house."""

    field = "gift_aid_house"
    sentence = "For Gift Aid, please write the number or name of your house, in at most 40 letters."


class GiftAidPostcodeUnfit(WishRefused):
    """No postcode of the United Kingdom, nor the X that says a home abroad."""

    field = "gift_aid_postcode"
    sentence = "For Gift Aid, please check the postcode of your home, such as S19 2BD; X if it is abroad."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A wish that can be taken: what the donor pays, and how it divides."""

    total: Money
    fee_cover: Money
    shares: tuple[Share, ...]
    donor_email: str
    donor_name: str


def agree(wish: Wish, *, terms: Sequence[GivingTerms], funds: Collection[Fund]) -> Agreed:
    """Check a wish against the charity's terms, or raise the first `WishRefused`."""
    its_terms = next((row for row in terms if row.currency == wish.currency), None)
    if its_terms is None:
        raise CurrencyNotOffered(
            currency=wish.currency.upper(), offered=", ".join(row.currency.upper() for row in terms)
        )
    if wish.frequency == "monthly" and its_terms.monthly_suggested is None:
        raise MonthlyNotOffered(currency=wish.currency.upper())
    amount = Money(wish.amount, wish.currency)
    check_amount(amount, its_terms)
    if any(share.fund_id not in {fund.id for fund in funds} for share in wish.shares) or not wish.shares:
        raise FundNotOpen
    if sum(share.amount for share in wish.shares) != wish.amount or any(s.amount <= 0 for s in wish.shares):
        raise SharesDoNotAddUp(amount=amount)
    name = " ".join(wish.donor_name.split())
    if not name or len(name) > LONGEST_NAME:
        raise NameMissing(longest=str(LONGEST_NAME))
    if wish.dedication is not None:
        _check_dedication(wish.dedication)
    fee_cover = fee_cover_for(amount, its_terms) if wish.cover_fees else Money(0, wish.currency)
    total = amount + fee_cover
    if total.minor > LARGEST_MINOR:
        raise AmountTooLarge(maximum=Money(its_terms.maximum, wish.currency))
    return Agreed(
        total=total,
        fee_cover=fee_cover,
        shares=wish.shares,
        donor_email=_checked_email(wish.donor_email),
        donor_name=name,
    )


def evenly(amount: int, fund_ids: Sequence[str]) -> tuple[Share, ...]:
    """The whole amount over the funds, in equal parts to the cent."""
    parts = split(amount, [1] * len(fund_ids))
    return tuple(Share(fund_id, part) for fund_id, part in zip(fund_ids, parts, strict=True))


def fee_cover_for(amount: Money, terms: GivingTerms) -> Money:
    """What to add so that about `amount` is left after the fee: an estimate, always rounded up.

    The fee is taken from the sum with the cover, so the cover is (amount x rate + fixed) / (1 - rate).
    """
    rate = terms.fee_basis_points
    cover = -(-(amount.minor * rate + terms.fee_fixed * 10_000) // (10_000 - rate))
    step = smallest_step(amount.currency)
    return Money(-(-cover // step) * step, amount.currency)


def check_amount(amount: Money, terms: GivingTerms) -> None:
    """Between the charity's limits and a multiple of the currency's smallest step, or a `WishRefused`."""
    step = smallest_step(amount.currency)
    if amount.minor % step:
        raise AmountNotWhole(currency=amount.currency.upper(), step=Money(step, amount.currency))
    if amount.minor < terms.minimum:
        raise AmountTooSmall(minimum=Money(terms.minimum, amount.currency))
    if amount.minor > min(terms.maximum, LARGEST_MINOR):
        raise AmountTooLarge(maximum=Money(min(terms.maximum, LARGEST_MINOR), amount.currency))


def _check_dedication(dedication: Dedication) -> None:
    named = dedication.name.strip()
    if dedication.kind not in {"in_honour", "in_memory"} or not named or len(named) > LONGEST_NAME:
        raise DedicationIncomplete(longest=str(LONGEST_NAME))


def _checked_email(address: str) -> str:
    fit_for_mail = fit(address)
    if fit_for_mail is None:
        raise EmailNotValid
    return fit_for_mail

"""The donate form: what it offers, what a donor filled in, and the wish or the errors that come of it.

Every currency's amounts, once and monthly, are in the page at once, so changing one's mind needs neither
JavaScript nor a second request; the fields of what was not chosen are simply not read.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from babel.numbers import format_percent, get_currency_name, get_currency_symbol

from payments.donations.models import Donation, Fund, GivingTerms, IssuingEntity
from payments.donations.wishes import Dedication, GiftAid, Share, Wish, WishRefused, agree
from payments.giftaid import wishing
from payments.money import Money, exponent, smallest_step
from payments.pages.amounts import AmountMissing, read_amount, write_amount
from payments.translations import sentence_for

CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_LONGEST_CAMPAIGN = 100
_LONGEST_TYPED = 1_000
_JOINERS = "\u200c\u200d"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}")
_CURRENCY_OF_LANGUAGE = {"ko": "krw"}
FREQUENCIES = ("once", "monthly")

# In the order of the page: the field that an error's link leads to.
_ANCHORS = {
    "frequency": "frequency",
    "currency": "currency",
    "amount": "",
    "fund": "fund",
    "allocations": "fund",
    "dedication": "dedication-name",
    "name": "name",
    "email": "email",
    "gift_aid": "gift-aid",
    "gift_aid_name": "first-name",
    "gift_aid_house": "house",
    "gift_aid_postcode": "postcode",
}
GIFT_AID = ("first_name", "last_name", "house", "postcode")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The amounts to choose from in one currency and frequency; None where they are not offered."""

    frequency: str
    field: str
    """What the names of its fields end with."""
    suggested: tuple[Money, ...] | None
    chosen: str
    own: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What one currency offers, as the page shows it."""

    terms: GivingTerms
    name: str
    symbol: str
    minimum: Money
    maximum: Money
    fee: str
    choices: tuple[Choice, ...]

    @property
    def currency(self) -> str:
        return self.terms.currency

    @property
    def decimals(self) -> int:
        return exponent(self.currency)

    @property
    def step(self) -> int:
        return smallest_step(self.currency)


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One thing to mend: the sentence, the field it belongs to, and where the page's link leads."""

    field: str
    anchor: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What stands in the form's fields. Everything is text as typed; nothing is believed yet."""

    token: str
    locale: str
    frequency: str
    currency: str
    fund: str
    cover_fees: bool
    dedication: str
    dedication_name: str
    name: str
    email: str
    amounts: Mapping[str, str]
    """By field, a currency in a frequency: a suggested amount in minor units, `own`, or nothing."""
    owns: Mapping[str, str]
    source: Mapping[str, str]
    gift_aid: Mapping[str, str] | None = None
    """What was typed for Gift Aid; None where its box is not ticked."""
    newsletter: bool = False
    """Asked for beside the gift; no part of it."""

    @property
    def field(self) -> str:
        """The amounts that count."""
        return _field(self.currency, self.frequency)

    def offers(self, terms: Sequence[GivingTerms]) -> list[Offer]:
        return [self._offer(row, terms) for row in terms]

    def _offer(self, row: GivingTerms, terms: Sequence[GivingTerms]) -> Offer:
        percent = format_percent(row.fee_basis_points / 10_000, "#,##0.##%", locale=self.locale)
        return Offer(
            terms=row,
            name=get_currency_name(row.currency.upper(), count=2, locale=self.locale),
            symbol=get_currency_symbol(row.currency.upper(), locale=self.locale),
            minimum=Money(row.minimum, row.currency),
            maximum=Money(row.maximum, row.currency),
            fee=f"{percent} + {Money(row.fee_fixed, row.currency).format(self.locale)}",
            choices=tuple(self._choice(row, frequency) for frequency in offered_frequencies(terms)),
        )

    def _choice(self, row: GivingTerms, frequency: str) -> Choice:
        field, suggested = _field(row.currency, frequency), _suggested(row, frequency)
        return Choice(
            frequency=frequency,
            field=field,
            suggested=None
            if suggested is None
            else tuple(Money(amount, row.currency) for amount in suggested),
            chosen=self.amounts.get(field, ""),
            own=self.owns.get(field, ""),
        )


def offered_frequencies(terms: Sequence[GivingTerms]) -> tuple[str, ...]:
    """Once, and monthly where some currency is taken monthly."""
    is_monthly = any(row.monthly_suggested is not None for row in terms)
    return FREQUENCIES if is_monthly else FREQUENCIES[:1]


def _field(currency: str, frequency: str) -> str:
    return currency if frequency == "once" else f"{currency}_{frequency}"


def _suggested(row: GivingTerms, frequency: str) -> Sequence[int] | None:
    return row.suggested if frequency == "once" else row.monthly_suggested


def _fields(terms: Sequence[GivingTerms]) -> list[str]:
    return [_field(row.currency, frequency) for row in terms for frequency in FREQUENCIES]


def fresh(
    query: Mapping[str, str], *, locale: str, terms: Sequence[GivingTerms], funds: Sequence[Fund]
) -> Answers:
    """An empty form, with what the address asks for: `?frequency=`, `?currency=`, `?amount=`, `?fund=`,
    `?utm_…=`."""
    offered = [row.currency for row in terms]
    currency = query.get("currency", "").lower()
    if currency not in offered:
        currency = _CURRENCY_OF_LANGUAGE.get(locale, "")
    if currency not in offered:
        currency = offered[0]
    frequency = query.get("frequency", "")
    if frequency not in offered_frequencies(terms):
        frequency = "once"
    amounts = {
        _field(row.currency, each): str(suggested[min(1, len(suggested) - 1)]) if suggested else "own"
        for row in terms
        for each in FREQUENCIES
        for suggested in [_suggested(row, each)]
    }
    owns: dict[str, str] = {}
    if asked := _typed(query.get("amount", "")):
        field = _field(currency, frequency)
        amounts[field], owns[field] = _preset(
            asked, next(row for row in terms if row.currency == currency), frequency
        )
    return Answers(
        token=secrets.token_urlsafe(24),
        locale=locale,
        frequency=frequency,
        currency=currency,
        fund=query["fund"] if query.get("fund") in {fund.id for fund in funds} else funds[0].id,
        cover_fees=False,
        dedication="",
        dedication_name="",
        name="",
        email="",
        amounts=amounts,
        owns=owns,
        source=_source(query),
    )


def _preset(asked: str, row: GivingTerms, frequency: str) -> tuple[str, str]:
    try:
        minor = read_amount(asked, row.currency, example=Money(row.minimum, row.currency))
    except WishRefused:
        return "own", asked
    return (str(minor), "") if minor in (_suggested(row, frequency) or ()) else ("own", asked)


def again(donation: Donation, blank: Answers, *, terms: Sequence[GivingTerms]) -> Answers:
    """The form for somebody who came back without paying: the gift is filled in, the person is not,
    because anybody may hold this address."""
    currency = donation.currency
    its_terms = next((row for row in terms if row.currency == currency), None)
    if its_terms is None:
        return blank
    asked = write_amount(donation.amount - donation.fee_cover_amount, currency)
    chosen, own = _preset(asked, its_terms, donation.frequency)
    field = _field(currency, donation.frequency)
    return replace(
        blank,
        frequency=donation.frequency,
        currency=currency,
        fund=donation.allocations[0].fund_id,
        cover_fees=donation.fee_cover_amount > 0,
        amounts={**blank.amounts, field: chosen},
        owns={**blank.owns, field: own},
    )


def filled_in(form: Mapping[str, str], *, locale: str, terms: Sequence[GivingTerms]) -> Answers:
    """What was posted, cleaned of control characters and cut to a sane length."""
    typed = {name: _typed(value) for name, value in form.items()}
    token = form.get("token", "")
    return Answers(
        token=token if _TOKEN.fullmatch(token) else secrets.token_urlsafe(24),
        locale=locale,
        frequency="monthly" if typed.get("frequency") == "monthly" else "once",
        currency=typed.get("currency", "").lower(),
        fund=typed.get("fund", ""),
        cover_fees=bool(typed.get("cover_fees")),
        dedication=typed.get("dedication", ""),
        dedication_name=typed.get("dedication_name", ""),
        name=typed.get("name", ""),
        email=typed.get("email", ""),
        amounts={field: typed.get(f"amount_{field}", "") for field in _fields(terms)},
        owns={field: typed.get(f"own_amount_{field}", "") for field in _fields(terms)},
        source=_source(form),
        gift_aid={name: typed.get(name, "") for name in GIFT_AID} if typed.get("gift_aid") else None,
        newsletter=bool(typed.get("newsletter")),
    )


def wish_of(
    answers: Answers, *, terms: Sequence[GivingTerms], funds: Sequence[Fund], entity: IssuingEntity
) -> tuple[Wish | None, list[FieldError]]:
    """The wish, or everything that keeps it from being one: a donor mends all of it in one go."""
    refusals: list[WishRefused] = []
    row = next((row for row in terms if row.currency == answers.currency), None)
    amount = None
    if row is not None and _suggested(row, answers.frequency) is not None:
        try:
            amount = _amount(answers, row)
        except WishRefused as refusal:
            refusals.append(refusal)
    wish = _wish(answers, amount if amount is not None else (row or terms[0]).minimum)
    refusals += _refusals(wish, terms=terms, funds=funds)
    refusals += wishing.refusals(wish, entity)
    if refusals:
        order = list(_ANCHORS)
        refusals.sort(key=lambda refusal: order.index(refusal.field) if refusal.field in order else -1)
        return None, [_field_error(refusal, answers) for refusal in refusals]
    return wish, []


def _amount(answers: Answers, row: GivingTerms) -> int:
    chosen, own = answers.amounts[answers.field], answers.owns[answers.field]
    suggested = _suggested(row, answers.frequency) or ()
    if chosen.isascii() and chosen.isdigit() and int(chosen[:18]) in suggested:
        return int(chosen[:18])
    if not own:
        raise AmountMissing
    return read_amount(
        own, row.currency, example=Money(suggested[0] if suggested else row.minimum, row.currency)
    )


def _wish(answers: Answers, amount: int) -> Wish:
    return Wish(
        amount=amount,
        currency=answers.currency,
        frequency=answers.frequency,
        shares=(Share(answers.fund, amount),),
        cover_fees=answers.cover_fees,
        donor_name=answers.name,
        donor_email=answers.email,
        locale=answers.locale,
        dedication=Dedication(answers.dedication, answers.dedication_name) if answers.dedication else None,
        source=answers.source,
        gift_aid=GiftAid(**answers.gift_aid) if answers.gift_aid is not None else None,
    )


def _refusals(wish: Wish, *, terms: Sequence[GivingTerms], funds: Sequence[Fund]) -> list[WishRefused]:
    """Every refusal, not only the first: after each one the same wish is asked about without it."""
    found: list[WishRefused] = []
    mended: dict[str, Callable[[Wish], Wish]] = {
        "frequency": lambda w: replace(w, frequency="once"),
        "currency": lambda w: _with_amount(replace(w, currency=terms[0].currency), terms[0].minimum),
        "amount": lambda w: _with_amount(w, next(row.minimum for row in terms if row.currency == w.currency)),
        "fund": lambda w: replace(w, shares=(Share(funds[0].id, w.amount),)),
        "name": lambda w: replace(w, donor_name="-"),
        "email": lambda w: replace(w, donor_email="donor@example.com"),
        "dedication": lambda w: replace(w, dedication=None),
    }
    while True:
        try:
            agree(wish, terms=terms, funds=funds)
        except WishRefused as refusal:
            found.append(refusal)
            if refusal.field not in mended:
                return found
            wish = mended.pop(refusal.field)(wish)
        else:
            return found


def _with_amount(wish: Wish, amount: int) -> Wish:
    return replace(wish, amount=amount, shares=tuple(Share(share.fund_id, amount) for share in wish.shares))


def _field_error(refusal: WishRefused, answers: Answers) -> FieldError:
    if refusal.field == "amount":
        own = answers.amounts.get(answers.field) in {"own", ""}
        anchor = f"own-{answers.field}" if own else f"amount-{answers.field}"
    else:
        anchor = _ANCHORS.get(refusal.field, "currency")
    return FieldError(field=refusal.field, anchor=anchor, sentence=sentence_for(refusal, answers.locale))


def refused(refusal: WishRefused, answers: Answers) -> list[FieldError]:
    """The same for a refusal that only showed when the gift was written, such as a fund closed since."""
    return [_field_error(refusal, answers)]


def key_of(answers: Answers, *, attempt: int = 0) -> str:
    """The idempotency key of this form as filled in.

    The same form sent twice is one gift; the same form changed after a step back in the browser is
    another one, so what was typed is part of the key.
    """
    typed = "\0".join(
        f"{name}={value}" for name, value in sorted(vars(answers).items()) if name not in _NOT_THE_GIFT
    )
    return f"form:{answers.token}:{hashlib.sha256(typed.encode()).hexdigest()[:16]}:{attempt}"


_NOT_THE_GIFT = {"token", "newsletter"}


def _typed(text: str) -> str:
    """One line of text: composed letters, single spaces, and nothing that cannot be printed."""
    composed = unicodedata.normalize("NFC", text[:_LONGEST_TYPED])
    lines = " ".join(composed.split())
    return "".join(sign for sign in lines if sign in _JOINERS or unicodedata.category(sign)[0] != "C")


def _source(query: Mapping[str, str]) -> dict[str, str]:
    """Where the gift came from. A value with an @ may be somebody's address and is left out."""
    campaign = {name: _typed(query.get(name, ""))[:_LONGEST_CAMPAIGN] for name in ("page", *CAMPAIGN)}
    return {"page": "/donate"} | {
        name: value for name, value in campaign.items() if value and "@" not in value
    }

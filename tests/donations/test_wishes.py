"""A wish is checked against the charity's terms; each refusal carries what the donor must know."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payments.donations import wishes
from payments.donations.models import Fund, GivingTerms
from payments.donations.wishes import Agreed, Dedication, Share, Wish, WishRefused, agree, fee_cover_for
from payments.money import LARGEST_MINOR, Money
from payments.translations import LOCALES, sentence_for


def terms_for(currency: str, **given: Any) -> GivingTerms:
    facts: dict[str, Any] = {
        "minimum": 100,
        "maximum": 5_000_000,
        "suggested": [],
        "fee_basis_points": 290,
        "fee_fixed": 30,
        "position": 0,
    }
    return GivingTerms(currency=currency, **(facts | given))


TERMS = [
    terms_for("usd", monthly_suggested=[]),
    terms_for("krw", minimum=1000, maximum=60_000_000, fee_fixed=400),
    terms_for("jpy", minimum=100, fee_fixed=40),
    terms_for("kwd", minimum=500, maximum=LARGEST_MINOR, fee_fixed=100),
    terms_for("isk", minimum=10_000, fee_fixed=3_000),
]
FUNDS = [Fund(id="general", name={"en": "General"}), Fund(id="rescue", name={"en": "Rescue"})]


def a_wish(amount: int = 2500, currency: str = "usd", **given: Any) -> Wish:
    facts: dict[str, Any] = {
        "frequency": "once",
        "shares": (Share("general", amount),),
        "cover_fees": False,
        "donor_name": "Ada Park",
        "donor_email": "ada@example.com",
        "locale": "en",
    }
    return Wish(amount=amount, currency=currency, **(facts | given))


def agreed(wish: Wish) -> Agreed:
    return agree(wish, terms=TERMS, funds=FUNDS)


def refused(wish: Wish) -> WishRefused:
    with pytest.raises(WishRefused) as refusal:
        agreed(wish)
    return refusal.value


def test_a_wish_that_fits_is_agreed_as_it_was_asked():
    done = agreed(a_wish())

    assert done.total == Money(2500, "usd")
    assert done.fee_cover == Money(0, "usd")
    assert done.shares == (Share("general", 2500),)
    assert (done.donor_name, done.donor_email) == ("Ada Park", "ada@example.com")


@pytest.mark.parametrize(
    ("wish", "kind", "field", "facts"),
    [
        (
            a_wish(1000, "krw", frequency="monthly"),
            wishes.MonthlyNotOffered,
            "frequency",
            {"currency": "KRW"},
        ),
        (
            a_wish(currency="eur"),
            wishes.CurrencyNotOffered,
            "currency",
            {"currency": "EUR", "offered": "USD, KRW, JPY, KWD, ISK"},
        ),
        (a_wish(99), wishes.AmountTooSmall, "amount", {"minimum": Money(100, "usd")}),
        (a_wish(0), wishes.AmountTooSmall, "amount", {"minimum": Money(100, "usd")}),
        (a_wish(-2500), wishes.AmountTooSmall, "amount", {"minimum": Money(100, "usd")}),
        (a_wish(999, "krw"), wishes.AmountTooSmall, "amount", {"minimum": Money(1000, "krw")}),
        (a_wish(5_000_001), wishes.AmountTooLarge, "amount", {"maximum": Money(5_000_000, "usd")}),
        (a_wish(10**30), wishes.AmountTooLarge, "amount", {"maximum": Money(5_000_000, "usd")}),
        (
            a_wish(10_005, "kwd"),
            wishes.AmountNotWhole,
            "amount",
            {"currency": "KWD", "step": Money(10, "kwd")},
        ),
        (
            a_wish(10_050, "isk"),
            wishes.AmountNotWhole,
            "amount",
            {"currency": "ISK", "step": Money(100, "isk")},
        ),
        (a_wish(shares=(Share("closed", 2500),)), wishes.FundNotOpen, "fund", {}),
        (a_wish(shares=()), wishes.FundNotOpen, "fund", {}),
        (
            a_wish(shares=(Share("general", 1000), Share("rescue", 1499))),
            wishes.SharesDoNotAddUp,
            "allocations",
            {"amount": Money(2500, "usd")},
        ),
        (
            a_wish(shares=(Share("general", 2600), Share("rescue", -100))),
            wishes.SharesDoNotAddUp,
            "allocations",
            {"amount": Money(2500, "usd")},
        ),
        (a_wish(donor_name="  "), wishes.NameMissing, "name", {"longest": "200"}),
        (a_wish(donor_name="x" * 201), wishes.NameMissing, "name", {"longest": "200"}),
        (a_wish(donor_email="ada"), wishes.EmailNotValid, "email", {}),
        (a_wish(donor_email="ada@exa mple.com"), wishes.EmailNotValid, "email", {}),
        (a_wish(donor_email="ada@example.com\nBcc: all@example.com"), wishes.EmailNotValid, "email", {}),
        (
            a_wish(dedication=Dedication("in_honour", " ")),
            wishes.DedicationIncomplete,
            "dedication",
            {"longest": "200"},
        ),
        (
            a_wish(dedication=Dedication("in_jest", "Grandmother")),
            wishes.DedicationIncomplete,
            "dedication",
            {"longest": "200"},
        ),
    ],
)
def test_each_refusal_names_its_field_and_its_facts(
    wish: Wish, kind: type[WishRefused], field: str, facts: dict[str, Any]
):
    refusal = refused(wish)

    assert type(refusal) is kind
    assert refusal.field == field
    assert refusal.facts == facts


@pytest.mark.parametrize("kind", WishRefused.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_its_sentence_in_both_languages(kind: type[WishRefused]):
    facts = {name: Money(2500, "usd") for name in ("minimum", "maximum", "step", "amount", "example")} | {
        "currency": "EUR",
        "offered": "USD, KRW",
        "longest": "200",
    }

    english, korean = (sentence_for(kind(**facts), locale) for locale in LOCALES)

    assert english != korean
    assert any("가" <= letter <= "힣" for letter in korean)
    assert "{" not in english + korean


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(100, "usd"), (5_000_000, "usd"), (1000, "krw"), (1001, "krw"), (101, "jpy"), (10_010, "kwd")],
)
def test_the_limits_themselves_can_be_given(amount: int, currency: str):
    assert agreed(a_wish(amount, currency)).total == Money(amount, currency)


def test_spaces_in_a_name_are_tidied_and_nothing_else():
    assert agreed(a_wish(donor_name="  Ada \t  O'Park-Kim 김 ")).donor_name == "Ada O'Park-Kim 김"


def test_an_address_keeps_its_name_part_and_folds_its_domain():
    assert agreed(a_wish(donor_email=" Ada.Park@EXAMPLE.com ")).donor_email == "Ada.Park@example.com"


OFFERED = st.sampled_from(TERMS)


@given(OFFERED, st.integers(1, LARGEST_MINOR // 2))
def test_covering_the_fee_leaves_at_least_the_amount_after_the_estimated_fee(terms: GivingTerms, amount: int):
    cover = fee_cover_for(Money(amount, terms.currency), terms)

    total = amount + cover.minor
    fee_estimated = total * terms.fee_basis_points / 10_000 + terms.fee_fixed
    assert total - fee_estimated >= amount - 1e-6
    step = wishes.smallest_step(terms.currency)
    assert cover.minor % step == 0
    assert (cover.minor - step) < (amount * terms.fee_basis_points / 10_000 + terms.fee_fixed) / (
        1 - terms.fee_basis_points / 10_000
    )


@given(OFFERED, st.integers(-10, LARGEST_MINOR * 2), st.booleans(), st.integers(1, 20))
def test_whatever_is_agreed_can_be_charged_and_adds_up(
    terms: GivingTerms, amount: int, cover_fees: bool, parts: int
):
    shares = wishes.evenly(amount, ["general"] * parts) if amount > 0 else (Share("general", amount),)
    wish = a_wish(amount, terms.currency, cover_fees=cover_fees, shares=shares)
    try:
        done = agreed(wish)
    except (wishes.AmountTooSmall, wishes.AmountTooLarge, wishes.AmountNotWhole):
        return
    except wishes.SharesDoNotAddUp:  # more funds than cents
        assume(False)

    assert terms.minimum <= amount <= terms.maximum
    assert done.total.minor <= LARGEST_MINOR
    assert done.total.minor % wishes.smallest_step(terms.currency) == 0
    assert sum(share.amount for share in done.shares) + done.fee_cover.minor == done.total.minor


@given(st.integers(1, LARGEST_MINOR), st.integers(1, 20))
def test_an_even_division_loses_no_cent_and_favours_nobody_by_more_than_one(amount: int, parts: int):
    amounts = [share.amount for share in wishes.evenly(amount, [f"fund{n}" for n in range(parts)])]

    assert sum(amounts) == amount
    assert max(amounts) - min(amounts) <= 1


def test_a_cover_that_would_pass_what_stripe_takes_is_refused_with_the_maximum():
    wish = a_wish(LARGEST_MINOR - 9, "kwd", cover_fees=True)

    assert type(refused(wish)) is wishes.AmountTooLarge
    assert agreed(replace(wish, cover_fees=False)).total.minor == LARGEST_MINOR - 9

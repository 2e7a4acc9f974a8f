"""What each country's law asks of a document, and what it forbids: the rules of `packs/*.toml`, typed.

A country without a pack, a body without authority and a figure nobody confirmed each refuse with a
sentence that says what a person can do. Nothing is guessed: a receipt that claims too much can cost a
donor the deduction and the charity its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from payments.errors import PersonMustLook
from payments.receipts import statements
from payments.receipts.statements import ANYWHERE, PackWrong, Statement


class ReceiptForbidden(PersonMustLook):
    """The rule of a country, or the lack of one, forbids this document; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """What one kind of body in a country may say of which gift."""

    code: str
    """What an issuing entity names as its `statement_code`."""
    documents: Mapping[str, str]
    """Kind of document -> code of its sentence."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Kind of document -> why there is none."""
    entity_facts: tuple[str, ...] = ()
    """What the entity must have told us for its documents to be complete."""
    donor_address: bool = False
    """Whether the donor's address must stand on it."""
    currency_only: bool = False
    """Whether only gifts in the country's own currency can be confirmed: their words are spelt out."""
    keeps_korean_register: bool = False
    benefit_at_most_percent: int | None = None
    """A benefit worth more than this part of the payment leaves no gift; None where any smaller one does."""
    collective: bool = False
    """Whether the year's statement is the one confirmation of the gifts it lists."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """An amount from which (or above which) the law itself asks for the words."""

    duty: str
    minor: int
    counts_from: bool
    """True: from this amount on. False: only above it."""
    says: str
    source: str

    def is_met_by(self, minor: int) -> bool:
        """Whether one payment of this much is under the duty."""
        return minor >= self.minor if self.counts_from else minor > self.minor


@dataclass(frozen=True, kw_only=True)
class TokenYear:
    """How much a benefit may be worth in one year to be ignored. Unconfirmed figures decide nothing."""

    year: int
    confirmed: bool
    source: str
    cap_minor: int | None = None
    low_cost_minor: int | None = None
    """How much items with the charity's name may cost it to be ignored, all of them together."""
    payment_from_minor: int | None = None
    """The least payment for which such items are ignored."""


@dataclass(frozen=True, kw_only=True)
class Country:
    """One country's rules."""

    jurisdiction: str
    legal_language: str
    paper: str
    currency: str | None
    tax_id: Mapping[str, str]
    copy_mark: Mapping[str, str]
    signature: Mapping[str, str]
    """What its law calls the signature, by language; empty where it asks for no such name."""
    authorities: Mapping[str, Authority]
    thresholds: tuple[Threshold, ...]
    token_percent: int | None
    token_years: Mapping[int, TokenYear]
    declarations: tuple[Mapping[str, Any], ...]
    """What a donor declares to the charity, such as for Gift Aid: code, version, wording and source."""


def of(jurisdiction: str) -> Country:
    """The pack of a country, or the refusal."""
    try:
        return COUNTRIES[jurisdiction]
    except KeyError:
        raise ReceiptForbidden(
            f"There is no country pack for {jurisdiction}: no receipt is issued there. Write a reviewed"
            " receipts/packs file, or thank the donor by hand."
        ) from None


def authority(jurisdiction: str, statement_code: str) -> Authority:
    """What a body may say. A body of one country never speaks with another country's authority."""
    if statement_code == ANYONE.code:
        return ANYONE
    found = of(jurisdiction).authorities.get(statement_code)
    if found is None:
        raise ReceiptForbidden(
            f"A body in {jurisdiction} has no authority {statement_code}: its pack knows"
            f" {', '.join(of(jurisdiction).authorities)}. Correct the entity's statement_code."
        )
    return found


def statement_for(may: Authority, kind: str) -> Statement:
    """The sentence of this kind of document, or why there is no such document."""
    if kind in may.refuses:
        raise ReceiptForbidden(may.refuses[kind])
    if kind not in may.documents:
        raise ReceiptForbidden(f"The pack of {may.code} has no document of the kind {kind}.")
    return statements.current(may.documents[kind])


def is_token(country: Country, *, benefit: int, paid: int, currency: str, day: date) -> bool:
    """Whether a benefit is so small that the law ignores it.

    Raises `ReceiptForbidden` where that hangs on a figure nobody has confirmed.
    """
    if country.token_percent is None or currency != country.currency:
        return False
    if benefit * 100 > paid * country.token_percent:
        return False
    year = country.token_years.get(day.year)
    if year is None or not year.confirmed or year.cap_minor is None:
        raise ReceiptForbidden(
            f"The benefit is within {country.token_percent}% of the payment, and the limit of token benefits"
            f" for {day.year} is not confirmed: enter it in receipts/packs with its source."
        )
    return benefit <= year.cap_minor


def are_low_cost_items(country: Country, *, cost: int, paid: int, currency: str, day: date) -> bool:
    """Whether the law ignores items with the charity's name for what they cost it, by the year's figures."""
    if country.token_percent is None or currency != country.currency:
        return False
    year = country.token_years.get(day.year)
    if year is None or not year.confirmed or year.low_cost_minor is None or year.payment_from_minor is None:
        raise ReceiptForbidden(
            f"The limits of low-cost items for {day.year} are not confirmed: enter them in receipts/packs"
            " with their source, or say what the items are worth as a benefit."
        )
    return cost <= year.low_cost_minor and paid >= year.payment_from_minor


def duties(country: Country, *, paid: int, currency: str, benefit: int) -> list[str]:
    """What the law itself asks for this payment, as sentences for staff."""
    if currency != country.currency:
        return []
    return [
        threshold.says
        for threshold in country.thresholds
        if threshold.is_met_by(paid) and (threshold.duty != "disclosure" or benefit)
    ]


ANYONE = Authority(
    code="none",
    documents={
        "gift": "none",
        "benefit": "none",
        "thing": "none",
        "thanks": "thanks",
        "annual": "none",
        "monthly": "none",
    },
)
"""A body that claims nothing may confirm anything."""


def read_countries(
    packs: Mapping[str, Mapping[str, Any]], known: tuple[Statement, ...]
) -> dict[str, Country]:
    """The packs as countries, checked: `PackWrong` says what does not fit where."""
    by_code = {statement.code: statement for statement in known}
    countries = {}
    for jurisdiction, pack in packs.items():
        if jurisdiction == ANYWHERE:
            continue
        try:
            country = _country(pack)
        except (KeyError, TypeError) as mistake:
            raise PackWrong(f"packs: {jurisdiction}: {mistake}") from mistake
        for may in country.authorities.values():
            for kind, code in may.documents.items():
                if code not in by_code or by_code[code].jurisdiction not in {jurisdiction, ANYWHERE}:
                    raise PackWrong(f"packs: {jurisdiction}: {may.code} names {code} for {kind}")
            if both := set(may.documents) & set(may.refuses):
                raise PackWrong(f"packs: {jurisdiction}: {may.code} issues and refuses {', '.join(both)}")
        countries[jurisdiction] = country
    return countries


def _country(pack: Mapping[str, Any]) -> Country:
    token = pack.get("token", {})
    authorities = [
        Authority(**{**written, "entity_facts": tuple(written.get("entity_facts", ()))})
        for written in pack["authority"]
    ]
    years = [TokenYear(**year) for year in token.get("year", ())]
    if any(year.confirmed and year.cap_minor is None for year in years):
        raise TypeError("a confirmed year of token benefits has no cap")
    return Country(
        jurisdiction=pack["jurisdiction"],
        legal_language=pack["legal_language"],
        paper=pack["paper"],
        currency=pack.get("currency"),
        tax_id=pack["tax_id"],
        copy_mark=pack["copy_mark"],
        signature=pack.get("signature", {}),
        authorities={may.code: may for may in authorities},
        thresholds=tuple(Threshold(**written) for written in pack.get("threshold", ())),
        token_percent=token.get("percent"),
        token_years={year.year: year for year in years},
        declarations=tuple(pack.get("declaration", ())),
    )


COUNTRIES: dict[str, Country] = read_countries(statements.read_packs(), statements.CATALOGUE)

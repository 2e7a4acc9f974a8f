"""Which document a gift is owed: decided from the gift, its payer and the law of the body that received it.

The legal payer gets the receipt: a person, a company, an estate. A donor-advised fund has receipted the
donor already and an employer's match is the employer's, so both are thanked without tax language, in a
series of their own. Where the law of the country forbids a document, the refusal says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from payments.donations.offline import PayerKind
from payments.receipts import countries
from payments.receipts.content import THINGS, Kind
from payments.receipts.countries import Authority, ReceiptForbidden
from payments.receipts.statements import Statement

WITHOUT_TAX_LANGUAGE = frozenset({PayerKind.DONOR_ADVISED_FUND.value, PayerKind.EMPLOYER_MATCH.value})


class NothingGiven(ReceiptForbidden):
    """What the donor got leaves no gift: a purchase, which nothing can turn into one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What decides about the document of a gift. Amounts are minor units of `currency`."""

    payer_kind: str
    channel: str
    amount: int
    currency: str
    benefit: int
    gift_date: date
    has_items: bool = False
    """Items with the charity's name were the only benefit, found to cost little when they were entered."""
    has_address: bool = False


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The document a gift is owed."""

    kind: Kind
    statement: Statement
    benefit: int
    """What must be subtracted: nothing where the law ignores the benefit."""

    def series(self, entity_series: str) -> str:
        """Which series numbers it. Thank-you letters never use up a receipt's number."""
        return f"{entity_series}-T" if self.kind == "thanks" else entity_series


def decide(given: Given, *, jurisdiction: str, statement_code: str, facts: Mapping[str, str]) -> Entitlement:
    """The document of this gift, or `ReceiptForbidden` with the reason and what a person can do."""
    may = countries.authority(jurisdiction, statement_code)
    if given.payer_kind in WITHOUT_TAX_LANGUAGE:
        return Entitlement("thanks", countries.statement_for(may, "thanks"), given.benefit)
    _refuse_what_is_incomplete(may, given, jurisdiction=jurisdiction, facts=facts)
    if given.channel in THINGS:
        return Entitlement("thing", countries.statement_for(may, "thing"), 0)
    if given.has_items:
        return _beside_items(may, given, jurisdiction=jurisdiction)
    if not given.benefit:
        return Entitlement("gift", countries.statement_for(may, "gift"), 0)
    if is_purchase(may, amount=given.amount, benefit=given.benefit):
        raise NothingGiven(
            "What the donor got is worth all that was paid: a purchase, with nothing to receipt."
            if given.benefit >= given.amount
            else f"What the donor got is worth more than {may.benefit_at_most_percent}% of what was paid: in"
            f" {jurisdiction} that is no gift, and there is no receipt for it."
        )
    statement = countries.statement_for(may, "benefit")
    if "token" in may.documents and countries.is_token(
        countries.of(jurisdiction),
        benefit=given.benefit,
        paid=given.amount,
        currency=given.currency,
        day=given.gift_date,
    ):
        return Entitlement("gift", countries.statement_for(may, "token"), 0)
    return Entitlement("benefit", statement, given.benefit)


def _beside_items(may: Authority, given: Given, *, jurisdiction: str) -> Entitlement:
    """The whole payment is the gift, as long as enough of it is left for the items not to count."""
    if "token" not in may.documents:
        return Entitlement("gift", countries.statement_for(may, "gift"), 0)
    ignored = countries.are_low_cost_items(
        countries.of(jurisdiction), cost=0, paid=given.amount, currency=given.currency, day=given.gift_date
    )
    if not ignored:
        raise ReceiptForbidden(
            "The payment is too small for the items that the donor got to be ignored: write the receipt by"
            " hand."
        )
    return Entitlement("gift", countries.statement_for(may, "token"), 0)


def is_purchase(may: Authority, *, amount: int, benefit: int) -> bool:
    """Whether what the donor got leaves no gift of a payment."""
    most = may.benefit_at_most_percent
    return benefit >= amount or (most is not None and benefit * 100 > amount * most)


def _refuse_what_is_incomplete(
    may: Authority, given: Given, *, jurisdiction: str, facts: Mapping[str, str]
) -> None:
    if missing := [name for name in may.entity_facts if not facts.get(name)]:
        raise ReceiptForbidden(
            f"A document in {jurisdiction} needs {', '.join(missing)}: add receipt_facts to the entity in the"
            " organisation's document."
        )
    if may.donor_address and not given.has_address:
        raise ReceiptForbidden(
            f"A receipt in {jurisdiction} names the donor's address, and none is known: enter it with"
            " `almoner donors address`."
        )
    if may.currency_only and given.currency != countries.of(jurisdiction).currency:
        raise ReceiptForbidden(
            f"A gift in {given.currency.upper()} cannot be confirmed in {jurisdiction}: the amount must be"
            f" in {str(countries.of(jurisdiction).currency).upper()}. Write it by hand."
        )

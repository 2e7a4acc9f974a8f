"""What a list of gifts says: the annual statement of a donor, or a summary of any stretch of time.

Frozen like a receipt. It lists what live receipts say and nothing else; amounts of different currencies
are never added up, things are described without a value, and what was given through somebody else
stands apart.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from payments.money import Money
from payments.receipts import statements
from payments.receipts.content import LANGUAGES, EntityContent, plain

SummaryKind = Literal["annual", "monthly"]


@dataclass(frozen=True, kw_only=True)
class SummaryGift:
    """One gift, as its own live receipt says it."""

    gift_date: date
    receipt_number: str
    fund_name: str
    amount_minor: int
    currency: str
    benefit_minor: int = 0
    benefit_text: str | None = None
    description: str | None = None
    """For a thing, which then has no amount here."""


@dataclass(frozen=True, kw_only=True)
class ThroughOthers:
    """A gift for which the donor is thanked and another is the payer."""

    gift_date: date
    payer_name: str
    amount_minor: int
    currency: str
    receipt_number: str = ""
    """The letter of thanks that the payer has."""


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of one currency."""

    paid: Money
    benefit: Money

    @property
    def eligible(self) -> Money:
        """What was given beyond what was got."""
        return self.paid - self.benefit


@dataclass(frozen=True, kw_only=True)
class GivingSummary:
    """Everything printed on one list of gifts."""

    number: str
    """Empty for a summary that is not in any register."""
    kind: SummaryKind
    issued_on: date
    period_from: date
    period_until: date
    """Both days included, in the entity's time zone."""
    locale: str
    donor_name: str
    gifts: tuple[SummaryGift, ...]
    through_others: tuple[ThroughOthers, ...]
    entity: EntityContent
    statement_code: str
    statement_version: int
    donor_address: tuple[str, ...] = ()
    elsewhere_until: date | None = None
    """The day of the last gift in this time that another platform receipted: a reader must not take the list
    for the whole of it."""
    replaces_number: str | None = None
    """The statement that this one cancels and replaces."""
    verification_code: str | None = None
    verification_url: str | None = None

    @property
    def language(self) -> str:
        """The language of the words; a locale we have no words for reads English."""
        language = re.split("[-_]", self.locale, maxsplit=1)[0].lower()
        return language if language in LANGUAGES else "en"

    @property
    def title(self) -> str:
        """What the document calls itself, which is part of the reviewed wording."""
        return statements.find(self.statement_code, self.statement_version).title[self.language]

    @property
    def totals(self) -> tuple[Total, ...]:
        """One a currency, in the order of its first gift; things count for nothing."""
        sums: dict[str, list[int]] = {}
        for gift in self.gifts:
            if gift.description is None:
                of_currency = sums.setdefault(gift.currency, [0, 0])
                of_currency[0] += gift.amount_minor
                of_currency[1] += gift.benefit_minor
        return tuple(
            Total(Money(paid, currency), Money(benefit, currency))
            for currency, (paid, benefit) in sums.items()
        )

    def to_json(self) -> dict[str, Any]:
        """The snapshot: plain JSON, days as ISO dates."""
        return {name: plain(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, snapshot: dict[str, Any]) -> "GivingSummary":
        """Read a snapshot back."""
        entity = snapshot["entity"]
        day = date.fromisoformat
        return cls(
            **snapshot
            | {
                "issued_on": day(snapshot["issued_on"]),
                "period_from": day(snapshot["period_from"]),
                "period_until": day(snapshot["period_until"]),
                "elsewhere_until": day(until) if (until := snapshot.get("elsewhere_until")) else None,
                "gifts": tuple(
                    SummaryGift(**gift | {"gift_date": day(gift["gift_date"])}) for gift in snapshot["gifts"]
                ),
                "through_others": tuple(
                    ThroughOthers(**gift | {"gift_date": day(gift["gift_date"])})
                    for gift in snapshot["through_others"]
                ),
                "entity": EntityContent(**entity | {"address": tuple(entity["address"])}),
                "donor_address": tuple(snapshot.get("donor_address", ())),
            }
        )

"""What a receipt says: everything that is printed, and nothing else.

Stored beside the number as the snapshot, so no later edit of donor, fund or entity reaches an issued
receipt. Fields that came later have defaults, so that every snapshot ever written still reads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import date
from typing import Any, Literal

from pydantic_core import to_json

from payments.donations.offline import Channel
from payments.money import Money
from payments.receipts import statements

LANGUAGES = ("en", "ko")
DEFAULT_ACCENT = "#1f5b52"
THINGS = frozenset({Channel.STOCK.value, Channel.IN_KIND.value})
"""How a thing comes in, as a receipt names the way of a payment."""


@dataclass(frozen=True, kw_only=True)
class EntityContent:
    """The legal body that received the gift, as its receipt shows it."""

    legal_name: str
    address: tuple[str, ...]
    tax_id: str
    jurisdiction: str
    """ISO country, such as US: decides the paper and what the tax id is called."""
    website: str
    email: str
    signatory_name: str
    signatory_title: str
    accent_colour: str = DEFAULT_ACCENT
    facts: Mapping[str, str] = field(default_factory=dict)
    """What its country's documents ask beyond that: a place of issue, a tax office, a notice's date."""


Kind = Literal["gift", "benefit", "thing", "thanks"]
"""gift: money, whole. benefit: money, with something given in return. thing: described, never valued.
thanks: an acknowledgment without tax language, for a payer that has no tax receipt of us to claim."""


@dataclass(frozen=True, kw_only=True)
class ReceiptLine:
    """A part of the gift: for one fund, or what the donor added to cover costs."""

    fund_name: str
    amount_minor: int
    is_fee_cover: bool = False
    """Printed in the receipt's own words; `fund_name` is then empty."""


@dataclass(frozen=True, kw_only=True)
class ReceiptContent:
    """Everything printed on one receipt. Amounts are minor units of `currency`, as at Stripe."""

    number: str
    kind: Kind
    issued_on: date
    gift_date: date
    """Both are days in the entity's time zone, decided by the caller."""
    locale: str
    donor_name: str
    amount_minor: int
    currency: str
    lines: tuple[ReceiptLine, ...]
    """Sum to `amount_minor`, the fee cover being a line of its own."""
    entity: EntityContent
    statement_code: str
    statement_version: int
    method_kind: str
    """Stripe's payment method type: card, us_bank_account, …"""
    card_brand: str | None = None
    last4: str | None = None
    dedication_kind: Literal["in_honour", "in_memory"] | None = None
    dedication_name: str | None = None
    benefit_minor: int = 0
    """The good-faith value of what the donor got in return, in minor units of `currency`."""
    benefit_text: str | None = None
    description: str | None = None
    """What was given, for a thing: printed instead of the amount, which is then the book's alone."""
    donor_address: tuple[str, ...] = ()
    soft_credit_name: str | None = None
    """Who is thanked beside the payer: the adviser of a fund, the employee behind a match."""
    replaces_number: str | None = None
    """The receipt that this one cancels and replaces."""
    verification_code: str | None = None
    verification_url: str | None = None
    """The page that tells, from number and code, whether this receipt stands."""

    def __post_init__(self) -> None:
        total = sum(line.amount_minor for line in self.lines)
        if total != self.amount_minor:
            raise ValueError(f"receipt {self.number}: lines make {total}, the gift was {self.amount_minor}")
        if not 0 <= self.benefit_minor <= self.amount_minor:
            raise ValueError(f"receipt {self.number}: benefit {self.benefit_minor} is not within the gift")
        if self.kind == "thing" and not self.description:
            raise ValueError(f"receipt {self.number}: a thing is receipted by its description")

    @property
    def is_thing(self) -> bool:
        """Whether it is described and never valued, whoever gave it: also where a fund or an employer is
        thanked for it."""
        return self.kind == "thing" or (self.kind == "thanks" and self.method_kind in THINGS)

    @property
    def language(self) -> str:
        """The language of the words; a locale we have no words for reads English."""
        language = re.split("[-_]", self.locale, maxsplit=1)[0].lower()
        return language if language in LANGUAGES else "en"

    @property
    def benefit(self) -> Money:
        """What the donor got in return is worth."""
        return Money(self.benefit_minor, self.currency)

    @property
    def eligible(self) -> Money:
        """What is left of the payment as a gift."""
        return Money(self.amount_minor - self.benefit_minor, self.currency)

    @property
    def total(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def title(self) -> str:
        """What the document calls itself, which is part of the reviewed wording."""
        return statements.find(self.statement_code, self.statement_version).title[self.language]

    def to_json(self) -> dict[str, Any]:
        """The snapshot: plain JSON, days as ISO dates."""
        return {name: plain(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, snapshot: dict[str, Any]) -> "ReceiptContent":
        """Read a snapshot back; one written before a later optional field existed still reads."""
        entity = snapshot["entity"]
        return cls(
            **snapshot
            | {
                "issued_on": date.fromisoformat(snapshot["issued_on"]),
                "gift_date": date.fromisoformat(snapshot["gift_date"]),
                "lines": tuple(ReceiptLine(**line) for line in snapshot["lines"]),
                "entity": EntityContent(**entity | {"address": tuple(entity["address"])}),
                "donor_address": tuple(snapshot.get("donor_address", ())),
            }
        )


_AS_IT_IS = frozenset({str, int, bool, type(None)})


def plain(value: Any) -> Any:
    """As JSON has it. `dataclasses.asdict` copies every text and takes ten times as long."""
    if type(value) in _AS_IT_IS:  # nearly everything: asked first, a thousand receipts a transaction
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return {name: plain(part) for name, part in vars(value).items()}
    return value


def plain_json(value: Any) -> str:
    """The same as text of JSON, by a serialiser in Rust: in a fifth of the time."""
    return to_json(value).decode()

"""What a receipt says: everything that is printed, and nothing else.

Stored beside the number as the snapshot, so no later edit of donor, fund or entity reaches an issued
receipt.
"""

import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from payments.money import Money
from payments.receipts import statements

LANGUAGES = ("en", "ko")
DEFAULT_ACCENT = "#1f5b52"


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
    kind: Literal["gift"]
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
    verification_code: str | None = None

    def __post_init__(self) -> None:
        total = sum(line.amount_minor for line in self.lines)
        if total != self.amount_minor:
            raise ValueError(f"receipt {self.number}: lines make {total}, the gift was {self.amount_minor}")

    @property
    def language(self) -> str:
        """The language of the words; a locale we have no words for reads English."""
        language = re.split("[-_]", self.locale, maxsplit=1)[0].lower()
        return language if language in LANGUAGES else "en"

    @property
    def total(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def title(self) -> str:
        """What the document calls itself, which is part of the reviewed wording."""
        return statements.find(self.statement_code, self.statement_version).title[self.language]

    def to_json(self) -> dict[str, Any]:
        """The snapshot: plain JSON, days as ISO dates."""
        content = asdict(self)
        content["issued_on"] = self.issued_on.isoformat()
        content["gift_date"] = self.gift_date.isoformat()
        return content

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
            }
        )

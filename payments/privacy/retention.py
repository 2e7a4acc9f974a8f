"""What the law of each country wants kept of a donor who asked to be erased: `retention.toml`, typed.

The years are to be confirmed by counsel. Until then a country without a rule has the longest there is: what
is kept a little long can still go, and what is gone cannot come back.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

Kept = Literal["receipts", "bank", "gift_aid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One duty to keep."""

    code: str
    jurisdiction: str
    kept: tuple[str, ...]
    years: int
    counts_from: str
    says: str
    source: str
    confirmed: bool

    def until(self, year: int) -> date:
        """The last day of what counts from this year."""
        return date(year + self.years, 12, 31)


@cache
def rules() -> tuple[Rule, ...]:
    """All of them, in the order of the file."""
    said = tomllib.loads(Path(__file__).with_name("retention.toml").read_text(encoding="utf-8"))
    return tuple(Rule(**row | {"kept": tuple(row["kept"])}) for row in said["rule"])


def rule_for(jurisdiction: str, kept: Kept) -> Rule:
    """The rule of a country, or the longest of all countries where it has none."""
    of_kind = [rule for rule in rules() if kept in rule.kept]
    own = [rule for rule in of_kind if rule.jurisdiction == jurisdiction]
    return own[0] if own else max(of_kind, key=lambda rule: rule.years)

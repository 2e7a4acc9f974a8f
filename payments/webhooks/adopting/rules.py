"""Which of an account's history is a gift, and for which fund. Pure: a person says it, nothing is guessed.

Rules are asked in their order and the first that fits decides. What none fits is no gift: its money is other
receipts, and it is listed for a person to look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from payments.errors import AlmonerError


class RulesWrong(AlmonerError):
    """The document of rules cannot be used; the sentence says which rule and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a rule may look at of a charge or a subscription."""

    description: str
    metadata: Mapping[str, str]
    products: Sequence[str] = ()
    """Of a subscription: what it is for, as Stripe's ids. A charge names none."""

    @property
    def sentence(self) -> str:
        """What it is like, without who paid."""
        names = ", ".join(sorted(self.metadata)) or "no metadata"
        return f"{self.description or 'no description'} ({', '.join(self.products) or names})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a subject is. `fund_id` is None for what is no gift, or of which nobody can say for what."""

    is_gift: bool
    fund_id: str | None = None
    left_over: str | None = None
    """Why a person must look: `no_rule` or `fund_unknown`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    description: str | None = None
    """With `*` for anything; capitals do not matter."""
    metadata: str | None = None
    """The name of a metadata key that must be there."""
    value: str | None = None
    """What it must say; anything where nothing is said."""
    product: str | None = None
    every: bool = False
    """Fits everything: the account takes nothing but gifts."""
    is_gift: bool = True
    fund: str | None = None
    funds: Mapping[str, str] = field(default_factory=dict)
    """Which value of the metadata is which fund."""

    def fits(self, subject: Subject) -> bool:
        if self.every:
            return True
        if self.product is not None and self.product not in subject.products:
            return False
        if self.description is not None and not fnmatchcase(
            subject.description.casefold(), self.description.casefold()
        ):
            return False
        if self.metadata is None:
            return self.product is not None or self.description is not None
        said = subject.metadata.get(self.metadata)
        return said is not None and self.value in {None, said}


class Rules:
    """A document of rules, checked against the charity's funds."""

    def __init__(self, document: Mapping[str, Any], *, funds: Sequence[str]) -> None:
        unknown = set(document) - {"default_fund", "rule"}
        if unknown:
            raise RulesWrong(f"There is no setting {', '.join(sorted(unknown))}: default_fund and [[rule]].")
        self._default: str | None = document.get("default_fund")
        self._rules = [_rule(written, place) for place, written in enumerate(document.get("rule", ()), 1)]
        if not self._rules:
            raise RulesWrong(
                "Say which charges are gifts: at least one [[rule]], such as `every = true` where the account"
                " takes nothing else. docs/going-live.md has an example."
            )
        named = {self._default, *(rule.fund for rule in self._rules)}
        named |= {fund for rule in self._rules for fund in rule.funds.values()}
        if strange := sorted(named - {None, *funds}, key=str):
            raise RulesWrong(
                f"There is no fund {', '.join(map(str, strange))} of the body whose Stripe account this is."
                f" It has: {', '.join(funds)}."
            )

    def decide(self, subject: Subject) -> Decided:
        """What it is."""
        rule = next((rule for rule in self._rules if rule.fits(subject)), None)
        if rule is None:
            return Decided(is_gift=False, left_over="no_rule")
        if not rule.is_gift:
            return Decided(is_gift=False)
        fund = rule.fund
        if rule.funds and rule.metadata is not None:
            fund = rule.funds.get(subject.metadata[rule.metadata])
            return Decided(is_gift=fund is not None, fund_id=fund, left_over=None if fund else "fund_unknown")
        fund = fund or self._default
        return Decided(is_gift=fund is not None, fund_id=fund, left_over=None if fund else "fund_unknown")


def _rule(written: Any, place: int) -> _Rule:
    try:
        rule = _Rule(**written)
    except TypeError:
        strange = sorted(set(written) - set(_Rule.__slots__)) if isinstance(written, Mapping) else []
        raise RulesWrong(
            f"Rule {place}: there is no {', '.join(strange) or 'such thing'}. A rule has"
            f" {', '.join(_Rule.__slots__)}."
        ) from None
    if not rule.every and (rule.description, rule.metadata, rule.product) == (None, None, None):
        raise RulesWrong(f"Rule {place} fits nothing: give description, metadata, product or every = true.")
    if (rule.value is not None or rule.funds) and rule.metadata is None:
        raise RulesWrong(f"Rule {place}: value and funds are about a metadata key; say which: metadata = ….")
    return rule

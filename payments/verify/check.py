"""What a check is, and what it finds."""

from dataclasses import dataclass
from typing import Any

from payments.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One law. Its statement gives a row for each breach: `subjects` (text[], the ids it is about, the
    first one the one to look at), `currency`, `found`, `expected` (minor units or a count, any of
    them null) and `detail`."""

    kind: str
    """The name of the fault: what a finding of this check is called."""
    proves: str
    """The law, in a sentence an auditor can test by hand."""
    says: str
    """A finding in words; `{subject}`, `{found}`, `{expected}` and `{detail}` are filled in."""
    remedy: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach of one law. No personal data: ids, amounts and our own words."""

    kind: str
    subjects: list[str]
    sentence: str
    remedy: str
    currency: str | None = None
    found: int | None = None
    expected: int | None = None


def finding(check: Check, row: tuple[Any, ...]) -> Finding:
    """A row of a check's statement, in words."""
    subjects, currency, found, expected, detail = row
    sentence = check.says.format(
        subject=subjects[0] if subjects else "?",
        found=_amount(found, currency),
        expected=_amount(expected, currency),
        detail=detail or "",
    )
    return Finding(
        kind=check.kind,
        subjects=subjects,
        sentence=sentence,
        remedy=check.remedy,
        currency=currency,
        found=found,
        expected=expected,
    )


def _amount(minor: int | None, currency: str | None) -> Any:
    """As a person reads it. What is being looked at may be broken, its currency too."""
    if minor is None:
        return "nothing"
    if currency is None:
        return minor
    try:
        return Money(minor, currency)
    except ValueError:
        return f"{currency!r} {minor}"

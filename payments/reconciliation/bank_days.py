"""The days on which a bank books nothing, beside Saturdays and Sundays.

Generous on purpose: a day counts as closed when banks are closed in the body's country, or where a currency
of its bank accounts is cleared. One day too many lets a late payout be found a day later; one too few calls a
person to look for money that is on its way.
"""

from datetime import date
from functools import cache

import holidays
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.donations.models import IssuingEntity
from payments.reconciliation.models import BankAccount, BankStatement

_CATEGORIES = {"public", "bank", "government"}
_CLEARED_IN = {"usd": "US", "gbp": "GB", "krw": "KR", "cad": "CA", "aud": "AU", "jpy": "JP", "chf": "CH"}
_WHERE_IT_CLEARS = {"GB": "ENG", "CA": "ON", "AU": "NSW", "CH": "ZH"}
"""Where the country's own list leaves out days that its parts keep: the part whose banks clear."""
_EURO = "ECB"


def closed(session: Session, *, today: date) -> list[date]:
    """Since the first statement, for the accounts of the body that receives online."""
    rows = session.execute(
        select(IssuingEntity.jurisdiction, BankAccount.currency, func.min(BankStatement.first_day))
        .join(BankAccount, BankAccount.entity_id == IssuingEntity.id)
        .join(BankStatement, BankStatement.bank_account_id == BankAccount.id)
        .where(IssuingEntity.receives_online)
        .group_by(IssuingEntity.jurisdiction, BankAccount.currency)
    ).all()
    first_year = min((first_day.year for *_, first_day in rows), default=today.year)
    # A statement may begin in the first days of a year, and what came before it was in the last one.
    years = range(first_year - 1, today.year + 1)
    places = {place for country, currency, _ in rows for place in (country, _cleared_in(currency)) if place}
    return sorted({day for place in places for year in years for day in closed_in(place, year)})


def _cleared_in(currency: str) -> str | None:
    return _EURO if currency == "eur" else _CLEARED_IN.get(currency)


@cache
def closed_in(place: str, year: int) -> frozenset[date]:
    """In a country, by its two letters; none where nobody keeps a list of its days."""
    try:
        if place == _EURO:
            return frozenset(holidays.financial_holidays(place, years=year))
        kept = set(getattr(holidays, place).supported_categories) & _CATEGORIES
        return frozenset(
            holidays.country_holidays(
                place, subdiv=_WHERE_IT_CLEARS.get(place), years=year, categories=kept or None
            )
        )
    except (AttributeError, NotImplementedError):
        return frozenset()

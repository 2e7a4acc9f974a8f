"""What a currency is worth today: the fixed table, unless a test has set a rate or lets it drift daily."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from payments.sandbox.currencies import CURRENCIES, round_half_up
from payments.sandbox.errors import Refusal
from payments.sandbox.world import World

_DAY = 24 * 3600


def dollars(world: World, code: str) -> Decimal:
    """What one major unit is worth in US dollars on this day of the sandbox's clock."""
    money = world.money
    worth = Decimal(money.dollars.get(code, CURRENCIES[code].dollars))
    if code not in money.percent_a_day:
        return worth
    days = (world.now() - money.rates_set_at) // _DAY
    return worth * (1 + Decimal(money.percent_a_day[code]) / 100 * days)


def exchange_rate(world: World, source: str, target: str) -> Decimal:
    """What one minor unit of `source` is worth in minor units of `target`."""
    shift = CURRENCIES[target].decimals - CURRENCIES[source].decimals
    rate = dollars(world, source) / dollars(world, target) * Decimal(10) ** shift
    return rate.quantize(Decimal("0.00000001"), rounding=ROUND_HALF_UP)


def convert(world: World, amount: int, source: str, target: str) -> int:
    """The amount in another currency at today's rate; halves away from zero, so both signs agree."""
    if source == target:
        return amount
    return round_half_up(amount * exchange_rate(world, source, target))


def decimals_by_currency(given: Any, *, param: str) -> dict[str, str]:
    """`{"krw": "0.00072"}` as a test gives it, every code known and every number a number."""
    if not isinstance(given, dict):
        raise Refusal(f"`{param}` must be an object of currencies and numbers.", param=param)
    found: dict[str, str] = {}
    for code, number in given.items():
        try:
            value = Decimal(str(number))
        except InvalidOperation as error:
            raise Refusal(f"{param}[{code}] is not a number.", param=param) from error
        if code not in CURRENCIES or not value.is_finite():
            raise Refusal(f"{param}[{code}]: unknown currency or not a number.", param=param)
        if param == "dollars" and value <= 0:
            raise Refusal(f"{param}[{code}] must be more than nothing.", param=param)
        found[code] = str(value)
    return found

"""Who lives in the town, and what happens to each in the year. Pure: the same seed is the same town."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

BEGINS = datetime(2027, 10, 31, 9, tzinfo=UTC)
"""The day before the clocks change in New York, on a 31st, in the year that has a leap day ahead."""

DAYS_A_MONTH = 30.4


class Turn(StrEnum):
    """What happens to a donor in the year, if anything."""

    NOTHING = "gives every month"
    LEAVES = "stops by the link in a mail"
    STOPPED_BY_STAFF = "is stopped by staff"
    PAUSES = "pauses for two months"
    SKIPS = "skips one month"
    GIVES_MORE = "raises the amount"
    MOVES_THE_DAY = "moves to another day"
    FALLS_SHORT = "has too little in the account, once"
    CARD_EXPIRES = "has a card that expires, and gives a new one"
    CARD_IS_LOST = "has a lost card, and gives no other"
    MUST_CONFIRM = "must confirm a payment at the bank"
    ASKS_BACK = "asks for one month back"
    DISPUTES = "disputes a payment, and wins"


_HOW_MANY_IN_A_THOUSAND = {
    Turn.LEAVES: 130,
    Turn.STOPPED_BY_STAFF: 10,
    Turn.PAUSES: 40,
    Turn.SKIPS: 30,
    Turn.GIVES_MORE: 40,
    Turn.MOVES_THE_DAY: 20,
    Turn.FALLS_SHORT: 60,
    Turn.CARD_EXPIRES: 40,
    Turn.CARD_IS_LOST: 30,
    Turn.MUST_CONFIRM: 20,
    Turn.ASKS_BACK: 20,
    Turn.DISPUTES: 10,
}

_GIFTS = {
    "usd": (1000, 2000, 2500, 3500, 5000, 10_000),
    "krw": (10_000, 20_000, 30_000, 50_000, 100_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One donor of the town. Days count from the first; amounts are minor units."""

    number: int
    name: str
    joins_on: int
    currency: str
    amount: int
    funds: tuple[str, ...]
    covers_fee: bool
    turn: Turn
    turns_on: int

    @property
    def email(self) -> str:
        """An address that reaches nobody."""
        return f"neighbour-{self.number}@town.example"

    @property
    def locale(self) -> str:
        """The won is given in Korean."""
        return "ko" if self.currency == "krw" else "en"


def settle(*, donors: int, months: int, seed: int, funds: Sequence[str]) -> list[Neighbour]:
    """The town: most are there in the first days, the rest move in over the first half of the story."""
    dice = Random(seed)  # noqa: S311 - a story, not a secret
    last_day = days_of(months)
    return [_neighbour(number, dice, last_day, funds) for number in range(1, donors + 1)]


def days_of(months: int) -> int:
    """How many days the story has."""
    return round(months * DAYS_A_MONTH)


def date_of(day: int) -> datetime:
    """The moment of a day of the story."""
    return BEGINS + timedelta(days=day)


def _neighbour(number: int, dice: Random, last_day: int, funds: Sequence[str]) -> Neighbour:
    currency = "krw" if dice.random() < 0.2 else "usd"
    joins_on = dice.randrange(0, 3) if dice.random() < 0.8 else dice.randrange(3, max(4, last_day // 2))
    turn = _turn(dice)
    return Neighbour(
        number=number,
        name=dice.choice(_NAMES[currency]),
        joins_on=joins_on,
        currency=currency,
        amount=dice.choice(_GIFTS[currency]),
        funds=tuple(sorted(dice.sample(list(funds), 2 if len(funds) > 1 and dice.random() < 0.1 else 1))),
        covers_fee=dice.random() < 0.4,
        turn=turn,
        turns_on=dice.randrange(joins_on + 5, max(joins_on + 6, last_day - 45)),
    )


def _turn(dice: Random) -> Turn:
    lot = dice.randrange(1000)
    for turn, many in _HOW_MANY_IN_A_THOUSAND.items():
        if lot < many:
            return turn
        lot -= many
    return Turn.NOTHING


_NAMES = {
    "usd": ("Ada Park", "Ben Ortiz", "Clara Nwosu", "Dov Levin", "Emma O’Neil", "Zoë Müller", "Li Wei"),
    "krw": ("김지우", "이서준", "박하은", "최민준", "정예린"),
}

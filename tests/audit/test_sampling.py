"""A sample is arithmetic on a seed: anybody draws the same, and can reckon it by hand."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text

from payments.audit import sampling
from payments.audit.sampling import Drawn, Layer, Method, NothingToDraw, Plan, SeedUnreadable, Why
from payments.audit.stretch import StretchBackwards, stretch_named
from payments.database import transaction
from payments.donations.models import Organisation
from payments.money import Money
from tests.factories import NOON, a_donation


@pytest.fixture
def gifts(organisation: Organisation) -> dict[str, tuple[str, int]]:
    """Gifts of November in dollars and won, seven of a few yen, and some that are none of these: unpaid, of
    December, of another body."""
    made: dict[str, tuple[str, int]] = {}
    with transaction() as session:
        for number in range(40):
            currency = "jpy" if number > 32 else "krw" if number % 5 == 4 else "usd"
            gift = a_donation(
                session,
                amount=number - 32 if currency == "jpy" else 700 + 613 * number * number,
                currency=currency,
                status="pending" if number == 30 else "paid",
                paid_at=None if number == 30 else NOON,
                gift_date=None if number == 30 else NOON.date().replace(day=1 + number % 28),
            )
            if number == 31:
                gift.gift_date = NOON.date().replace(month=12)
            elif number == 32:
                gift.entity_id = "kr"
            elif number != 30:
                made[gift.id] = (currency, gift.amount)
    return made


def drawn(**how: Any) -> tuple[list[Layer], list[Drawn]]:
    with transaction() as session:
        november = stretch_named(session, "2026-11", "2026-11")
        plan = replace(Plan(stretch=november, seed="7", count=5), **how)
        layers = sampling.layers(session, plan)
        return layers, list(sampling.drawn(session, plan, layers))


def test_the_lowest_tickets_are_drawn_and_every_gift_has_one(gifts: dict[str, tuple[str, int]]) -> None:
    tickets = {gift: sha256(f"7:{gift}".encode()).hexdigest() for gift in gifts}

    layers, sample = drawn()

    assert {each.id for each in sample} == set(sorted(tickets, key=tickets.__getitem__)[:5])
    assert all(each.ticket == tickets[each.id] and each.why is Why.DRAWN for each in sample)
    assert [(each.gift_date, each.id) for each in sample] == sorted((e.gift_date, e.id) for e in sample)
    assert sum(layer.gifts for layer in layers) == len(gifts)
    assert drawn()[1] == sample
    assert {each.id for each in drawn(seed="8")[1]} != {each.id for each in sample}
    assert {each.id for each in drawn(count=99)[1]} == set(gifts)


def test_large_ones_are_all_taken_and_the_rest_is_drawn_from_the_others(
    gifts: dict[str, tuple[str, int]],
) -> None:
    large = {gift for gift, (currency, amount) in gifts.items() if currency == "usd" and amount >= 200_000}

    layers, sample = drawn(all_from=(Money(200_000, "usd"),))

    assert {each.id for each in sample if each.why is Why.LARGE} == large
    assert len(sample) == len(large) + 5
    [usd] = [layer for layer in layers if layer.currency == "usd"]
    assert (usd.large, usd.large_amount) == (len(large), sum(gifts[gift][1] for gift in large))


@pytest.mark.parametrize("count", [4, 11])
def test_by_money_each_unit_that_is_hit_finds_its_gift(count: int, gifts: dict[str, tuple[str, int]]) -> None:
    with transaction() as session:
        row = session.execute(text('select id from donations order by gift_date, id collate "C"')).scalars()
        in_order = [gift for gift in row if gift in gifts]

    for seed in ("1", "2", "20261231"):
        _, sample = drawn(seed=seed, count=count, method=Method.MONEY)
        expected: dict[str, int] = {}
        for currency in ("usd", "krw", "jpy"):
            owners = [gift for gift in in_order if gifts[gift][0] == currency]
            total = sum(gifts[gift][1] for gift in owners)
            begin = sampling.start(seed, currency, total)
            for unit in [(begin + k * total) // count for k in range(count)]:
                passed = 0
                for gift in owners:
                    passed += gifts[gift][1]
                    if unit < passed:
                        expected[gift] = expected.get(gift, 0) + 1
                        break
        assert {each.id: each.hits for each in sample} == expected
        assert sum(expected.values()) == 3 * count


def test_what_cannot_be_drawn_again_is_refused(organisation: Organisation) -> None:
    with transaction() as session:
        november = stretch_named(session, "2026-11", "2026-11")
        with pytest.raises(StretchBackwards):
            stretch_named(session, "2026-11", "2026-10")
    with pytest.raises(SeedUnreadable):
        Plan(stretch=november, seed="a seed", count=5)
    with pytest.raises(NothingToDraw):
        Plan(stretch=november, seed="7", count=0)


def test_a_month_without_gifts_has_an_empty_sample(organisation: Organisation) -> None:
    assert drawn() == ([], [])
    assert drawn(method=Method.MONEY) == ([], [])

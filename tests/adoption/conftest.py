"""The house moves in beside a Stripe account on which another platform took gifts for two years."""

from pathlib import Path

import pytest

from tests.adoption.platform import Platform
from tests.cli.conftest import Almoner, almoner
from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door
from tests.journeys.house import House
from tests.reconciliation.conftest import finn

__all__ = ["_doorstep", "almoner", "finn", "front_door", "house", "post_office", "stripe_next_door"]

RULES = """
[[rule]]
description = "Mug*"
is_gift = false

[[rule]]
metadata = "appeal"
funds = { winter = "rescue", always = "general" }

[[rule]]
product = "PRODUCT"
fund = "rescue"

[[rule]]
metadata = "platform"
value = "oldgive"
"""


@pytest.fixture
def platform(house: House, almoner: Almoner, finn: object, tmp_path: Path) -> Platform:
    """Another platform's account, its webhooks going nowhere."""
    house.webhooks_are("dropped")
    return Platform(house, almoner, tmp_path / "rules.toml")

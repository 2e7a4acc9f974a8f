"""The house of the stories with people behind its desk."""

from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door
from tests.refunds.conftest import desk

__all__ = ["_doorstep", "desk", "front_door", "house", "post_office", "stripe_next_door"]

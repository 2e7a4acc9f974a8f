"""The bell: it reaches a broker that is there, and never holds up anybody when it is not."""

import redis

from payments.jobs import Bell, ring_now
from tests.conftest import Broker


def test_a_bell_reaches_the_broker(broker: Broker) -> None:
    ring_now(Bell.APPLY_EVENTS)

    with redis.Redis.from_url(broker.url) as queue:
        assert queue.llen("almoner:almoner") == 1
